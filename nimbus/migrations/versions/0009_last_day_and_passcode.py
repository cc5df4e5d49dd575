"""The day on which a user was last active, and the newest window of which a passcode was used."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('last_active_at', sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column('passcode_counter', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True)
        )
