"""Work that a daemon does from time to time, such as looking for what is old."""

import logging
import threading
from collections.abc import Callable
from typing import ClassVar

from nimbus.common import errors

LONGEST = 60.0  # seconds between two looks for what is old, at most


def often_enough(window: float) -> float:
    """Seconds between two looks for what is `window` seconds old, so that none waits for much longer."""
    return min(LONGEST, max(1, window / 4)) if window else LONGEST


class Rounds:
    """Makes rounds in a thread of its own, the first one a pause from its start; any number of daemons may.

    A round that cannot be made, or fails, is logged, and the next one is made all the same.
    """

    name: ClassVar[str]  # of the thread
    warning: ClassVar[str]  # what is said while the database is away
    failure: ClassVar[str]  # what is said of any other error

    def __init__(self, do: Callable[[], object], pause: float) -> None:
        """`do` makes a round; `pause` is the seconds between two, and with 0 none is made."""
        self._do, self._pause = do, pause
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def are_made(self) -> bool:
        """Whether there is a pause between rounds, without which none is made."""
        return bool(self._pause)

    def start(self) -> None:
        """Rounds are made from now on."""
        if self._pause:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No round is made any more."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def make(self) -> None:
        """A round was made now, beside those that are made anyway; for who has moved the clock."""
        log = logging.getLogger(type(self).__module__)
        try:
            self._do()
        except errors.Unavailable as why:
            log.warning('%s: %s', self.warning, why)
        except Exception:
            log.exception('%s', self.failure)

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            self.make()
