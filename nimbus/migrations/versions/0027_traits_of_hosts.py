"""Traits of operators' own, and which hosts they were given to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0027'
down_revision = '0026'

SEQ = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
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
        'traits',
        sa.Column('seq', SEQ, nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('name'),
        **ENGINE,
    )
    with op.batch_alter_table('hosts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('given_traits', sa.JSON(none_as_null=True), nullable=True))
