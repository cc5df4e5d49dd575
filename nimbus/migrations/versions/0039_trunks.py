"""Trunks, and the ports to which their tagged frames belong."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0039'
down_revision = '0038'
OPTIONS = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}


def _number() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _moment() -> sa.types.TypeEngine:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'trunks',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', _number(), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('admin_state_up', sa.Boolean(), nullable=False),
        sa.Column('port_id', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['port_id'], ['ports.id']),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        sa.UniqueConstraint('port_id'),
        **OPTIONS,
    )
    op.create_index('ix_trunks_project_id', 'trunks', ['project_id'])
    op.create_table(
        'trunk_subports',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('trunk_id', sa.String(length=64), nullable=False),
        sa.Column('port_id', sa.String(length=64), nullable=False),
        sa.Column('segmentation_type', sa.String(length=16), nullable=False),
        sa.Column('segmentation_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['trunk_id'], ['trunks.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['port_id'], ['ports.id']),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('port_id'),
        sa.UniqueConstraint('trunk_id', 'segmentation_type', 'segmentation_id', name='trunk_subports_once'),
        **OPTIONS,
    )
