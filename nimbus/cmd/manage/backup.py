"""Backs the whole database up to one file, and restores it into any of the supported database servers.

The file is gzip; its lines are JSON: first what the copy is of, then for each
table its name and columns followed by a list for every row, and at the end how
many rows there were, so that a truncated file is recognized.
"""

import base64
import datetime
import glob
import gzip
import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from nimbus.cmd import schema
from nimbus.common import clock, errors
from nimbus.common.database import db

FORMAT = 'nimbus database copy 1'
SUFFIX = '.json.gz'
BATCH = 500  # rows a statement
# Agents remember numbers, and take what comes with a lower or the same one for late or known: of jobs, and of what a
# host's network should be. They have heard of some that the copy does not know. Taken in again, all columns of a line
# rise together, the highest in the first of them to what no cloud can have reached by now.
RISING = (
    ('jobs.seq',),
    ('network_hosts.generation', 'network_hosts.applied', 'network_changes.generation', 'ports.since'),
)
EPOCH, RATE = datetime.datetime(2020, 1, 1), 100  # more than this many a second on average since then
LEAP = 10**9  # where the copy is further than that, or the clock is wrong
# What JSON has no word for, and how it comes back from the text that `_out` makes of it.
BACK: dict[type, Callable[[str], Any]] = {
    datetime.datetime: datetime.datetime.fromisoformat,
    datetime.date: datetime.date.fromisoformat,
    bytes: base64.b64decode,
}


def backup(database: db.Database, path: pathlib.Path) -> int:
    """The file holds every row of one moment, readable by its owner alone; returns how many rows there are."""
    schema.load_models()
    part = path.with_name(path.name + '.part')
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, 'wb') as raw, gzip.open(raw, 'wt', encoding='utf-8') as file:
            count = 0
            for line in _lines(database):
                file.write(json.dumps(line, ensure_ascii=False) + '\n')
                count += isinstance(line, list)
            file.write(json.dumps({'rows': count}) + '\n')
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return count


def restore(database: db.Database, path: pathlib.Path, time: clock.Clock | None = None) -> int:
    """The empty database has the schema and the rows of the file; returns how many rows there are.

    Raises Conflict when the database already has tables, Invalid when the file is no copy, is cut off or is of another
    revision of the schema.  What was taken in before an error stays uncommitted.  Numbers that agents remember are
    above all that they have heard of since the copy was made.
    """
    if schema.revision(database) is not None:
        raise errors.Conflict('The database already has tables; a copy is taken into an empty one only.')
    lines = _read(path)
    head = next(lines, None)
    if not isinstance(head, dict) or head.get('format') != FORMAT:
        raise errors.Invalid(f'{path} is no copy of a nimbus database.')
    if head['revision'] != schema.newest():
        raise errors.Invalid(
            f'{path} is a copy at revision {head["revision"]} of the schema, and this version of nimbus has '
            f'{schema.newest()}; restore it with the version it was made with, then upgrade.'
        )
    checked = _check(path)
    rises = _rises(path, (time or clock.Clock()).now())
    schema.upgrade(database)
    with database.unlimited() as connection:
        _take_in(connection, lines, rises)
        connection.commit()
    return checked


def next_in(folder: pathlib.Path, host: str) -> pathlib.Path:
    """The path of the folder's next copy, named by the host and the time in UTC."""
    return folder / f'nimbus-{host}-{clock.Clock().now():%Y%m%dT%H%M%SZ}{SUFFIX}'


def prune(folder: pathlib.Path, host: str, keep: int) -> list[pathlib.Path]:
    """Only the newest `keep` copies of this host are left in the folder; returns those that went."""
    copies = sorted(folder.glob(f'nimbus-{glob.escape(host)}-*{SUFFIX}'))
    gone = copies[: max(len(copies) - keep, 0)]
    for path in gone:
        path.unlink()
    return gone


def _lines(database: db.Database) -> Iterator[Any]:
    yield {'format': FORMAT, 'revision': schema.revision(database), 'made_at': clock.iso(clock.Clock().now())}
    with database.unlimited() as connection:
        if not database.sqlite:  # one moment for all tables; SQLite's transactions are that anyway
            connection = connection.execution_options(isolation_level='REPEATABLE READ')
        for table in _tables():
            yield {'table': table.name, 'columns': [column.name for column in table.columns]}
            statement = sa.select(table).order_by(*table.primary_key.columns)
            for row in connection.execution_options(stream_results=True).execute(statement):
                yield [_out(value) for value in row]


def _read(path: pathlib.Path) -> Iterator[Any]:
    try:
        with gzip.open(path, 'rt', encoding='utf-8') as file:
            for line in file:
                yield json.loads(line)
    except (gzip.BadGzipFile, EOFError, ValueError) as why:
        raise errors.Invalid(f'{path} cannot be read as a copy of a database: {why}.') from why


def _check(path: pathlib.Path) -> int:
    """The number of rows at the end of the file.  Raises Invalid when it is truncated."""
    count, last = 0, None
    for last in _read(path):
        count += isinstance(last, list)
    if last != {'rows': count}:
        raise errors.Invalid(f'{path} is cut off: it does not end with the number of its rows.')
    return count


def _rises(path: pathlib.Path, now: datetime.datetime) -> dict[str, int]:
    """By column, how far its numbers rise."""
    highest = dict.fromkeys((names[0] for names in RISING), 0)
    at: dict[int, str] = {}
    for line in _read(path):
        if isinstance(line, dict):
            places = (f'{line.get("table")}.{name}' for name in line.get('columns', ()))
            at = {place: name for place, name in enumerate(places) if name in highest}
            continue
        for place, name in at.items():
            highest[name] = max(highest[name], line[place])
    reached = int((now - EPOCH).total_seconds()) * RATE
    return {
        name: reached - highest[first] if reached > highest[first] else LEAP
        for first, *others in RISING
        for name in (first, *others)
    }


def _take_in(connection: sa.Connection, lines: Iterator[Any], rises: dict[str, int]) -> None:
    known = {table.name: table for table in _tables()}
    table: sa.Table | None = None
    columns: list[str] = []
    rows: list[dict[str, Any]] = []
    for line in lines:
        if isinstance(line, list) and table is not None:
            rows.append({name: _in(table.c[name], value, rises) for name, value in zip(columns, line, strict=True)})
        if table is not None and rows and (len(rows) == BATCH or isinstance(line, dict)):
            connection.execute(table.insert(), rows)
            rows = []
        if isinstance(line, dict) and 'table' in line:
            _next_number(connection, table)
            table, columns = known[line['table']], line['columns']
    _next_number(connection, table)


def _next_number(connection: sa.Connection, table: sa.Table | None) -> None:
    """PostgreSQL's sequences continue after the restored rows, whose inserts do not advance them."""
    if connection.dialect.name != 'postgresql' or table is None or table.autoincrement_column is None:
        return
    column = table.autoincrement_column
    last = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
    sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
    connection.execute(sa.select(sa.func.setval(sequence, last, False)))


def _tables() -> list[sa.Table]:
    """Every table, in an order in which foreign keys refer to earlier ones only."""
    return list(db.Base.metadata.sorted_tables)


def _out(value: Any) -> Any:
    if isinstance(value, datetime.date):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _in(column: sa.Column[Any], value: Any, rises: dict[str, int]) -> Any:
    back = BACK.get(column.type.python_type)
    if rise := rises.get(f'{column.table.name}.{column.name}'):
        return value + rise
    return value if value is None or back is None else back(value)
