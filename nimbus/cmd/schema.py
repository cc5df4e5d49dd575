"""The database's schema: brought up to date, and compared with the models."""

import importlib
import importlib.util
import pathlib
from typing import Any

import alembic.autogenerate
import alembic.command
import alembic.config
import alembic.runtime.migration
import alembic.script

from nimbus.common import db

COMMON = ('jobs', 'outbox', 'quotas', 'services')
ROOMS = ('identity', 'image', 'network', 'volume', 'compute', 'scheduler')


def load_models() -> None:
    """Every table is known to db.Base."""
    for name in COMMON:
        importlib.import_module(f'nimbus.common.{name}')
    for room in ROOMS:
        importlib.import_module(f'nimbus.{room}.models')


def _config(connection: Any) -> alembic.config.Config:
    made = alembic.config.Config()
    made.set_main_option('script_location', str(pathlib.Path(__file__).parents[1] / 'migrations'))
    made.attributes['connection'] = connection
    return made


def upgrade(database: db.Database) -> str:
    """The schema is that of this version of nimbus; what is in the tables stays.  Returns the revision."""
    load_models()
    with database.patient() as connection:
        alembic.command.upgrade(_config(connection), 'head')
        connection.commit()
    return revision(database) or ''


def revision(database: db.Database) -> str | None:
    """The revision the database is at, None when it is empty."""
    with database.writer.connect() as connection:
        return alembic.runtime.migration.MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision that this version of nimbus brings."""
    return alembic.script.ScriptDirectory.from_config(_config(None)).get_current_head()


def differences(database: db.Database) -> list[str]:
    """What the database's tables lack or have beyond the models, one line each."""
    load_models()
    with database.writer.connect() as connection:
        context = alembic.runtime.migration.MigrationContext.configure(connection, opts={'compare_type': True})
        found = alembic.autogenerate.compare_metadata(context, db.Base.metadata)
    return [str(item) for item in found]


def new_revision(database: db.Database, message: str, number: str) -> None:
    """A migration file stands that makes the schema what the models say; for developers."""
    load_models()
    with database.writer.connect() as connection:
        alembic.command.revision(_config(connection), message, autogenerate=True, rev_id=number)
