"""Where a provider network is, and the floating IPs and gateways through which routers lead out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0015'
down_revision = '0014'
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
    with op.batch_alter_table('networks', schema=None) as batch_op:
        batch_op.add_column(sa.Column('physical_network', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('segmentation_id', _number(), nullable=True))
        batch_op.add_column(sa.Column('segment', sa.String(length=100), nullable=True))
        batch_op.create_index('networks_segment', ['segment'], unique=True)
    with op.batch_alter_table('routers', schema=None) as batch_op:
        batch_op.add_column(sa.Column('enable_snat', sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        'floating_ips',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', _number(), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=False),
        sa.Column('floating_network_id', sa.String(length=64), nullable=False),
        sa.Column('floating_port_id', sa.String(length=64), nullable=False),
        sa.Column('floating_ip_address', sa.String(length=64), nullable=False),
        sa.Column('port_id', sa.String(length=64), nullable=True),
        sa.Column('fixed_ip_address', sa.String(length=64), nullable=True),
        sa.Column('router_id', sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        sa.UniqueConstraint('floating_port_id'),
        sa.UniqueConstraint('floating_network_id', 'port_id', 'fixed_ip_address', name='floating_ips_fixed'),
        **OPTIONS,
    )
    for column in ('project_id', 'port_id', 'router_id'):
        op.create_index(f'ix_floating_ips_{column}', 'floating_ips', [column])
