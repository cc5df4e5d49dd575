"""Which hosts have guests of a network: one of type local is separate on each, with no traffic between them."""

import sqlalchemy as sa

from nimbus.common.database import db, tables
from nimbus.network import holders
from nimbus.network.hosts import scheduling
from nimbus.network.models import Network, Port, Subnet

LOCAL = 'local'
SERVER = tables.Alias(Port)
GUESTS = (
    sa.select(Port.network_id, Port.host)
    .where(Port.host != '', ~holders.IS_OWN)
    .distinct()
    .order_by(Port.network_id, Port.host)
)
SERVED = sa.exists().where(scheduling.serves(SERVER, Port.network_id, Port.host))
HAS_DHCP = sa.exists().where(Subnet.network_id == Port.network_id, Subnet.enable_dhcp.is_(True))


def apart(tx: db.Tx) -> dict[str, list[str]]:
    """The local networks that have guests on several hosts, and on which."""
    local = GUESTS.join(Network, Network.id == Port.network_id).where(Network.network_type == LOCAL)
    return {network_id: hosts for network_id, hosts in _hosts(tx, local).items() if len(hosts) > 1}


def unserved(tx: db.Tx) -> dict[str, list[str]]:
    """The networks that have guests on hosts that their DHCP does not serve, and on which."""
    return _hosts(tx, GUESTS.where(HAS_DHCP, ~SERVED))


def _hosts(tx: db.Tx, query: sa.Select[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for network_id, host in tx.rows(query):
        found.setdefault(network_id, []).append(host)
    return found
