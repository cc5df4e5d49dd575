"""The HTTP server of a process: listens on the port of each application, and accepts connections."""

import contextlib
import ctypes
import errno
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol

import eventlet
from eventlet import event, hubs

from nimbus.api.kit import faults
from nimbus.cmd.serving.connection import Connection, Port
from nimbus.cmd.serving.connections import Connections
from nimbus.cmd.serving.settings import Settings
from nimbus.cmd.serving.uploads import Uploads
from nimbus.cmd.serving.waiting_queue import WaitingQueue
from nimbus.cmd.serving.waiting_room import PAUSE, WaitingRoom
from nimbus.cmd.serving.workers import Workers

LOG = logging.getLogger(__name__)
BACKLOG = 1024
UNSENT = 131_072  # bytes of answers that the system takes before they can be sent
AT_ONCE = 64  # connections that are accepted before others have their turn
AMONG_PEERS = 2  # the same where other processes accept from the same socket, and should have their share
TURN_OF_OTHERS = 0.005  # seconds that a process with more connections than another leaves the next to it
GRACE = 0.7  # seconds in which requests under way are answered when the process stops
SWEEP = 0.5  # seconds between two checks of timeouts
M_MMAP_THRESHOLD = -3  # as malloc.h has it
MUCH = 8 << 20  # bytes held for slow clients, which are worth giving back
LARGE = 73_728  # bytes: above the pieces that streams are made of, which are used again and again
FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Peers(Protocol):
    """The processes that serve the same sockets."""

    def is_ahead(self, connections: int) -> bool:
        """Whether another has fewer connections than this one, which has so many."""


class Memory:
    """Returns the memory that slow clients held to the system when they are gone, by glibc's mallopt and malloc_trim.

    By itself the C library keeps it, in fragments that larger blocks do not fit into.
    """

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(None)
        self._grew = False
        with contextlib.suppress(AttributeError):
            self._library.mallopt(M_MMAP_THRESHOLD, LARGE)

    def look(self, held: int) -> None:
        """Given the bytes that are held for clients now."""
        if held > MUCH:
            self._grew = True
        elif self._grew and held < MUCH // 8:
            self._grew = False
            with contextlib.suppress(AttributeError):
                self._library.malloc_trim(0)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.  Raises OSError that says which port is taken."""
    sock = bind(host, port)
    _open(sock)
    return sock


def bind(host: str, port: int) -> socket.socket:
    """A socket that has the port, and listens once it is served.  Raises OSError that says which port is taken."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as why:
        sock.close()
        raise _taken(why, host, port) from why
    # A connection inherits it.  Without it the second part of an answer that is sent in two waits until the client
    # acknowledges the first, which it puts off for 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Likewise: what a client does not read is not piled up in the kernel, which would take megabytes for each.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    sock.setblocking(False)
    return sock


def _open(sock: socket.socket) -> None:
    """The socket listens.  Raises OSError as `listen` does, where another process was faster."""
    try:
        sock.listen(BACKLOG)
    except OSError as why:
        host, port = sock.getsockname()[:2]
        sock.close()
        raise _taken(why, host, port) from why


def _taken(why: OSError, host: str, port: int) -> OSError:
    taken = f' Process {owner} listens there.' if (owner := _owner(port)) else ''
    return OSError(why.errno, f'Port {port} of {host} cannot be listened on: {why.strerror}.{taken}')


def _owner(port: int) -> str:
    """The pid and name of the process that listens on the port; empty when none is found, or it is not ours to see."""
    import psutil  # only a start that fails needs it

    with contextlib.suppress(psutil.Error):
        for found in psutil.net_connections('tcp'):
            if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.pid:
                return f'{found.pid} ({psutil.Process(found.pid).name()})'
    return ''


def _every(seconds: float, beat: Callable[[], None]) -> None:
    while True:
        eventlet.sleep(seconds)
        beat()


class Server:
    """`run` keeps the calling thread until `stop`."""

    def __init__(self, settings: Settings, peers: Peers | None = None) -> None:
        """`peers` are the other processes that serve the same sockets, where there are any."""
        self.settings, self.stopping, self.peers = settings, False, peers
        self.workers, self.connections = Workers(settings.threads), Connections(settings)
        self.uploads = Uploads(self.workers, settings.slowest, settings.request_timeout)
        self.room = WaitingRoom()
        self.ports: list[Port] = []
        self._memory = Memory()
        self._stop, self._ended = threading.Event(), event.Event()

    def add(
        self,
        host: str,
        port: int,
        app: Callable[..., Any],
        is_costly: Callable[[dict[str, Any]], bool] | None = None,
        envelope: faults.Envelope = faults.keystone,
    ) -> int:
        """The application will be served there; returns the port, which the system chose if 0 was asked for.

        Costly requests take at most half of the threads.  Invalid requests are refused in the envelope.
        """
        sock = bind(host, port)
        self.serve_at(sock, app, is_costly, envelope)
        return int(sock.getsockname()[1])

    def serve_at(
        self,
        sock: socket.socket,
        app: Callable[..., Any],
        is_costly: Callable[[dict[str, Any]], bool] | None = None,
        envelope: faults.Envelope = faults.keystone,
    ) -> None:
        """As `add`, at a socket that was bound before; others may serve it too."""
        _open(sock)
        line = WaitingQueue(max(1, self.settings.threads // 2)) if is_costly else None
        self.ports.append(Port(self, sock, app, is_costly, envelope, line))

    def run(
        self, ready: Callable[[], None], pulse: float | None = None, beat: Callable[[], None] = lambda: None
    ) -> None:
        """Requests are answered until `stop` is called from a signal handler or another thread.

        `ready` is called once, and `beat` every `pulse` seconds, by the hub that accepts requests.
        """
        self.workers.attach(self._look)
        doors = [eventlet.spawn(self._accept, port) for port in self.ports]
        clocks = [eventlet.spawn(_every, SWEEP, self._sweep), eventlet.spawn(_every, PAUSE, self.room.look)]
        eventlet.spawn_after(0, ready)
        if pulse:
            clocks.append(eventlet.spawn(_every, pulse, beat))
        if self._stop.is_set():
            self._look()
        self._ended.wait()
        self.stopping = True
        for door in doors:
            door.kill()
        for port in self.ports:
            port.sock.close()
        self._drain()
        for clock in clocks:
            clock.kill()
        self.workers.detach()

    def stop(self) -> None:
        """`run` returns soon."""
        self._stop.set()
        self.workers.ring()

    def _look(self) -> None:
        if self._stop.is_set() and not self._ended.ready():
            self._ended.send(None)

    def _sweep(self) -> None:
        self.connections.sweep()
        self._memory.look(self.connections.held)
        self.workers.shrink()

    def _drain(self) -> None:
        """Requests under way have had a moment to be answered, and every connection has ended."""
        self.connections.cut_idle()
        with eventlet.Timeout(GRACE, False):
            while self.connections.all:
                eventlet.sleep(0.02)
        for connection in list(self.connections.all):
            connection.cut(None)

    def _accept(self, port: Port) -> None:
        sock = port.sock
        while True:
            hubs.trampoline(sock, read=True)
            if self.peers and self.peers.is_ahead(len(self.connections.all)):
                eventlet.sleep(TURN_OF_OTHERS)
            for _ in range(AMONG_PEERS if self.peers else AT_ONCE):
                try:
                    made, peer = sock.accept()
                except BlockingIOError:
                    break
                except OSError as why:
                    if why.errno in FULL:
                        self._make_room()
                    break
                made.setblocking(False)
                eventlet.spawn_n(Connection(port, made, peer).serve)
            else:
                eventlet.sleep(0)

    def _make_room(self) -> None:
        """A file descriptor is freed for the next connection, or accepting pauses for a moment."""
        LOG.warning('No more connections can be opened; the one that has waited longest is closed')
        self.connections.cut_oldest()
        eventlet.sleep(0.05)
