"""What ports are called in a DNS, and the domains of ports and networks."""

import sqlalchemy as sa
from alembic import op

revision = '0028'
down_revision = '0027'


def upgrade() -> None:
    """The schema has the change."""
    named = [(table, column) for table in ('ports', 'floating_ips') for column in ('dns_name', 'dns_domain')]
    for table, column in [('networks', 'dns_domain'), *named]:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column(column, sa.String(length=255), nullable=True))
