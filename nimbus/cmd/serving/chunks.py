"""Decodes request bodies in the chunked transfer coding as their bytes arrive."""

import re

from nimbus.cmd.serving.request_heads import Refused

SIZE = re.compile(rb'([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\Z')
MAX_LINE = 1024  # bytes of a chunk's size and its extensions
MAX_TRAILER = 8192  # bytes of trailer fields after the last chunk, which are ignored


class Chunks:
    """An incremental decoder; `done` once the last chunk and the trailer have been read."""

    def __init__(self) -> None:
        self.done = False
        self._raw = bytearray()  # bytes that are not decoded yet
        self.left = 0  # bytes to come of this chunk
        self._trailing = 0  # bytes of trailer that were read
        self._state = self._size

    def feed(self, data: bytes | bytearray) -> bytes:
        """The decoded bytes of `data`.  Raises Refused on an invalid chunk."""
        self._raw += data
        found: list[bytes] = []
        while not self.done and self._state(found):
            pass
        return b''.join(found)

    def rest(self) -> bytes:
        """The bytes received after the body."""
        rest, self._raw = bytes(self._raw), bytearray()
        return rest

    def _line(self, most: int) -> bytes | None:
        end = self._raw.find(b'\n')
        if end > most or (end < 0 and len(self._raw) > most):
            raise Refused(400, 'A line between the chunks of the body is too long.')
        if end < 0:
            return None
        line = bytes(self._raw[:end])
        del self._raw[: end + 1]
        if not line.endswith(b'\r'):
            raise Refused(400, 'A line between the chunks of the body does not end as HTTP wants.')
        return line[:-1]

    def _size(self, _found: list[bytes]) -> bool:
        line = self._line(MAX_LINE)
        if line is None:
            return False
        match = SIZE.match(line)
        if not match:
            raise Refused(400, 'The size of a chunk of the body is not a hexadecimal number.')
        self.left = int(match[1], 16)
        self._state = self._data if self.left else self._trailer
        return True

    def _data(self, found: list[bytes]) -> bool:
        if not self._raw:
            return False
        piece = bytes(self._raw[: self.left])
        del self._raw[: self.left]
        found.append(piece)
        self.left -= len(piece)
        if not self.left:
            self._state = self._end
        return True

    def _end(self, _found: list[bytes]) -> bool:
        if len(self._raw) < 2:
            return False
        if self._raw[:2] != b'\r\n':
            raise Refused(400, 'A chunk of the body is longer than it says.')
        del self._raw[:2]
        self._state = self._size
        return True

    def _trailer(self, _found: list[bytes]) -> bool:
        line = self._line(MAX_TRAILER)
        if line is None:
            return False
        self._trailing += len(line)
        if self._trailing > MAX_TRAILER:
            raise Refused(431, 'The headers behind the body are too long.')
        self.done = not line
        return True
