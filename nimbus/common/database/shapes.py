"""Statements that are built anew with each use, told by their shape: compiled once, as fixed ones are.

SQLAlchemy itself has a key for the shape of a statement, and takes the values out of it in one order.  A list of values
in it makes another text for each length, and so another shape.
"""

import sqlite3
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import fixed

MOST = 4096  # shapes that are kept
NOT_ONE: Any = object()  # no answer: SQLAlchemy must run the statement
_KNOWN: dict[Any, '_Shape | None'] = {}


def rows(connection: Any, statement: Any, values: dict[str, Any] | None, first: bool = False) -> Any:
    """Every row of the query, or the first alone; NOT_ONE where SQLAlchemy must run it."""
    ran = _run(connection, statement, values)
    if ran is None:
        return NOT_ONE
    compiled, cursor = ran
    return compiled.read(cursor.fetchmany(1) if first else cursor.fetchall())


def change(connection: Any, statement: Any) -> Any:
    """How many rows the update or delete met; NOT_ONE where SQLAlchemy must run it."""
    ran = _run(connection, statement, None)
    return NOT_ONE if ran is None else ran[1].rowcount


def _run(connection: Any, statement: Any, values: dict[str, Any] | None) -> tuple[fixed.Compiled, Any] | None:
    """The statement has been run, and its cursor; None where SQLAlchemy must run it."""
    if not isinstance(statement, sa.Select | sa.CompoundSelect | sa.Update | sa.Delete):
        return None
    key = statement._generate_cache_key()
    if key is None:
        return None
    given = [_value(bind, values) for bind in key.bindparams]
    lengths = tuple(len(value) for bind, value in zip(key.bindparams, given, strict=True) if bind.expanding)
    whole = key.key, lengths
    shape = _KNOWN.get(whole, NOT_ONE)
    if shape is NOT_ONE:
        shape = _Shape.of(statement, key.bindparams, given, connection.dialect)
        if len(_KNOWN) >= MOST:
            _KNOWN.clear()
        _KNOWN[whole] = shape
    if shape is None:
        return None
    if not connection.in_transaction():
        connection.begin()
    try:
        return shape.made, shape.made.run(connection.connection.dbapi_connection, shape.parameters(given))
    except sqlite3.Error:
        return None  # SQLAlchemy meets it too, and says what kind of error it is


def _value(bind: Any, values: dict[str, Any] | None) -> Any:
    return values[bind.key] if values and bind.key in values else bind.effective_value


class _Shape:
    """A text, and which of a statement's values each of its parameters is."""

    def __init__(self, made: fixed.Compiled, places: list[tuple[int, int | None, Any]]) -> None:
        self.made, self._places = made, places

    def parameters(self, given: list[Any]) -> list[Any]:
        """The parameters of the text, from the values of a statement of this shape in their order."""
        found = []
        for place, item, maker in self._places:
            value = given[place] if item is None else given[place][item]
            found.append(value if maker is None else maker(value))
        return found

    @classmethod
    def of(cls, statement: Any, binds: Any, given: list[Any], dialect: Any) -> '_Shape | None':
        """The shape of the statement; None where its text has more in it than the values."""
        compiled = statement.compile(dialect=dialect)
        if compiled.literal_execute_params or any(
            bind.expanding and not value for bind, value in zip(binds, given, strict=True)
        ):
            return None
        keys = {bind.key: place for place, bind in enumerate(binds)}
        names = {name: keys.get(bind.key) for bind, name in compiled.bind_names.items()}
        whole = compiled.construct_expanded_state({b.key: value for b, value in zip(binds, given, strict=True)})
        several = {
            new: (names[name], n) for name, all in whole.parameter_expansion.items() for n, new in enumerate(all)
        }
        makers = {**compiled._bind_processors, **whole.processors}
        places = []
        for name in whole.positiontup or ():
            place, item = several.get(name) or (names.get(name), None)
            if place is None:
                return None
            places.append((place, item, makers.get(name)))
        return cls(fixed.Compiled(whole.statement, compiled._result_columns, dialect), places)
