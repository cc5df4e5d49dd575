"""Assertions that were used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0012'
down_revision = '0011'


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'used_assertions',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('mark', sa.String(length=64), nullable=False),
        sa.Column(
            'until',
            sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mariadb').with_variant(mysql.DATETIME(fsp=6), 'mysql'),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('mark'),
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mysql_engine='InnoDB',
    )
    with op.batch_alter_table('used_assertions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_used_assertions_until'), ['until'], unique=False)
