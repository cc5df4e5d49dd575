"""Projects that may choose private volume types."""

import sqlalchemy as sa
from alembic import op

revision = '0032'
down_revision = '0031'
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
        'volume_type_access',
        sa.Column('type_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('type_id', 'project_id'),
        **OPTIONS,
    )
