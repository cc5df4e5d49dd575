"""Who holds a port: what nimbus itself has plugged it into, whatever its owner wrote into its fields.

`device_id` and `device_owner` are fields that users may set; nothing here relies on them where a port is held.
"""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network.models import Port

SERVER, ROUTER, DHCP = 'server', 'router', 'dhcp'
SUBPORT = 'subport'  # of a trunk: the tagged frames of a guest's other port are this one's
GATEWAY, FLOATING = 'gateway', 'floating'  # a router's port on an external network, and a floating IP's
OUTSIDE = (GATEWAY, FLOATING)  # ports on external networks: no project's, so that none sees or is charged for them
OWN = 'network:'  # owners that are the network service's own; nothing filters their ports
OWNER = {  # what such ports show as device_owner
    ROUTER: 'network:router_interface',
    DHCP: 'network:dhcp',
    GATEWAY: 'network:router_gateway',
    FLOATING: 'network:floatingip',
    SUBPORT: 'trunk:subport',
}
GUESTS = (SERVER, SUBPORT)  # what has a guest behind it, whatever the port says
UNCOUNTED = (DHCP, *OUTSIDE)  # ports that the service makes for itself
# Owners by which a port says that the device beside them is a router.
ROUTER_OWNERS = (
    OWNER[ROUTER],
    'network:router_interface_distributed',
    'network:ha_router_replicated_interface',
)

IS_OWN = sa.and_(Port.holder.not_in(GUESTS), sa.or_(Port.holder != '', Port.device_owner.startswith(OWN)))
# Ports that go with their network and do not keep a subnet in use.
GOES_ALONG = sa.or_(Port.holder == DHCP, sa.and_(Port.holder == '', Port.device_owner == OWNER[DHCP]))


def is_own(port: Any) -> bool:
    """Whether the port is the network service's own: no guest is behind it."""
    return port.holder not in GUESTS and (port.holder != '' or port.device_owner.startswith(OWN))


def held(kind: str, holder_id: str) -> list[Any]:
    """The condition that a port is held by that server, router or DHCP server."""
    return [Port.holder == kind, Port.holder_id == holder_id]


def of(tx: db.Tx, kind: str, holder_id: str) -> list[Any]:
    """The ports that it holds, oldest first."""
    return list(tx.rows(sa.select(Port).where(*held(kind, holder_id)).order_by(Port.seq)))


def of_service(port: Any) -> bool:
    """Whether the service itself addresses the port, also where guests make their own addresses."""
    return port.holder not in ('', *GUESTS) or port.device_owner in ROUTER_OWNERS
