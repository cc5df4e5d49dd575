"""Ports of floating IPs that lead to fixed addresses, and the protocols that routers follow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0019'
down_revision = '0018'
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


def _standard() -> list[sa.Column]:
    return [
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', _number(), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=False),
    ]


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'port_forwardings',
        *_standard(),
        sa.Column('floating_ip_id', sa.String(length=64), nullable=False),
        sa.Column('protocol', sa.String(length=16), nullable=False),
        sa.Column('internal_port_id', sa.String(length=64), nullable=False),
        sa.Column('internal_ip_address', sa.String(length=64), nullable=False),
        sa.Column('external_first', sa.Integer(), nullable=False),
        sa.Column('external_last', sa.Integer(), nullable=False),
        sa.Column('internal_first', sa.Integer(), nullable=False),
        sa.Column('internal_last', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['floating_ip_id'], ['floating_ips.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **OPTIONS,
    )
    for column in ('project_id', 'floating_ip_id', 'internal_port_id'):
        op.create_index(f'ix_port_forwardings_{column}', 'port_forwardings', [column])
    op.create_table(
        'conntrack_helpers',
        *_standard(),
        sa.Column('router_id', sa.String(length=64), nullable=False),
        sa.Column('protocol', sa.String(length=16), nullable=False),
        sa.Column('port', sa.Integer(), nullable=False),
        sa.Column('helper', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['router_id'], ['routers.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        sa.UniqueConstraint('router_id', 'protocol', 'port', 'helper', name='conntrack_helpers_once'),
        **OPTIONS,
    )
    op.create_index('ix_conntrack_helpers_project_id', 'conntrack_helpers', ['project_id'])
