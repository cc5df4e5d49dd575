"""Namespaces of metadata definitions, what they define, and the types of resources that they are for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0035'
down_revision = '0034'
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


def _moments() -> tuple[sa.Column, ...]:
    kind = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')
    return tuple(sa.Column(name, kind, nullable=False) for name in ('created_at', 'updated_at'))


def _long_text() -> sa.types.TypeEngine:
    return sa.Text().with_variant(mysql.LONGTEXT(), 'mysql', 'mariadb')


def _defined(table: str, *columns: sa.Column) -> None:
    """A table of what namespaces define under a name."""
    op.create_table(
        table,
        *columns,
        sa.Column('seq', _number(), nullable=False),
        sa.Column('namespace_seq', _number(), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        *_moments(),
        sa.ForeignKeyConstraint(['namespace_seq'], ['metadef_namespaces.seq'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('namespace_seq', 'name', name=f'{table}_once'),
        **OPTIONS,
    )


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'metadef_namespaces',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('namespace', sa.String(length=80), nullable=False),
        sa.Column('display_name', sa.String(length=80), nullable=True),
        sa.Column('description', _long_text(), nullable=True),
        sa.Column('visibility', sa.String(length=16), nullable=False),
        sa.Column('protected', sa.Boolean(), nullable=False),
        sa.Column('owner', sa.String(length=255), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('namespace'),
        **OPTIONS,
    )
    op.create_index('metadef_namespaces_owner', 'metadef_namespaces', ['owner'])
    _defined(
        'metadef_objects',
        sa.Column('description', _long_text(), nullable=True),
        sa.Column('required', sa.JSON(), nullable=False),
        sa.Column('properties', sa.JSON(), nullable=False),
    )
    _defined('metadef_properties', sa.Column('schema', sa.JSON(), nullable=False))
    _defined('metadef_tags')
    _defined(
        'metadef_associations',
        sa.Column('prefix', sa.String(length=80), nullable=True),
        sa.Column('properties_target', sa.String(length=80), nullable=True),
    )
    op.create_index('metadef_associations_name', 'metadef_associations', ['name'])
    op.create_table(
        'metadef_resource_types',
        sa.Column('seq', _number(), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        *_moments(),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('name'),
        **OPTIONS,
    )
