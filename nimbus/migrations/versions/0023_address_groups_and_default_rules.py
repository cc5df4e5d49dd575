"""Address groups, the rules that name them, and the rules with which security groups begin."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0023'
down_revision = '0022'
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
        'address_groups',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('addresses', sa.JSON(none_as_null=True), nullable=False),
    )
    _standard(
        'default_security_group_rules',
        sa.Column('direction', sa.String(length=8), nullable=False),
        sa.Column('ethertype', sa.String(length=8), nullable=False),
        sa.Column('protocol', sa.String(length=40), nullable=True),
        sa.Column('port_range_min', sa.Integer(), nullable=True),
        sa.Column('port_range_max', sa.Integer(), nullable=True),
        sa.Column('remote_ip_prefix', sa.String(length=64), nullable=True),
        sa.Column('remote_group_id', sa.String(length=64), nullable=True),
        sa.Column('remote_address_group_id', sa.String(length=64), nullable=True),
        sa.Column('used_in_default_sg', sa.Boolean(), nullable=False),
        sa.Column('used_in_non_default_sg', sa.Boolean(), nullable=False),
        sa.Column('gone', sa.Boolean(), nullable=False),
    )
    with op.batch_alter_table('security_group_rules', schema=None) as batch_op:
        batch_op.add_column(sa.Column('remote_address_group_id', sa.String(length=64), nullable=True))
        batch_op.create_index('ix_security_group_rules_remote_address_group_id', ['remote_address_group_id'])
