"""Tasks of the image service."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0034'
down_revision = '0033'
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
        'image_tasks',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('type', sa.String(length=32), nullable=False),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('owner', sa.String(length=255), nullable=True),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('request_id', sa.String(length=64), nullable=False),
        sa.Column('asker', sa.JSON(none_as_null=True), nullable=False),
        sa.Column('image_id', sa.String(length=64), nullable=True),
        sa.Column('input', sa.JSON(none_as_null=True), nullable=False),
        sa.Column('result', sa.JSON(none_as_null=True), nullable=True),
        sa.Column('message', sa.Text(), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=False),
        sa.Column('expires_at', _moment(), nullable=True),
        sa.Column('place', sa.String(length=255), nullable=True),
        sa.Column('generation', _number(), nullable=False),
        sa.Column('beat', _number(), nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **OPTIONS,
    )
    op.create_index('image_tasks_status', 'image_tasks', ['status', 'seq'])
    op.create_index('image_tasks_image', 'image_tasks', ['image_id'])
    op.create_index('image_tasks_expiry', 'image_tasks', ['expires_at'])
