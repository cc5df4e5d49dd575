"""The catalog: regions, services and their endpoints, and the catalog that a token shows."""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models import (
    Endpoint,
    Limit,
    PolicyAssociation,
    ProjectEndpoint,
    Region,
    RegisteredLimit,
    Service,
)

INTERFACES = ('public', 'internal', 'admin')
# The only substitutions of a URL template: an administrator writes it, but every user is shown its values.
NAMES = ('project_id', 'tenant_id', 'user_id')
PLACEHOLDER = re.compile(r'[$%]\((\w+)\)s')


@dataclasses.dataclass(frozen=True)
class Shown:
    """One enabled endpoint of an enabled service; `id` is None where the service has no such endpoint."""

    service_id: str
    service_type: str
    service_name: str
    id: str | None
    interface: str | None
    region_id: str | None
    url: str | None


def endpoints(tx: db.Tx) -> list[Shown]:
    """Every enabled endpoint with its service, and every enabled service; services in the order they were made."""
    query = (
        sa.select(
            Service.id.label('service_id'),
            Service.type,
            Service.name,
            Endpoint.id,
            Endpoint.interface,
            Endpoint.region_id,
            Endpoint.url,
        )
        .outerjoin(Endpoint, sa.and_(Endpoint.service_id == Service.id, Endpoint.enabled.is_(True)))
        .where(Service.enabled.is_(True))
        .order_by(Service.seq, Endpoint.seq)
    )
    return [
        Shown(row.service_id, row.type, row.name or '', row.id, row.interface, row.region_id, row.url)
        for row in tx.rows(query)
    ]


def url_for(template: str, user_id: str, project_id: str | None) -> str | None:
    """The URL with the user and project filled in; None when it needs a project and there is none."""
    if '(' not in template:
        return template
    values = {'user_id': user_id, 'project_id': project_id, 'tenant_id': project_id}
    names = set(PLACEHOLDER.findall(template))
    if any(values.get(name) is None for name in names):
        return None
    return PLACEHOLDER.sub(lambda match: str(values[match[1]]), template)


def check_url(url: str) -> None:
    """Raises Invalid when the URL has an unknown substitution, or is not a valid template."""
    rest = PLACEHOLDER.sub('', url)
    unknown = [name for name in PLACEHOLDER.findall(url) if name not in NAMES]
    if unknown or '$(' in rest or re.search(r'%\(|%(?![0-9A-Fa-f]{2})', rest):
        raise errors.Invalid(f'Cannot create an endpoint with an invalid URL: {url}.')


MODELS: dict[str, Any] = {'region': Region, 'service': Service, 'endpoint': Endpoint}


def show(tx: db.Tx, noun: str, row_id: str) -> Any:
    """The row of a region, service or endpoint.  Raises NotFound."""
    return lists.one(tx, MODELS[noun], noun, row_id)


def find(tx: db.Tx, noun: str, page: listing.Page) -> list[Any]:
    """A page of regions, services or endpoints."""
    return lists.some(tx, MODELS[noun], [], page)


def create_region(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any]) -> str:
    """A new region exists; returns its id.  Raises Conflict and NotFound."""
    region_id = values.get('id') or ids.plain()
    _check_parent(tx, region_id, values.get('parent_region_id'))
    lists.add(
        tx,
        Region,
        f'Conflict occurred attempting to store region - Duplicate ID, {region_id}.',
        id=region_id,
        description=values.get('description') or '',
        parent_region_id=values.get('parent_region_id') or None,
        extra=extra,
    )
    _changed(tx)
    return region_id


def update_region(tx: db.Tx, region_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The region has the values.  Raises NotFound and Invalid."""
    row = show(tx, 'region', region_id)
    if 'parent_region_id' in values:
        _check_parent(tx, region_id, values['parent_region_id'])
    tx.update(Region, Region.id == region_id, **values, extra={**row.extra, **extra})
    _changed(tx)


def _check_parent(tx: db.Tx, region_id: str, parent_id: str | None) -> None:
    """Raises NotFound for no such parent, Invalid when the region would be its own ancestor."""
    seen = parent_id
    while seen:
        if seen == region_id:
            raise errors.Invalid(f'The specified parent region {parent_id} would create a circular region hierarchy.')
        seen = show(tx, 'region', seen).parent_region_id


def delete_region(tx: db.Tx, region_id: str) -> None:
    """The region and its child regions are deleted.  Raises NotFound, Forbidden while endpoints or limits use them."""
    show(tx, 'region', region_id)
    doomed = regions_below(tx, region_id)
    if tx.row(sa.select(Endpoint.seq).where(Endpoint.region_id.in_(doomed)).limit(1)):
        raise errors.Forbidden(
            f'Unable to delete region {region_id} because it or its child regions have associated endpoints.'
        )
    if _has_limits(tx, 'region_id', doomed):
        raise errors.Forbidden(
            f'Unable to delete region {region_id} because it or its child regions have registered limits.'
        )
    tx.delete(PolicyAssociation, PolicyAssociation.region_id.in_(doomed))
    tx.delete(Region, Region.id.in_(doomed))
    _changed(tx)


def _has_limits(tx: db.Tx, column: str, row_ids: list[str]) -> bool:
    """Whether a registered limit, or one of a project or domain, names any of the rows."""
    wheres = (getattr(model, column).in_(row_ids) for model in (RegisteredLimit, Limit))
    return any(tx.row(sa.select(sa.literal(1)).where(where).limit(1)) for where in wheres)


def regions_below(tx: db.Tx, region_id: str) -> list[str]:
    """The ids of the region and of all regions below it."""
    found = [region_id]
    for one in found:
        found += tx.column(sa.select(Region.id).where(Region.parent_region_id == one))
    return found


def create_service(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any]) -> str:
    """A new service exists; returns its id."""
    service_id = ids.plain()
    tx.insert(
        Service,
        id=service_id,
        type=values['type'],
        name=values.get('name'),
        enabled=values.get('enabled', True),
        extra=extra,
    )
    _changed(tx)
    return service_id


def update_service(tx: db.Tx, service_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The service has the values.  Raises NotFound."""
    row = show(tx, 'service', service_id)
    tx.update(Service, Service.id == service_id, **values, extra={**row.extra, **extra})
    _changed(tx)


def delete_service(tx: db.Tx, service_id: str) -> None:
    """The service is gone, with its endpoints.  Raises NotFound, Forbidden while it has registered limits."""
    show(tx, 'service', service_id)
    if _has_limits(tx, 'service_id', [service_id]):
        raise errors.Forbidden(f'Unable to delete service {service_id} because it has registered limits.')
    for endpoint_id in tx.column(sa.select(Endpoint.id).where(Endpoint.service_id == service_id)):
        _forget_endpoint(tx, endpoint_id)
    tx.delete(PolicyAssociation, PolicyAssociation.service_id == service_id)
    tx.delete(Service, Service.id == service_id)
    _changed(tx)


def create_endpoint(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any]) -> str:
    """A new endpoint exists; returns its id.  Raises Invalid for an unknown service, region or a bad URL."""
    _check_endpoint(tx, values)
    endpoint_id = ids.plain()
    tx.insert(
        Endpoint,
        id=endpoint_id,
        service_id=values['service_id'],
        region_id=values.get('region_id'),
        interface=values['interface'],
        url=values['url'],
        enabled=values.get('enabled', True),
        extra=extra,
    )
    _changed(tx)
    return endpoint_id


def update_endpoint(tx: db.Tx, endpoint_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The endpoint has the values.  Raises NotFound and Invalid."""
    row = show(tx, 'endpoint', endpoint_id)
    _check_endpoint(tx, values)
    tx.update(Endpoint, Endpoint.id == endpoint_id, **values, extra={**row.extra, **extra})
    _changed(tx)


def delete_endpoint(tx: db.Tx, endpoint_id: str) -> None:
    """The endpoint is gone.  Raises NotFound."""
    show(tx, 'endpoint', endpoint_id)
    _forget_endpoint(tx, endpoint_id)
    _changed(tx)


def _forget_endpoint(tx: db.Tx, endpoint_id: str) -> None:
    tx.delete(ProjectEndpoint, ProjectEndpoint.endpoint_id == endpoint_id)
    tx.delete(PolicyAssociation, PolicyAssociation.endpoint_id == endpoint_id)
    tx.delete(Endpoint, Endpoint.id == endpoint_id)


def _check_endpoint(tx: db.Tx, values: dict[str, Any]) -> None:
    if 'url' in values:
        check_url(values['url'])
    for noun, key in (('service', 'service_id'), ('region', 'region_id')):
        if values.get(key) is not None:
            try:
                show(tx, noun, values[key])
            except errors.NotFound as why:
                raise errors.Invalid(why.sentence) from why


def _changed(tx: db.Tx) -> None:
    revocations.refresh(tx, 'catalog')


def as_shown(found: Iterable[Shown], user_id: str, project_id: str | None) -> list[dict[str, Any]]:
    """The catalog of a token, as shown to clients; services without an endpoint are in it too."""
    services: dict[str, dict[str, Any]] = {}
    for one in found:
        url = url_for(one.url, user_id, project_id) if one.url is not None else None
        entry = services.setdefault(
            one.service_id,
            {'endpoints': [], 'id': one.service_id, 'type': one.service_type, 'name': one.service_name},
        )
        if url is not None:
            entry['endpoints'].append(
                {
                    'id': one.id,
                    'interface': one.interface,
                    'region_id': one.region_id,
                    'url': url,
                    'region': one.region_id,
                }
            )
    return list(services.values())
