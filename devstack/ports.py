"""Finds out who already listens where the cloud wants to.

Asked before anything is installed too, so it can do without any library.
"""

import errno
import socket

from devstack.place import INNER, REST, Place
from devstack.processes import Registry
from devstack.progress import Unable

# The processes behind the inner ports, by their names in the registry.
INNER_OWNERS = {'rabbitmq': 'rabbitmq', 'erlang': 'rabbitmq', 'epmd': 'epmd'}


def require_free(place: Place, registry: Registry) -> None:
    """Every port of a process of the cloud that does not run yet is free.  Raises Unable naming who has one."""
    for what in _wanted(place, registry):
        address = place.choices.bind if what in REST else '127.0.0.1'
        port = place.port(what)
        if not _is_free(address, port):
            raise Unable(
                f'port {port} of {address}, which {what} needs, is taken{_listener(port)}; '
                f'stop that first, or have a second cloud beside it with --state FOLDER --port-offset 100.'
            )


def owner(place: Place, service: str) -> str:
    """The process that serves the REST API of a service."""
    if place.choices.form == 'embedded':
        return 'nimbus'
    return f'nimbus-{service}' if service in ('identity', 'image') else 'nimbus-api'


def _wanted(place: Place, registry: Registry) -> list[str]:
    wanted = [what for what in REST if not registry.get(owner(place, what))]
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
    try:
        import psutil
    except ImportError:
        return ''
    for found in psutil.net_connections('tcp'):
        if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.pid:
            return f' by process {found.pid} ({psutil.Process(found.pid).name()})'
    return ''
