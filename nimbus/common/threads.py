"""Threads for messages: made when there is work for them, ended when there has been none for a while."""

import collections
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

LOG = logging.getLogger(__name__)
IDLE = 20.0  # seconds without work after which a thread ends


class Pool:
    """Runs what is submitted in at most `max_workers` threads; the last idle thread is the first to work again.

    It has as much of an executor's interface as oslo.messaging's servers use, whose own keeps every thread it ever
    made, awake once a second.
    """

    def __init__(self, max_workers: int) -> None:
        self._most, self._closed = max_workers, False
        self._lock = threading.Lock()
        self._waiting: collections.deque[Callable[[], Any]] = collections.deque()
        self._idle: list[queue.SimpleQueue[Callable[[], Any] | None]] = []
        self._threads: set[threading.Thread] = set()

    def submit(self, work: Callable[..., Any], *args: Any) -> None:
        """The work will be done with the arguments.  Raises RuntimeError after `shutdown`."""
        with self._lock:
            if self._closed:
                raise RuntimeError('no work is taken any more')
            if self._idle:
                self._idle.pop().put(lambda: work(*args))
                return
            self._waiting.append(lambda: work(*args))
            if len(self._threads) < self._most:
                thread = threading.Thread(target=self._run, name='message', daemon=True)
                self._threads.add(thread)
                thread.start()

    def shutdown(self, wait: bool = True) -> None:
        """No more work is taken; with `wait`, what was taken is done."""
        with self._lock:
            self._closed = True
            for box in self._idle:
                box.put(None)
            self._idle.clear()
            threads = list(self._threads)
        for thread in threads if wait else ():
            thread.join()

    def _run(self) -> None:
        box: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        while work := self._next(box):
            try:
                work()
            except Exception:
                LOG.exception('A message could not be worked on')
            work = None  # an idle thread keeps nothing alive
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _next(self, box: queue.SimpleQueue[Callable[[], Any] | None]) -> Callable[[], Any] | None:
        """The next work; None when there is none for long, or will be none any more."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            if self._closed:
                return None
            self._idle.append(box)
        try:
            return box.get(timeout=IDLE)
        except queue.Empty:
            with self._lock:
                if box in self._idle:
                    self._idle.remove(box)
                    return None
            return box.get()  # it was given something in this very moment
