"""Whether a request is one of those that an application credential is confined to.

A pattern is matched a character at a time with every place it may have come to held as a bit, so that no pattern,
however it was made, takes longer than the path is long.
"""

import functools
import re
from collections.abc import Iterable

PIECE = re.compile(r'\{[^{}]*\}|\*\*|\*|.', re.DOTALL)
MAX_PATH = 4096  # characters of a path that is compared at all


Rule = tuple[str, str, str]  # service, method, path: {name} and * stand for one segment's characters, ** for any


def permits(rules: Iterable[Rule], services: tuple[str, ...], method: str, path: str) -> bool:
    """Whether one of the rules names the request; `services` are the catalog's types that answer here."""
    return any(told == method and service in services and matches(pattern, path) for service, told, pattern in rules)


def matches(pattern: str, path: str) -> bool:
    """Whether the whole path is what the pattern describes."""
    if len(path) > MAX_PATH:
        return False
    literals, segment, anything, end = _compiled(pattern)
    at = _beyond(1, anything)
    for character in path:
        step = (at & literals.get(character, 0)) << 1 | at & anything
        if character != '/':
            step |= (at & segment) << 1 | at & (segment << 1)
        at = _beyond(step, anything)
        if not at:
            return False
    return bool(at & end)


def _beyond(at: int, anything: int) -> int:
    """The places, and those that are reached when a ** stands for nothing."""
    return at | (at & anything) << 1


@functools.lru_cache(1024)
def _compiled(pattern: str) -> tuple[dict[str, int], int, int, int]:
    """The bits of each character, of what stands for a segment, of what stands for anything, and of the end."""
    literals: dict[str, int] = {}
    segment = anything = 0
    bit, before = 1, ''
    for piece in PIECE.findall(pattern):
        if piece == '**' == before:
            continue  # two in a row mean what one does
        before = piece
        if piece == '**':
            anything |= bit
        elif piece == '*' or len(piece) > 1:
            segment |= bit
        else:
            literals[piece] = literals.get(piece, 0) | bit
        bit <<= 1
    return literals, segment, anything, bit
