"""The actions of `POST /servers/{id}/action`, one function for each."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.kit.fields import Shape, ShapeByVersion
from nimbus.api.kit.routes import Call
from nimbus.common import errors, numbers
from nimbus.compute import states
from nimbus.compute.rpc import Compute
from nimbus.compute.servers import power, servers
from nimbus.compute.servers.networking import interfaces
from nimbus.compute.servers.networking import security_groups as groups

START = shapes.bare('os-start')
STOP = shapes.bare('os-stop')
REBOOT = shapes.action(
    'reboot', shapes.closed({'type': {'enum': ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']}}, ['type'])
)
LOCK = ShapeByVersion(
    ((2, 1), shapes.bare('lock')),
    (
        microversions.LockedReason.number,
        shapes.action(
            'lock',
            {
                'type': ['object', 'null'],
                'properties': {'locked_reason': {'type': 'string', 'minLength': 1, 'maxLength': 255}},
                'additionalProperties': False,
            },
        ),
    ),
)
UNLOCK = shapes.bare('unlock')
RESET_STATE = shapes.action('os-resetState', shapes.closed({'state': {'enum': ['active', 'error']}}, ['state']))
# Upstream looks at no value of it.
INJECT_NETWORK = shapes.action('injectNetworkInfo', {})
CONSOLE = shapes.action(
    'os-getConsoleOutput',
    shapes.closed(
        {
            'length': {
                'type': ['integer', 'string', 'null'],
                'pattern': r'^-?[0-9]{1,9}$',
                'minimum': -1,
                'maximum': shapes.MAX_INT,
            }
        }
    ),
)
ADD_GROUP: Shape = shapes.action('addSecurityGroup', shapes.closed({'name': shapes.GROUP_NAME}, ['name']))
REMOVE_GROUP: Shape = shapes.action('removeSecurityGroup', shapes.closed({'name': shapes.GROUP_NAME}, ['name']))


def start(call: Call, id: str) -> None:
    """The server is being started."""
    with call.db.write() as tx:
        power.start(tx, call.context, id)


def stop(call: Call, id: str) -> None:
    """The server is being shut down."""
    with call.db.write() as tx:
        power.stop(tx, call.context, id)


def reboot(call: Call, id: str) -> None:
    """The server is being rebooted."""
    with call.db.write() as tx:
        power.reboot(tx, call.context, id, hard=call.given['type'].upper() == 'HARD')


def lock(call: Call, id: str) -> None:
    """Only an operator may change the server from now on."""
    reason = (call.given or {}).get('locked_reason') if call.speaks(microversions.LockedReason) else None
    with call.db.write() as tx:
        power.lock(tx, call.context, id, reason=reason)


def unlock(call: Call, id: str) -> None:
    """The owner may change the server again."""
    override = call.allows(f'{policies.API}os-lock-server:unlock:unlock_override')
    with call.db.write() as tx:
        power.unlock(tx, call.context, id, override=override)


def reset_state(call: Call, id: str) -> None:
    """The server has the state that an operator gave."""
    state = {'active': states.ACTIVE, 'error': states.ERROR}[call.given['state']]
    with call.db.write() as tx:
        power.reset_state(tx, call.context, id, state)


def inject_network(call: Call, id: str) -> None:
    """The hosts of the server's ports are asked to make them anew."""
    with call.db.write() as tx:
        interfaces.tell_again(tx, call.context, id)


def console(call: Call, id: str) -> dict[str, Any]:
    """The last lines of the guest's console."""
    with call.db.read() as tx:
        row = servers.show(tx, call.context, id)
    if not row.host:
        raise errors.Conflict(f'Instance {id} is not ready')
    text = call.given.get('length')
    length = numbers.whole(text, 'length', least=-1) if text not in (None, '') else None
    lines = None if length == -1 else length
    return {'output': call.parts.client(Compute, call.context, row.host).console(id, lines)}


def add_security_group(call: Call, id: str) -> None:
    """The server's ports are in the group as well."""
    with call.db.write() as tx:
        groups.add(tx, call.context, id, call.given['name'])


def remove_security_group(call: Call, id: str) -> None:
    """The server's ports are not in the group."""
    with call.db.write() as tx:
        groups.remove(tx, call.context, id, call.given['name'])
