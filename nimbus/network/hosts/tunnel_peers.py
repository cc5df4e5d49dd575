"""What a host must know of the ports that other hosts have on its networks, where tunnels lead to these."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network import generations, holders, tunnels
from nimbus.network.models import Address, Arrival, Port


def beyond(tx: db.Tx, host: str, where: Any) -> dict[str, dict[str, Any]]:
    """The ports that meet the condition, stand on other hosts and are reached by tunnels, and the far end of these.

    A floating IP's port is none of them: its address is the router's gateway's, which answers for it.
    A port whose guest is on its way stands at both hosts: each has the other as its end and answers nobody for it.
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
    moving = _moving(tx, where)
    ends = tunnels.ends(tx, {row.host for row in rows} | {row.coming for row in moving})
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.host in ends:
            port = {'network_id': row.network_id, 'mac': row.mac_address, 'ips': [], 'end': ends[row.host]}
            found.setdefault(row.id, port)['ips'] += [row.ip_address] if row.ip_address else []
    for row in moving:
        if row.coming == host and row.id in found:
            found[row.id]['ips'] = []
        elif row.coming in ends and row.host == host:
            found[row.id] = {'network_id': row.network_id, 'mac': row.mac_address, 'ips': [], 'end': ends[row.coming]}
        elif row.coming in ends and row.id in found:
            found[row.id]['coming'] = ends[row.coming]
    return found


def _moving(tx: db.Tx, where: Any) -> list[Any]:
    """The ports that meet the condition and whose guests are on their way to another host."""
    columns = (Port.id, Port.network_id, Port.mac_address, Port.host, Arrival.host.label('coming'))
    query = sa.select(*columns).join(Arrival, Arrival.port_id == Port.id)
    return list(tx.rows(query.where(where, tunnels.carry(Port.network_id))))


def tell(tx: db.Tx, host: str) -> None:
    """Every host that shares such a network with this one asks anew where the tunnels to it end."""
    mine = sa.select(Port.network_id).where(Port.host == host, tunnels.carry(Port.network_id)).distinct()
    sharing = sa.select(Port.host, Port.network_id).where(Port.network_id.in_(mine), Port.host.not_in(('', host)))
    networks: dict[str, list[str]] = {}
    for other, network_id in tx.rows(sharing.distinct().order_by(Port.host, Port.network_id)):
        networks.setdefault(other, []).append(network_id)
    for other, network_ids in networks.items():
        generations.bump(tx, [other], *((generations.NETWORK, network_id) for network_id in network_ids))
