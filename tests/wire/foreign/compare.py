"""Whether what was answered and done for another's id is what is for one that nothing has."""

import dataclasses
import json
import re
import urllib.parse
from typing import Any

from tests.wire.client import Answer
from tests.wire.foreign.world import Rows, World

MADE = re.compile(
    r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b'
    r'|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?|fa(:[0-9a-f]{2}){5}|r-[0-9a-z]{8}|\b10[.-]1[.-]\d+[.-]\d+'
)

UPTIME = re.compile(r'"uptime": ?\d+')  # of a usage, which goes on while one asks
REQUEST = re.compile(r'req-[0-9a-f-]{36}')
SECRET = re.compile(r'("(?:adminPass|secret|audit_ids)": ?\[?)"[^"]*"')


@dataclasses.dataclass
class Outcome:
    """One request's answer, and the rows it changed: (table, key) -> (before, after)."""

    answer: Answer
    changed: dict[tuple[str, str], tuple[Any, Any]]

    @property
    def refused(self) -> bool:
        """Whether the request was turned down."""
        return self.answer.status >= 400


def ask(world: World, persona: str | None, service: str, method: str, path: str, body: Any, **headers: str) -> Outcome:
    """What a request does; afterwards all is as it was."""
    answer = world(persona, service, method, path, body, **headers)
    changed = {}
    if world.memory.touched():
        changed = differences(world.memory.before, world.memory.rows())
        world.memory.back()
    return Outcome(answer, changed)


def differences(before: Rows, after: Rows) -> dict[tuple[str, str], tuple[Any, Any]]:
    """The rows that are not as they were."""
    return {
        (table, key): (before[table].get(key), after[table].get(key))
        for table in before
        for key in before[table].keys() | after[table].keys()
        if before[table].get(key) != after[table].get(key)
    }


def plain(world: World, outcome: Outcome, value: str) -> tuple[int, str]:
    """The answer without the id that was asked for, and without what every request makes anew."""
    text = outcome.answer.data.decode(errors='replace')
    text = SECRET.sub(r'\1<new>"', text)
    for form in (value, json.dumps(value)[1:-1], urllib.parse.quote(value), urllib.parse.quote_plus(value)):
        edges = ('', '') if len(value) >= 32 else ('(?<![0-9A-Za-z])', '(?![0-9A-Za-z])')
        text = re.sub(edges[0] + re.escape(form) + edges[1], '<asked>', text)
    text = UPTIME.sub('<uptime>', REQUEST.sub('<request>', text))
    known = set(world.mine.values()) | set(world.theirs.values())
    text = MADE.sub(lambda found: found[0] if found[0] in known else '<new>', text)
    return outcome.answer.status, text


def hers(world: World, row: tuple[Any, ...] | None) -> bool:
    """Whether a row is, or names, something of the other tenant alone."""
    text = ' '.join(str(cell) for cell in row or ())
    return any(value in text for value in world.others)


def harm(world: World, outcome: Outcome) -> list[str]:
    """What a request that was taken did to the other tenant's rows."""
    found = []
    for (table, key), (before, after) in outcome.changed.items():
        if hers(world, before):
            found.append(f'{table} {key} of the other tenant changed')
        elif hers(world, after):
            found.append(f'{table} {key} names the other tenant')
    return found
