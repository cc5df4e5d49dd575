"""What subnets are for, and the zones that networks and routers are to be in."""

import sqlalchemy as sa
from alembic import op

revision = '0026'
down_revision = '0025'


def upgrade() -> None:
    """The schema has the change."""
    for table, column in (('subnets', 'service_types'), ('networks', 'zone_hints'), ('routers', 'zone_hints')):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column(column, sa.JSON(none_as_null=True), nullable=True))
