"""The progress of building a guest, reported as one percentage that only grows."""

import time
from collections.abc import Callable

PAUSE = 1.0  # seconds between two reports


class Progress:
    """Combines the parts of the work; each reports 0..100 of its own."""

    def __init__(self, report: Callable[[int], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._report, self._clock = report, clock
        self._reported, self._at = -1, clock() - PAUSE

    def part(self, low: int, high: int) -> Callable[[int], None]:
        """What the part between `low` and `high` percent of the whole is to call."""
        return lambda percent: self._come(low + (high - low) * percent // 100)

    def _come(self, percent: int) -> None:
        now = self._clock()
        if percent > self._reported and now - self._at >= PAUSE:
            self._reported, self._at = percent, now
            self._report(percent)
