"""The migrations make exactly the tables that the models describe."""

import pathlib

import pytest
import sqlalchemy as sa

from nimbus.cmd import schema
from nimbus.common import db
from tests import databases


@pytest.fixture
def blank(tmp_path: pathlib.Path):
    """A database without a table, on the server this run was told to use."""
    server = databases.configured()
    scratch = databases.Scratch(server) if server else None
    made = db.Database(scratch.url if scratch else f'sqlite:///{tmp_path}/blank.db')
    yield made
    made.close()
    if scratch:
        scratch.drop()


def test_the_migrations_bring_an_empty_database_to_what_the_models_say(blank):
    assert schema.revision(blank) is None
    assert schema.upgrade(blank) == schema.newest()
    assert schema.differences(blank) == []
    assert schema.upgrade(blank) == schema.newest()


def test_a_missing_index_and_a_foreign_column_are_told(blank):
    schema.upgrade(blank)
    with blank.writer.begin() as connection:
        connection.execute(sa.text('DROP TABLE quota_uses'))
        connection.execute(sa.text('ALTER TABLE outbox ADD COLUMN stray INTEGER'))
    told = ' '.join(schema.differences(blank))
    assert 'quota_uses' in told and 'stray' in told


def test_migrations_that_end_in_two_revisions_are_refused(tmp_path, monkeypatch):
    (tmp_path / 'versions').mkdir()
    for revision, parent in (('0001', None), ('0002', '0001'), ('0003', '0001')):
        text = f'revision = {revision!r}\ndown_revision = {parent!r}\n'
        (tmp_path / 'versions' / f'{revision}_a_change.py').write_text(text)
    monkeypatch.setattr(schema, 'MIGRATIONS', tmp_path)
    with pytest.raises(LookupError, match="'0002', '0003'"):
        schema.newest()


def test_a_database_knows_its_revision_as_alembic_does(blank):
    import alembic.script

    schema.upgrade(blank)
    script = alembic.script.ScriptDirectory.from_config(schema._config(None))
    assert schema.revision(blank) == schema.newest() == script.get_current_head()
