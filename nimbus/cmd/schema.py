"""Migrates the database's schema to this version, and compares it with the models.

Alembic, which takes long to import, is imported where it works: most starts find the schema as it should be.
"""

import importlib
import logging
import pathlib
import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nimbus.common.database import db

if TYPE_CHECKING:
    import alembic.config

MIGRATIONS = pathlib.Path(__file__).parents[1] / 'migrations'
AT = sa.Table(  # as alembic defines it
    'alembic_version',
    sa.MetaData(),
    sa.Column('version_num', sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint('version_num', name='alembic_version_pkc'),
)

COMMON = tuple(f'nimbus.common.{name}' for name in ('jobs', 'messaging.outbox', 'quotas', 'agents.services'))
ROOMS = ('identity', 'image', 'network', 'volume', 'compute', 'scheduler')
BESIDE = (
    'nimbus.image.models_metadefs',
    'nimbus.image.models_tasks',
    'nimbus.network.models_traffic',
    'nimbus.network.models_wiring',
)  # tables of rooms that have more than their models


def load_models() -> None:
    """Every table is known to db.Base."""
    for name in COMMON:
        importlib.import_module(name)
    for name in (*(f'nimbus.{room}.models' for room in ROOMS), *BESIDE):
        importlib.import_module(name)


def _config(connection: Any) -> 'alembic.config.Config':
    import alembic.config

    made = alembic.config.Config()
    made.set_main_option('script_location', str(MIGRATIONS))
    made.attributes['connection'] = connection
    return made


def upgrade(database: db.Database) -> str:
    """The schema is that of this version of nimbus; what is in the tables stays.  Returns the revision."""
    load_models()
    if not (database.sqlite and _make(database)):
        migrate(database)
    return revision(database) or ''


def _make(database: db.Database) -> bool:
    """An empty file gets the tables of the models, all in one transaction; False where there are tables already.

    They are the same as the migrations make, which would take a quarter of a first start's CPU time.
    """
    with database.unlimited() as connection:
        if sa.inspect(connection).get_table_names():
            return False
        db.Base.metadata.create_all(connection, checkfirst=False)
        AT.create(connection, checkfirst=False)
        connection.execute(AT.insert().values(version_num=newest()))
        connection.commit()
    return True


def migrate(database: db.Database) -> None:
    """Every migration that the database lacks has been applied."""
    import alembic.command

    # A line for each step would hide what is said afterwards.
    logging.getLogger('alembic.runtime.migration').setLevel(logging.WARNING)
    with database.unlimited() as connection:
        alembic.command.upgrade(_config(connection), 'head')
        connection.commit()


def revision(database: db.Database) -> str | None:
    """The revision the database is at, None when it is empty."""
    with database.read() as tx:
        return tx.scalar(sa.select(AT.c.version_num)) if sa.inspect(tx.connection).has_table(AT.name) else None


def newest() -> str | None:
    """The newest revision of this version's migrations.  Raises LookupError when they end in more than one."""
    texts = [path.read_text() for path in (MIGRATIONS / 'versions').glob('*.py')]
    revisions, parents = ({_assigned(name, text) for text in texts} for name in ('revision', 'down_revision'))
    last = [revision for revision in revisions - parents if revision]
    if len(last) != 1:
        raise LookupError(f'The migrations must end in one revision; they end in {sorted(last)}.')
    return last[0]


def _assigned(name: str, text: str) -> str | None:
    """The string that a migration assigns to the name, None where it assigns none."""
    found = re.search(rf"^{name}\b[^=\n]*= '([^']*)'$", text, re.MULTILINE)
    return found[1] if found else None


def differences(database: db.Database) -> list[str]:
    """What the database's tables lack or have beyond the models, one line each."""
    import alembic.autogenerate
    import alembic.runtime.migration

    load_models()
    with database.read() as tx:
        context = alembic.runtime.migration.MigrationContext.configure(tx.connection, opts={'compare_type': True})
        found = alembic.autogenerate.compare_metadata(context, db.Base.metadata)
    return [str(item) for item in found]


def new_revision(database: db.Database, message: str, number: str) -> None:
    """A new migration file makes the schema what the models say; for developers."""
    import alembic.command

    load_models()
    with database.writer.connect() as connection:
        alembic.command.revision(_config(connection), message, autogenerate=True, rev_id=number)
