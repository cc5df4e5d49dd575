"""The topology that was allocated for a project."""

import sqlalchemy as sa
from alembic import op

revision = '0025'
down_revision = '0024'


def upgrade() -> None:
    """The schema has the change."""
    op.create_table(
        'network_topologies',
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('network_id', sa.String(length=64), nullable=False),
        sa.Column('router_id', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('project_id'),
        mysql_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
    )
