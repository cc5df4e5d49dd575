"""A thread pool for work that comes in bursts: shared by the whole process, and empty a while after the burst.

Each user has an executor with a limit of its own, so that no one's work waits
for another's.  A thread that waits for work does not wake meanwhile.
"""

import collections
import concurrent.futures
import queue
import threading
from collections.abc import Callable
from typing import Any

IDLE = 20.0  # seconds that a thread without work stays
Work = Callable[[], None]


class Threads:
    """As many threads as there is work for at once; the one that waits for the shortest time takes the next."""

    def __init__(self, idle: float = IDLE) -> None:
        self._idle_for = idle
        self._lock = threading.Lock()
        self._waiting: list[queue.SimpleQueue[Work]] = []  # of the threads without work, the newest last

    def run(self, work: Work) -> None:
        """The work, which must not raise, is begun at once in a thread."""
        with self._lock:
            inbox = self._waiting.pop() if self._waiting else None
        if inbox is not None:
            inbox.put(work)
        else:
            threading.Thread(target=self._work, args=(work,), name='worker', daemon=True).start()

    def _work(self, work: Work) -> None:
        inbox = queue.SimpleQueue[Work]()
        while True:
            work()
            del work  # what it holds is not kept while the thread waits
            with self._lock:
                self._waiting.append(inbox)
            try:
                work = inbox.get(timeout=self._idle_for)
            except queue.Empty:
                with self._lock:
                    if inbox in self._waiting:
                        self._waiting.remove(inbox)
                        return
                work = inbox.get()  # given just now


THREADS = Threads()


class Executor(concurrent.futures.Executor):
    """Runs at most `max_workers` calls at once, the others in the order in which they came."""

    def __init__(self, max_workers: int, threads: Threads = THREADS) -> None:
        self._most, self._threads = max_workers, threads
        self._changed = threading.Condition()
        self._waiting: collections.deque[tuple[concurrent.futures.Future[Any], Work]] = collections.deque()
        self._running, self._closed = 0, False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """The call's future.  Raises RuntimeError after `shutdown`."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                found = fn(*args, **kwargs)
            except BaseException as why:
                future.set_exception(why)
            else:
                future.set_result(found)

        with self._changed:
            if self._closed:
                raise RuntimeError('cannot schedule new futures after shutdown')
            self._waiting.append((future, work))
            if self._running == self._most:
                return future
            self._running += 1
        self._threads.run(self._drain)
        return future

    def _drain(self) -> None:
        """Work on what waits until nothing does."""
        while True:
            with self._changed:
                if not self._waiting:
                    self._running -= 1
                    self._changed.notify_all()
                    return
                _, work = self._waiting.popleft()
            work()
            del work  # what it holds is not kept while the thread waits

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing more is taken; with `wait`, what was taken has ended."""
        with self._changed:
            self._closed = True
            if cancel_futures:
                for future, _ in self._waiting:
                    future.cancel()
                self._waiting.clear()
            while wait and self._running:
                self._changed.wait()
