"""Sends the pieces of a streamed response from native threads, as fast as the client reads."""

import select
import socket
from collections.abc import Iterator

from nimbus.cmd.serving import answers

MOMENT = 2  # milliseconds in which a client with a fast line takes what was sent
TURN = 64  # pieces of a stream that are sent before others have their turn at the thread


class Pump:
    """Sends a stream's pieces from a native thread, until the socket would block."""

    def __init__(self, sock: socket.socket, answer: answers.Answer) -> None:
        self._sock, self._answer = sock, answer
        self._pieces: Iterator[bytes] = answer.pieces or iter(())
        self.done, self.size = False, 0
        self.rest = b''

    def turn(self) -> None:
        """Some pieces have been sent; `rest` is what could not be, and `done` is whether the stream has ended."""
        self.rest = b''
        for _ in range(TURN):
            piece = next(self._pieces, None)
            if piece is None:
                self.done = True
                piece = b'0\r\n\r\n' if self._answer.in_chunks else b''
            elif self._answer.in_chunks:
                piece = b'%x\r\n%b\r\n' % (len(piece), piece) if piece else b''
            self.size += len(piece)
            self.rest = self._send(piece) if piece else b''
            if self.rest or self.done:
                return

    def _send(self, piece: bytes) -> bytes:
        """The piece is sent, as far as the client takes it at once or in a moment; what is left of it."""
        for timeout in (MOMENT, 0):
            try:
                sent = self._sock.send(piece)
            except BlockingIOError:
                sent = 0
            if sent == len(piece):
                return b''
            piece = piece[sent:]
            if not timeout or not self._writable(timeout):
                break
        return piece

    def _writable(self, milliseconds: int) -> bool:
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLOUT)
        return bool(poll.poll(milliseconds))
