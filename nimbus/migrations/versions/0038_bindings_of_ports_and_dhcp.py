"""Bindings of ports to hosts on which they are not active, and where operators want DHCP servers."""

import sqlalchemy as sa
from alembic import op

revision = '0038'
down_revision = '0037'
OPTIONS = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'port_bindings',
        sa.Column('port_id', sa.String(length=64), nullable=False),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('vnic_type', sa.String(length=32), nullable=False),
        sa.Column('profile', sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(['port_id'], ['ports.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('port_id', 'host'),
        **OPTIONS,
    )
    op.create_table(
        'dhcp_choices',
        sa.Column('network_id', sa.String(length=64), nullable=False),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('wanted', sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(['network_id'], ['networks.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('network_id', 'host'),
        **OPTIONS,
    )
