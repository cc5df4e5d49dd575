"""What upstream has taken out of the Compute API, and what it has for bare metal without a service of bare metal."""

from typing import NoReturn

from nimbus.api.kit.routes import Call
from nimbus.common import errors

COMMANDS = {'POST': 'node-create', 'DELETE': 'node-delete', 'add_interface': 'port-create',
            'remove_interface': 'port-delete'}  # fmt: skip


def gone(call: Call, **_names: str) -> NoReturn:
    """410."""
    what = f'The action {call.route.action}' if call.route.action else f'{call.route.method} {call.route.path}'
    raise errors.Gone(f'{what} is no longer available; nothing else has taken its place.')


def nodes(call: Call, **_names: str) -> NoReturn:
    """501: there are no nodes of bare metal."""
    raise errors.NotBuilt('This cloud has no bare metal service.')


def change_nodes(call: Call, **_names: str) -> NoReturn:
    """400, with the command that does it."""
    command = COMMANDS[call.route.action or call.route.method]
    raise errors.Invalid(f'Nodes are not changed by this API; use the command {command} of the bare metal service.')
