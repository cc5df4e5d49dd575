"""Runs the migrations on the connection it is given; alembic loads this file."""

from alembic import context

from nimbus.common.database.db import Base

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=Base.metadata,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
