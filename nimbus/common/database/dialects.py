"""What differs between SQLite, MariaDB (MySQL) and PostgreSQL: engines, errors, upserts and where nulls sort."""

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.dialects.sqlite import pysqlite

from nimbus.common import errors, log, turns

SLOWEST = 30  # seconds of one statement; a request has lost its client by then
LOCKED = 10  # seconds to wait for a row; the servers' own 50 s, or for ever, would hold the threads of a whole daemon
CONNECT = 5  # seconds to a server that does not answer
MYSQL = ('mysql', 'mariadb')

# The same transaction may be tried again.
AGAIN = {
    1020,  # the record was changed since it was read
    1205,  # lock wait timeout
    1213,  # deadlock
    1305,  # no such savepoint: a deadlock inside of one has undone the transaction and it with it
    1053, 1317, 1927,  # the server shuts down, or ended the statement or the connection
    '40001', '40P01', '55P03',  # serialisation, deadlock, lock timeout
}  # fmt: skip
SLOW = {1969, 3024, '57014'}
READ_ONLY = {1290, 1792, 1836, '25006'}
# What of a dialect waits for the database server.
ROUND_TRIPS = (
    'connect', 'do_ping', 'do_commit', 'do_rollback', 'do_execute', 'do_executemany', 'do_execute_no_params',
)  # fmt: skip
UNFIT = {1139, '2201B'}  # a regular expression that this server does not know


def engine(url: sa.URL, size: int, unlimited: bool = False) -> sa.Engine:
    """An engine for a database server; an `unlimited` one, for changes of the schema, has no timeouts."""
    made = sa.create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=30,
        # Finds out, at the price of a round trip, that the server was restarted before a transaction begins on it.
        pool_pre_ping=True,
        isolation_level='READ COMMITTED',
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args=_connect_args(url, unlimited),
    )

    for name in ROUND_TRIPS:
        setattr(made.dialect, name, turns.apart(getattr(made.dialect, name)))

    @sa.event.listens_for(made, 'connect')
    def prepare(connection: Any, _record: Any) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            for statement in _settings(url, connection, unlimited):
                cursor.execute(statement)
        connection.commit()  # a setting made in a transaction would end with it

    return made


def among(dialect: str, column: Any, name: str) -> Any:
    """Whether the column has one of the values that the parameter `name` will have: see `among_values`.

    SQLite takes them as one JSON text, as naming a thousand parameters costs more than finding their rows.
    """
    if dialect == 'sqlite':
        each = sa.func.json_each(sa.bindparam(name, type_=sa.String())).table_valued('value')
        return column.in_(sa.select(each.c.value))
    return column.in_(sa.bindparam(name, expanding=True))


def among_values(dialect: str, values: list[str]) -> Any:
    """The values as the parameter of `among` takes them."""
    return orjson.dumps(values).decode() if dialect == 'sqlite' else values


def _connect_args(url: sa.URL, unlimited: bool) -> dict[str, Any]:
    """How long the sockets wait: a server that vanished must not keep a thread for ever."""
    if url.get_backend_name() in MYSQL:
        longest = {} if unlimited else {'read_timeout': SLOWEST + 10, 'write_timeout': SLOWEST + 10}
        return {'connect_timeout': CONNECT, **longest}
    return {
        'connect_timeout': CONNECT,
        'keepalives_idle': 10,
        'keepalives_interval': 5,
        'keepalives_count': 3,
        'tcp_user_timeout': 20_000,
    }


def _settings(url: sa.URL, connection: Any, unlimited: bool) -> list[str]:
    if url.get_backend_name() in MYSQL:
        maria = 'MariaDB' in connection.get_server_info()
        slowest = f'max_statement_time = {SLOWEST}' if maria else f'max_execution_time = {SLOWEST * 1000}'
        # TRADITIONAL refuses what does not fit a column; without it the server would cut it off in silence.
        strict = "SET SESSION sql_mode = 'TRADITIONAL'"
        return [strict] if unlimited else [strict, f'SET SESSION innodb_lock_wait_timeout = {LOCKED}, {slowest}']
    if unlimited:
        return []
    # A transaction that is left open, by a thread that hangs, must not hold its rows for ever.
    return [
        f"SET lock_timeout = '{LOCKED}s'",
        f"SET statement_timeout = '{SLOWEST}s'",
        f"SET idle_in_transaction_session_timeout = '{SLOWEST * 2}s'",
    ]


class _Reading(pysqlite.SQLiteDialect_pysqlite):
    """SQLite whose transactions begin with a BEGIN of our own: the driver's comes too late to be of a kind.

    A listener for the beginning would do as well, but SQLAlchemy then prepares every statement for listeners.
    """

    supports_statement_cache = True
    begins = 'BEGIN'

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.execute(self.begins)


class _Writing(_Reading):
    """SQLite whose transactions lock the database from their beginning."""

    supports_statement_cache = True
    begins = 'BEGIN IMMEDIATE'


SQLITE = {kind.begins: f'nimbus{kind.__name__.lower()}' for kind in (_Reading, _Writing)}
for _kind in (_Reading, _Writing):
    sa.dialects.registry.register(f'sqlite.{SQLITE[_kind.begins]}', __name__, _kind.__name__)


def sqlite_engine(url: sa.URL, begin: str, size: int) -> sa.Engine:
    """An engine for a file, whose transactions begin with `begin`."""
    pool: dict[str, Any] = {'pool_size': size, 'max_overflow': 0, 'pool_timeout': 30}
    if in_memory(url):
        pool = {'poolclass': sa.pool.StaticPool}
    made = sa.create_engine(
        url.set(drivername=f'sqlite+{SQLITE[begin]}'),
        connect_args={'check_same_thread': False, 'timeout': 15},
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        **pool,
    )

    @sa.event.listens_for(made, 'connect')
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # no BEGIN of the driver's own
        # LIKE is case-sensitive, as on the servers.
        for pragma in (
            'journal_mode=WAL', 'synchronous=NORMAL', 'foreign_keys=ON', 'temp_store=MEMORY', 'case_sensitive_like=ON',
        ):  # fmt: skip
            connection.execute(f'PRAGMA {pragma}')

    return made


def in_memory(url: sa.URL) -> bool:
    """Whether the URL is of an SQLite that has no file."""
    return not url.database or url.database == ':memory:'


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def insert_unless_there(dialect: str, table: Any, values: dict[str, Any]) -> Any:
    """An insert that leaves a row with the same key as it is, without an error that would end the transaction.

    On MariaDB it locks that row to be changed; the lock a failed insert leaves there is one that racers share,
    and each of them who then changes the row would wait for all others: a deadlock.
    """
    if dialect in MYSQL:
        key = next(iter(table.primary_key.columns))
        return mysql.insert(table).values(values).on_duplicate_key_update({key.name: key})
    if dialect == 'postgresql':
        from sqlalchemy.dialects import postgresql  # large, and imported by the engine where it is needed

        return postgresql.insert(table).values(values).on_conflict_do_nothing()
    return sqlite.insert(table).values(values).on_conflict_do_nothing()


def ordered(dialect: str, column: Any, way: str) -> Any:
    """The column's part of an ORDER BY, with nulls as the lowest value on every database."""
    made = column.asc() if way == 'asc' else column.desc()
    if dialect == 'postgresql' and getattr(column, 'nullable', True):
        return made.nulls_first() if way == 'asc' else made.nulls_last()
    return made


def spare_connections(dialect: str) -> Any:
    """A statement for the number of connections that the server would still take."""
    if dialect == 'postgresql':
        return sa.text("SELECT current_setting('max_connections')::int - count(*) FROM pg_stat_activity")
    return sa.text(
        'SELECT @@max_connections - CAST(variable_value AS SIGNED) FROM information_schema.global_status '
        "WHERE variable_name = 'THREADS_CONNECTED'"
    )


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Driver errors become kinds; what a caller can only call a bug stays as it is."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except exc.DBAPIError as why:
        raise kind_of(why) or why from why
    except exc.TimeoutError as why:
        raise errors.Unavailable('Every connection to the database is busy.') from why


@contextlib.contextmanager
def committing() -> Iterator[None]:
    """A connection lost in the middle of a commit is no reason to try again: the change may well stand."""
    try:
        yield
    except exc.DBAPIError as why:
        if why.connection_invalidated:
            raise errors.Unavailable(
                'The database went away before it said whether it kept the change; look before asking again.'
            ) from why
        raise


def words_of(why: BaseException) -> str:
    """What the database's server itself said, for its operator; empty when the error is not about one.

    No user may read it: it names the server's accounts and addresses.
    """
    cause = why.__cause__
    if not isinstance(cause, exc.DBAPIError) or cause.orig is None:
        return ''
    given = cause.orig.args[1] if len(cause.orig.args) > 1 else cause.orig
    return log.SECRET.sub(log.MASK, ' '.join(str(given).split()))


def kind_of(why: exc.DBAPIError) -> errors.NimbusError | None:
    """The kind of error a driver's error means, None when it means a bug."""
    code = getattr(why.orig, 'sqlstate', None) or (why.orig.args[0] if why.orig and why.orig.args else None)
    text = str(why.orig)
    if why.connection_invalidated or code in AGAIN or 'database is locked' in text:
        return errors.Transient('The database did not take the change; please try again.')
    if code in SLOW:
        return errors.Unavailable('The database took too long to answer.')
    if code in READ_ONLY or 'readonly database' in text:
        return errors.Unavailable('The database takes no changes at the moment.')
    if isinstance(why, exc.DataError) or code in UNFIT:
        return errors.Invalid('A value is too long, too large or has characters that cannot be kept.')
    if isinstance(why, exc.OperationalError | exc.InterfaceError):
        full = 'full' in text or 'No space left' in text
        return errors.Unavailable('The database is full.' if full else 'The database cannot be reached.')
    return None
