"""The pool of native threads that run requests, managed by eventlet's hub."""

import collections
import functools
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import greenlet
from eventlet import hubs

from nimbus.common import turns
from nimbus.common.turns import Turn, Turns

IDLE = 30  # seconds after which a thread that is not needed ends
LATER = 1  # threads at most for work that may wait, and only while nothing else does
MAX_LATER = 1024  # pieces of such work; each holds a connection
_LOCAL = threading.local()
Work = Callable[[], Any]


class _Worker:
    """One thread, which runs the pieces of work that are put into its queue."""

    def __init__(self, workers: 'Workers') -> None:
        self.box: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.apart = False  # busy for long, so that another thread works in its place
        self.since = 0.0
        self._workers = workers
        threading.Thread(target=self._run, name='request', daemon=True).start()

    def _run(self) -> None:
        _LOCAL.worker = self
        mine = turns.enrol(self._workers.turns)
        while (given := self.box.get()) is not None:
            waiter, work, mine.turn = given
            try:
                result = waiter, True, work()
            except BaseException as why:  # it is raised where the work is waited for
                result = waiter, False, why
            # Idle before its turn has ended, so that the next work is its own: no other thread must wake up.
            self._workers.rest(self, result)
            mine.give_back()
            given = waiter = work = result = None  # an idle thread keeps nothing alive


class Workers:
    """At most so many threads at work at a time, made when they are needed, ended when they are not.

    Few of them compute at once: a piece of work begins when it has a turn.  `leave`, `ring` and `rest` are for any
    thread, the others for the hub's; the last idle thread is the first to work again.
    """

    def __init__(self, most: int, at_once: Turns | None = None) -> None:
        self.turns = at_once or Turns()
        self._guard = threading.Lock()  # of the threads, and of the work that has none
        self._most, self._made = most, 0
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._waiting: collections.deque[tuple[Any, Work]] = collections.deque()
        self._later: collections.deque[Any] = collections.deque()
        self._at_later = 0
        self._results: collections.deque[Any] = collections.deque()
        self._wakeup, self._awake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC), False
        self._on_wakeup: Callable[[], None] = lambda: None

    def attach(self, on_wakeup: Callable[[], None]) -> None:
        """This thread's hub takes the threads' results from now on, and calls `on_wakeup` after each `ring`."""
        self._on_wakeup = on_wakeup
        hub = hubs.get_hub()
        self._listener = hub.add(hub.READ, self._wakeup, self._take, lambda *_: None, lambda: None)

    def detach(self) -> None:
        """The hub takes no more results, and idle threads end."""
        hubs.get_hub().remove(self._listener)
        with self._guard:
            for worker in self._all:
                worker.box.put(None)  # one that is at work ends after it

    def ring(self) -> None:
        """The hub wakes up soon; safe in any thread and any signal handler."""
        os.eventfd_write(self._wakeup, 1)

    def run(self, work: Work, computes: bool = True) -> Any:
        """What the work returns or raises, done in a native thread while the hub goes on.

        Work that `computes` begins when it has a turn, other work at once.
        """
        waiter = greenlet.getcurrent()
        if computes:
            self.turns.ask(functools.partial(self._begin, waiter, work))
        else:
            self._begin(waiter, work, None)
        done, found = hubs.get_hub().switch()
        if not done:
            raise found
        return found

    def run_later(self, work: Work, is_gone: Callable[[], bool]) -> Any:
        """As `run`, for work that may wait until nothing else does; None when too much waits or nobody does for it."""
        if self._is_behind() or self._later or self._at_later >= LATER:
            if len(self._later) >= MAX_LATER:
                return None
            self._later.append(greenlet.getcurrent())
            hubs.get_hub().switch()
        else:
            self._at_later += 1
        try:
            return None if is_gone() else self.run(work)
        finally:
            self._at_later -= 1
            self._call_later()

    def leave(self) -> None:
        """The calling worker is busy for long from now on; another may work in its place."""
        worker = _LOCAL.worker
        turns.give_back()
        if worker.apart:
            return
        with self._guard:
            worker.apart = True
            self._made -= 1
            found = self._next()
        if found:
            self._ask_again(*found)

    def shrink(self) -> None:
        """Threads that were idle for long end."""
        old = time.monotonic() - IDLE
        with self._guard:
            while self._idle and self._idle[0].since < old:
                self._dismiss(self._idle.pop(0))
                self._made -= 1

    def rest(self, worker: _Worker, result: Any) -> None:
        """The worker idles, or ends where it was apart and there are enough; what it found is reported."""
        with self._guard:
            if worker.apart and self._made >= self._most:
                self._dismiss(worker)
                found = None
            else:
                self._made += worker.apart
                worker.apart, worker.since = False, time.monotonic()
                self._idle.append(worker)
                found = self._next()
        self._report(result)
        if found:
            self._ask_again(*found)

    def _begin(self, waiter: Any, work: Work, turn: Turn | None) -> None:
        """The work is with a thread; it waits for one when all are at work, and its turn goes to another."""
        with self._guard:
            worker = self._free_worker()
            if worker is None:
                self._waiting.append((waiter, work))
        if worker is not None:
            worker.box.put((waiter, work, turn))
        elif turn is not None:
            self.turns.give_back(turn)

    def _free_worker(self) -> _Worker | None:
        """An idle thread or a new one, None when there are too many; the caller holds the lock."""
        if self._idle:
            return self._idle.pop()
        if self._made >= self._most:
            return None
        self._made += 1
        worker = _Worker(self)
        self._all.add(worker)
        return worker

    def _next(self) -> tuple[Any, Work] | None:
        """The first work that waits for a thread; the caller holds the lock, and there is a thread for it."""
        return self._waiting.popleft() if self._waiting else None

    def _ask_again(self, waiter: Any, work: Work) -> None:
        self.turns.ask(functools.partial(self._begin, waiter, work), first=True)

    def _is_behind(self) -> bool:
        """Whether work waits for a turn or a thread."""
        return bool(self._waiting) or self.turns.are_awaited()

    def _report(self, result: Any) -> None:
        self._results.append(result)
        if not self._awake:
            self._awake = True
            os.eventfd_write(self._wakeup, 1)

    def _take(self, _fileno: Any) -> None:
        """The threads' results go to the greenlets that wait for them; called by the hub."""
        os.eventfd_read(self._wakeup)
        self._awake = False
        while self._results:
            waiter, done, found = self._results.popleft()
            waiter.switch(done, found)
        self._call_later()
        self._on_wakeup()

    def _call_later(self) -> None:
        """The next piece of work that may wait begins, when no other waits."""
        if self._later and not self._is_behind() and self._at_later < LATER:
            self._at_later += 1
            hubs.get_hub().schedule_call_global(0, self._later.popleft().switch)

    def _dismiss(self, worker: _Worker) -> None:
        self._all.discard(worker)
        worker.box.put(None)
