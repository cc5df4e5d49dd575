"""Since when a server is shelved, and the image that it comes back from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0016'
down_revision = '0015'

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql')


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('servers', schema=None) as batch_op:
        batch_op.add_column(sa.Column('shelved_image_id', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('shelved_at', MOMENT, nullable=True))
