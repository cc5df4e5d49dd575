"""All connections of a process, with timeouts and a limit on the memory that slow clients hold."""

import resource
import time
from typing import TYPE_CHECKING

from nimbus.cmd.serving.request_heads import Refused
from nimbus.cmd.serving.settings import Settings

if TYPE_CHECKING:
    from nimbus.cmd.serving.connection import Connection

MAX_HELD = 64 << 20  # bytes of requests and responses that wait for their clients, in all
SPARE = 256  # file descriptors left to everything that is no connection
MAX_FILES = 65_536
IDLE, ASKING, ANSWERING, LINGERING = 'idle', 'asking', 'answering', 'lingering'


class Connections:
    """Every connection, and those that wait for their client, in the order in which they began to.

    One that exceeds its timeout is cut.  When there are too many, or they hold too much, those that have waited
    longest are cut: an ordinary client takes milliseconds, so it is never among them.
    """

    def __init__(self, settings: Settings) -> None:
        self._limits = {
            IDLE: settings.keep_alive,
            ASKING: settings.request_timeout,
            ANSWERING: settings.request_timeout,
            LINGERING: settings.request_timeout,
        }
        self._least = settings.slowest * settings.request_timeout
        self._waiting: dict[str, dict[Connection, float]] = {kind: {} for kind in self._limits}
        self.held = 0  # bytes, for all of them
        self._files = 0  # that streams are read from
        self.all: set[Connection] = set()
        self._most = _descriptors() - SPARE

    def enter(self, connection: 'Connection') -> None:
        """The connection is counted; when there are too many, the one that has waited longest is cut."""
        self.all.add(connection)
        self._bound()

    def open_file(self) -> None:
        """A stream takes a file descriptor beside its connection's; when there are too many, the oldest is cut."""
        self._files += 1
        self._bound()

    def close_file(self) -> None:
        """The stream has ended."""
        self._files -= 1

    def _bound(self) -> None:
        if len(self.all) + self._files > self._most:
            self.cut_oldest()

    def leave(self, connection: 'Connection') -> None:
        """The connection is no longer counted, nor is its memory."""
        self.settle(connection)
        self.all.discard(connection)

    def wait(self, connection: 'Connection', kind: str) -> None:
        """The connection waits for its client from now on."""
        if connection.waits:
            del self._waiting[connection.waits][connection]
        connection.waits = kind
        self._waiting[kind][connection] = connection.since = time.monotonic()

    def settle(self, connection: 'Connection') -> None:
        """The connection no longer waits for its client, and holds no counted memory."""
        if connection.waits:
            del self._waiting[connection.waits][connection]
            connection.waits = ''
        if connection.held:
            self.held -= connection.held
            connection.held = 0

    def hold(self, connection: 'Connection', size: int) -> None:
        """So many bytes are held for the connection; when it is too much in all, the oldest are cut."""
        self.held += size - connection.held
        connection.held = size
        while self.held > MAX_HELD and self._cut_oldest_holder():
            pass

    def sweep(self) -> None:
        """Connections that exceed their timeouts are cut."""
        now = time.monotonic()
        for kind, limit in self._limits.items():
            waiting = self._waiting[kind]
            while waiting:
                connection, since = next(iter(waiting.items()))
                if since + limit > now:
                    break
                if kind == ANSWERING and connection.progress >= self._least:
                    connection.progress = 0
                    self.wait(connection, kind)
                else:
                    self._cut(connection, Refused(408, f'The request was not all there after {limit:g} seconds.'))

    def cut_oldest(self) -> bool:
        """The connection that has waited longest is cut; whether there was one."""
        first = [next(iter(waiting.items())) for waiting in self._waiting.values() if waiting]
        if not first:
            return False
        self._cut(min(first, key=lambda pair: pair[1])[0], Refused(503, 'Too many connections are open.'))
        return True

    def cut_idle(self) -> None:
        """Connections without a request are closed."""
        for kind in (IDLE, LINGERING):
            for connection in list(self._waiting[kind]):
                self._cut(connection, None)

    def _cut_oldest_holder(self) -> bool:
        for kind in (ANSWERING, ASKING):
            for connection in self._waiting[kind]:
                if connection.held:
                    self._cut(connection, Refused(503, 'Too many requests wait for the rest of their bodies.'))
                    return True
        return False

    def _cut(self, connection: 'Connection', why: Refused | None) -> None:
        answer = why if connection.waits == ASKING else None  # an answer without a request would be taken for the next
        self.settle(connection)
        connection.cut(answer)


def _descriptors() -> int:
    """File descriptors that the process may have, after it has asked for many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return wanted if soft == resource.RLIM_INFINITY else min(soft, MAX_FILES)
