"""`/v3/OS-EP-FILTER`: endpoint groups, and the associations of projects with endpoints and endpoint groups."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.catalog.catalog import Endpoint
from nimbus.api.identity.people import projects
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Mapping, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity.catalog import catalog
from nimbus.identity.catalog import endpoint_filters as filters

FILTERS = {
    'properties': {
        'service_id': {'type': 'string', 'maxLength': 64},
        'region_id': {'type': ['string', 'null'], 'maxLength': 255},
        'interface': {'enum': list(catalog.INTERFACES)},
    },
    'additionalProperties': False,
}


class EndpointGroup(wire.KeystoneNoun):
    """An endpoint group: the endpoints that match its filters."""

    one, many = 'endpoint_group', 'endpoint_groups'
    extras = False
    id = Text(READ)
    name = Text(READ, CREATE, UPDATE, min=1, max=255, pattern=r'\S', required=True, filter=True)
    description = Text(READ, CREATE, UPDATE, max=65535, null=True)
    filters = Mapping(READ, CREATE, UPDATE, schema=FILTERS, required=True)


def _shown(call: Call, noun: type[wire.KeystoneNoun], row: Any) -> dict[str, Any]:
    return {**wire.shown(call, noun, row), 'links': {'self': f'{call.root_url}/OS-EP-FILTER/{noun.many}/{row.id}'}}


def list_groups(call: Call) -> dict[str, Any]:
    """GET /OS-EP-FILTER/endpoint_groups."""
    page = wire.page_of(call, EndpointGroup)
    with call.db.read() as tx:
        return wire.many(call, EndpointGroup, filters.find(tx, page), page, _shown)


def show_group(call: Call, endpoint_group_id: str) -> dict[str, Any]:
    """GET /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}."""
    with call.db.read() as tx:
        return {'endpoint_group': _shown(call, EndpointGroup, filters.show(tx, endpoint_group_id))}


def create_group(call: Call) -> Reply:
    """POST /OS-EP-FILTER/endpoint_groups."""
    if not call.given['filters']:
        raise errors.Invalid('filters field is required and cannot be empty')
    with wire.writing(call) as tx:
        group_id = filters.create(tx, call.given)
        return Reply({'endpoint_group': _shown(call, EndpointGroup, filters.show(tx, group_id))}, 201)


def update_group(call: Call, endpoint_group_id: str) -> dict[str, Any]:
    """PATCH /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}."""
    wire.require_change(call)
    with wire.writing(call) as tx:
        filters.update(tx, endpoint_group_id, call.given)
        return {'endpoint_group': _shown(call, EndpointGroup, filters.show(tx, endpoint_group_id))}


def delete_group(call: Call, endpoint_group_id: str) -> None:
    """DELETE /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}."""
    with wire.writing(call) as tx:
        filters.delete(tx, endpoint_group_id)


def endpoints_of_group(call: Call, endpoint_group_id: str) -> dict[str, Any]:
    """GET /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints."""
    with call.db.read() as tx:
        return wire.many(call, Endpoint, filters.members(tx, endpoint_group_id))


def projects_of_group(call: Call, endpoint_group_id: str) -> dict[str, Any]:
    """GET /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects."""
    with call.db.read() as tx:
        return projects.listed(call, tx, filters.projects_of_group(tx, endpoint_group_id))


def groups_of_project(call: Call, project_id: str) -> dict[str, Any]:
    """GET /OS-EP-FILTER/projects/{project_id}/endpoint_groups."""
    with call.db.read() as tx:
        return wire.many(call, EndpointGroup, filters.groups_of_project(tx, project_id), None, _shown)


def show_group_of_project(call: Call, endpoint_group_id: str, project_id: str) -> dict[str, Any]:
    """GET /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}."""
    with call.db.read() as tx:
        filters.check_group(tx, project_id, endpoint_group_id)
    link = f'{call.root_url}/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}'
    given = {'endpoint_group_id': endpoint_group_id, 'project_id': project_id, 'links': {'self': link}}
    return {'project_endpoint_group': given}


def add_group(call: Call, endpoint_group_id: str, project_id: str) -> None:
    """PUT /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}."""
    with wire.writing(call) as tx:
        filters.add_group(tx, project_id, endpoint_group_id)


def remove_group(call: Call, endpoint_group_id: str, project_id: str) -> None:
    """DELETE /OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}."""
    with wire.writing(call) as tx:
        filters.remove_group(tx, project_id, endpoint_group_id)


def endpoints_of_project(call: Call, project_id: str) -> dict[str, Any]:
    """GET /OS-EP-FILTER/projects/{project_id}/endpoints."""
    with call.db.read() as tx:
        return wire.many(call, Endpoint, filters.endpoints_of_project(tx, project_id))


def projects_of_endpoint(call: Call, endpoint_id: str) -> dict[str, Any]:
    """GET /OS-EP-FILTER/endpoints/{endpoint_id}/projects."""
    with call.db.read() as tx:
        return projects.listed(call, tx, filters.projects_of_endpoint(tx, endpoint_id))


def check_endpoint(call: Call, project_id: str, endpoint_id: str) -> None:
    """GET and HEAD /OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}."""
    with call.db.read() as tx:
        filters.check_endpoint(tx, project_id, endpoint_id)


def add_endpoint(call: Call, project_id: str, endpoint_id: str) -> None:
    """PUT /OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}."""
    with wire.writing(call) as tx:
        filters.add_endpoint(tx, project_id, endpoint_id)


def remove_endpoint(call: Call, project_id: str, endpoint_id: str) -> None:
    """DELETE /OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}."""
    with wire.writing(call) as tx:
        filters.remove_endpoint(tx, project_id, endpoint_id)
