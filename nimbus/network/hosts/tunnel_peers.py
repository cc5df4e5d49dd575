"""What a host must know of the ports that other hosts have on its networks, where tunnels lead to these."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network import generations, holders, tunnels
from nimbus.network.models import Address, Port


def beyond(tx: db.Tx, host: str, where: Any) -> dict[str, dict[str, Any]]:
    """The ports that meet the condition, stand on other hosts and are reached by tunnels, and the far end of these.

    A floating IP's port is none of them: its address is the router's gateway's, which answers for it.
    """
    query = (
        sa.select(Port.id, Port.network_id, Port.mac_address, Port.host, Address.ip_address)
        .outerjoin(Address, Address.port_id == Port.id)
        .where(
            where,
            Port.host.not_in(('', host)),
            Port.holder != holders.FLOATING,
            tunnels.carry(Port.network_id),
        )
        .order_by(Port.seq, Address.seq)
    )
    rows = list(tx.rows(query))
    ends = tunnels.ends(tx, {row.host for row in rows})
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.host in ends:
            port = {'network_id': row.network_id, 'mac': row.mac_address, 'ips': [], 'end': ends[row.host]}
            found.setdefault(row.id, port)['ips'] += [row.ip_address] if row.ip_address else []
    return found


def tell(tx: db.Tx, host: str) -> None:
    """Every host that shares such a network with this one asks anew where the tunnels to it end."""
    mine = sa.select(Port.network_id).where(Port.host == host, tunnels.carry(Port.network_id)).distinct()
    sharing = sa.select(Port.host, Port.network_id).where(Port.network_id.in_(mine), Port.host.not_in(('', host)))
    networks: dict[str, list[str]] = {}
    for other, network_id in tx.rows(sharing.distinct().order_by(Port.host, Port.network_id)):
        networks.setdefault(other, []).append(network_id)
    for other, network_ids in networks.items():
        generations.bump(tx, [other], *((generations.NETWORK, network_id) for network_id in network_ids))
