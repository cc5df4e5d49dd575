"""A client's websocket as the relay wants it: read and written without waiting, in bounded memory."""

import socket
from typing import Any

from websockify.websocket import WebSocketWantReadError, WebSocketWantWriteError
from websockify.websocketserver import HttpWebSocket

LONGEST = 1 << 20  # bytes of one message and its pieces


class Metered:
    """A socket that counts what has left, and refuses to read more than one message may be long."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw, self.sent, self.unread = raw, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def recv(self, size: int) -> bytes:
        found = self.raw.recv(size)
        self.unread += len(found)
        if self.unread > LONGEST:
            raise ConnectionError(f'A message of more than {LONGEST} bytes came.')
        return found

    def send(self, data: bytes) -> int:
        count = self.raw.send(data)
        self.sent += count
        return count


class Socket(HttpWebSocket):
    """The server's end of a websocket, one message at a time on its way to the client."""

    def __init__(self, request_handler: Any) -> None:
        super().__init__(request_handler)
        self._message: bytes | None = None
        self._asked: bytes | None = None  # a ping that is still to be answered
        self._answer: bytes | None = None  # a pong that is on its way

    def accept(self, request: socket.socket, headers: Any) -> None:
        """The client knows that it speaks to a websocket."""
        self.meter = Metered(request)
        super().accept(self.meter, headers)

    @property
    def sent(self) -> int:
        """Bytes that have left so far."""
        return self.meter.sent

    def select_subprotocol(self, protocols: list[str]) -> str:
        """`binary` for clients that ask for it, as older ones of noVNC do."""
        return 'binary' if 'binary' in protocols else ''

    def handle_ping(self, data: bytes) -> None:
        """The newest ping is answered once nothing else is on its way."""
        self.meter.unread = 0
        self._asked = data

    def take(self) -> tuple[bytes, bool]:
        """What the client has said, and whether it may say more."""
        found = b''
        try:
            while (message := self.recvmsg()) is not None:
                found += message
                self.meter.unread = 0
                if not self.pending():
                    return found, True
        except WebSocketWantReadError:
            return found, True
        except WebSocketWantWriteError:
            return found, False  # it closes, and takes no answer
        return found, False

    def put(self, data: bytes) -> None:
        """The message is on its way; nothing else may be."""
        self._message = data

    def flush(self) -> bool:
        """Whether nothing is on its way any more."""
        try:
            if self._answer is not None:
                self.pong(self._answer)
                self._answer = None
            if self._message is not None:
                self.sendmsg(self._message)
                self._message = None
            if self._asked is not None:
                self._answer, self._asked = self._asked, None
                self.pong(self._answer)
                self._answer = None
        except WebSocketWantWriteError:
            return False
        return True
