"""Ports that are wired on a host ahead of the guest that is on its way there, while it still runs on another."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network import generations
from nimbus.network.models import Arrival, Port
from nimbus.network.ports import server_ports, trunk_ports


def expect(tx: db.Tx, server_id: str, host: str) -> None:
    """Every port of the server is to be wired on that host too; those that are expected there already stay so."""
    for port in _ports(tx, server_id):
        known = tx.row(sa.select(Arrival).where(Arrival.port_id == port.id))
        if known is not None and known.host == host:
            continue
        if known is not None:
            _drop(tx, known)
        tx.insert(Arrival, port_id=port.id, host=host, status='DOWN', trouble=None, since=0)
        reached = generations.bump(tx, _concerned(tx, port.network_id, host), (generations.PORT, port.id))
        tx.update(Arrival, Arrival.port_id == port.id, since=reached[host])


def unready(tx: db.Tx, server_id: str) -> tuple[list[str], list[str]]:
    """The server's ports that are not wired where they are expected, and why some cannot be."""
    ids = [port.id for port in _ports(tx, server_id)]
    rows = tx.rows(sa.select(Arrival).where(Arrival.port_id.in_(ids)))
    return [row.port_id for row in rows if row.status != 'ACTIVE'], [row.trouble for row in rows if row.trouble]


def forget(tx: db.Tx, server_id: str) -> None:
    """The server's ports are expected nowhere."""
    ids = [port.id for port in _ports(tx, server_id)]
    for row in tx.rows(sa.select(Arrival).where(Arrival.port_id.in_(ids))):
        _drop(tx, row)


def _ports(tx: db.Tx, server_id: str) -> list[Any]:
    """The server's ports, and the subports of those that are trunks."""
    own = server_ports.of_server(tx, server_id)
    return own + [port for parent in own for port in trunk_ports.carried(tx, parent.id)]


def _drop(tx: db.Tx, row: Any) -> None:
    tx.delete(Arrival, Arrival.port_id == row.port_id)
    network_id = tx.scalar(sa.select(Port.network_id).where(Port.id == row.port_id))
    generations.bump(tx, _concerned(tx, network_id, row.host), (generations.PORT, row.port_id))


def _concerned(tx: db.Tx, network_id: str, host: str) -> set[str]:
    """The host, and all that send to the port by tunnels, to both its hosts while its guest is on its way."""
    return {host} | generations.of_ports(tx, network_id)


def arrived(tx: db.Tx, server_id: str, host: str) -> None:
    """The server's ports, bound to the host now, are as they were wired ahead, and expected nowhere any more."""
    for port in _ports(tx, server_id):
        row = tx.row(sa.select(Arrival).where(Arrival.port_id == port.id, Arrival.host == host))
        if row is not None:
            tx.delete(Arrival, Arrival.port_id == port.id)
            if row.status == 'ACTIVE' and port.host == host:
                tx.update(Port, Port.id == port.id, status='ACTIVE')
