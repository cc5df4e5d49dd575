"""What port forwarding has to do with ports: it ends with the port, or with the address that it leads to."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network import generations, standard_attributes
from nimbus.network.models import FloatingIp, Port
from nimbus.network.models_traffic import PortForwarding
from nimbus.network.ports import floating_addresses

OF_PORT = db.Fixed(sa.select(db.table_of(PortForwarding)).where(PortForwarding.internal_port_id == sa.bindparam('of')))


def end(tx: db.Tx, row: Any) -> None:
    """The forwarding is gone; a floating IP whose last one it was leads nowhere, and the router's host knows."""
    if not tx.delete(PortForwarding, PortForwarding.id == row.id):
        return
    floating = tx.row(sa.select(FloatingIp).where(FloatingIp.id == row.floating_ip_id))
    if floating is None:
        return
    left = tx.row(sa.select(PortForwarding.id).where(PortForwarding.floating_ip_id == floating.id).limit(1))
    if left is None and not floating.port_id:
        floating_addresses.lead(tx, floating, '', **floating_addresses.NOWHERE)
    else:
        changed(tx, floating)


def changed(tx: db.Tx, floating: Any) -> None:
    """The host of the floating IP's router knows that it forwards something else."""
    standard_attributes.touch(tx, FloatingIp, floating.id)
    host = tx.scalar(sa.select(Port.host).where(Port.id == floating.floating_port_id)) or ''
    generations.bump(tx, [host], (generations.ROUTER, floating.router_id))


def release(tx: db.Tx, port_id: str, kept: Iterable[str] = ()) -> None:
    """Nothing is forwarded to the port but to those addresses."""
    addresses = set(kept)
    for row in tx.rows(OF_PORT, {'of': port_id}):
        if row.internal_ip_address not in addresses:
            end(tx, row)


def of(tx: db.Tx, floating_ids: Sequence[str]) -> dict[str, list[Any]]:
    """The forwardings of each floating IP that has any, oldest first."""
    found: dict[str, list[Any]] = {}
    query = sa.select(PortForwarding).where(PortForwarding.floating_ip_id.in_(list(floating_ids)))
    for row in tx.rows(query.order_by(PortForwarding.seq)) if floating_ids else ():
        found.setdefault(row.floating_ip_id, []).append(row)
    return found


def let_go(tx: db.Tx, port_id: str) -> None:
    """No floating IP leads to the port, nor do ports of one."""
    floating_addresses.release(tx, port_id)
    release(tx, port_id)
