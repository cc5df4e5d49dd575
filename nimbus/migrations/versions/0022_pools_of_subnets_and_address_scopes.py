"""Pools of subnets, the address scopes they are in, and the pool that a subnet was allocated from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0022'
down_revision = '0021'
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


def _standard(name: str, *columns: sa.Column) -> None:
    """A table of a noun stands, with what all of them have."""
    op.create_table(
        name,
        sa.Column('seq', _number(), nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', _number(), nullable=False),
        sa.Column('created_at', _moment(), nullable=False),
        sa.Column('updated_at', _moment(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **OPTIONS,
    )
    op.create_index(f'ix_{name}_project_id', name, ['project_id'])


def upgrade() -> None:
    """The schema has the change."""
    _standard(
        'address_scopes',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('ip_version', sa.Integer(), nullable=False),
    )
    _standard(
        'subnet_pools',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('ip_version', sa.Integer(), nullable=False),
        sa.Column('prefixes', sa.JSON(none_as_null=True), nullable=False),
        sa.Column('min_prefixlen', sa.Integer(), nullable=False),
        sa.Column('max_prefixlen', sa.Integer(), nullable=False),
        sa.Column('default_prefixlen', sa.Integer(), nullable=False),
        sa.Column('default_quota', _number(), nullable=True),
        sa.Column('is_default', sa.Boolean(), nullable=False),
        sa.Column('address_scope_id', sa.String(length=64), nullable=True),
    )
    op.create_index('ix_subnet_pools_address_scope_id', 'subnet_pools', ['address_scope_id'])
    with op.batch_alter_table('subnets', schema=None) as batch_op:
        batch_op.add_column(sa.Column('subnetpool_id', sa.String(length=64), nullable=True))
        batch_op.create_index('ix_subnets_subnetpool_id', ['subnetpool_id'])
