"""The database: short transactions of SQLAlchemy Core statements, without ORM sessions."""

import collections
import contextlib
import datetime
import fcntl
import functools
import os
import pathlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from nimbus.common import failpoints, retries, turns
from nimbus.common.database import dialects, fixed, shapes, tables
from nimbus.common.database.fixed import Fixed

Id = Annotated[str, tables.mapped_column(sa.String(64))]
Seq = Annotated[int, tables.mapped_column(primary_key=True)]
Moment = Annotated[datetime.datetime, tables.mapped_column()]
MOST_VALUES = 1000  # values of one statement
LongText = sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')
Base = tables.Base


T = TypeVar('T')


def table_of(model: type[Base]) -> sa.Table:
    """The table behind a model."""
    table: sa.Table = model.__table__
    return table


def among(column: Any, name: str) -> Any:
    """Whether the column has one of the values that the parameter `name` will have."""
    return column.in_(sa.bindparam(name, expanding=True))


def total(value: Any) -> Any:
    """The sum of the values as a whole number, 0 of none; MariaDB's own sums are decimals, which no JSON takes."""
    return sa.cast(sa.func.coalesce(sa.func.sum(value), 0), sa.BigInteger)


class Gathering:
    """A query for what belongs to many rows at once, made once a dialect whatever the number of rows."""

    def __init__(self, query: Any, column: Any) -> None:
        """The `column` is the one whose value must be among those that `rows` is given."""
        self._made = functools.cache(lambda dialect: query.where(dialects.among(dialect, column, 'among')))
        self._quick = functools.cache(lambda: Fixed(self._made('sqlite')))

    def rows(self, tx: 'Tx', values: Sequence[str]) -> Iterator[Any]:
        """The rows of the query."""
        for start in range(0, len(values), MOST_VALUES):
            part = list(values[start : start + MOST_VALUES])
            given = dialects.among_values(tx.dialect, part)
            if tx.dialect == 'sqlite':
                yield from self._quick().rows(tx.connection, {'among': given})
                continue
            yield from tx.execute(self._made(tx.dialect), {'among': given}).all()


class Ticket:
    """A lock that serves strictly in the order of asking, so that no writer starves."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: collections.deque[threading.Lock] = collections.deque()
        self._held = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        with turns.waiting():
            turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class _FileLock:
    """A lock that processes share; of one process a single thread may take it at a time."""

    def __init__(self, path: pathlib.Path) -> None:
        self._handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with turns.waiting():
                fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_UN)


class _Both:
    """Two locks as one."""

    def __init__(self, outer: contextlib.AbstractContextManager[None], inner: _FileLock) -> None:
        self._outer, self._inner = outer, inner

    def __enter__(self) -> None:
        self._outer.__enter__()
        try:
            self._inner.__enter__()
        except BaseException:
            self._outer.__exit__(None, None, None)
            raise

    def __exit__(self, *_: object) -> None:
        self._inner.__exit__()
        self._outer.__exit__(None, None, None)


class Tx:
    """One open transaction: statements in, plain rows out."""

    def __init__(
        self,
        connection: sa.Connection,
        wake: Callable[[str], None] | None = None,
        publisher: str | None = None,
        encryption: Any = None,
        limits: dict[str, dict[str, int]] | None = None,
    ) -> None:
        self.connection, self.encryption = connection, encryption
        self._wake = wake
        self.publisher = publisher  # this host's name where notifications are published, else None: see outbox
        self.limits = limits or {}  # configured quotas: service -> resource -> limit
        self._is_quick = fixed.is_quick(connection)
        self._after: list[Callable[[], None]] = []
        self._nudged: set[str] = set()

    def execute(self, statement: Any, values: Any = None) -> sa.CursorResult[Any]:
        """Run one Core statement; `values` may be a list of rows for an insert."""
        return self.connection.execute(statement.statement if isinstance(statement, Fixed) else statement, values)

    def change(self, statement: Fixed, values: dict[str, Any]) -> int:
        """The fixed change has been made; how many rows it met."""
        return statement.change(self.connection, values)

    def scalar(self, statement: Any, values: Any = None) -> Any:
        """The first column of the first row, or None; `values` are those of the statement's bind parameters."""
        row = self.row(statement, values)
        return None if row is None else row[0]

    def row(self, statement: Any, values: Any = None) -> Any:
        """The first row, or None; `values` are those of the statement's bind parameters."""
        if (found := self._quickly(statement, values, first=True)) is not shapes.NOT_ONE:
            return found[0] if found else None
        result = self.connection.execute(statement, values)
        first = result.first()
        return None if first is None else fixed.row_class(tuple(result.keys()))(first)

    def rows(self, statement: Any, values: Any = None) -> list[Any]:
        """Every row; `values` are those of the statement's bind parameters."""
        if (found := self._quickly(statement, values)) is not shapes.NOT_ONE:
            return found
        result = self.connection.execute(statement, values)
        return list(map(fixed.row_class(tuple(result.keys())), result.all()))

    def column(self, statement: Any, values: Any = None) -> list[Any]:
        """The first column of every row; `values` are those of the statement's bind parameters."""
        return [row[0] for row in self.rows(statement, values)]

    def _quickly(self, statement: Any, values: Any, first: bool = False) -> Any:
        """Every row of the query, or the first alone; NOT_ONE where SQLAlchemy must run it."""
        if isinstance(statement, Fixed):
            return statement.rows(self.connection, values)
        return shapes.rows(self.connection, statement, values, first) if self._is_quick else shapes.NOT_ONE

    def insert(self, model: type[Base], **values: Any) -> None:
        """One more row stands in the model's table; column defaults apply."""
        if any(isinstance(value, sa.ClauseElement) for value in values.values()):
            self.connection.execute(sa.insert(table_of(model)).values(values))
        elif self._is_quick and (made := fixed.insertion(table_of(model), tuple(values))):
            made.change(self.connection, values)
        else:
            self.connection.execute(_insertion(table_of(model)), values)

    def ensure(self, model: type[Base], **values: Any) -> None:
        """A row with the key of these values stands: this one, or an older one as it was."""
        self.connection.execute(dialects.insert_unless_there(self.dialect, table_of(model), values))

    @property
    def dialect(self) -> str:
        """The name of the database's dialect: sqlite, mysql, mariadb or postgresql."""
        return self.connection.dialect.name

    def update(self, model: type[Base], *where: Any, **values: Any) -> int:
        """The rows that match have the values; returns how many matched."""
        if self._is_quick and (met := fixed.change(self.connection, table_of(model), where, values)) is not None:
            return met
        return self._change(sa.update(table_of(model)).where(*where).values(values))

    def delete(self, model: type[Base], *where: Any) -> int:
        """The rows that match are gone; returns how many."""
        if self._is_quick and (met := fixed.change(self.connection, table_of(model), where, None)) is not None:
            return met
        return self._change(sa.delete(table_of(model)).where(*where))

    def _change(self, statement: Any) -> int:
        found: Any = shapes.change(self.connection, statement) if self._is_quick else shapes.NOT_ONE
        if found is shapes.NOT_ONE:
            found = self.connection.execute(statement).rowcount
        return found

    @contextlib.contextmanager
    def trial(self) -> Iterator[None]:
        """One statement that may break a constraint: IntegrityError undoes it alone, and the transaction goes on.

        PostgreSQL alone needs a savepoint for that; elsewhere it would cost more than the statement.
        """
        if self.dialect == 'postgresql':
            with self.connection.begin_nested():
                yield
        else:
            yield

    def after_commit(self, action: Callable[[], None]) -> None:
        """`action` runs once the transaction is durable, and never if it is not."""
        self._after.append(action)

    def nudge(self, topic: str) -> None:
        """The servers of `topic` get a nudge once this is committed; at most once a transaction."""
        self._nudged.add(topic)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for action in self._after:
            action()
        if self._wake:
            for topic in sorted(self._nudged):
                self._wake(topic)


@functools.cache
def _insertion(table: Any) -> Any:
    return sa.insert(table)


class Database:
    """The database at one URL: its engines, and the read and write transactions on them."""

    def __init__(self, url: str, pool_size: int = 10, wake: Callable[[str], None] | None = None) -> None:
        """`wake` wakes a topic after a commit that nudged it; it may be set later, and must not raise.

        So may `publisher`, the name of this host in notifications, None when none are published; `encryption`,
        for the secrets in rows, which every transaction has at hand; and `limits`, the configured quotas of each
        service.
        """
        self.url = sa.make_url(url)
        self.wake = wake
        self.publisher: str | None = None
        self.encryption: Any = None
        self.limits: dict[str, dict[str, int]] = {}
        self.sqlite = self.url.get_backend_name() == 'sqlite'
        self._ticket: contextlib.AbstractContextManager[None] = Ticket() if self.sqlite else contextlib.nullcontext()
        if self.sqlite:
            self.writer = dialects.sqlite_engine(self.url, 'BEGIN IMMEDIATE', 1)
            memory = dialects.in_memory(self.url)
            self.reader = self.writer if memory else dialects.sqlite_engine(self.url, 'BEGIN', pool_size)
        else:
            self.writer = self.reader = dialects.engine(self.url, pool_size)

    def share_writes(self, path: pathlib.Path) -> None:
        """Processes that write to the same SQLite file wait for each other by a lock on the file at `path`.

        SQLite itself would try again and again, each time after a longer pause.
        """
        self._ticket = _Both(self._ticket, _FileLock(path))

    @contextlib.contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that commits at the end of the block, or not at all.

        Raises Transient when the same block may be run again, Unavailable when the database is away or full.
        """
        with self._ticket, dialects.translated():
            with self.writer.connect() as connection:  # its end undoes what was not committed
                connection.begin()
                tx = Tx(connection, self.wake, self.publisher, self.encryption, self.limits)
                yield tx
                failpoints.hit('db.commit')
                with dialects.committing():
                    connection.commit()
        tx.committed()

    def with_retries(self, change: Callable[[Tx], T]) -> T:
        """What `change` returns, its transaction tried again while others are in its way.

        Raises Transient when they still are after some tries, and what `write` raises.
        """

        def attempt() -> T:
            with self.write() as tx:
                return change(tx)

        return retries.with_retries(attempt)

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """A consistent view for reading; nothing is kept."""
        lock = self._ticket if self.reader is self.writer and self.sqlite else contextlib.nullcontext()
        with lock, dialects.translated(), self.reader.connect() as connection:
            yield Tx(connection, encryption=self.encryption, limits=self.limits)

    def spare_connections(self) -> int | None:
        """How many more connections the server would take than are open now; None where there is no server."""
        if self.sqlite:
            return None
        with self.read() as tx:
            return tx.scalar(dialects.spare_connections(tx.dialect))

    @contextlib.contextmanager
    def unlimited(self) -> Iterator[sa.Connection]:
        """A connection for an operator's long work, such as a change of the schema: no statement is cut short."""
        if self.sqlite:
            with self._ticket, dialects.translated(), self.writer.connect() as connection:
                yield connection
            return
        engine = dialects.engine(self.url, 1, unlimited=True)
        try:
            with dialects.translated(), engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def close(self) -> None:
        """Every connection of the pools is closed."""
        self.writer.dispose()
        self.reader.dispose()
