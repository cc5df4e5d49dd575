"""Snapshots of volumes, and what volumes were made from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0031'
down_revision = '0030'
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
    with op.batch_alter_table('volumes', schema=None) as batch_op:
        for name in ('snapshot_id', 'source_volid', 'copied_for'):
            batch_op.add_column(sa.Column(name, sa.String(length=64), nullable=True))
    op.create_table(
        'volume_snapshots',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('volume_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=True),
        sa.Column('description', sa.String(length=255), nullable=True),
        sa.Column('size', _number(), nullable=False),
        sa.Column('status', sa.String(length=32), nullable=False),
        sa.Column('progress', sa.String(length=8), nullable=True),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('type_id', sa.String(length=64), nullable=True),
        sa.Column('bootable', sa.Boolean(), nullable=False),
        sa.Column('image', sa.JSON(none_as_null=True), nullable=True),
        sa.Column('trouble', sa.Text(), nullable=True),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=True),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **OPTIONS,
    )
    op.create_index('volume_snapshots_project', 'volume_snapshots', ['project_id', 'created_at', 'seq'])
    op.create_index('volume_snapshots_volume', 'volume_snapshots', ['volume_id'])
    op.create_index('volume_snapshots_host', 'volume_snapshots', ['host'])
    op.create_table(
        'volume_snapshot_metadata',
        sa.Column('snapshot_id', sa.String(length=64), nullable=False),
        sa.Column('meta_key', sa.String(length=255), nullable=False),
        sa.Column('value', sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint('snapshot_id', 'meta_key'),
        **OPTIONS,
    )
