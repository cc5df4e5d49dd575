"""Availability zones and host aggregates over HTTP."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.kit.fields import Flag, Int, Listing, Mapping, Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors, numbers
from nimbus.common.agents import services
from nimbus.compute.hosts import aggregates, availability_zones
from nimbus.compute.servers.images import caching


def index(call: Call) -> dict[str, Any]:
    """The zones that servers can be asked into."""
    call.check(f'{policies.API}os-availability-zone:list')
    with call.db.read() as tx:
        found = availability_zones.detail(tx)
    return {
        'availabilityZoneInfo': [
            {'zoneName': zone, 'zoneState': {'available': any(not row.disabled for row in rows)}, 'hosts': None}
            for zone, rows in sorted(found.items())
            if zone != availability_zones.INTERNAL
        ]
    }


def detail(call: Call) -> dict[str, Any]:
    """Every zone with its hosts and their daemons."""
    down_time = call.parts.extra['compute'].down_time
    with call.db.read() as tx:
        found = availability_zones.detail(tx)
    body = []
    for zone, rows in sorted(found.items()):
        hosts: dict[str, Any] = {}
        for row in rows:
            if not row.disabled:
                hosts.setdefault(row.host, {})[row.binary] = {
                    'available': services.is_up(row, down_time),
                    'active': True,
                    'updated_at': clock.iso_micro(row.seen_at),
                }
        body.append({'zoneName': zone, 'zoneState': {'available': bool(hosts)}, 'hosts': hosts or None})
    return {'availabilityZoneInfo': body}


ZONE: shapes.Schema = {'anyOf': [{**shapes.NAME, 'pattern': r'^(?!\s)[^\p{C}\p{Zl}\p{Zp}:]*(?<!\s)$'}, shapes.NOTHING]}
_FIELDS = {'name': shapes.NAME, 'availability_zone': ZONE}
CREATE = shapes.under('aggregate', shapes.closed(_FIELDS, ['name']))
UPDATE = shapes.under('aggregate', {**shapes.closed(_FIELDS), 'minProperties': 1})
ADD_HOST = shapes.action('add_host', shapes.closed({'host': shapes.FQDN}, ['host']))
REMOVE_HOST = shapes.action('remove_host', shapes.closed({'host': shapes.FQDN}, ['host']))
_CACHED = {'type': 'array', 'minItems': 1, 'items': shapes.closed({'id': shapes.UUID}, ['id'])}
CACHE = Shape(shapes.closed({'cache': _CACHED}, ['cache']))
SET_METADATA = shapes.action(
    'set_metadata',
    shapes.closed(
        {
            'metadata': {
                'type': 'object',
                'patternProperties': {
                    r'^[a-zA-Z0-9-_:. ]{1,255}$': {'type': ['string', 'null'], 'maxLength': 255},
                },
                'additionalProperties': False,
            }
        },
        ['metadata'],
    ),
)


class AggregateMade(Noun):
    """An aggregate that was just made."""

    one, many = 'aggregate', 'aggregates'
    id = Int(source='seq')
    uuid = Text(source='id', since=microversions.AggregateIds.number)
    name = Text()
    availability_zone = Text(source=lambda row, call: row.properties.get(aggregates.ZONE))
    created_at = Text(source=lambda row, call: clock.iso_micro(row.created_at))
    updated_at = Text(source=lambda row, call: clock.iso_micro(row.updated_at))
    deleted = Flag(source=lambda row, call: False)
    deleted_at = Text(source=lambda row, call: None)


class Aggregate(AggregateMade):
    """An aggregate."""

    hosts = Listing()
    metadata = Mapping(source='properties')


def _number(text: str) -> int:
    number = numbers.read(text)
    if number is None:
        raise errors.Invalid(f'Invalid input received: id must be an integer, not {text[:80]}')
    return number


def list_aggregates(call: Call) -> dict[str, Any]:
    """Every aggregate."""
    with call.db.read() as tx:
        return call.views(Aggregate, aggregates.find(tx))


def show_aggregate(call: Call, id: str) -> dict[str, Any]:
    """One aggregate."""
    with call.db.read() as tx:
        return call.view(Aggregate, aggregates.show(tx, _number(id)))


def create_aggregate(call: Call) -> dict[str, Any]:
    """The new aggregate."""
    given = call.body['aggregate']
    with call.db.write() as tx:
        return call.view(AggregateMade, aggregates.create(tx, given['name'], given.get('availability_zone')))


def update_aggregate(call: Call, id: str) -> dict[str, Any]:
    """The aggregate with its new name or zone."""
    given = call.body['aggregate']
    properties = {aggregates.ZONE: given['availability_zone']} if 'availability_zone' in given else {}
    with call.db.write() as tx:
        return call.view(Aggregate, aggregates.change(tx, _number(id), name=given.get('name'), properties=properties))


def delete_aggregate(call: Call, id: str) -> None:
    """The aggregate is gone."""
    with call.db.write() as tx:
        aggregates.delete(tx, _number(id))


def add_host(call: Call, id: str) -> dict[str, Any]:
    """The aggregate, one host more."""
    with call.db.write() as tx:
        return call.view(Aggregate, aggregates.add_host(tx, _number(id), call.given['host']))


def remove_host(call: Call, id: str) -> dict[str, Any]:
    """The aggregate, one host less."""
    with call.db.write() as tx:
        return call.view(Aggregate, aggregates.remove_host(tx, _number(id), call.given['host']))


def set_metadata(call: Call, id: str) -> dict[str, Any]:
    """The aggregate with its new properties."""
    with call.db.write() as tx:
        return call.view(Aggregate, aggregates.change(tx, _number(id), properties=call.given['metadata']))


def cache_images(call: Call, id: str) -> None:
    """202: the images are being fetched to the aggregate's hosts."""
    number = _number(id)
    wanted = [item['id'] for item in call.body['cache']]
    if len(set(wanted)) < len(wanted):
        raise errors.Invalid('Duplicate images in request')
    with call.db.write() as tx:
        caching.fetch(tx, call.context, number, wanted)
