"""An application behind real sockets, and clients that speak HTTP by the byte."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from nimbus.cmd import serving


@contextlib.contextmanager
def served(app: Callable[..., Any], **settings: Any) -> Iterator['Served']:
    """The application is served within."""
    server = serving.Server(serving.Settings(**{'threads': 2, **settings}))
    port, ready = server.add('127.0.0.1', 0, app), threading.Event()
    thread = threading.Thread(target=server.run, args=(ready.set,))
    thread.start()
    try:
        assert ready.wait(10)
        yield Served(server, port, thread)
    finally:
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


class Served:
    """The server, and a way to it."""

    def __init__(self, server: serving.Server, port: int, thread: threading.Thread) -> None:
        self.server, self.port, self.thread = server, port, thread

    def connect(self, data: bytes = b'', small: bool = False) -> 'Peer':
        """A connection that has sent the data; `small` reads little ahead of its own reading."""
        sock = socket.socket()
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(20)
        sock.connect(('127.0.0.1', self.port))
        sock.sendall(data)
        return Peer(sock)

    def ask(self, data: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer on a connection of its own."""
        with self.connect(data) as peer:
            return peer.answer()


class Peer:
    """A client that decides about every byte."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.there = sock, b''

    def __enter__(self) -> 'Peer':
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def answer(self) -> tuple[int, bytes]:
        """The next answer's status and body, which has a Content-Length; what follows is left there."""
        head = self.until(b'\r\n\r\n')
        length = re.search(rb'(?i)\r\ncontent-length: (\d+)', head)
        return int(head[9:12]), self.take(int(length[1]) if length else 0)

    def until(self, mark: bytes) -> bytes:
        """Everything up to the mark, which is taken too."""
        while mark not in self.there:
            self._more()
        found, _, self.there = self.there.partition(mark)
        return found + mark

    def take(self, size: int) -> bytes:
        """So many bytes."""
        while len(self.there) < size:
            self._more()
        found, self.there = self.there[:size], self.there[size:]
        return found

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError(self.there)
        self.there += data

    def is_ended(self) -> bool:
        """Waits until the server has closed the connection; whether nothing came before it did."""
        try:
            return not self.sock.recv(1) and not self.there
        except ConnectionResetError:
            return True
