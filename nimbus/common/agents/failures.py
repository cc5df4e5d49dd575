"""What a pretended part of a host meets at its verbs: errors, delays and waits that somebody chose.

The fake drivers ask it; nothing that drives a real host does.
"""

import collections
import dataclasses
import random
import threading
from collections.abc import Callable


@dataclasses.dataclass(eq=False)
class Failure:
    """One chosen error: of the next so many calls of a verb, of every nth, or of some by chance.

    Parts of several hosts may meet the same one, and count their calls together.
    """

    verb: str
    error: Exception
    times: int | None = 1  # None: for ever
    every: int = 1
    chance: random.Random | None = None
    share: float = 1.0  # of the calls, where chance decides
    seen: int = 0
    counting: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def strikes(self) -> bool:
        """Whether the call that is made now fails."""
        with self.counting:
            self.seen += 1
            if self.times == 0 or self.seen % self.every or self.chance and self.chance.random() >= self.share:
                return False
            if self.times is not None:
                self.times -= 1
            return True


class Failures:
    """The failures of one part of a host."""

    def __init__(self) -> None:
        self.calls: collections.Counter[str] = collections.Counter()
        self._faults: dict[str, list[Failure]] = {}
        self._delays: dict[str, float] = {}
        self._holds: dict[str, threading.Event] = {}
        self._choosing = threading.Lock()

    def fail(self, verb: str, error: Exception, times: int = 1) -> None:
        """The next `times` calls of a driver's verb raise `error` before they do anything."""
        self.choose(Failure(verb, error, times))

    def choose(self, failure: Failure) -> None:
        """The failure is met from now on, after those that were chosen before."""
        with self._choosing:
            self._faults.setdefault(failure.verb, []).append(failure)

    def take_back(self, failure: Failure) -> None:
        """The failure is not met any more."""
        with self._choosing:
            if failure in (chosen := self._faults.get(failure.verb, [])):
                chosen.remove(failure)

    def delay(self, verb: str, seconds: float) -> None:
        """Every call of a driver's verb takes `seconds` longer, none for 0."""
        self._delays[verb] = seconds

    def hold(self, verb: str) -> threading.Event:
        """Calls of a driver's verb wait until the event is set."""
        return self._holds.setdefault(verb, threading.Event())

    def clear(self) -> None:
        """Nothing is chosen any more, and whoever waits goes on."""
        with self._choosing:
            self._faults.clear()
        self._delays.clear()
        for held in list(self._holds.values()):
            held.set()
        self._holds.clear()

    def meet(self, verb: str, sleep: Callable[[float], None]) -> None:
        """A driver's verb meets the failures that were chosen for it."""
        error = self._strike(verb)
        if seconds := self._delays.get(verb):
            sleep(seconds)
        if held := self._holds.get(verb):
            held.wait()
        if error is not None:
            raise error

    def _strike(self, verb: str) -> Exception | None:
        """The error of the first failure that strikes, which may be over then."""
        with self._choosing:
            self.calls[verb] += 1
            waiting = self._faults.get(verb, [])
            struck = next((failure for failure in waiting if failure.strikes()), None)
            if struck and struck.times == 0:
                waiting.remove(struck)
            return struck.error if struck else None
