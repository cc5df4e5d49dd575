#!/usr/bin/env bash
# alembic 1.20.1 changes a table of SQLite (batch_alter_table) by making it anew from what SQLAlchemy 2.1.9 reads of it.  Of
# a foreign key that was written at its column (`p INTEGER REFERENCES parent (id) ON DELETE CASCADE`) SQLAlchemy reads the
# columns but not ON DELETE; of one that stands apart (`FOREIGN KEY (p) REFERENCES ...`) it reads both.
#
# Expected: a change of one column leaves the foreign key of another as it was, or a warning is given.
# Seen:     no warning, and the new table has no ON DELETE CASCADE: the next delete of a parent leaves its children, or
#           fails.  The direction of an index (DESC) and a column's COLLATE go the same way.
#
# What it means: write foreign keys apart, as SQLAlchemy's own CREATE TABLE does; give batch_alter_table `copy_from=` for
# tables that were made by hand; compare the schema after each migration.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv v
v/bin/pip -q install --disable-pip-version-check alembic==1.20.1 SQLAlchemy==2.1.9
cat >look.py <<'EOF'
import sqlite3, sys, warnings
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.operations import Operations

TABLES = {
    'inline': 'p INTEGER REFERENCES parent (id) ON DELETE CASCADE, name TEXT COLLATE NOCASE, x INTEGER',
    'apart': 'p INTEGER, name TEXT COLLATE NOCASE, x INTEGER, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE',
}


def written(connection, name):
    text = connection.exec_driver_sql("SELECT group_concat(sql, ' ') FROM sqlite_master WHERE tbl_name = ?", (name,)).scalar()
    return {word: word in text for word in ('ON DELETE CASCADE', 'COLLATE', 'DESC')}


after, told = {}, []
with sqlalchemy.create_engine('sqlite://').connect() as connection:
    connection.exec_driver_sql('CREATE TABLE parent (id INTEGER PRIMARY KEY)')
    operations = Operations(MigrationContext.configure(connection))
    for name, columns in TABLES.items():
        connection.exec_driver_sql(f'CREATE TABLE {name} (id INTEGER PRIMARY KEY, {columns})')
        connection.exec_driver_sql(f'CREATE INDEX by_name_{name} ON {name} (name DESC)')
        assert all(written(connection, name).values())
        with warnings.catch_warnings(record=True) as told_here:
            warnings.simplefilter('always')
            with operations.batch_alter_table(name) as batch:
                batch.alter_column('x', nullable=False)
        told += told_here
        after[name] = written(connection, name)
print('SQLite', sqlite3.sqlite_version, 'warnings:', len(told))
for name, there in after.items():
    print(f'foreign key {name}: after the change of another column', *(f'{word}: {is_there}' for word, is_there in there.items()))
seen = {'inline': [False, False, False], 'apart': [True, False, False]}
sys.exit(not ({name: list(there.values()) for name, there in after.items()} == seen and not told))
EOF
v/bin/python look.py
