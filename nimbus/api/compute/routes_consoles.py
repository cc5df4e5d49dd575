"""The endpoints of servers' consoles."""

from collections.abc import Callable
from typing import Any

from nimbus.api.compute import consoles
from nimbus.api.compute.policies import API
from nimbus.api.kit.routes import Route

RULE = f'{API}os-remote-consoles'


def old(action: str, handler: Callable[..., Any], shape: Any) -> Route:
    """A row for one of the actions that versions before 2.6 ask with."""
    path = '/servers/{id}/action'
    return Route('POST', path, handler, RULE, action=action, shape=shape, until=consoles.ACTIONS_END)


CONSOLES = (
    old('os-getVNCConsole', consoles.vnc, consoles.GET_VNC),
    old('os-getSerialConsole', consoles.serial, consoles.GET_SERIAL),
    old('os-getSPICEConsole', consoles.spice, consoles.GET_SPICE),
    old('os-getRDPConsole', consoles.rdp, consoles.GET_RDP),
    Route(
        'POST',
        '/servers/{id}/remote-consoles',
        consoles.create,
        RULE,
        since=consoles.CREATE,
        shape=consoles.CreateShapes(),
    ),
    Route('GET', '/os-console-auth-tokens/{id}', consoles.token, f'{API}os-console-auth-tokens'),
)
