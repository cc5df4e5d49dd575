"""How far moves of running servers are, and ports that are wired ahead of them."""

import sqlalchemy as sa
from alembic import op

revision = '0029'
down_revision = '0028'

FIGURES = ('memory_total', 'memory_processed', 'memory_remaining', 'disk_total', 'disk_processed', 'disk_remaining')
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


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('moves', schema=None) as batch_op:
        for name in FIGURES:
            batch_op.add_column(sa.Column(name, _number(), nullable=True))
    op.create_table(
        'port_arrivals',
        sa.Column('port_id', sa.String(length=64), nullable=False),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('trouble', sa.Text(), nullable=True),
        sa.Column('since', _number(), nullable=False),
        sa.ForeignKeyConstraint(['port_id'], ['ports.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('port_id'),
        **OPTIONS,
    )
    op.create_index('port_arrivals_host', 'port_arrivals', ['host'])
