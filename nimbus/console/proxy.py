"""The listener of consoles: a thread for each connection, so many at most, and none that says nothing for long."""

import contextlib
import logging
import pathlib
import socket
import threading
import time
from typing import Any

from nimbus.common import errors
from nimbus.console.options import Settings
from nimbus.console.targets import Targets

LOG = logging.getLogger(__name__)
UNSENT = 131072  # bytes that the kernel takes for a client beyond what is on its way
VISITORS = 64  # connections without a console; when more come, the oldest goes
VISIT = 30.0  # seconds in which a connection must have one
LEAVE = 0.5  # seconds that all connections together may take to end
SWEEP = 600.0  # seconds between two looks for tokens whose time is over
PAGE_MISSING = 'There is no folder %s, so that nimbus-console serves websockets alone: install novnc, or set novnc_path'


class Proxy:
    """Lets browsers reach consoles."""

    def __init__(self, settings: Settings, targets: Targets) -> None:
        self.settings, self.targets = settings, targets
        self._lock = threading.Lock()
        self._visitors: dict[socket.socket, float] = {}  # and since when they are here
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._stop = threading.Event()
        self._listener: Any = None
        self._accepting: Any = None

    def start(self) -> None:
        """Connections are served.  Raises OSError when the port is taken."""
        address = self.settings.listen, self.settings.port
        family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
        try:
            both = address[0] == '::'
            self._listener = socket.create_server(address, family=family, backlog=128, dualstack_ipv6=both)
        except OSError as why:
            raise OSError(f'The consoles cannot be served on port {address[1]} of {address[0]}: {why}.') from why
        if not pathlib.Path(self.settings.novnc_path).is_dir():
            LOG.warning(PAGE_MISSING, self.settings.novnc_path)
        self._listener.settimeout(1.0)
        self._accepting = threading.Thread(target=self._accept, name='console-accept', daemon=True)
        self._accepting.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Nobody is connected, and nobody can be."""
        self._stop.set()
        if self._accepting is None:
            return
        _cut(self._listener)
        self._accepting.join()
        with self._lock:
            peers, threads = [*self._visitors, *self._open], list(self._threads)
        for peer in peers:
            _cut(peer)
        until = time.monotonic() + LEAVE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def enter(self, peer: socket.socket) -> bool:
        """Whether the visitor may have a console; he is no visitor any more then."""
        with self._lock:
            if len(self._open) >= self.settings.max_connections:
                return False
            self._visitors.pop(peer, None)
            self._open.add(peer)
            return True

    def _accept(self) -> None:
        swept = time.monotonic()
        with self._listener:
            while not self._stop.is_set():
                try:
                    self._welcome(*self._listener.accept())
                except TimeoutError:
                    pass
                except OSError as why:
                    if not self._stop.wait(1.0):
                        LOG.warning('A connection could not be taken: %s', why)
                self._send_away()
                if time.monotonic() - swept > SWEEP:
                    swept = time.monotonic()
                    self._sweep()

    def _welcome(self, peer: socket.socket, address: Any) -> None:
        thread = threading.Thread(target=self._serve, args=(peer, address), name='console', daemon=True)
        with self._lock:
            crowded = len(self._visitors) >= VISITORS
            oldest = min(self._visitors, key=self._visitors.__getitem__) if crowded else None
            self._visitors[peer] = time.monotonic()
            self._threads.add(thread)
        if oldest is not None:
            _cut(oldest)
        thread.start()

    def _send_away(self) -> None:
        with self._lock:
            late = [peer for peer, since in self._visitors.items() if time.monotonic() - since > VISIT]
        for peer in late:
            _cut(peer)

    def _serve(self, peer: socket.socket, address: Any) -> None:
        from nimbus.console import handler

        try:
            with contextlib.suppress(OSError):  # the client is gone
                _keep(peer)
                handler.Handler(peer, address, self, directory=self.settings.novnc_path)
        except Exception:
            LOG.exception('A connection of %s failed', address[0])
        finally:
            with self._lock:
                self._visitors.pop(peer, None)
                self._open.discard(peer)
                self._threads.discard(threading.current_thread())
            _cut(peer)
            peer.close()

    def _sweep(self) -> None:
        try:
            self.targets.forget_ended()
        except errors.Unavailable as why:
            LOG.warning('Tokens of consoles that have ended cannot be removed now: %s', why)


def _keep(peer: socket.socket) -> None:
    """The kernel notices when the client's machine is gone, and keeps little for it."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # What a client does not read is not piled up in the kernel either.
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)


def _cut(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)
