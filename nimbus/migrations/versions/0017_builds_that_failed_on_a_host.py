"""How many builds failed on a host since one succeeded."""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'

INTEGER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('hosts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('failed_builds', INTEGER, server_default='0', nullable=False))
