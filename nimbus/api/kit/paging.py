"""Pagination of lists: reads limit, marker, sort and filters from a query, and makes the links to next pages."""

import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any

from nimbus.api.kit.fields import Noun
from nimbus.api.kit.routes import Call
from nimbus.common import errors, numbers
from nimbus.common.database.listing import Page

MAX_LIMIT = 1000
HUGE = 2**31 - 1  # more rows than any list has, and no more than every database counts to


def page(
    call: Call,
    noun: type[Noun],
    *,
    max_limit: int | None = MAX_LIMIT,
    default: int | None = None,
    sorts: tuple[tuple[str, str], ...] = (),
    strict: bool = True,
) -> Page:
    """The part of the list that the request asks for.

    `default` is the page size when none is asked for (None: `max_limit`).  Filters are those the noun's fields
    allow; each is a string, or a list where it was given several times.  Raises Invalid on a limit that is no
    number or negative, and, if `strict`, on a sort key the noun does not have.
    """
    names = noun.names(filter=True, version=call.version)
    filters = {
        column: values if len(values) > 1 else values[0]
        for name, column in names.items()
        if (values := call.query.get(name))
    }
    return Page(
        limit=limit(call, max_limit, default),
        marker=call.arg('marker') or None,
        sorts=_sorts(call, noun, strict) or sorts,
        filters=filters,
        reverse=(call.arg('page_reverse') or '').lower() in ('true', '1'),
    )


def limit(call: Call, max_limit: int | None, default: int | None = None) -> int | None:
    """How many rows at most.  Raises Invalid."""
    text = call.arg('limit')
    if text is None or text == '':
        return default or max_limit
    asked = numbers.read(text)
    if asked is None:
        raise errors.Invalid('limit param must be an integer')
    if asked < 0:
        raise errors.Invalid('limit param must be positive')
    return min(asked, max_limit or HUGE)


def part(call: Call, max_limit: int = MAX_LIMIT) -> slice:
    """The rows of a list that `offset` and `limit` ask for; a limit of 0 is the largest.  Raises Invalid."""
    first = numbers.read(call.arg('offset') or '0')
    if first is None or first < 0:
        raise errors.Invalid('offset param must be an integer')
    return slice(first, first + (limit(call, max_limit) or max_limit))


def _sorts(call: Call, noun: type[Noun], strict: bool) -> tuple[tuple[str, str], ...]:
    """The order asked for by `sort=name:asc,...` or by `sort_key=` and `sort_dir=` pairs."""
    known = noun.names(sort=True, version=call.version)
    pairs: list[tuple[str, str]] = []
    for item in ','.join(call.query.get('sort', ())).split(','):
        if item:
            name, _, way = item.partition(':')
            pairs.append((name, way or 'desc'))
    keys = call.query.get('sort_key', [])
    ways = call.query.get('sort_dir', [])
    pairs += [(name, ways[i] if i < len(ways) else (ways[0] if ways else 'desc')) for i, name in enumerate(keys)]
    found = []
    for name, way in pairs:
        if way.lower() not in ('asc', 'desc'):
            raise errors.Invalid(f"Unknown sort direction {way}, must be 'asc' or 'desc'.")
        if name in known:
            found.append((known[name], way.lower()))
        elif strict:
            raise errors.Invalid(f'Sort key {name} is not allowed; allowed are {", ".join(sorted(known))}.')
    return tuple(found)


def next_link(
    call: Call, rows: Sequence[Any], page: Page, *, key: str = 'id', rel: str = 'next'
) -> list[dict[str, str]]:
    """The link to the next page, when this one is full; an empty list otherwise."""
    if page.limit is None or page.limit == 0 or len(rows) < page.limit:
        return []
    return [{'rel': rel, 'href': page_url(call, getattr(rows[-1], key))}]


def page_url(call: Call, marker: str | None, **changed: str) -> str:
    """The request's own URL with another marker, or with none."""
    query: list[tuple[str, str]] = [
        (name, value)
        for name, values in call.query.items()
        for value in values
        if name not in ('marker', 'offset') and name not in changed
    ]
    query += [*changed.items(), *([('marker', marker)] if marker is not None else [])]
    return f'{call.root_url}{call.path}?{urllib.parse.urlencode(query)}'


def links_of(name: str) -> Callable[[Any, Call], list[dict[str, str]]]:
    """A field source: the `self` and `bookmark` links of a row of the collection `name`, as Nova shows them."""

    def links(row: Any, call: Call) -> list[dict[str, str]]:
        return [
            {'rel': 'self', 'href': f'{call.root_url}/{name}/{row.id}'},
            {'rel': 'bookmark', 'href': f'{call.host_url}/{name}/{row.id}'},
        ]

    return links
