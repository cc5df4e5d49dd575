"""Answers that were chosen for some requests instead of the cloud's own: late, an error, or cut in the middle."""

import dataclasses
import fnmatch
import random
import threading
from typing import Any

STATUSES = (400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504)


@dataclasses.dataclass(eq=False)
class Rule:
    """Which requests are met, and what they get."""

    service: str = '*'
    method: str = '*'
    path: str = '*'  # a pattern of fnmatch; * matches slashes too
    status: int | None = None
    delay: float = 0
    cut: bool = False
    retry_after: int | None = None
    times: int | None = None  # None: until it is reset
    every: int = 1
    chance: float = 1.0
    met: int = 0  # requests that matched

    def matches(self, service: str, method: str, path: str) -> bool:
        """Whether such requests are met."""
        return self.service in ('*', service) and self.method in ('*', method) and fnmatch.fnmatchcase(path, self.path)


class Rules:
    """The answers that are chosen now, by their numbers."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._lock, self._number = chance, threading.Lock(), 0
        self.chosen: dict[str, Rule] = {}

    def add(self, rule: Rule) -> str:
        """The rule is met from now on; returns its number."""
        with self._lock:
            self._number += 1
            self.chosen[f'a{self._number}'] = rule
            return f'a{self._number}'

    def drop(self, number: str) -> bool:
        """The rule is met no longer; whether there was one."""
        with self._lock:
            return self.chosen.pop(number, None) is not None

    def clear(self) -> None:
        """No rule is met."""
        with self._lock:
            self.chosen.clear()

    def strike(self, service: str, method: str, path: str) -> Rule | None:
        """The first rule that meets this request, if one does."""
        if not self.chosen:
            return None
        with self._lock:
            for number, rule in list(self.chosen.items()):
                if not rule.matches(service, method, path):
                    continue
                rule.met += 1
                if rule.met % rule.every or rule.chance < 1 and self._chance.random() >= rule.chance:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        del self.chosen[number]
                return rule
        return None

    def shown(self) -> list[dict[str, Any]]:
        """Each rule with its number."""
        with self._lock:
            return [{'id': number, **dataclasses.asdict(rule)} for number, rule in self.chosen.items()]
