"""The migrations make exactly the tables that the models describe."""

import datetime
import pathlib

import pytest
import sqlalchemy as sa

from nimbus.cmd import schema
from nimbus.common.database import db
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
    schema.migrate(blank)
    assert schema.revision(blank) == schema.newest()
    assert schema.differences(blank) == []
    assert schema.upgrade(blank) == schema.newest()


def _described(database):
    """All that a database tells of its tables, in an order that does not depend on how they were made."""
    found, inspector = {}, sa.inspect(database.writer)
    for name in inspector.get_table_names():
        columns = {column['name']: repr(column) for column in inspector.get_columns(name)}
        keys = [inspector.get_pk_constraint(name), *inspector.get_foreign_keys(name)]
        unique = [(one['name'], sorted(one['column_names'])) for one in inspector.get_unique_constraints(name)]
        found[name] = columns, sorted(map(repr, [*keys, *unique, *inspector.get_indexes(name)]))
    return found


def test_an_empty_file_gets_the_very_tables_that_the_migrations_make(tmp_path):
    migrated, made = (db.Database(f'sqlite:///{tmp_path}/{name}.db') for name in ('migrated', 'made'))
    schema.migrate(migrated)
    assert schema.upgrade(made) == schema.newest()
    assert _described(made) == _described(migrated)
    migrated.close()
    made.close()


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


def before(blank, name):
    """The blank database is at the revision that the named migration comes after; its tables as they are then."""
    import alembic.command

    (path,) = (schema.MIGRATIONS / 'versions').glob(f'*_{name}.py')
    with blank.unlimited() as connection:
        alembic.command.upgrade(schema._config(connection), schema._assigned('down_revision', path.read_text()))
        connection.commit()
        meta = sa.MetaData()
        meta.reflect(connection)
        return meta.tables


def row(table, **told):
    """An insert of what is told, and of something plain wherever the table wants more."""
    plain = {
        sa.Integer: 0,
        sa.BigInteger: 0,
        sa.Boolean: False,
        sa.DateTime: datetime.datetime(2026, 1, 1),
        sa.JSON: [],
    }
    values = {
        column.name: next((value for kind, value in plain.items() if isinstance(column.type, kind)), _text(column))
        for column in table.columns
        if not column.nullable and not column.primary_key and not column.server_default
    }
    return table.insert().values({name: value for name, value in (values | told).items() if name != 'seq'})


def _text(column):
    """A short text is empty; a long one is what MariaDB keeps JSON in."""
    return '' if getattr(column.type, 'length', None) else '[]'


def test_ports_that_stand_are_held_by_what_nimbus_plugged_them_into(blank):
    tables = before(blank, 'who_holds_a_port')
    ports = {
        'nic': {'device_id': 's', 'device_owner': 'compute:nova', 'host': 'h1', 'place': 1},
        'renamed nic': {'device_id': 's', 'device_owner': 'x', 'host': 'h1', 'place': 2},
        'foreign nic': {'device_id': 's', 'device_owner': 'compute:nova', 'host': 'h2', 'place': 1, 'project_id': 'b'},
        'said nic': {'device_id': 's', 'device_owner': 'compute:nova'},
        'interface': {'device_id': 'r', 'device_owner': 'network:router_interface', 'host': 'h1'},
        'said interface': {'device_id': 'r', 'device_owner': 'network:router_interface', 'project_id': 'b'},
        'dhcp': {'device_id': 'dhcp-n', 'device_owner': 'network:dhcp', 'host': 'h1'},
        'said dhcp': {'device_id': 'dhcp-n', 'device_owner': 'network:dhcp'},
        'free': {},
    }
    with blank.writer.begin() as connection:
        connection.execute(row(tables['servers'], id='s', project_id='a'))
        connection.execute(row(tables['routers'], id='r', project_id='a'))
        connection.execute(row(tables['networks'], id='n', project_id='a'))
        for name, told in ports.items():
            values = {'network_id': 'n', 'mac_address': name, 'project_id': 'a', **told}
            connection.execute(row(tables['ports'], id=name, **values))
    schema.upgrade(blank)
    with blank.writer.connect() as connection:
        found = connection.execute(sa.text("SELECT id, holder, holder_id FROM ports WHERE holder <> '' ORDER BY id"))
        assert [tuple(one) for one in found] == [
            ('dhcp', 'dhcp', 'n'),
            ('interface', 'router', 'r'),
            ('nic', 'server', 's'),
            ('renamed nic', 'server', 's'),
        ]


def test_rules_that_stand_for_everywhere_are_known_as_such(blank):
    tables = before(blank, 'who_holds_a_port')
    prints = {
        'v4': 'ingress/IPv4/6/22/22/0.0.0.0/0/',
        'v6': 'ingress/IPv6/6/22/22/::/0/',
        'any': 'egress/IPv4/////',
        'also any': 'egress/IPv4////0.0.0.0/0/',
        'some': 'ingress/IPv4////10.0.0.0/8/',
        'group': 'ingress/IPv4/////g',
    }
    with blank.writer.begin() as connection:
        connection.execute(row(tables['security_groups'], id='g', project_id='a'))
        for name, told in prints.items():
            connection.execute(row(tables['security_group_rules'], id=name, security_group_id='g', fingerprint=told))
    schema.upgrade(blank)
    with blank.writer.connect() as connection:
        found = dict(
            tuple(one) for one in connection.execute(sa.text('SELECT id, fingerprint FROM security_group_rules'))
        )
    assert found == prints | {'v4': 'ingress/IPv4/6/22/22//', 'v6': 'ingress/IPv6/6/22/22//'}
