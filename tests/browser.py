"""A client of websockets that is none of ours: it asks for an upgrade, masks what it says and reads whole frames."""

import contextlib
import os
import socket
import struct
from typing import Self

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


class Browser(contextlib.AbstractContextManager):
    """One connection to a server of websockets on this machine."""

    def __init__(self, port: int, path: str, *headers: str, small: bool = False) -> None:
        """`small` takes little before the server must wait."""
        self.sock = socket.socket()
        self.sock.settimeout(10)
        if small:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(('127.0.0.1', port))
        lines = [f'GET {path} HTTP/1.1', f'Host: 127.0.0.1:{port}', 'Upgrade: websocket', 'Connection: Upgrade']
        lines += ['Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==', 'Sec-WebSocket-Version: 13', *headers]
        self.sock.sendall('\r\n'.join([*lines, '', '']).encode())
        self._ahead, self._said = b'', b''
        while b'\r\n\r\n' not in self._ahead and (piece := self.sock.recv(4096)):
            self._ahead += piece
        head, _, self._ahead = self._ahead.partition(b'\r\n\r\n')
        self.head = head.decode()
        self.status = int(self.head.split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def say(self, data: bytes, opcode: int = BINARY) -> None:
        """One frame is sent."""
        mask, length = os.urandom(4), len(data)
        size = struct.pack('>B', 128 | length) if length < 126 else struct.pack('>BQ', 255, length)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        self.sock.sendall(bytes([128 | opcode]) + size + mask + masked)

    def frame(self) -> tuple[int, bytes]:
        """The next frame, whole; (0, b'') when the other side is gone."""
        try:
            first, length = self._read(2)
            length &= 127
            if length > 125:
                length = int.from_bytes(self._read({126: 2, 127: 8}[length]), 'big')
            return first & 15, self._read(length)
        except ConnectionError:
            return 0, b''

    def hear(self, count: int) -> bytes:
        """So many bytes that were said, in however many frames.  Raises EOFError when there are fewer."""
        while len(self._said) < count:
            opcode, data = self.frame()
            if opcode != BINARY:
                raise EOFError(f'After {self._said!r} came a frame {opcode}.')
            self._said += data
        found, self._said = self._said[:count], self._said[count:]
        return found

    def ended(self) -> bool:
        """Whether the other side ends the connection, whatever it says before."""
        while True:
            opcode, _ = self.frame()
            if opcode in (0, CLOSE):
                return True

    def _read(self, count: int) -> bytes:
        while len(self._ahead) < count:
            if not (piece := self.sock.recv(65536)):
                raise ConnectionError
            self._ahead += piece
        found, self._ahead = self._ahead[:count], self._ahead[count:]
        return found
