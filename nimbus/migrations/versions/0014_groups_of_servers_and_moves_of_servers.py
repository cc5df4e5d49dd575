"""Groups of servers, and moves of servers to another size or host."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0014'
down_revision = '0013'

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
        'server_groups',
        sa.Column('seq', SEQ, nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('policy', sa.String(length=32), nullable=False),
        sa.Column('rules', sa.JSON(none_as_null=True), nullable=False),
        sa.Column('generation', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **ENGINE,
    )
    op.create_index('server_groups_project', 'server_groups', ['project_id', 'seq'], unique=False)
    op.create_table(
        'grouped_servers',
        sa.Column('seq', SEQ, nullable=False),
        sa.Column('server_id', sa.String(length=64), nullable=False),
        sa.Column('group_id', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('server_id'),
        **ENGINE,
    )
    op.create_index('grouped_servers_group', 'grouped_servers', ['group_id', 'seq'], unique=False)
    _moves()


def _moves() -> None:
    op.create_table(
        'moves',
        sa.Column('seq', SEQ, nullable=False),
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('server_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('status', sa.String(length=32), nullable=False),
        sa.Column('vm_state', sa.String(length=32), nullable=False),
        sa.Column('source_host', sa.String(length=255), nullable=True),
        sa.Column('source_node', sa.String(length=255), nullable=True),
        sa.Column('target_host', sa.String(length=255), nullable=True),
        sa.Column('target_node', sa.String(length=255), nullable=True),
        sa.Column('target_address', sa.String(length=64), nullable=True),
        sa.Column('old_flavor_id', sa.String(length=255), nullable=False),
        sa.Column('old_flavor', sa.JSON(none_as_null=True), nullable=False),
        sa.Column('new_flavor_id', sa.String(length=255), nullable=False),
        sa.Column('new_flavor', sa.JSON(none_as_null=True), nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.Column('updated_at', MOMENT, nullable=True),
        sa.PrimaryKeyConstraint('seq'),
        sa.UniqueConstraint('id'),
        **ENGINE,
    )
    op.create_index('moves_server', 'moves', ['server_id', 'seq'], unique=False)
    op.create_index('moves_status', 'moves', ['status', 'updated_at'], unique=False)
