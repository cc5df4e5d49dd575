"""Gives a fake cloud ports of its own: free ones, or consecutive ones from the first."""

import contextlib
import socket
from typing import Any

from nimbus.cmd import serving


def take(conf: Any, names: list[str], first: int) -> tuple[dict[str, socket.socket], socket.socket]:
    """The APIs' sockets, by name, and one that keeps a port for the consoles until they listen.

    The configuration names the ports from then on.  `first` is the port of the first API and the others follow it,
    or 0: each is then one that nobody has.  Raises OSError that says which port is taken, LookupError past the last.
    """
    last = first + len(names)
    if first and last > 65535:
        raise LookupError(f'With --port {first} the last of the ports is {last}; it can be at most 65535.')
    taken: dict[str, socket.socket] = {}
    with contextlib.ExitStack() as undo:
        for number, name in enumerate([*names, 'console']):
            taken[name] = undo.enter_context(serving.bind(conf.api.listen, first and first + number))
        undo.pop_all()
    conf.set_override('port_offset', 0, group='api')
    for name, sock in taken.items():
        option, group = ('port', 'console') if name == 'console' else (f'{name}_port', 'api')
        conf.set_override(option, sock.getsockname()[1], group=group)
    return {name: taken[name] for name in names}, taken['console']
