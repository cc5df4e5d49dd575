"""Which projects may use a network or a security group of another one."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
OPTIONS = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
    'mariadb_engine': 'InnoDB',
    'mariadb_charset': 'utf8mb4',
    'mariadb_collate': 'utf8mb4_bin',
}


def upgrade() -> None:
    """The schema has the change, and what networks said of themselves is kept as policies."""
    table = op.create_table(
        'network_sharings',
        sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('object_type', sa.String(length=32), nullable=False),
        sa.Column('object_id', sa.String(length=64), nullable=False),
        sa.Column('action', sa.String(length=32), nullable=False),
        sa.Column('target_project', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        sa.UniqueConstraint('object_id', 'target_project', 'action', name='network_sharings_once'),
        **OPTIONS,
    )
    op.create_index('ix_network_sharings_project_id', 'network_sharings', ['project_id'])
    op.create_index('network_sharings_target', 'network_sharings', ['target_project'])
    networks = op.get_bind().execute(sa.text('SELECT id, project_id, shared, external FROM networks')).all()
    rows = [
        {
            'id': str(uuid.uuid4()),
            'project_id': network.project_id,
            'object_type': 'network',
            'object_id': network.id,
            'action': action,
            'target_project': '*',
        }
        for network in networks
        for given, action in ((network.shared, 'access_as_shared'), (network.external, 'access_as_external'))
        if given
    ]
    if rows:
        op.bulk_insert(table, rows)
