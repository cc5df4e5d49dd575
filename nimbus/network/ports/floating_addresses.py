"""What floating IPs have to do with ports: which fixed address each leads to, and that it ends with the port."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import generations, holders, standard_attributes
from nimbus.network.models import FloatingIp, Port

DOWN = 'DOWN'
OF_PORT = db.Fixed(sa.select(db.table_of(FloatingIp)).where(FloatingIp.port_id == sa.bindparam('of')))
OF_SERVERS = db.Gathering(
    sa.select(FloatingIp.port_id, FloatingIp.fixed_ip_address, FloatingIp.floating_ip_address)
    .join(Port, Port.id == FloatingIp.port_id)
    .where(Port.holder == holders.SERVER)
    .order_by(FloatingIp.seq),
    Port.holder_id,
)
NOWHERE: dict[str, Any] = {'port_id': None, 'fixed_ip_address': None, 'router_id': None}


def lead(tx: db.Tx, row: Any, host: str, **values: Any) -> None:
    """The floating IP leads where the values say, through a router on the host; the agents concerned are nudged."""
    standard_attributes.touch(tx, FloatingIp, row.id, **values)
    old = tx.scalar(sa.select(Port.host).where(Port.id == row.floating_port_id)) or ''
    tx.update(Port, Port.id == row.floating_port_id, host=host, status=DOWN, trouble=None)
    routers = {row.router_id, values.get('router_id', row.router_id)} - {None}
    notes = [(generations.ROUTER, router_id) for router_id in sorted(routers)]
    reached = generations.bump(tx, {old, host}, (generations.PORT, row.floating_port_id), *notes)
    if host:
        tx.update(Port, Port.id == row.floating_port_id, since=reached[host])


def release(tx: db.Tx, port_id: str) -> None:
    """No floating IP leads to the port."""
    for row in tx.rows(OF_PORT, {'of': port_id}):
        lead(tx, row, '', **NOWHERE)


def refuse_loss(tx: db.Tx, port_id: str, kept: Iterable[str]) -> None:
    """Nothing, when every address to which a floating IP leads is among those that the port keeps.  Raises Invalid."""
    if {row.fixed_ip_address for row in tx.rows(OF_PORT, {'of': port_id})} - set(kept):
        raise errors.Invalid(
            f'Bad port request: Cannot update the fixed_ips of the port {port_id}, because its original fixed_ip has '
            'been associated to a floating ip.',
            type='BadRequest',
        )


def of_servers(tx: db.Tx, server_ids: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """The floating IPs that lead to the servers, by port and fixed address."""
    found: dict[tuple[str, str], list[str]] = {}
    for port_id, fixed_ip, ip in OF_SERVERS.rows(tx, server_ids):
        found.setdefault((port_id, fixed_ip), []).append(ip)
    return found


def leading_to(tx: db.Tx, port_id: str) -> Any:
    """A floating IP that leads to the port; None where there is none."""
    return tx.row(OF_PORT, {'of': port_id})


def refuse_others(tx: db.Tx, port_id: str, project_id: str | None) -> None:
    """Nothing, when no other project's floating IP leads to the port: an operator's is not taken off it so.

    Raises Conflict.
    """
    if any(row.project_id != (project_id or '') for row in tx.rows(OF_PORT, {'of': port_id})):
        raise errors.Conflict(
            f'Unable to complete the operation on port "{port_id}" because the port still has an associated floating '
            'IP.',
            type='FipAssociated',
        )
