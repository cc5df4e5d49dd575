"""Read the bytes of a file and its holes, and write them."""

import errno
import os
import pathlib
import time
from collections.abc import Iterator

from nimbus.common import errors

# How long ago a file must have been written for its time to say so: clocks of file systems tick every few milliseconds.
SETTLED = 2_000_000_000  # nanoseconds
BLOCK = 1 << 16
ZEROS = memoryview(bytes(BLOCK))


class OpenFile:
    """An open file as a disk that is read or written; its size is the file's."""

    def __init__(self, handle: int, mark: str | None = None) -> None:
        self._handle, self.mark = handle, mark
        self.size = os.fstat(handle).st_size

    def extents(self) -> Iterator[tuple[int, int]]:
        """(start, end) of what was ever written."""
        at = 0
        while at < self.size:
            try:
                start = os.lseek(self._handle, at, os.SEEK_DATA)
            except OSError as why:
                if why.errno == errno.ENXIO:  # nothing but a hole is left
                    return
                raise
            at = os.lseek(self._handle, start, os.SEEK_HOLE)
            yield start, at

    def pread(self, length: int, at: int) -> bytes:
        """So many bytes from there on.  Raises Unavailable."""
        found = b''
        while len(found) < length:
            try:
                piece = os.pread(self._handle, length - len(found), at + len(found))
            except OSError as why:
                inside = f'The volume store is failing: {why.strerror}.'
                raise errors.Unavailable('The volume store is failing.', inside=inside) from why
            if not piece:
                raise errors.Unavailable(
                    'The volume store is failing.', inside='A disk became shorter while it was read.'
                )
            found = found + piece if found else piece
        return found

    def pwrite(self, data: bytes, at: int) -> None:
        """The bytes stand from there on, in a file that was all zeros there; what is zeros stays a hole."""
        whole = memoryview(data)
        for start in range(0, len(data), BLOCK):
            rest = whole[start : start + BLOCK]
            if rest == ZEROS[: len(rest)]:
                continue
            here = at + start
            while rest:
                done = os.pwrite(self._handle, rest, here)
                rest, here = rest[done:], here + done


def mark(path: pathlib.Path) -> str | None:
    """A text that the file has again only while nothing of it is written; None when that was just now."""
    told = path.stat()
    if time.time_ns() - max(told.st_mtime_ns, told.st_ctime_ns) < SETTLED:
        return None
    return f'{path.name}:{told.st_dev}:{told.st_ino}:{told.st_size}:{told.st_mtime_ns}:{told.st_ctime_ns}'
