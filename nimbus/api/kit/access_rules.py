"""Access rules of application credentials: whether they allow a request, by service, method and path.

A path pattern is matched one character at a time; the positions in the pattern that the match may have reached are
bits of one integer, so matching takes time linear in the length of the path, whatever the pattern.
"""

import functools
import re
from collections.abc import Iterable

PIECE = re.compile(r'\{[^{}]*\}|\*\*|\*|.', re.DOTALL)
MAX_PATH = 4096  # characters of a path that is compared at all


Rule = tuple[str, str, str]  # service, method, path: {name} and * stand for one segment's characters, ** for any


def permits(rules: Iterable[Rule], services: tuple[str, ...], method: str, path: str) -> bool:
    """Whether one of the rules allows the request; `services` are the catalog's service types of this API."""
    return any(
        allowed == method and service in services and matches(pattern, path) for service, allowed, pattern in rules
    )


def matches(pattern: str, path: str) -> bool:
    """Whether the pattern matches the whole path."""
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
    """The positions, and those that are reached when a ** matches nothing."""
    return at | (at & anything) << 1


@functools.lru_cache(1024)
def _compiled(pattern: str) -> tuple[dict[str, int], int, int, int]:
    """The bits of each character, of the wildcards for one segment, of the wildcards for anything, and of the end."""
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
