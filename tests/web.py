"""A web server on loopback that answers each path by a function, and keeps what it was asked."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

Answer = Callable[[Any], None]  # what is called with the request's handler


class Web(http.server.ThreadingHTTPServer):
    """The server; `asked` has the path and headers of each request."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers, self.asked = answers, []
        super().__init__(('127.0.0.1', 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is no failure of a test."""

    def url(self, path: str, host: str = '127.0.0.1') -> str:
        """The path's URL, by a name or address of this host."""
        return f'http://{host}:{self.server_port}{path}'


class Handler(http.server.BaseHTTPRequestHandler):
    """Looks the path up."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        answer = self.server.answers.get(self.path)
        answer(self) if answer else self.send_error(404)

    def log_message(self, *_: object) -> None:
        """A test reads `asked`."""


def data(content: bytes, *, size: int | None = None, **headers: str) -> Answer:
    """The content, announced with its size or another."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header('Content-Length', str(len(content) if size is None else size))
        for name, value in headers.items():
            handler.send_header(name.replace('_', '-'), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def unmeasured(content: bytes) -> Answer:
    """The content without a size: its end is the connection's."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def leads_to(location: str, status: int = 302) -> Answer:
    """A redirect."""

    def answer(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header('Location', location)
        handler.end_headers()

    return answer


@contextlib.contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[Web]:
    """A server that answers until the block ends."""
    server = Web(answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
