"""What other services tell of servers over HTTP (/os-server-external-events)."""

from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import Version
from nimbus.common import errors
from nimbus.compute.servers.networking import external_events

STATUSES = ['failed', 'completed', 'in-progress']
# Events that came with a version, and need a tag that says of what they speak.
LATER = (
    (microversions.EventsForOwners, 'volume-extended'),
    (microversions.PowerEvents, 'power-update'),
    (microversions.AcceleratorEvents, 'accelerator-request-bound'),
)


class CreateShapes:
    """The shape of what is reported, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        names = [*external_events.NETWORK] + [name for change, name in LATER if version >= change.number]
        event = {
            'name': {'type': 'string', 'enum': names},
            'server_uuid': shapes.UUID,
            'status': {'type': 'string', 'enum': STATUSES},
            'tag': {'type': 'string', 'maxLength': 255},
        }
        items = shapes.closed(event, ['name', 'server_uuid'])
        return Shape(shapes.closed({'events': {'type': 'array', 'minItems': 1, 'items': items}}, ['events']))


def create(call: Call) -> Reply:
    """Each event with what became of it: 200 when all were taken, 207 when one was not."""
    shown = []
    with call.db.write() as tx:
        for event in call.body['events']:
            shown.append({**event, **_taken(call, tx, event)})
    return Reply(status=200 if all(event['code'] == 200 for event in shown) else 207, body={'events': shown})


def _taken(call: Call, tx: Any, event: dict[str, Any]) -> dict[str, Any]:
    try:
        external_events.take(tx, event['server_uuid'], event['name'], event.get('tag'))
    except errors.NotFound:
        return {'status': 'failed', 'code': 404}
    except errors.Invalid:
        return {'status': 'failed', 'code': 400}
    except errors.Conflict:
        return {'status': 'failed', 'code': 422}
    return {'status': 'completed', 'code': 200}
