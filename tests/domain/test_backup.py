"""A copy of the database brings back every row, on whichever server, and a broken copy brings nothing."""

import datetime
import gzip
import os
import pathlib
import stat
from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.cmd import schema
from nimbus.cmd.manage import backup
from nimbus.common import context, errors, ids, jobs
from nimbus.common.agents import errands
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.identity.models import Group
from nimbus.network import generations
from nimbus.network.desk import NetworkDeskServer
from tests import databases


@pytest.fixture
def make(tmp_path: pathlib.Path):
    """Makes empty databases, of SQLite or on the server this run was told to use."""
    made, scratches, server = [], [], databases.configured()

    def one(kind: str = 'configured') -> db.Database:
        served = server if kind == 'configured' else None
        if served:
            scratches.append(databases.Scratch(served))
        made.append(db.Database(scratches[-1].url if served else f'sqlite:///{tmp_path}/{len(made)}.db'))
        return made[-1]

    yield one
    for database in made:
        database.close()
    for scratch in scratches:
        scratch.drop()


@pytest.fixture
def filled(make) -> db.Database:
    """A database with more rows than one statement takes, whose names are not ASCII."""
    database = make()
    schema.upgrade(database)
    with database.write() as tx:
        for n in range(1200):
            add(tx, f'中文-é-{n}')
    return database


def add(tx: db.Tx, name: str) -> None:
    tx.insert(
        Group, id=ids.dashed(), domain_id='default', name=name, description='', extra={}, created_at=Clock().now()
    )


def contents(database: db.Database) -> dict[str, list]:
    """Every row of every table; the numbers that rise when a copy is taken in by how far they are below the highest."""
    with database.read() as tx:
        tops = {name: tx.scalar(sa.text(f'SELECT MAX({first.split(".")[1]}) FROM {first.split(".")[0]}'))
                for first, *others in backup.RISING for name in (first, *others)}  # fmt: skip

        def values(table: sa.Table, row: Any) -> tuple:
            told = ((value, tops.get(f'{table.name}.{name}')) for name, value in row._mapping.items())
            return tuple(value if top is None else top - value for value, top in told)

        return {
            t.name: sorted((values(t, row) for row in tx.rows(sa.select(t))), key=repr)
            for t in db.Base.metadata.sorted_tables
        }


def test_what_was_copied_is_there_again_and_new_rows_find_free_numbers(filled, make, tmp_path):
    file = tmp_path / 'copy.json.gz'
    count = backup.backup(filled, file)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    other = make()
    assert backup.restore(other, file) == count == 1200
    assert contents(other) == contents(filled)
    with other.write() as tx:
        add(tx, 'later')


# Values of every type that a column has, small, large and unusual; strings are made to fit.
NOON = datetime.datetime(2026, 2, 28, 12, 0, 0, 123456)
VALUES: dict[type, tuple[Any, ...]] = {
    str: ('中文-é-😀', 'a\nb\r\u2028\\"\'', ' 0 '),
    int: (0, 1, 2**31 - 1),
    float: (0.1, -1.5e-7, 16.0),
    bool: (True, False, True),
    datetime.datetime: (NOON, NOON.replace(microsecond=0), datetime.datetime(1970, 1, 1)),
    datetime.date: (NOON.date(), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    bytes: (bytes(range(256)), b'', b'\x00'),
    object: ({'é': [1, None, 2.5, {'x': '\n'}], 'big': 2**53 + 1}, [{'a': None}, 'b', 3], {}, []),  # JSON
}
ROWS = 4  # of each table, the last without anything that need not be there


def row_of(table: sa.Table, n: int) -> dict[str, Any]:
    """The table's n-th row: what another table refers to is the same in both, what must be unique is."""
    found = {}
    for column in table.columns:
        if column is table.autoincrement_column:
            continue
        if column.nullable and n == ROWS - 1:
            found[column.name] = None
            continue
        kind = column.type.python_type
        value = VALUES[kind][n % len(VALUES[kind])]
        if kind is str:
            value = f'{n}{value}'[: column.type.length or 1000]
        elif kind is int and (column.unique or column.primary_key or column.foreign_keys):
            value = n + 1
        found[column.name] = value
    return found


@pytest.mark.parametrize(
    ('there', 'back'), [('configured', 'configured'), ('sqlite', 'configured'), ('configured', 'sqlite')]
)
def test_every_column_of_every_table_comes_back_whatever_its_type(make, tmp_path, there, back):
    full, other = make(there), make(back)
    schema.upgrade(full)
    with full.write() as tx:
        for table in db.Base.metadata.sorted_tables:
            tx.execute(table.insert(), [row_of(table, n) for n in range(ROWS)])
    count = backup.backup(full, tmp_path / 'copy')
    assert backup.restore(other, tmp_path / 'copy') == count == ROWS * len(db.Base.metadata.sorted_tables)
    assert contents(other) == contents(full)


def test_agents_take_the_orders_of_a_copy_though_they_heard_of_later_jobs(make, tmp_path):
    full, other = make(), make()
    schema.upgrade(full)
    before = _start(full)
    backup.backup(full, tmp_path / 'copy')
    fences = errands.Fences(str(tmp_path / 'fences'))
    for _ in range(20):
        fences.pass_('server', _fence(full, _start(full)))
    backup.restore(other, tmp_path / 'copy')
    fences.pass_('server', _fence(other, before))
    fences.pass_('server', _fence(other, _start(other)))


class At(Clock):
    """Stands at a moment."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._now = super().now() + datetime.timedelta(seconds=seconds)

    def now(self) -> datetime.datetime:
        return self._now


def test_agents_take_the_orders_of_a_copy_that_is_taken_back_for_the_second_time(make, tmp_path):
    full = make()
    schema.upgrade(full)
    before = _start(full)
    backup.backup(full, tmp_path / 'copy')
    fences = errands.Fences(str(tmp_path / 'fences'))
    for seconds in (0, 10):
        other = make()
        backup.restore(other, tmp_path / 'copy', At(seconds))
        fences.pass_('server', _fence(other, before))
        for _ in range(20):
            fences.pass_('server', _fence(other, _start(other)))


def test_an_agent_gets_all_of_its_hosts_network_when_a_copy_was_taken_back(make, tmp_path):
    """Though it heard of as many changes, or more, since the copy was made."""
    full, other = make(), make()
    schema.upgrade(full)
    assert _change(full, 3) == 3
    backup.backup(full, tmp_path / 'copy')
    heard = _change(full, 20)
    backup.restore(other, tmp_path / 'copy')
    now = _change(other, 20)
    assert now > heard
    with other.read() as tx:
        assert generations.noted(tx, 'h1', heard, now) is None
    assert NetworkDeskServer(other).desired(context.internal(), 'h1', heard, [])['whole']


def _change(database: db.Database, times: int) -> int:
    with database.write() as tx:
        found = [generations.bump(tx, ['h1'], ('port', 'p')) for _ in range(times)]
    return found[-1]['h1']


def _start(database: db.Database) -> str:
    with database.write() as tx:
        return jobs.start(tx, context.internal(), 'build_server', 'server')


def _fence(database: db.Database, job_id: str) -> int:
    with database.read() as tx:
        job = tx.row(sa.select(jobs.Job).where(jobs.Job.id == job_id))
    return jobs.Run(job, None).fence


def test_a_database_with_tables_takes_no_copy(filled, tmp_path):
    backup.backup(filled, tmp_path / 'copy')
    before = contents(filled)
    with pytest.raises(errors.Conflict, match='empty one only'):
        backup.restore(filled, tmp_path / 'copy')
    assert contents(filled) == before


def test_a_copy_that_is_cut_off_or_something_else_changes_nothing(filled, make, tmp_path):
    whole, cut, short, alien = (tmp_path / name for name in ('whole', 'cut', 'short', 'alien'))
    backup.backup(filled, whole)
    cut.write_bytes(whole.read_bytes()[:-200])
    short.write_bytes(gzip.compress(b'\n'.join(gzip.decompress(whole.read_bytes()).splitlines()[:-1]) + b'\n'))
    alien.write_bytes(b'PK\x03\x04 nothing of ours')
    empty = make()
    for file in (cut, short, alien):
        with pytest.raises(errors.Invalid, match=file.name):
            backup.restore(empty, file)
        assert schema.revision(empty) is None


def test_only_the_newest_copies_of_this_host_are_kept(tmp_path):
    days = [tmp_path / f'nimbus-a-202601{day:02}T000000Z.json.gz' for day in range(1, 10)]
    other = tmp_path / 'nimbus-b-20260101T000000Z.json.gz'
    for path in (*days, other):
        path.touch()
    assert backup.prune(tmp_path, 'a', 7) == days[:2]
    assert sorted(tmp_path.iterdir()) == sorted([*days[2:], other])
