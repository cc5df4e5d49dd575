"""Checks that the cloud's TCP ports are free, and finds the processes that listen on those that are not.

Asked before anything is installed too, so it can do without any library.
"""

import contextlib
import errno
import os
import pathlib
import socket
from collections.abc import Iterator

from devstack.place import INNER, SERVED, Place
from devstack.processes import Registry
from devstack.progress import Unable

LISTEN = '0A'  # as the kernel's tables call the state
# The processes behind the inner ports, by their names in the registry.
INNER_OWNERS = {'rabbitmq': 'rabbitmq', 'erlang': 'rabbitmq', 'epmd': 'epmd'}


def require_free(place: Place, registry: Registry) -> None:
    """Every port of a process of the cloud that does not run yet is free.  Raises Unable naming who has one."""
    for what in _wanted(place, registry):
        address = place.choices.bind if what in SERVED else '127.0.0.1'
        port = place.port(what)
        if not _is_free(address, port):
            raise Unable(
                f'port {port} of {address}, which {what} needs, is taken{_listener(port)}; '
                f'stop that first, or have a second cloud beside it with --state FOLDER --port-offset 100.'
            )


def owner(place: Place, service: str) -> str:
    """The process that serves the REST API of a service, or the consoles."""
    if place.choices.form == 'embedded':
        return 'nimbus'
    return f'nimbus-{service}' if service in ('identity', 'image', 'console') else 'nimbus-api'


def _wanted(place: Place, registry: Registry) -> list[str]:
    if place.choices.form == 'hosts':
        return []  # each of its nodes has addresses of its own
    wanted = [what for what in SERVED if not registry.get(owner(place, what))]
    if place.choices.form == 'daemons':
        owners = {**INNER_OWNERS, 'database': place.choices.database}
        wanted += [what for what in INNER if not registry.get(owners[what])]
    return wanted


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen()
        except OSError as why:
            if why.errno == errno.EADDRINUSE:
                return False
            raise Unable(f'nothing can listen on port {port} of {address}: {why.strerror or why}.') from why
    return True


def _listener(port: int) -> str:
    """Who listens there, as far as root can see it."""
    sockets = {f'socket:[{inode}]' for inode in _listening(port)}
    for fd in pathlib.Path('/proc').glob('[0-9]*/fd/*') if sockets else ():
        with contextlib.suppress(OSError):  # the process, or the file, is gone already
            if os.readlink(fd) in sockets:
                process = fd.parent.parent
                return f' by process {process.name} ({(process / "comm").read_text().strip()})'
    return ''


def _listening(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on the port."""
    for table in ('/proc/net/tcp', '/proc/net/tcp6'):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                if state == LISTEN and int(local.rpartition(':')[2], 16) == port:
                    yield rest[5]
