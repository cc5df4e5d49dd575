"""Compute services, that is daemons, over HTTP (/os-services)."""

from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit.fields import Flag, Int, Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import clock, errors, ids, numbers
from nimbus.common.agents import services as rows
from nimbus.common.database import db
from nimbus.compute.hosts import availability_zones
from nimbus.compute.servers import servers as nouns

COMPUTE = 'nova-compute'
BEFORE_IDS = (2, 52)


class Service(Noun):
    """A compute service: a daemon on a host."""

    one, many = 'service', 'services'
    binary = Text()
    host = Text()
    number = Int(wire='id', source='seq', until=BEFORE_IDS)
    id = Text(since=microversions.UuidsOfServices.number)
    zone = Text(
        source=lambda row, call: (
            call.given['zones'].get(row.host, row.zone) if row.binary == COMPUTE else availability_zones.INTERNAL
        )
    )
    status = Text(source=lambda row, call: 'disabled' if row.disabled else 'enabled')
    state = Text(source=lambda row, call: 'up' if rows.is_up(row, call.parts.extra['compute'].down_time) else 'down')
    updated_at = Text(source=lambda row, call: clock.iso_micro(row.seen_at))
    disabled_reason = Text()
    forced_down = Flag(since=microversions.ForcedDown.number)


class UpdateShapes:
    """The shape of a change, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        reason = {'type': 'string', 'minLength': 1, 'maxLength': 255}
        if version >= microversions.UuidsOfServices.number:
            return Shape(
                shapes.closed(
                    {
                        'status': {'type': 'string', 'enum': ['enabled', 'disabled']},
                        'disabled_reason': reason,
                        'forced_down': shapes.BOOLEAN,
                    }
                )
            )
        fields = {
            'host': shapes.FQDN,
            'binary': {'type': 'string', 'minLength': 1, 'maxLength': 255},
            'disabled_reason': reason,
        }
        if version >= microversions.ForcedDown.number:
            fields['forced_down'] = shapes.BOOLEAN
        return Shape(shapes.closed(fields, ['host', 'binary']))


def index(call: Call) -> dict[str, Any]:
    """Every daemon, or those of a host or a name."""
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, 'host', 'binary')
    wanted = {name: value for name in ('host', 'binary') if (value := call.arg(name))}
    with call.db.read() as tx:
        found = rows.find(tx, room='compute', **wanted)
        call.given['zones'] = availability_zones.of_hosts(tx)
    return call.views(Service, found)


def update(call: Call, id: str) -> dict[str, Any]:
    """A compute host's daemon is enabled, disabled or forced down."""
    with call.db.write() as tx:
        if call.speaks(microversions.UuidsOfServices):
            return _update_by_id(call, tx, id)
        return _update_by_name(call, tx, id)


def _update_by_id(call: Call, tx: db.Tx, service_id: str) -> dict[str, Any]:
    if not ids.is_uuid(service_id):
        raise errors.Invalid(f'Invalid uuid {service_id}')
    row, given = rows.show(tx, service_id), call.body
    _is_compute(row.binary)
    values: dict[str, Any] = {}
    if 'status' in given:
        values['disabled'] = given['status'] == 'disabled'
        if not values['disabled'] and given.get('disabled_reason'):
            raise errors.Invalid("Specifying 'disabled_reason' with status 'enabled' is invalid.")
        values['disabled_reason'] = given.get('disabled_reason')
    if 'forced_down' in given:
        values['forced_down'] = shapes.flag(given['forced_down'])
    if not values:
        raise errors.Invalid("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    rows.change(tx, service_id, **values)
    call.given['zones'] = availability_zones.of_hosts(tx)
    return call.view(Service, rows.show(tx, service_id))


def _is_compute(binary: str) -> None:
    if binary != COMPUTE:
        raise errors.Invalid(
            f'Updating a {binary} service is not supported. Only nova-compute services can be updated.'
        )


def _update_by_name(call: Call, tx: db.Tx, verb: str) -> dict[str, Any]:
    """PUT /os-services/{action}, before 2.53: the path names the action and the body the daemon."""
    given, values, answer = call.body, {}, {}
    if verb == 'enable':
        values, answer = {'disabled': False, 'disabled_reason': None}, {'status': 'enabled'}
    elif verb in ('disable', 'disable-log-reason'):
        reason = given.get('disabled_reason') if verb == 'disable-log-reason' else None
        if verb == 'disable-log-reason' and reason is None:
            raise errors.Invalid('Missing disabled reason field')
        values, answer = {'disabled': True, 'disabled_reason': reason}, {'status': 'disabled'}
        answer |= {'disabled_reason': reason} if reason else {}
    elif verb == 'force-down' and call.speaks(microversions.ForcedDown):
        if 'forced_down' not in given:
            raise errors.Invalid('Missing forced_down field')
        values = answer = {'forced_down': shapes.flag(given['forced_down'])}
    else:
        raise errors.NotFound('Unknown action')
    host, binary = given['host'], given['binary']
    _is_compute(binary)
    found = rows.find(tx, room='compute', host=host, binary=binary)
    if not found:
        raise errors.NotFound(f'Could not find binary {binary} on host {host}.')
    rows.change(tx, found[0].id, **values)
    return {'service': {'host': host, 'binary': binary, **answer}}


def delete(call: Call, id: str) -> None:
    """204: the daemon's record is gone."""
    with call.db.write() as tx:
        row = _one(call, tx, id)
        if row.binary == COMPUTE and nouns.on_host(tx, row.host):
            raise errors.Conflict(
                'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.'
            )
        rows.forget(tx, row.id)


def _one(call: Call, tx: db.Tx, text: str) -> Any:
    if call.speaks(microversions.UuidsOfServices):
        if not ids.is_uuid(text):
            raise errors.Invalid(f'Invalid uuid {text}')
        return rows.show(tx, text)
    number = numbers.read(text)
    if number is None:
        raise errors.Invalid(f'Invalid input received: id must be an integer, not {text[:80]}')
    found = rows.find(tx, room='compute', seq=number)
    if not found:
        raise errors.NotFound(f'Service {text} not found.')
    return found[0]
