"""Who holds a port, beside what users may write into it; rules for everywhere are alike however they say it."""

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
    _alike()


def _alike() -> None:
    """A rule for 0.0.0.0/0 or ::/0 is known by what one without a range is, unless its group has both."""
    rules = sa.table('security_group_rules', *(sa.column(name) for name in ('id', 'security_group_id', 'fingerprint')))
    connection = op.get_bind()
    rows = connection.execute(sa.select(rules)).all()
    there = {(row.security_group_id, row.fingerprint) for row in rows}
    for row in rows:
        *parts, prefix_address, prefix_length, group = row.fingerprint.split('/')
        if len(parts) == 5 and (prefix_address, prefix_length) in (('0.0.0.0', '0'), ('::', '0')):
            told = '/'.join([*parts, '', group])
            if (row.security_group_id, told) not in there:
                there.add((row.security_group_id, told))
                connection.execute(sa.update(rules).where(rules.c.id == row.id).values(fingerprint=told))
