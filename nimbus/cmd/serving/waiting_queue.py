"""Limits how many costly requests, those that hash a password, run at once; the others wait in a queue."""

from collections.abc import Callable
from typing import TypeVar

import eventlet
from eventlet import semaphore

T = TypeVar('T')
IN_LINE = 256  # costly requests that may wait; each holds a connection
HELD = 1024  # refused ones whose answer is held back; they hold connections too
HOLD = 2  # seconds, as in Retry-After: a client that would not wait is delayed so long, which costs nothing


class WaitingQueue:
    """So many costly requests are at work at once, and some more wait for their turn without a thread.

    When the queue is full, another is refused, after a delay in which its client cannot try again.  A request whose
    client has disconnected in the meantime is dropped.
    """

    def __init__(self, at_once: int) -> None:
        self._turn, self._inside, self._room = semaphore.Semaphore(at_once), 0, at_once + IN_LINE
        self._held = 0

    def run(self, work: Callable[[], T], is_gone: Callable[[], bool]) -> T | None:
        """The result of the work; None when it was refused, or its client has disconnected."""
        if self._inside >= self._room:
            self._hold()
        if self._inside >= self._room:
            return None
        self._inside += 1
        try:
            with self._turn:
                return None if is_gone() else work()
        finally:
            self._inside -= 1

    def _hold(self) -> None:
        if self._held < HELD:
            self._held += 1
            eventlet.sleep(HOLD)
            self._held -= 1
