"""Images whose bytes lie at web servers."""

import sqlalchemy as sa
from alembic import op

revision = '0040'
down_revision = '0039'


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('images', schema=None) as batch_op:
        batch_op.add_column(sa.Column('location', sa.Text(), nullable=True))
