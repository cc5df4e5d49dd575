"""Backups of volumes, and volumes made from them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0040'
down_revision = '0039'
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
        batch_op.add_column(sa.Column('backup_id', sa.String(length=64), nullable=True))
    op.create_table(
        'volume_backups',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('volume_id', sa.String(length=64), nullable=False),
        sa.Column('snapshot_id', sa.String(length=64), nullable=True),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=True),
        sa.Column('description', sa.String(length=255), nullable=True),
        sa.Column('container', sa.String(length=255), nullable=True),
        sa.Column('size', _number(), nullable=False),
        sa.Column('status', sa.String(length=32), nullable=False),
        sa.Column('availability_zone', sa.String(length=255), nullable=True),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('service', sa.String(length=255), nullable=False),
        sa.Column('shared', sa.Boolean(), nullable=False),
        sa.Column('place', sa.String(length=64), nullable=False),
        sa.Column('parent_id', sa.String(length=64), nullable=True),
        sa.Column('parent_place', sa.String(length=64), nullable=True),
        sa.Column('object_count', _number(), nullable=False),
        sa.Column('bootable', sa.Boolean(), nullable=False),
        sa.Column('image', sa.JSON(none_as_null=True), nullable=True),
        sa.Column('trouble', sa.Text(), nullable=True),
        sa.Column('data_timestamp', _moment(), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=True),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **OPTIONS,
    )
    op.create_index('volume_backups_project', 'volume_backups', ['project_id', 'created_at', 'seq'])
    op.create_index('volume_backups_volume', 'volume_backups', ['volume_id'])
    op.create_index('volume_backups_place', 'volume_backups', ['place'])
    op.create_index('volume_backups_parent', 'volume_backups', ['parent_place'])
    op.create_table(
        'volume_backup_metadata',
        sa.Column('backup_id', sa.String(length=64), nullable=False),
        sa.Column('meta_key', sa.String(length=255), nullable=False),
        sa.Column('value', sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint('backup_id', 'meta_key'),
        **OPTIONS,
    )
