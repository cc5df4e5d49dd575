"""Lists in pages: filters, sorting and keyset paging as one value, and the SQL for it."""

import dataclasses
import datetime
import functools
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, times
from nimbus.common.database import db, dialects

# How a column of times compares with a moment where only whole seconds of it are shown: as a client that was shown
# them would compare, whatever the fraction that the column keeps.
SECONDS: dict[str, Callable[[Any, Any], Any]] = {
    'gt': lambda column, moment: column >= times.second_after(moment),
    'gte': lambda column, moment: column >= _whole_from(moment),
    'lt': lambda column, moment: column < _whole_from(moment),
    'lte': lambda column, moment: column < times.second_after(moment),
    'eq': lambda column, moment: _within(column, moment),
    'neq': lambda column, moment: sa.not_(_within(column, moment)),
}


def _whole_from(moment: datetime.datetime) -> datetime.datetime:
    """The first whole second that is not before the moment."""
    return times.second_after(moment) if moment.microsecond else moment


def _within(column: Any, moment: datetime.datetime) -> Any:
    if moment.microsecond:
        return sa.false()
    return sa.and_(column >= moment, column < times.second_after(moment))


@dataclasses.dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    limit: int | None = None
    marker: str | None = None
    sorts: tuple[tuple[str, str], ...] = ()  # (column name, 'asc' or 'desc'), most significant first
    filters: dict[str, Any] = dataclasses.field(default_factory=dict)
    reverse: bool = False  # the page before the marker instead of the one after
    offset: int = 0  # rows that are left out before the first

    def value(self, name: str, default: Any = None) -> Any:
        """What the list is filtered by under `name`."""
        return self.filters.get(name, default)


def rows(
    tx: db.Tx,
    model: Any,
    where: list[Any],
    page: Page,
    *,
    seen: Sequence[Any],
    key: str = 'id',
    unique: str = 'seq',
    noun: str = 'marker',
    absent: str | None = None,
    columns: tuple[Any, ...] = (),
    fixed: tuple[Any, ...] = (),
    narrowed: tuple[Any, ...] = (),
    values: dict[str, Any] | None = None,
    shares: bool = False,
) -> list[Any]:
    """One page of the model's rows that match, sorted as asked and then by `unique` so that no row is lost.

    `seen` are the conditions of the rows that the asker may see at all; `where` narrows them to what is asked for.
    A marker may be any row that is seen, as one that matched may have changed since.  Without `columns` a row has all
    of them.  `fixed` and `narrowed` are more of either kind, each the same object every time, so that the statement is
    made once; `values` are those of their bind parameters.  With `shares` equal JSON columns of rows may be one object.
    Raises Invalid when the marker is not the `key` of such a row; NotFound where `absent` is the sentence for it.
    """
    order, table = _order(page, unique), db.table_of(model)
    given = {**(values or {}), **({} if page.limit is None else {'page_limit': page.limit})}
    asked = table, columns, fixed + narrowed, order, page.limit is not None, tx.dialect
    query: Any = _fixed(shares, *asked)
    if seen or where or page.marker is not None or page.offset:
        query = _ordered(*asked).where(*seen, *where).offset(page.offset or None)
    if page.marker is not None:
        ways = [(table.c[name], way) for name, way in order]
        marked = sa.select(*(column for column, _ in ways)).where(table.c[key] == page.marker, *seen, *fixed)
        if (row := tx.row(marked, values or {})) is None:
            raise _unknown(noun, absent, page.marker)
        query = query.where(_after(ways, row))
    found = tx.rows(query, given)
    return found[::-1] if page.reverse else found


def _unknown(noun: str, absent: str | None, marker: str) -> errors.NimbusError:
    if absent is not None:
        return errors.NotFound(absent.format(marker))
    return errors.Invalid(f'{noun} [{marker}] not found')


def _order(page: Page, unique: str) -> tuple[tuple[str, str], ...]:
    """The columns to sort by, the unique one last, and the way of each."""
    sorts = [(name, way) for name, way in page.sorts if name != unique]
    order = (*sorts, (unique, page.sorts[-1][1] if page.sorts else 'desc'))
    if page.reverse:
        return tuple((name, 'asc' if way == 'desc' else 'desc') for name, way in order)
    return order


@functools.lru_cache(1024)
def _ordered(
    table: sa.Table,
    columns: tuple[Any, ...],
    fixed: tuple[Any, ...],
    order: tuple[tuple[str, str], ...],
    limited: bool,
    dialect: str,
) -> Any:
    """The statement of a list; made once for each order that is asked for, as making it costs what running it does."""
    query = sa.select(*(columns or (table,))).where(*fixed)
    query = query.order_by(*(dialects.ordered(dialect, table.c[name], way) for name, way in order))
    return query.limit(sa.bindparam('page_limit', type_=sa.Integer)) if limited else query


@functools.lru_cache(1024)
def _fixed(shares: bool, *asked: Any) -> db.Fixed:
    """The statement of a list without conditions of the moment."""
    return db.Fixed(_ordered(*asked), shares)


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
