"""Tokens by which consoles of servers are reached."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0018'
down_revision = '0017'

INTEGER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql')
ENGINE = {
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mysql_engine': 'InnoDB',
}


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'console_tokens',
        sa.Column('seq', INTEGER, nullable=False),
        sa.Column('token_hash', sa.String(length=64), nullable=False),
        sa.Column('server_id', sa.String(length=64), nullable=False),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('address', sa.String(length=255), nullable=False),
        sa.Column('port', INTEGER, nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('expires_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('token_hash'),
        **ENGINE,
    )
    op.create_index('console_tokens_server', 'console_tokens', ['server_id'], unique=False)
    op.create_index('console_tokens_ended', 'console_tokens', ['expires_at'], unique=False)
