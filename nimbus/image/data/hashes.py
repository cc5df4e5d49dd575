"""The hashes of an upload, computed side by side: each lets other threads run while it works on a piece."""

import hashlib
import queue
import threading
from types import TracebackType
from typing import Any, Self

from nimbus.common import workers

ALGORITHM = 'sha512'
ALONE = 4 << 20  # bytes that are hashed where they come in: to hand over less would cost more than it saves
AHEAD = 4  # pieces that may wait for a hash, so that memory is bounded


class Hashes:
    """The md5 and the ALGORITHM of what was eaten; closed at the end of a `with` block."""

    def __init__(self) -> None:
        self._md5: Any = hashlib.md5(usedforsecurity=False)
        self._sha: Any = hashlib.new(ALGORITHM)
        self._lanes: list[_Lane] = []
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def eat(self, piece: bytes) -> None:
        """One more piece has gone by."""
        self.size += len(piece)
        if not self._lanes and self.size > ALONE:
            self._lanes = [_Lane(self._md5), _Lane(self._sha)]
        if self._lanes:
            for lane in self._lanes:
                lane.pieces.put(piece)
        else:
            self._md5.update(piece)
            self._sha.update(piece)

    def facts(self) -> dict[str, Any]:
        """The size and hashes of all that was eaten, as an image's row keeps them."""
        self._end()
        return {
            'size': self.size,
            'checksum': self._md5.hexdigest(),
            'os_hash_algo': ALGORITHM,
            'os_hash_value': self._sha.hexdigest(),
        }

    def _end(self) -> None:
        for lane in self._lanes:
            lane.end()


class _Lane:
    """A thread that feeds one hash."""

    def __init__(self, target: Any) -> None:
        self.pieces: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self._target, self._over = target, threading.Event()
        workers.THREADS.run(self._work)

    def _work(self) -> None:
        while (piece := self.pieces.get()) is not None:
            self._target.update(piece)
            del piece  # not kept while the next is waited for
        self._over.set()

    def end(self) -> None:
        """All that was put is hashed, and the thread is free; may be called twice."""
        if not self._over.is_set():
            self.pieces.put(None)
            self._over.wait()
