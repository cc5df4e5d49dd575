"""Lists in pages: filters, sorting and keyset paging as one value, and the SQL it means."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import db, dialects, errors


@dataclasses.dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    limit: int | None = None
    marker: str | None = None
    sorts: tuple[tuple[str, str], ...] = ()  # (column name, 'asc' or 'desc'), most significant first
    filters: dict[str, Any] = dataclasses.field(default_factory=dict)
    reverse: bool = False  # the page before the marker instead of the one after

    def value(self, name: str, default: Any = None) -> Any:
        """What the list is filtered by under `name`."""
        return self.filters.get(name, default)


def rows(
    tx: db.Tx,
    model: Any,
    where: list[Any],
    page: Page,
    *,
    key: str = 'id',
    unique: str = 'seq',
    noun: str = 'marker',
    statement: Any = None,
) -> list[Any]:
    """One page of the model's rows that match, sorted as asked and then by `unique` so that no row is lost.

    Raises Invalid when the marker is not the `key` of a row.
    """
    select: Any = sa.select
    query: Any = (statement if statement is not None else select(model)).where(*where)
    sorts = [(name, way) for name, way in page.sorts if name != unique]
    last_way = page.sorts[-1][1] if page.sorts else 'desc'
    ways = [(getattr(model, name), way) for name, way in sorts] + [(getattr(model, unique), last_way)]
    if page.reverse:
        ways = [(column, 'asc' if way == 'desc' else 'desc') for column, way in ways]
    if page.marker is not None:
        columns: Any = [column for column, _ in ways]
        row = tx.row(select(*columns).where(getattr(model, key) == page.marker))
        if row is None:
            raise errors.Invalid(f'{noun} [{page.marker}] not found')
        query = query.where(_after(ways, row))
    query = query.order_by(*(dialects.ordered(tx.dialect, column, way) for column, way in ways))
    if page.limit is not None:
        query = query.limit(page.limit)
    found = list(tx.rows(query))
    return found[::-1] if page.reverse else found


def _after(ways: list[tuple[Any, str]], row: Any) -> Any:
    """The rows that come after `row`: (a > x) or (a = x and b > y) or ..., with nulls as the lowest value."""
    options: list[Any] = []
    same: list[Any] = []
    for (column, way), value in zip(ways, tuple(row), strict=True):
        if value is None:
            beyond = column.is_not(None) if way == 'asc' else sa.false()
        elif way == 'asc':
            beyond = column > value
        else:
            beyond = sa.or_(column < value, column.is_(None)) if column.nullable else column < value
        options.append(sa.and_(*same, beyond))
        same.append(column.is_(None) if value is None else column == value)
    return sa.or_(*options)
