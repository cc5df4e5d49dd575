"""The stores that images are in."""

import sqlalchemy as sa
from alembic import op

revision = '0036'
down_revision = '0035'


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('images', schema=None) as batch_op:
        batch_op.add_column(sa.Column('stores', sa.Text(), nullable=True))
