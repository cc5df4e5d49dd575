"""Who holds a port, beside what users may write into it."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'

# A port that nimbus plugged into a server has a place among the server's ports, one that it made for a network's DHCP
# stands on a host, and neither can be written by users.
FILL = (
    "UPDATE ports SET holder = 'server', holder_id = device_id WHERE place > 0 AND EXISTS (SELECT 1 FROM servers"
    ' WHERE servers.id = ports.device_id AND servers.project_id = ports.project_id)',
    "UPDATE ports SET holder = 'router', holder_id = device_id WHERE device_owner = 'network:router_interface'"
    ' AND EXISTS (SELECT 1 FROM routers WHERE routers.id = ports.device_id'
    " AND (routers.project_id = ports.project_id OR ports.host <> ''))",
    "UPDATE ports SET holder = 'dhcp', holder_id = network_id WHERE device_owner = 'network:dhcp' AND host <> ''",
)


def upgrade() -> None:
    """The schema has the change."""
    with op.batch_alter_table('ports', schema=None) as batch_op:
        batch_op.add_column(sa.Column('holder', sa.String(length=8), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('holder_id', sa.String(length=64), nullable=False, server_default=''))
        batch_op.create_index('ports_holder', ['holder_id'], unique=False)
    for statement in FILL:
        op.execute(sa.text(statement))
