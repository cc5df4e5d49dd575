"""Send wake-ups from a thread of their own, so that a bus that hangs delays no request after its commit."""

import threading
from collections.abc import Callable


class Wakeups:
    """Calls `send` with each topic to wake, once for all wake-ups of it that came meanwhile.

    There is a thread only while there is something to send.
    """

    def __init__(self, send: Callable[[str], None]) -> None:
        """`send` may take its time, and must not raise."""
        self._send, self._lock = send, threading.Lock()
        self._due: dict[str, None] = {}
        self._busy = False

    def wake(self, topic: str) -> None:
        """The topic will be woken; never waits for it."""
        with self._lock:
            self._due[topic] = None
            if self._busy:
                return
            self._busy = True
        threading.Thread(target=self._run, name='wake-ups', daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._due:
                    self._busy = False
                    return
                topic = next(iter(self._due))
                del self._due[topic]
            self._send(topic)
