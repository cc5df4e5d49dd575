"""Endpoint filters: a project's catalog shows all endpoints, or, once it has any, those associated with it."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.catalog import catalog
from nimbus.identity.models import Endpoint, EndpointGroup, Project, ProjectEndpoint, ProjectEndpointGroup
from nimbus.identity.people import projects


def show(tx: db.Tx, group_id: str) -> Any:
    """The endpoint group's row.  Raises NotFound."""
    return lists.one(tx, EndpointGroup, 'Endpoint Group', group_id)


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of endpoint groups."""
    return lists.some(tx, EndpointGroup, [], page)


def create(tx: db.Tx, values: dict[str, Any]) -> str:
    """A new endpoint group exists; returns its id."""
    group_id = ids.plain()
    given = {'description': None, **values}
    tx.insert(EndpointGroup, id=group_id, **given)
    return group_id


def update(tx: db.Tx, group_id: str, values: dict[str, Any]) -> None:
    """The endpoint group has the values.  Raises NotFound."""
    show(tx, group_id)
    tx.update(EndpointGroup, EndpointGroup.id == group_id, **values)
    _changed(tx)


def delete(tx: db.Tx, group_id: str) -> None:
    """The endpoint group and its associations with projects are deleted.  Raises NotFound."""
    show(tx, group_id)
    tx.delete(ProjectEndpointGroup, ProjectEndpointGroup.endpoint_group_id == group_id)
    tx.delete(EndpointGroup, EndpointGroup.id == group_id)
    _changed(tx)


def members(tx: db.Tx, group_id: str) -> list[Any]:
    """The endpoints that match the group's filters.  Raises NotFound."""
    return _matching(tx, show(tx, group_id).filters)


def _matching(tx: db.Tx, filters: dict[str, Any]) -> list[Any]:
    where = [getattr(Endpoint, name) == value for name, value in filters.items()]
    return list(tx.rows(sa.select(Endpoint).where(*where).order_by(Endpoint.seq)))


def _changed(tx: db.Tx) -> None:
    revocations.refresh(tx, 'catalog')


def _endpoint_link(tx: db.Tx, project_id: str, endpoint_id: str) -> dict[str, str]:
    catalog.show(tx, 'endpoint', endpoint_id)
    projects.show(tx, project_id)
    return {'project_id': project_id, 'endpoint_id': endpoint_id}


def _group_link(tx: db.Tx, project_id: str, group_id: str) -> dict[str, str]:
    projects.show(tx, project_id)
    show(tx, group_id)
    return {'project_id': project_id, 'endpoint_group_id': group_id}


def _there(tx: db.Tx, model: Any, link: dict[str, str]) -> bool:
    return tx.scalar(sa.select(model.seq).where(*(getattr(model, name) == link[name] for name in link))) is not None


def add_endpoint(tx: db.Tx, project_id: str, endpoint_id: str) -> None:
    """The endpoint is associated with the project.  Raises NotFound, and Conflict when it was before."""
    taken = 'Conflict occurred attempting to store project_endpoint - Duplicate entry.'
    lists.add(tx, ProjectEndpoint, taken, **_endpoint_link(tx, project_id, endpoint_id))
    _changed(tx)


def check_endpoint(tx: db.Tx, project_id: str, endpoint_id: str) -> None:
    """Nothing, when the endpoint is associated with the project.  Raises NotFound."""
    if not _there(tx, ProjectEndpoint, _endpoint_link(tx, project_id, endpoint_id)):
        raise errors.NotFound(f'Endpoint {endpoint_id} not found in project {project_id}')


def remove_endpoint(tx: db.Tx, project_id: str, endpoint_id: str) -> None:
    """The endpoint is not associated with the project any more.  Raises NotFound."""
    where = (ProjectEndpoint.project_id == project_id, ProjectEndpoint.endpoint_id == endpoint_id)
    if not tx.delete(ProjectEndpoint, *where):
        raise errors.NotFound(f'Endpoint {endpoint_id} not found in project {project_id}')
    _changed(tx)


def add_group(tx: db.Tx, project_id: str, group_id: str) -> None:
    """The endpoint group is associated with the project.  Raises NotFound and Conflict."""
    taken = 'Conflict occurred attempting to store project_endpoint_group - Duplicate entry.'
    lists.add(tx, ProjectEndpointGroup, taken, **_group_link(tx, project_id, group_id))
    _changed(tx)


def check_group(tx: db.Tx, project_id: str, group_id: str) -> None:
    """Nothing, when the endpoint group is associated with the project.  Raises NotFound."""
    if not _there(tx, ProjectEndpointGroup, _group_link(tx, project_id, group_id)):
        raise errors.NotFound('Endpoint Group Project Association not found')


def remove_group(tx: db.Tx, project_id: str, group_id: str) -> None:
    """The endpoint group is not associated with the project any more.  Raises NotFound."""
    check_group(tx, project_id, group_id)
    model = ProjectEndpointGroup
    tx.delete(model, model.project_id == project_id, model.endpoint_group_id == group_id)
    _changed(tx)


def projects_of_endpoint(tx: db.Tx, endpoint_id: str) -> list[Any]:
    """The projects that the endpoint itself is associated with.  Raises NotFound."""
    catalog.show(tx, 'endpoint', endpoint_id)
    chosen = sa.select(ProjectEndpoint.project_id).where(ProjectEndpoint.endpoint_id == endpoint_id)
    return list(tx.rows(sa.select(Project).where(Project.id.in_(chosen)).order_by(Project.seq)))


def projects_of_group(tx: db.Tx, group_id: str) -> list[Any]:
    """The projects that the endpoint group is associated with.  Raises NotFound."""
    show(tx, group_id)
    chosen = sa.select(ProjectEndpointGroup.project_id).where(ProjectEndpointGroup.endpoint_group_id == group_id)
    return list(tx.rows(sa.select(Project).where(Project.id.in_(chosen)).order_by(Project.seq)))


def groups_of_project(tx: db.Tx, project_id: str) -> list[Any]:
    """The endpoint groups associated with the project.  Raises NotFound."""
    projects.show(tx, project_id)
    chosen = sa.select(ProjectEndpointGroup.endpoint_group_id).where(ProjectEndpointGroup.project_id == project_id)
    return list(tx.rows(sa.select(EndpointGroup).where(EndpointGroup.id.in_(chosen)).order_by(EndpointGroup.seq)))


def endpoints_of_project(tx: db.Tx, project_id: str) -> list[Any]:
    """The endpoints associated with the project, by themselves or by a group.  Raises NotFound."""
    found = {row.id: row for group in groups_of_project(tx, project_id) for row in _matching(tx, group.filters)}
    chosen = sa.select(ProjectEndpoint.endpoint_id).where(ProjectEndpoint.project_id == project_id)
    found |= {row.id: row for row in tx.rows(sa.select(Endpoint).where(Endpoint.id.in_(chosen)))}
    return sorted(found.values(), key=lambda row: row.seq)


@dataclasses.dataclass(frozen=True)
class Filters:
    """The endpoint associations of all projects that have any."""

    endpoints: dict[str, set[str]]  # by project
    groups: dict[str, list[dict[str, Any]]]  # the groups' filters, by project

    def narrow(self, found: list[catalog.Shown], project_id: str | None) -> list[catalog.Shown]:
        """The endpoints in the project's catalog: all of them when none of them is associated with it.

        Services without endpoints are shown only where all endpoints are.
        """
        if project_id is None or project_id not in self.endpoints and project_id not in self.groups:
            return found
        given, groups = self.endpoints.get(project_id, set()), self.groups.get(project_id, [])
        left = [
            one for one in found if one.id and (one.id in given or any(_passes(one, filters) for filters in groups))
        ]
        return left or found


def _passes(one: catalog.Shown, filters: dict[str, Any]) -> bool:
    return all(getattr(one, name) == value for name, value in filters.items())


def every(tx: db.Tx) -> Filters:
    """The endpoint associations of all projects."""
    found = Filters({}, {})
    for row in tx.rows(sa.select(ProjectEndpoint)):
        found.endpoints.setdefault(row.project_id, set()).add(row.endpoint_id)
    groups = {row.id: row.filters for row in tx.rows(sa.select(EndpointGroup))}
    for row in tx.rows(sa.select(ProjectEndpointGroup)):
        found.groups.setdefault(row.project_id, []).append(groups[row.endpoint_group_id])
    return found
