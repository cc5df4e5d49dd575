"""Serves WSGI applications: an unpatched eventlet hub accepts, native threads work.

Nothing is monkey-patched, so a blocking call in a request blocks its own
thread and nothing else.
"""

import contextlib
import http.server
import logging
import os
import select
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault('EVENTLET_NO_GREENDNS', 'yes')  # names are resolved in native threads
with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # eventlet warns at import against the monkey-patching that is not done here
    import eventlet
    import eventlet.wsgi
    from eventlet import semaphore, tpool

from nimbus.api.kit import faults
from nimbus.common import errors

# eventlet leaves a copy of its own, whose threads are greenlets, where `import http.server` looks for the module.
http.server = sys.modules['http.server']

LOG = logging.getLogger(__name__)
BACKLOG = 512
KEEP_ALIVE = 60  # seconds an idle connection is kept
MAX_HEADER = 16384
IN_LINE = 256  # costly requests that may wait; each holds a connection
HELD = 1024  # refused ones whose answer is held back; they hold connections too
MAX_CONNECTIONS = 2048
HOLD = 2  # seconds, as Retry-After tells: who does not wait for themselves is made to wait, and costs no more


class Threaded:
    """A WSGI application whose every request runs in a native thread."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return tpool.execute(self._work, environ, start_response)

    def _work(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        write: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            write.append(start_response(status, headers, exc_info))
            return write[-1]

        pieces = self._app(environ, start)
        if isinstance(pieces, list):
            return pieces
        try:
            for piece in pieces:  # a stream is sent from here, so that reading it never holds up the hub
                write[-1](piece)
        finally:
            if close := getattr(pieces, 'close', None):
                close()
        return []


class InLine:
    """An application whose costly requests use half of the threads at most, so that all others find one at once.

    The rest of them wait in line without a thread; when that is long, another is answered 503, after a while in which
    its client cannot come again.  Whose client went away in the meantime is not worked on.
    """

    def __init__(self, app: Threaded, is_costly: Callable[[dict[str, Any]], bool], at_once: int) -> None:
        self._app, self._is_costly = app, is_costly
        self._turn, self._inside, self._room = semaphore.Semaphore(at_once), 0, at_once + IN_LINE
        self._held = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._is_costly(environ):
            return self._app(environ, start_response)
        if self._inside >= self._room:
            self._hold()
        if self._inside >= self._room:
            return _crowded(start_response)
        self._inside += 1
        try:
            with self._turn:
                return _crowded(start_response) if _is_gone(environ) else self._app(environ, start_response)
        finally:
            self._inside -= 1

    def _hold(self) -> None:
        if self._held < HELD:
            self._held += 1
            eventlet.sleep(HOLD)
            self._held -= 1


def _is_gone(environ: dict[str, Any]) -> bool:
    """Whether the client has closed the connection, and so will not read an answer."""
    stream = environ.get('wsgi.input')
    connection = stream.get_socket() if hasattr(stream, 'get_socket') else None
    if connection is None:
        return False
    poll = select.poll()  # recv would wait, or be hidden by bytes that were not read yet
    poll.register(connection.fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))


def _crowded(start_response: Callable[..., Any]) -> Iterable[bytes]:
    why = errors.Unavailable('Too many logins are waiting at the moment; please try again.')
    media, body = faults.keystone(503, why.sentence, why, '')
    headers = [
        ('Content-Type', media),
        ('Content-Length', str(len(body))),
        ('Retry-After', str(HOLD)),
        ('Connection', 'close'),
    ]
    start_response('503 Service Unavailable', headers)
    return [body]


class _Quiet:
    """Takes eventlet's own access lines, which say less than ours."""

    def debug(self, *_: Any) -> None:
        """Nothing is written."""

    info = debug


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.  Raises OSError that says which port is taken."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    try:
        sock = eventlet.listen((host, port), family=family, backlog=BACKLOG, reuse_port=False)
    except OSError as why:
        taken = f' Process {owner} listens there.' if (owner := _owner(port)) else ''
        raise OSError(why.errno, f'Port {port} of {host} cannot be listened on: {why.strerror}.{taken}') from why
    # A connection inherits it.  Without it the second part of an answer that is sent in two waits until the client
    # acknowledges the first, which it puts off for 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


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
    """Every application of this process on its socket; `run` keeps the calling thread until `stop`."""

    def __init__(self, threads: int) -> None:
        tpool.set_num_threads(threads)
        self._threads = threads
        self._apps: list[tuple[Any, Callable[..., Any]]] = []
        self._stop = threading.Event()

    def add(
        self,
        host: str,
        port: int,
        app: Callable[..., Any],
        is_costly: Callable[[dict[str, Any]], bool] | None = None,
    ) -> int:
        """The application will be served there; returns the port, which the system chose if 0 was asked for.

        Requests that are costly must leave room for the others.
        """
        sock = listen(host, port)
        threaded = Threaded(app)
        served = InLine(threaded, is_costly, max(1, self._threads // 2)) if is_costly else threaded
        self._apps.append((sock, served))
        return sock.getsockname()[1]

    def run(
        self, ready: Callable[[], None], pulse: float | None = None, beat: Callable[[], None] = lambda: None
    ) -> None:
        """Requests are answered until `stop` is called from a signal handler or another thread.

        `ready` is called once, and `beat` every `pulse` seconds, by the hub that accepts requests.
        """
        threads = [eventlet.spawn(self._serve, sock, app) for sock, app in self._apps]
        eventlet.spawn_after(0, ready)
        if pulse:
            threads.append(eventlet.spawn(_every, pulse, beat))
        while not self._stop.is_set():
            eventlet.sleep(0.2)
        for sock, _ in self._apps:
            sock.close()
        for thread in threads:
            thread.kill()

    def _serve(self, sock: Any, app: Callable[..., Any]) -> None:
        eventlet.wsgi.server(
            sock,
            app,
            log=_Quiet(),
            log_output=False,
            keepalive=KEEP_ALIVE,
            socket_timeout=KEEP_ALIVE,
            url_length_limit=MAX_HEADER,
            debug=False,
            max_size=MAX_CONNECTIONS,
        )

    def stop(self) -> None:
        """`run` returns soon."""
        self._stop.set()
