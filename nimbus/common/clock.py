"""The clock that the rest of nimbus reads, so that a test can replace it."""

import datetime
import time
from typing import ClassVar


class Clock:
    """The machine's own time, or ahead of it by what somebody who tests a client against a fake cloud chose."""

    ahead: ClassVar[datetime.timedelta] = datetime.timedelta(0)
    ticks_ahead: ClassVar[float] = 0.0  # likewise of what only ever grows

    def now(self) -> datetime.datetime:
        """UTC, without a zone, to the microsecond: what the database keeps."""
        return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + self.ahead

    def monotonic(self) -> float:
        """Seconds that only ever grow; for measuring how long something took."""
        return time.monotonic() + self.ticks_ahead


class FakeClock(Clock):
    """Time that stands still until a test moves it."""

    def __init__(self, start: datetime.datetime | None = None) -> None:
        self._now = start or datetime.datetime(2030, 1, 1)
        self._ticks = 0.0

    def now(self) -> datetime.datetime:
        return self._now

    def monotonic(self) -> float:
        return self._ticks

    def advance(self, seconds: float) -> None:
        """Both kinds of time have moved on by `seconds`."""
        self._now += datetime.timedelta(seconds=seconds)
        self._ticks += seconds


def iso(moment: datetime.datetime | None) -> str | None:
    """`2030-01-01T00:00:00Z`, the form of Nova and Glance."""
    return moment.isoformat(timespec='seconds') + 'Z' if moment else None


def iso_micro(moment: datetime.datetime | None) -> str | None:
    """`2030-01-01T00:00:00.000000`, the form of Cinder and of Nova's services."""
    return moment.isoformat(timespec='microseconds') if moment else None


def iso_micro_z(moment: datetime.datetime | None) -> str | None:
    """`2030-01-01T00:00:00.000000Z`, the form of Keystone."""
    return moment.isoformat(timespec='microseconds') + 'Z' if moment else None
