"""`/v3/regions`, `/v3/services` and `/v3/endpoints`."""

from collections.abc import Callable
from typing import Any

from nimbus.api.identity import wire
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Flag, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity.catalog import catalog


class Region(wire.KeystoneNoun):
    """A region, which endpoints are in."""

    one, many, beside = 'region', 'regions', (CREATE,)
    id = Text(READ, CREATE, max=255, null=True)
    description = Text(READ, CREATE, UPDATE, max=255, null=True)
    parent_region_id = Text(READ, CREATE, UPDATE, min=1, max=255, null=True, filter=True)


class Service(wire.KeystoneNoun):
    """A service of the catalog; its description is one of the extra attributes."""

    one, many, beside = 'service', 'services', (CREATE, UPDATE)
    id = Text(READ)
    type = Text(READ, CREATE, UPDATE, min=1, max=255, required=True, filter=True, sort=True)
    name = Text(READ, CREATE, UPDATE, min=1, max=255, filter=True, sort=True, source=lambda row, _: row.name or '')
    enabled = Flag(READ, CREATE, UPDATE)


class Endpoint(wire.KeystoneNoun):
    """One URL of a service, for one interface."""

    one, many = 'endpoint', 'endpoints'
    kept = {'name': {'type': 'string'}, 'description': {'type': ['string', 'null']}}
    dropped = ('legacy_endpoint_id',)
    id = Text(READ)
    interface = Text(READ, CREATE, UPDATE, enum=list(catalog.INTERFACES), required=True, filter=True)
    service_id = Text(READ, CREATE, UPDATE, min=1, max=64, required=True, filter=True)
    region_id = Text(READ, CREATE, UPDATE, max=255, null=True, filter=True)
    region = Text(READ, CREATE, UPDATE, max=255, null=True, source='region_id')
    url = Text(READ, CREATE, UPDATE, min=1, max=225, pattern=r'^[a-zA-Z0-9+.-]+:.+', required=True)
    enabled = Flag(READ, CREATE, UPDATE)


def _index(call: Call, noun: type[wire.KeystoneNoun]) -> dict[str, Any]:
    page = wire.page_of(call, noun)
    with call.db.read() as tx:
        return wire.many(call, noun, catalog.find(tx, noun.one, page), page)


def _show(call: Call, noun: type[wire.KeystoneNoun], row_id: str) -> dict[str, Any]:
    with call.db.read() as tx:
        return wire.one(call, noun, catalog.show(tx, noun.one, row_id))


def _create(call: Call, noun: type[wire.KeystoneNoun], make: Callable[..., str]) -> Reply:
    given, extra = wire.split(call, noun)
    with wire.writing(call) as tx:
        row_id = make(tx, given, extra)
        return Reply(wire.one(call, noun, catalog.show(tx, noun.one, row_id)), 201)


def _update(call: Call, noun: type[wire.KeystoneNoun], change: Callable[..., None], row_id: str) -> dict[str, Any]:
    wire.require_change(call)
    wire.same_id(call, row_id)
    given, extra = wire.split(call, noun)
    with wire.writing(call) as tx:
        change(tx, row_id, given, extra)
        return wire.one(call, noun, catalog.show(tx, noun.one, row_id))


def list_regions(call: Call) -> dict[str, Any]:
    """GET /regions."""
    wire.check(call, 'list_regions')
    return _index(call, Region)


def show_region(call: Call, region_id: str) -> dict[str, Any]:
    """GET /regions/{region_id}."""
    wire.check(call, 'get_region')
    return _show(call, Region, region_id)


def create_region(call: Call) -> Reply:
    """POST /regions."""
    return _create(call, Region, catalog.create_region)


def put_region(call: Call, region_id: str) -> Reply:
    """PUT /regions/{region_id}: a region with an id that the asker chose."""
    if call.given.get('id') not in (None, region_id):
        raise errors.Invalid(
            f'Conflicting region IDs specified: "{region_id}" in URL, "{call.given["id"]}" in the body.'
        )
    call.given['id'] = region_id
    given, extra = wire.split(call, Region)
    with wire.writing(call) as tx:
        catalog.create_region(tx, {**given, 'id': region_id}, extra)
        return Reply(wire.one(call, Region, catalog.show(tx, 'region', region_id)), 201)


def update_region(call: Call, region_id: str) -> dict[str, Any]:
    """PATCH /regions/{region_id}."""
    if call.given.get('description', '') is None:
        call.given['description'] = ''
    return _update(call, Region, catalog.update_region, region_id)


def delete_region(call: Call, region_id: str) -> None:
    """DELETE /regions/{region_id}."""
    with wire.writing(call) as tx:
        catalog.delete_region(tx, region_id)


def list_services(call: Call) -> dict[str, Any]:
    """GET /services."""
    return _index(call, Service)


def show_service(call: Call, service_id: str) -> dict[str, Any]:
    """GET /services/{service_id}."""
    return _show(call, Service, service_id)


def create_service(call: Call) -> Reply:
    """POST /services."""
    return _create(call, Service, catalog.create_service)


def update_service(call: Call, service_id: str) -> dict[str, Any]:
    """PATCH /services/{service_id}."""
    return _update(call, Service, catalog.update_service, service_id)


def delete_service(call: Call, service_id: str) -> None:
    """DELETE /services/{service_id}."""
    with wire.writing(call) as tx:
        catalog.delete_service(tx, service_id)


def list_endpoints(call: Call) -> dict[str, Any]:
    """GET /endpoints."""
    return _index(call, Endpoint)


def show_endpoint(call: Call, endpoint_id: str) -> dict[str, Any]:
    """GET /endpoints/{endpoint_id}."""
    return _show(call, Endpoint, endpoint_id)


def create_endpoint(call: Call) -> Reply:
    """POST /endpoints."""
    return _create(call, Endpoint, _endpoint_with_region(catalog.create_endpoint))


def update_endpoint(call: Call, endpoint_id: str) -> dict[str, Any]:
    """PATCH /endpoints/{endpoint_id}."""

    def change(tx: db.Tx, row_id: str, given: dict[str, Any], extra: dict[str, Any]) -> None:
        catalog.update_endpoint(tx, row_id, _region_made(tx, given), extra)

    return _update(call, Endpoint, change, endpoint_id)


def delete_endpoint(call: Call, endpoint_id: str) -> None:
    """DELETE /endpoints/{endpoint_id}."""
    with wire.writing(call) as tx:
        catalog.delete_endpoint(tx, endpoint_id)


def _endpoint_with_region(make: Callable[..., str]) -> Callable[..., str]:
    return lambda tx, given, extra: make(tx, _region_made(tx, given), extra)


def _region_made(tx: db.Tx, given: dict[str, Any]) -> dict[str, Any]:
    """The body with `region_id` for the older attribute `region`, whose region is created where it does not exist."""
    region_id = given.pop('region', None)
    if region_id is None or 'region_id' in given:
        return given
    try:
        catalog.show(tx, 'region', region_id)
    except errors.NotFound:
        catalog.create_region(tx, {'id': region_id}, {})
    return {**given, 'region_id': region_id}
