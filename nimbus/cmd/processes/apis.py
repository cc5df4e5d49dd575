"""The REST APIs of a daemon, served by it and by processes beside it from the same sockets."""

import functools
import importlib
import logging
import signal
import socket
import urllib.parse
from collections.abc import Callable
from typing import Any

from nimbus.api.kit import policy
from nimbus.cmd import services, serving, wiring
from nimbus.cmd.processes import worker_processes
from nimbus.cmd.processes.shared_numbers import Peers
from nimbus.cmd.processes.worker_processes import WorkerProcesses
from nimbus.common.messaging import bridge

LOG = logging.getLogger(__name__)
BEAT = 1.0  # seconds between two signs of life
Sockets = dict[str, socket.socket]  # by the names of the APIs


def bind(conf: Any, names: list[str]) -> Sockets:
    """The sockets of the APIs.  Raises OSError that says which port is taken."""
    return {name: serving.bind(conf.api.listen, wiring.port_of(conf, name)) for name in names}


def beside(conf: Any, sockets: Sockets) -> WorkerProcesses:
    """The processes that serve the sockets beside this one, as many as the options say; they begin with `start`.

    To be made before this process has threads or connections.
    """
    count = worker_processes.count(conf)
    if count > 1:
        for name in sockets:  # in memory once for all
            importlib.import_module(f'nimbus.api.{name}.app')
    on_bus = functools.partial(bridge.serve, _bus_name(conf)) if conf.bus.startswith('inproc:') else None
    return WorkerProcesses(count, functools.partial(_serve, conf, sockets), on_bus)


def add_apps(
    server: serving.Server,
    conf: Any,
    parts: Any,
    sockets: Sockets,
    around: Callable[[str, Any], Any] = lambda name, app: app,
) -> None:
    """The server serves the APIs at their sockets, each within what `around` makes of it."""
    for name, app in wiring.load_apps(conf, parts, list(sockets)).items():
        server.serve_at(sockets[name], around(name, app), wiring.costly(name), wiring.envelope(name))


def _serve(conf: Any, sockets: Sockets, peers: Peers, bus: socket.socket | None) -> int:
    """The life of a process beside the daemon; returns its exit code.

    `bus` leads to the in-process bus of the daemon, where it has one.
    """
    wiring.set_up_logging(conf, rotates=False)
    if bus is not None:
        bridge.reach(_bus_name(conf), bus)
    parts = wiring.make_parts(conf, processes=worker_processes.count(conf))
    services.fill(conf, parts, identity='identity' in sockets, peers=peers)
    server = serving.Server(serving.Settings.of(conf), peers)
    add_apps(server, conf, parts, sockets)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    signal.signal(signal.SIGHUP, lambda *_: policy.read_again())
    wiring.settle_memory()
    peers.beat()
    server.run(lambda: LOG.info('Process %d serves beside the daemon', peers.process), BEAT, peers.beat)
    wiring.stop_in_time(lambda: services.empty(parts), parts.db.close)
    return 0


def _bus_name(conf: Any) -> str:
    """The name of the in-process bus."""
    return urllib.parse.urlsplit(conf.bus).path.strip('/')
