"""Consoles of servers over HTTP: the address of a screen or a serial port, and what a token in it stands for."""

from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import errors
from nimbus.compute import console_tokens, consoles, states
from nimbus.compute.guest import SERIAL, VNC
from nimbus.compute.rpc import Compute
from nimbus.compute.servers import servers
from nimbus.console.options import Settings

TYPES = {VNC: 'novnc', SERIAL: 'serial'}  # the one type that each protocol has here
SPICE, RDP, MKS = 'spice', 'rdp', 'mks'
CREATE, ACTIONS_END = (2, 6), (2, 5)  # the first version of one way to ask, and the last one of the other


def typed(action: str, *types: str) -> Shape:
    """An action that names the type of a console."""
    return shapes.action(action, shapes.closed({'type': {'type': 'string', 'enum': list(types)}}, ['type']))


GET_VNC = typed('os-getVNCConsole', 'novnc', 'xvpvnc')
GET_SERIAL = typed('os-getSerialConsole', 'serial')
GET_SPICE = typed('os-getSPICEConsole', 'spice-html5')
GET_RDP = shapes.bare('os-getRDPConsole')


class CreateShapes:
    """The shape of a request for a console, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        protocols, types = [VNC, SPICE, SERIAL, RDP], ['novnc', 'xvpvnc', 'spice-html5', 'serial', 'rdp-html5']
        if version >= microversions.MksConsoles.number:
            protocols, types = [*protocols, MKS], [*types, 'webmks']
        if version >= microversions.SpiceDirect.number:
            types = [*types, 'spice-direct']
        fields = {'protocol': {'type': 'string', 'enum': protocols}, 'type': {'type': 'string', 'enum': types}}
        return shapes.under('remote_console', shapes.closed(fields, ['protocol', 'type']))


def create(call: Call, id: str) -> dict[str, Any]:
    """The address under which the asker, and whoever else is told it, reaches the console for a while."""
    given = call.body['remote_console']
    return {'remote_console': {**given, 'url': _url(call, id, given['protocol'], given['type'])}}


def vnc(call: Call, id: str) -> dict[str, Any]:
    """The address of the server's screen."""
    return _old(call, id, VNC)


def serial(call: Call, id: str) -> dict[str, Any]:
    """The address of the server's serial port."""
    return _old(call, id, SERIAL)


def spice(call: Call, id: str) -> dict[str, Any]:
    """400: no guest here has such a console."""
    return _old(call, id, SPICE)


def rdp(call: Call, id: str) -> dict[str, Any]:
    """400: no guest anywhere has such a console any more."""
    return {'console': {'url': _url(call, id, RDP, 'rdp-html5')}}


def _old(call: Call, server_id: str, protocol: str) -> dict[str, Any]:
    kind = call.given['type']
    return {'console': {'type': kind, 'url': _url(call, server_id, protocol, kind)}}


def _url(call: Call, server_id: str, protocol: str, kind: str) -> str:
    with call.db.read() as tx:
        if protocol == RDP:
            servers.show(tx, call.context, server_id)
            raise errors.Invalid('Unavailable console type rdp.')
        row = consoles.ready(tx, call.context, server_id, f'get_{protocol}_console')
    if protocol not in TYPES:
        raise errors.Invalid(f'Unavailable console type {kind}.')
    if kind != TYPES[protocol]:
        raise errors.Invalid(f'Invalid console type {kind}')
    place = _place(call, row, protocol)
    settings: Settings = call.parts.extra['console']
    with call.db.write() as tx:
        token = console_tokens.give(tx, row, kind, place['host'], place['port'], settings.token_ttl)
    return settings.vnc_url(token) if protocol == VNC else settings.serial_url(token)


def _place(call: Call, row: Any, protocol: str) -> dict[str, Any]:
    """Where the guest's console is.  Raises Conflict when the guest does not run."""
    try:
        return call.parts.client(Compute, call.context, row.host).console_address(row.id, protocol)
    except errors.NotFound:
        if row.vm_state != states.BUILDING:
            raise
        raise consoles.not_ready(row.id) from None
    except errors.Conflict:
        raise consoles.not_ready(row.id) from None


def token(call: Call, id: str) -> dict[str, Any]:
    """Where the console is that the token leads to."""
    if not call.speaks(microversions.ConsoleTokens):
        raise errors.Invalid('Consoles of this version were those of a hypervisor that is not supported any more.')
    if call.speaks(microversions.SpiceDirect):
        shapes.known(call.query)
    with call.db.read() as tx:
        row = console_tokens.find(tx, id)
    if row is None:
        raise errors.NotFound('Token not found')
    return {
        'console': {
            'instance_uuid': row.server_id,
            'host': row.address,
            'port': row.port,
            'internal_access_path': None,
        }
    }
