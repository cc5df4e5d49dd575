"""Large request bodies: read by the request's own thread as they arrive, with a minimum rate."""

import collections
import select
import socket
import threading
import time

from nimbus.cmd.serving.chunks import Chunks
from nimbus.cmd.serving.request_heads import Refused
from nimbus.cmd.serving.workers import Workers
from nimbus.common import errors

MAX_UPLOADS = 128  # at once; each has a thread of its own and up to a piece in memory
PIECE = 1 << 16  # bytes taken from a socket at once
CONTINUE = b'HTTP/1.1 100 Continue\r\n\r\n'
SLOW = 65_536  # bytes a second, below which an upload makes room for a new one
YOUNG = 5.0  # seconds in which an upload is not judged


class Uploads:
    """The uploads of this process; when there are too many, the slowest is ended for a new one."""

    def __init__(self, workers: Workers, slowest: int, window: float) -> None:
        self.workers, self.window, self.least = workers, window, slowest * window
        self._guard = threading.Lock()
        self._at_work: set[Upload] = set()

    def enter(self, upload: 'Upload') -> None:
        """The upload has a thread of its own.  Raises Unavailable."""
        with self._guard:
            if len(self._at_work) >= MAX_UPLOADS:
                slowest = min(self._at_work, key=lambda one: one.rate())
                if slowest.rate() > SLOW:
                    raise errors.Unavailable('Too many uploads are under way at the moment; please try again.')
                slowest.cut()
                self._at_work.discard(slowest)
            self._at_work.add(upload)
        self.workers.leave()

    def leave(self, upload: 'Upload') -> None:
        """It has ended."""
        with self._guard:
            self._at_work.discard(upload)


class Upload:
    """The body as `wsgi.input`: `read` waits in the thread that calls it."""

    def __init__(self, uploads: Uploads, sock: socket.socket, there: bytes, length: int | None, expects: bool) -> None:
        """`there` is what came of the body with the head; `length` is None for one in chunks."""
        self._uploads, self._sock, self._expects = uploads, sock, expects
        self._chunks = Chunks() if length is None else None
        self._left = length or 0
        self._ready: collections.deque[bytes] = collections.deque()
        self._entered = self._was_cut = False
        self._began = self._opened = time.monotonic()
        self._moved = self._in_window = 0
        self.behind = b''  # bytes that came behind the body
        self._take(there)

    def is_whole(self) -> bool:
        """Whether all of the body came, and so what follows is another request."""
        return self._chunks.done if self._chunks else not self._left

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the body's end.  Raises Invalid when the body is incomplete or too slow."""
        wanted = size if size is not None and size >= 0 else 1 << 62
        found: list[bytes] = []
        while wanted > 0 and (self._ready or not self.is_whole()):
            if not self._ready:
                self._wait()
                continue
            piece = self._ready.popleft()
            if len(piece) > wanted:
                self._ready.appendleft(piece[wanted:])
                piece = piece[:wanted]
            found.append(piece)
            wanted -= len(piece)
        return b''.join(found) if len(found) != 1 else found[0]

    def rate(self) -> float:
        """Bytes a second since it began; infinite in its first seconds."""
        age = time.monotonic() - self._began
        return self._moved / age if age > YOUNG else float('inf')

    def cut(self) -> None:
        """The upload is ended: its reader gets an error that it is too slow."""
        self._was_cut = True
        _shut(self._sock)

    def close(self) -> None:
        """Nothing more is read."""
        if self._entered:
            self._uploads.leave(self)

    def _wait(self) -> None:
        """More of the body is ready."""
        if not self._entered:
            self._entered = True
            self._uploads.enter(self)
            self._opened = time.monotonic()
        if self._expects:
            self._expects = False
            self._sock.send(CONTINUE)
        try:
            data = self._receive()
        except OSError:
            data = b''
        if self._was_cut:
            raise self._late()
        if not data:
            raise errors.Invalid('The request ended before all of its body was there.')
        self._moved += len(data)
        self._in_window += len(data)
        self._take(data)

    def _receive(self) -> bytes:
        poll = None
        most = PIECE if self._chunks else min(PIECE, self._left)
        while True:
            try:
                return self._sock.recv(most)
            except BlockingIOError:
                if poll is None:
                    poll = select.poll()
                    poll.register(self._sock.fileno(), select.POLLIN)
                poll.poll(max(0.0, self._remaining()) * 1000)

    def _remaining(self) -> float:
        """Seconds in which the next bytes must come.  Raises Invalid."""
        left = self._opened + self._uploads.window - time.monotonic()
        if left > 0:
            return left
        if self._in_window < self._uploads.least:
            raise self._late()
        self._opened, self._in_window = time.monotonic(), 0
        return self._uploads.window

    @staticmethod
    def _late() -> errors.Invalid:
        return errors.Invalid('The body of the request came too slowly.', status=408)

    def _take(self, data: bytes) -> None:
        if self._chunks:
            try:
                data = self._chunks.feed(data)
            except Refused as why:
                raise errors.Invalid(why.sentence) from why
            if self._chunks.done:
                self.behind = self._chunks.rest()
        else:
            self.behind = data[self._left :]
            data = data[: self._left]
            self._left -= len(data)
        if data:
            self._ready.append(data)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RD)
    except OSError:  # it is closed already
        pass
