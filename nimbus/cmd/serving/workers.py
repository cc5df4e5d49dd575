"""The pool of native threads that run requests, managed by eventlet's hub."""

import collections
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import greenlet
from eventlet import hubs

IDLE = 30  # seconds after which a thread that is not needed ends
LATER = 1  # threads at most for work that may wait, and only while nothing else does
MAX_LATER = 1024  # pieces of such work; each holds a connection
_LOCAL = threading.local()


class _Worker:
    """One thread, which runs the pieces of work that are put into its queue."""

    def __init__(self, report: Callable[..., None]) -> None:
        self.box: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.apart = False  # busy for long, so that another thread works in its place
        self.since = 0.0
        self._report = report
        threading.Thread(target=self._run, name='request', daemon=True).start()

    def _run(self) -> None:
        _LOCAL.worker = self
        while (given := self.box.get()) is not None:
            waiter, work = given
            try:
                result = waiter, True, work()
            except BaseException as why:  # it is raised where the work is waited for
                result = waiter, False, why
            self._report(self, *result)
            given = waiter = work = result = None  # an idle thread keeps nothing alive


class Workers:
    """At most so many threads at work at a time, made when they are needed, ended when they are not.

    All but `leave` and `ring` belong to the hub's thread; the last idle thread is the first to work again.
    """

    def __init__(self, most: int) -> None:
        self._most, self._made = most, 0
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._waiting: collections.deque[tuple[Any, Callable[[], Any]]] = collections.deque()
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
        for worker in self._all:
            worker.box.put(None)  # one that is at work ends after it

    def ring(self) -> None:
        """The hub wakes up soon; safe in any thread and any signal handler."""
        os.eventfd_write(self._wakeup, 1)

    def run(self, work: Callable[[], Any]) -> Any:
        """What the work returns or raises, done in a native thread while the hub goes on."""
        waiter = greenlet.getcurrent()
        if self._waiting or not self._start(waiter, work):
            self._waiting.append((waiter, work))
        done, found = hubs.get_hub().switch()
        if not done:
            raise found
        return found

    def run_later(self, work: Callable[[], Any], is_gone: Callable[[], bool]) -> Any:
        """As `run`, for work that may wait until nothing else does; None when too much waits or nobody does for it."""
        if self._waiting or self._later or self._at_later >= LATER:
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
        if not worker.apart:
            worker.apart = True
            self._report(worker, None, True, None)

    def shrink(self) -> None:
        """Threads that were idle for long end."""
        old = time.monotonic() - IDLE
        while self._idle and self._idle[0].since < old:
            self._dismiss(self._idle.pop(0))
            self._made -= 1

    def _start(self, waiter: Any, work: Callable[[], Any]) -> bool:
        if self._idle:
            worker = self._idle.pop()
        elif self._made < self._most:
            self._made += 1
            worker = _Worker(self._report)
            self._all.add(worker)
        else:
            return False
        worker.box.put((waiter, work))
        return True

    def _report(self, *result: Any) -> None:
        self._results.append(result)
        if not self._awake:
            self._awake = True
            os.eventfd_write(self._wakeup, 1)

    def _take(self, _fileno: Any) -> None:
        """The threads' results go to the greenlets that wait for them; called by the hub."""
        os.eventfd_read(self._wakeup)
        self._awake = False
        while self._results:
            worker, waiter, done, found = self._results.popleft()
            if waiter is None:
                self._made -= 1
                self._next()
                continue
            self._rest(worker)
            waiter.switch(done, found)
        self._call_later()
        self._on_wakeup()

    def _call_later(self) -> None:
        """The next piece of work that may wait begins, when no other waits."""
        if self._later and not self._waiting and self._at_later < LATER:
            self._at_later += 1
            hubs.get_hub().schedule_call_global(0, self._later.popleft().switch)

    def _rest(self, worker: _Worker) -> None:
        """The worker takes the next work, or idles; one that was apart ends when there are enough without it."""
        if worker.apart:
            worker.apart = False
            if self._made >= self._most:
                self._dismiss(worker)
                return
            self._made += 1
        if self._waiting:
            worker.box.put(self._waiting.popleft())
            return
        worker.since = time.monotonic()
        self._idle.append(worker)

    def _dismiss(self, worker: _Worker) -> None:
        self._all.discard(worker)
        worker.box.put(None)

    def _next(self) -> None:
        if self._waiting and self._start(*self._waiting[0]):
            self._waiting.popleft()
