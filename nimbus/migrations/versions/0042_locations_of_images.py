"""Images whose bytes lie at web servers."""

import sqlalchemy as sa
from alembic import op

revision = '0042'
down_revision = '0041'


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('images', schema=None) as batch_op:
        batch_op.add_column(sa.Column('location', sa.Text(), nullable=True))
