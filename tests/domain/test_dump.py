"""A copy of the database brings back every row, on whichever server, and a broken copy brings nothing."""

import gzip
import os
import pathlib
import stat

import pytest
import sqlalchemy as sa

from nimbus.cmd import dump, schema
from nimbus.common import db, errors, ids
from nimbus.common.clock import Clock
from nimbus.identity.models import Group
from tests import databases


@pytest.fixture
def make(tmp_path: pathlib.Path):
    """Makes empty databases, on the server this run was told to use."""
    made, scratches, server = [], [], databases.configured()

    def one() -> db.Database:
        if server:
            scratches.append(databases.Scratch(server))
        made.append(db.Database(scratches[-1].url if server else f'sqlite:///{tmp_path}/{len(made)}.db'))
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
    with database.read() as tx:
        return {t.name: [tuple(r) for r in tx.rows(sa.select(t))] for t in db.Base.metadata.sorted_tables}


def test_what_was_copied_is_there_again_and_new_rows_find_free_numbers(filled, make, tmp_path):
    file = tmp_path / 'copy.json.gz'
    count = dump.backup(filled, file)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    other = make()
    assert dump.restore(other, file) == count == 1200
    assert contents(other) == contents(filled)
    with other.write() as tx:
        add(tx, 'later')


def test_a_database_with_tables_takes_no_copy(filled, tmp_path):
    dump.backup(filled, tmp_path / 'copy')
    before = contents(filled)
    with pytest.raises(errors.Conflict, match='empty one only'):
        dump.restore(filled, tmp_path / 'copy')
    assert contents(filled) == before


def test_a_copy_that_is_cut_off_or_something_else_changes_nothing(filled, make, tmp_path):
    whole, cut, short, alien = (tmp_path / name for name in ('whole', 'cut', 'short', 'alien'))
    dump.backup(filled, whole)
    cut.write_bytes(whole.read_bytes()[:-200])
    short.write_bytes(gzip.compress(b'\n'.join(gzip.decompress(whole.read_bytes()).splitlines()[:-1]) + b'\n'))
    alien.write_bytes(b'PK\x03\x04 nothing of ours')
    empty = make()
    for file in (cut, short, alien):
        with pytest.raises(errors.Invalid, match=file.name):
            dump.restore(empty, file)
        assert schema.revision(empty) is None


def test_only_the_newest_copies_of_this_host_are_kept(tmp_path):
    days = [tmp_path / f'nimbus-a-202601{day:02}T000000Z.json.gz' for day in range(1, 10)]
    other = tmp_path / 'nimbus-b-20260101T000000Z.json.gz'
    for path in (*days, other):
        path.touch()
    assert dump.prune(tmp_path, 'a', 7) == days[:2]
    assert sorted(tmp_path.iterdir()) == sorted([*days[2:], other])
