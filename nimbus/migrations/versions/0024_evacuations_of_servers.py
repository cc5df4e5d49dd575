"""Whether the hosts of an evacuated server share the storage with its disks."""

import sqlalchemy as sa
from alembic import op

revision = '0024'
down_revision = '0023'


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('moves', schema=None) as batch_op:
        batch_op.add_column(sa.Column('disk_kept', sa.Boolean(), nullable=True))
