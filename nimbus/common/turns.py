"""Turns at computing: a few threads of a process compute at a time, and one that waits lets another in.

Python runs one thread at once, and hands over by force a few milliseconds after another has asked.  Dozens of threads
that compute side by side so spend more on handing over than on their work.

A thread that has a turn gives it up around each wait (`waiting`): for a database server, a call to another daemon, a
client.  Where it waits without saying so, its turn lapses after a moment, and it goes on without one.
"""

import collections
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from nimbus.common.workers import THREADS

AT_ONCE = 2
LONGEST = 0.03  # seconds of a turn: what computes longer, or waits unseen, keeps nobody else from beginning
_MINE = threading.local()


class Turn:
    """Leave for one thread to compute."""

    __slots__ = ('since',)

    def __init__(self) -> None:
        self.since = time.monotonic()


class Turns:
    """At most so many turns at a time, given in the order of asking."""

    def __init__(self, at_once: int = AT_ONCE, longest: float = LONGEST) -> None:
        self._guard = threading.Lock()
        self._free, self._longest = at_once, longest
        self._held: dict[Turn, None] = {}  # the oldest first
        self._asked: collections.deque[Callable[[Turn], None]] = collections.deque()
        self._is_watched = False

    def ask(self, begin: Callable[[Turn], None], first: bool = False) -> None:
        """`begin` gets a turn: now, or from the thread that ends its own; `first` passes those who have not begun."""
        with self._guard:
            if not self._free:
                (self._asked.appendleft if first else self._asked.append)(begin)
                is_watched, self._is_watched = self._is_watched, True
                turn = None
            else:
                self._free -= 1
                turn = self._made()
        if turn is not None:
            begin(turn)
        elif not is_watched:
            THREADS.run(self._watch)

    def give_back(self, turn: Turn) -> None:
        """The turn has ended, if it had not lapsed, and the next in the queue has one."""
        with self._guard:
            if turn not in self._held:
                return
            del self._held[turn]
            begin = self._next()
        if begin:
            begin()

    def are_awaited(self) -> bool:
        """Whether anybody waits for a turn."""
        return bool(self._asked)

    def _made(self) -> Turn:
        turn = Turn()
        self._held[turn] = None
        return turn

    def _next(self) -> Callable[[], None] | None:
        """What begins the turn of the first in the queue; the caller holds the lock."""
        if not self._asked:
            self._free += 1
            return None
        return functools.partial(self._asked.popleft(), self._made())

    def _watch(self) -> None:
        """Turns lapse in time, for as long as there is a queue."""
        while True:
            time.sleep(self._longest / 2)
            with self._guard:
                if not self._asked:
                    self._is_watched = False
                    return
                old = time.monotonic() - self._longest
                lapsed = [turn for turn in self._held if turn.since <= old]
                for turn in lapsed:
                    del self._held[turn]
                begins = [self._next() for _ in lapsed]
            for begin in begins:
                if begin:
                    begin()


class Worker:
    """The turns of one thread."""

    __slots__ = ('turn', 'turns')

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.turn: Turn | None = None

    def give_back(self) -> None:
        """The thread has no turn."""
        turn, self.turn = self.turn, None
        if turn is not None:
            self.turns.give_back(turn)

    def take(self) -> None:
        """The thread has a turn again, before others that have not begun."""
        came = threading.Lock()
        came.acquire()

        def begin(turn: Turn) -> None:
            self.turn = turn
            came.release()

        self.turns.ask(begin, first=True)
        came.acquire()


def enrol(turns: Turns) -> Worker:
    """The calling thread takes part in the turns from now on; it has none yet."""
    _MINE.worker = worker = Worker(turns)
    return worker


def give_back() -> None:
    """The calling thread computes little from now on: its turn, if it has one, has ended."""
    worker: Worker | None = getattr(_MINE, 'worker', None)
    if worker is not None:
        worker.give_back()


class _Waiting:
    """See `waiting`."""

    __slots__ = ('_worker',)

    def __enter__(self) -> None:
        worker: Worker | None = getattr(_MINE, 'worker', None)
        self._worker = worker if worker is not None and worker.turn is not None else None
        if self._worker is not None:
            self._worker.give_back()

    def __exit__(self, *_: Any) -> None:
        if self._worker is not None:
            self._worker.take()


def waiting() -> _Waiting:
    """A block in which the calling thread waits for something else than the processor; where it had a turn, it has
    one again afterwards."""
    return _Waiting()


def apart(work: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called within `waiting`."""

    @functools.wraps(work)
    def waited(*args: Any, **kwargs: Any) -> Any:
        with _Waiting():
            return work(*args, **kwargs)

    return waited
