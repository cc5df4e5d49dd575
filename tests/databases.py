"""The database the tests run on: SQLite, or the server that NIMBUS_TEST_DATABASE names.

The variable is a SQLAlchemy URL of a user who may create databases, such as
`mysql+pymysql://root@localhost/?unix_socket=/run/mysqld/mysqld.sock` or
`postgresql+psycopg://postgres@/postgres?host=/run/postgresql`.  A run makes one
database of its own there, empties it before each test and drops it at the end.

On SQLite every test has a file of its own.  It is a copy of one that was made once a process, as making the
tables takes twenty times as long as copying them.
"""

import functools
import os
import pathlib
import tempfile
import uuid
from typing import Any

import sqlalchemy as sa

from nimbus.cmd import schema
from nimbus.common.database import db
from nimbus.identity import bootstrap as bootstrapping
from nimbus.identity.people.passwords import Passwords

VARIABLE = 'NIMBUS_TEST_DATABASE'
CREATE = {
    'mysql': 'CREATE DATABASE {} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    'postgresql': 'CREATE DATABASE {} TEMPLATE template0',
}
DROP = {'mysql': 'DROP DATABASE {}', 'postgresql': 'DROP DATABASE {} WITH (FORCE)'}


def configured() -> sa.URL | None:
    """The server that this run was told to use, None for SQLite."""
    told = os.environ.get(VARIABLE)
    return sa.make_url(told) if told else None


@functools.cache
def _tables() -> bytes:
    """An SQLite database with every table and no row."""
    schema.load_models()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / 'nimbus.db'
        made = db.Database(f'sqlite:///{path}')
        db.Base.metadata.create_all(made.writer)
        made.close()
        return path.read_bytes()


def make_tables(path: pathlib.Path) -> None:
    """A new SQLite file has every table and no row."""
    path.write_bytes(_tables())


def new(path: pathlib.Path) -> db.Database:
    """A database with every table and no row, in a new SQLite file."""
    make_tables(path)
    return opened(f'sqlite:///{path}')


_FIRST: dict[str, sa.Engine] = {}


def opened(url: str) -> db.Database:
    """The database at the URL, which knows the statements that others of its kind have compiled.

    A short test would spend half of its time on compiling them anew.
    """
    made = db.Database(url)
    for engine in {made.writer, made.reader}:
        if engine.url.drivername not in _FIRST:
            engine.connect().close()  # the dialect learns what its server can
        first = _FIRST.setdefault(engine.url.drivername, engine)
        engine.dialect = first.dialect
        engine.update_execution_options(compiled_cache=first._compiled_cache)
    return made


_BOOTSTRAPPED: dict[tuple[tuple[str, str], ...], bytes] = {}


def bootstrap(database: db.Database, urls: dict[str, str], passwords: Passwords) -> None:
    """An empty database is that of a new cloud with these URLs; admin's password is `secret`, nimbus's `service`.

    With SQLite the rows, their ids and their times are the same for every test of a process.
    """
    key, file = tuple(sorted(urls.items())), pathlib.Path(database.url.database or '')
    if database.sqlite and key in _BOOTSTRAPPED:
        database.close()
        file.write_bytes(_BOOTSTRAPPED[key])
        return
    with database.write() as tx:
        bootstrapping.bootstrap(
            tx,
            admin_password='secret',
            region='RegionOne',
            urls=urls,
            service_password='service',
            passwords=passwords,
        )
    if database.sqlite:
        database.close()  # the last connection leaves all of it in one file
        _BOOTSTRAPPED[key] = file.read_bytes()


class Scratch:
    """An empty database of this run's own on a server."""

    def __init__(self, server: sa.URL) -> None:
        self._server, self._name = server, f'nimbus_test_{uuid.uuid4().hex[:12]}'
        self._run(CREATE)
        self.url = server.set(database=self._name).render_as_string(hide_password=False)

    def _run(self, statements: dict[str, str]) -> None:
        engine = sa.create_engine(self._server, poolclass=sa.pool.NullPool, isolation_level='AUTOCOMMIT')
        with engine.connect() as connection:
            connection.exec_driver_sql(statements[engine.dialect.name.replace('mariadb', 'mysql')].format(self._name))

    def drop(self) -> None:
        """The database is gone."""
        self._run(DROP)


def tables_with_rows(connection: sa.Connection) -> list[Any]:
    """The tables that hold anything, those that refer to others first."""
    tables = list(reversed(db.Base.metadata.sorted_tables))
    asked = [
        sa.select(sa.literal(n).label('n')).where(sa.exists(sa.select(1).select_from(t))) for n, t in enumerate(tables)
    ]
    return [tables[n] for n in sorted(connection.scalars(sa.union_all(*asked)))]


def empty(engine: sa.Engine) -> None:
    """No table holds a row and numbers begin at 1 again; tables that held none cost nothing."""
    with engine.begin() as connection:
        tables = tables_with_rows(connection)
        if not tables:
            return
        if engine.dialect.name == 'postgresql':
            names = ', '.join(f'"{table.name}"' for table in tables)
            connection.exec_driver_sql(f'TRUNCATE {names} RESTART IDENTITY CASCADE')
            return
        # A table whose rows refer to each other cannot be emptied row by row.
        connection.exec_driver_sql('SET foreign_key_checks = 0')
        for table in tables:
            connection.execute(table.delete())
            if table.autoincrement_column is not None:
                connection.exec_driver_sql(f'ALTER TABLE `{table.name}` AUTO_INCREMENT = 1')
        connection.exec_driver_sql('SET foreign_key_checks = 1')
