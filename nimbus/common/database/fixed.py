"""Statements that are the same at every request but for the values of their parameters.

SQLAlchemy builds a statement, looks it up in its cache and makes the parts of a result anew each time; for SQLite,
whose answer is there in microseconds, that takes longer than the answer.  A fixed statement is compiled once, and what
came of it is used.  Database servers get it by SQLAlchemy.
"""

import collections
import functools
import operator
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.sql import operators

MAX_TEXTS = 4096  # JSON texts whose values are kept
COMPARED = (operator.eq, operator.le, operator.lt, operator.ge, operator.gt)


@functools.lru_cache(1024)
def row_class(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """Makes a named tuple of a row with these columns: its attributes are read ten times as fast as the driver's."""
    named: Any = collections.namedtuple('Row', names, rename=True)  # type: ignore[misc]
    named._mapping = property(named._asdict)  # type: ignore[attr-defined]
    return named._make


@functools.lru_cache(MAX_TEXTS)
def _shared(text: str) -> Any:
    return orjson.loads(text)


def is_quick(connection: Any) -> bool:
    """Whether statements on the connection may go to SQLite directly: nobody listens to them."""
    return connection.dialect.name == 'sqlite' and not (connection._has_events or connection.engine._has_events)


class Fixed:
    """One statement; none of its parameters may stand for several values.

    With `shares` equal JSON columns of rows are one object, for readers that change nothing of it.
    """

    def __init__(self, statement: Any, shares: bool = False) -> None:
        self.statement, self._shares = statement, shares
        self._compiled: _Filled | None = None

    def rows(self, connection: Any, values: dict[str, Any] | None = None) -> list[Any]:
        """Every row of the query; `values` are those of its bind parameters."""
        if is_quick(connection):
            compiled = self._quick(connection)
            try:
                return compiled.rows(connection.connection.dbapi_connection, values or {})
            except sqlite3.Error:
                pass  # SQLAlchemy meets it too, and says what kind of error it is
        result = connection.execute(self.statement, values or {})
        return list(map(row_class(tuple(result.keys())), result.all()))

    def change(self, connection: Any, values: dict[str, Any] | None = None) -> int:
        """The change has been made; how many rows it met."""
        if is_quick(connection):
            compiled = self._quick(connection)
            try:
                return compiled.change(connection.connection.dbapi_connection, values or {})
            except sqlite3.Error:
                pass  # it has changed nothing
        found: int = connection.execute(self.statement, values or {}).rowcount
        return found

    def _quick(self, connection: Any) -> '_Filled':
        if not connection.in_transaction():
            connection.begin()
        if self._compiled is None:
            self._compiled = _Filled(self.statement, connection.dialect, self._shares)
        return self._compiled


class Compiled:
    """A text as SQLite takes it, and how the values of its rows are read."""

    def __init__(self, sql: str, columns: Any, dialect: Any, shares: bool = False) -> None:
        self._sql = sql
        self._make = row_class(tuple(column.keyname for column in columns))
        readers = [_reader(column.type, dialect, shares) for column in columns]
        self._readers = [(n, reader) for n, reader in enumerate(readers) if reader is not None]

    def run(self, connection: sqlite3.Connection, parameters: list[Any]) -> sqlite3.Cursor:
        """The statement has been run."""
        return connection.execute(self._sql, parameters)

    def read(self, rows: list[Any]) -> list[Any]:
        """The rows with values as their columns' types have them."""
        if self._readers and rows:
            columns: list[Any] = list(zip(*rows, strict=True))
            for n, reader in self._readers:
                columns[n] = map(reader, columns[n])
            rows = list(zip(*columns, strict=True))
        return list(map(self._make, rows))


class _Filled:
    """A statement as SQLite takes it, with the values that stand in it."""

    def __init__(self, statement: Any, dialect: Any, shares: bool) -> None:
        made = statement.compile(dialect=dialect)
        required = {bind.key: None for bind in made.binds.values() if bind.required}
        if any(bind.expanding and bind.required for bind in made.binds.values()):
            raise ValueError(f'The text of the statement depends on its values: {made}')
        whole = made.construct_expanded_state(required)  # a list of fixed values is as many parameters
        names, makers = whole.positiontup or (), {**made._bind_processors, **whole.processors}
        self._binds = [(name, whole.parameters[name], makers.get(name)) for name in names]
        self._compiled = Compiled(whole.statement, made._result_columns, dialect, shares)

    def rows(self, connection: sqlite3.Connection, values: dict[str, Any]) -> list[Any]:
        """The rows that SQLite finds."""
        return self._compiled.read(self._compiled.run(connection, self._parameters(values)).fetchall())

    def change(self, connection: sqlite3.Connection, values: dict[str, Any]) -> int:
        """How many rows SQLite has changed."""
        return self._compiled.run(connection, self._parameters(values)).rowcount

    def _parameters(self, values: dict[str, Any]) -> list[Any]:
        found = []
        for name, default, maker in self._binds:
            value = values.get(name, default)
            found.append(value if maker is None else maker(value))
        return found


def _reader(kind: Any, dialect: Any, shares: bool) -> Callable[[Any], Any] | None:
    """What makes a value of the column's type of SQLite's; None where it is the same."""
    found: Callable[[Any], Any] | None = kind._cached_result_processor(dialect, None)
    if found is not None and shares and isinstance(kind, sa.JSON):
        return lambda text: None if text is None else _shared(text)
    return found


@functools.lru_cache(4096)
def insertion(table: sa.Table, names: tuple[str, ...]) -> Fixed | None:
    """An insert with these columns, the others by the database; None where a default of Python's is missing."""
    if any(column.default is not None and column.name not in names for column in table.columns):
        return None
    return Fixed(sa.insert(table).values({name: sa.bindparam(name, type_=table.c[name].type) for name in names}))


Condition = tuple[str, Any]  # a column's name, and how it is compared


@functools.lru_cache(4096)
def _change(table: sa.Table, where: tuple[Condition, ...], names: tuple[str, ...] | None) -> Fixed:
    met = []
    for name, compared in where:
        column = table.c[name]
        if compared is operators.is_:
            met.append(column.is_(None))
        elif isinstance(compared, int):
            among = [sa.bindparam(f'where_{name}_{n}', type_=column.type) for n in range(compared)]
            met.append(column.in_(among))
        else:
            met.append(compared(column, sa.bindparam(f'where_{name}', type_=column.type)))
    if names is None:
        return Fixed(sa.delete(table).where(*met))
    new = {table.c[name]: sa.bindparam(f'new_{name}', type_=table.c[name].type) for name in names}
    return Fixed(sa.update(table).where(*met).values(new))


def change(connection: Any, table: sa.Table, where: Sequence[Any], values: dict[str, Any] | None) -> int | None:
    """How many rows that meet `where` have the values from now on, or are gone where there are none.

    None when not everything is a plain value, or a column compared with a few; nothing was done then.
    """
    if values is not None and (_watches_updates(table) or not _are_plain(values)):
        return None
    conditions: list[Condition] = []
    given: dict[str, Any] = {}
    for clause in where:
        condition = _condition(table, clause, given)
        if condition is None:
            return None
        conditions.append(condition)
    if len({name for name, _ in conditions}) < len(conditions):
        return None
    given.update((f'new_{name}', value) for name, value in (values or {}).items())
    return _change(table, tuple(conditions), None if values is None else tuple(values)).change(connection, given)


def _condition(table: sa.Table, clause: Any, given: dict[str, Any]) -> Condition | None:
    """The condition as `_change` takes it, its values added to those given; None for any of another kind."""
    compared, column, right = (getattr(clause, part, None) for part in ('operator', 'left', 'right'))
    if not isinstance(column, sa.Column) or column.table is not table:
        return None
    name = column.name
    if compared is operators.is_ and isinstance(right, sa.Null):
        return name, compared
    if not isinstance(right, sa.BindParameter) or right.callable or right.required:
        return None
    if compared in COMPARED:
        given[f'where_{name}'] = right.value
        return name, compared
    if compared is operators.in_op and right.expanding and right.value:
        given.update((f'where_{name}_{n}', value) for n, value in enumerate(right.value))
        return name, len(right.value)
    return None


def _are_plain(values: dict[str, Any]) -> bool:
    return bool(values) and not any(isinstance(value, sa.ClauseElement) for value in values.values())


@functools.cache
def _watches_updates(table: sa.Table) -> bool:
    return any(column.onupdate is not None for column in table.columns)
