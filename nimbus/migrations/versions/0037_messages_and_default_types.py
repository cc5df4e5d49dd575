"""Messages of the volume service, default volume types of projects, and hosts that are frozen."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0037'
down_revision = '0036'
OPTIONS = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _moment() -> sa.types.TypeEngine:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'volume_messages',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('request_id', sa.String(length=255), nullable=True),
        sa.Column('resource_type', sa.String(length=36), nullable=False),
        sa.Column('resource_uuid', sa.String(length=64), nullable=False),
        sa.Column('event_id', sa.String(length=255), nullable=False),
        sa.Column('action_id', sa.String(length=10), nullable=False),
        sa.Column('detail_id', sa.String(length=10), nullable=False),
        sa.Column('message_level', sa.String(length=16), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('expires_at', _moment(), nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **OPTIONS,
    )
    op.create_index('volume_messages_project', 'volume_messages', ['project_id', 'created_at', 'seq'])
    op.create_index('volume_messages_expires', 'volume_messages', ['expires_at'])
    op.create_table(
        'volume_default_types',
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('type_id', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('project_id'),
        **OPTIONS,
    )
    with op.batch_alter_table('services', schema=None) as batch_op:
        batch_op.add_column(sa.Column('frozen', sa.Boolean(), server_default=sa.false(), nullable=False))
