"""Policies of quality of service, their rules, and what names them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0030'
down_revision = '0029'
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
        'qos_policies',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', _number(), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('default_of', sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        sa.UniqueConstraint('default_of'),
        **OPTIONS,
    )
    op.create_index('ix_qos_policies_project_id', 'qos_policies', ['project_id'])
    op.create_table(
        'qos_rules',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('policy_id', sa.String(length=64), nullable=False),
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('direction', sa.String(length=8), nullable=False),
        sa.Column('amount', _number(), nullable=False),
        sa.Column('burst', _number(), nullable=False),
        sa.ForeignKeyConstraint(['policy_id'], ['qos_policies.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        sa.UniqueConstraint('policy_id', 'kind', 'direction', name='qos_rules_once'),
        **OPTIONS,
    )
    for table in ('networks', 'ports', 'floating_ips', 'routers'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column('qos_policy_id', sa.String(length=64), nullable=True))
            batch_op.create_index(f'ix_{table}_qos_policy_id', ['qos_policy_id'])
