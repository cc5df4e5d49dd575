"""Schedule DHCP servers and routers to hosts whose agent is up; they move only when that agent is gone."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.network import generations, holders, tunnels
from nimbus.network.models import Host, Port, Service
from nimbus.network.models_wiring import DhcpChoice

AGENT = {'dhcp': 'neutron-dhcp-agent', 'router': 'neutron-l3-agent'}
SUBJECT = {'dhcp': generations.NETWORK, 'router': generations.ROUTER}
SEEN = db.Fixed(sa.select(db.table_of(Host)).where(Host.host == sa.bindparam('of')))
SERVING = db.Fixed(sa.select(Port.host).where(Port.holder == holders.DHCP, Port.holder_id == sa.bindparam('of')))
DOWN_TIME = 30.0  # seconds without a report after which an agent is given nothing new


def serves(server: Any, network_id: Any, host: Any) -> sa.ColumnElement[bool]:
    """The condition that the port `server` is that of a DHCP server of the network which guests on the host reach."""
    return sa.and_(
        server.holder_id == network_id,
        server.holder == holders.DHCP,
        server.host != '',
        sa.or_(server.host == host, tunnels.carry(network_id)),
    )


def host_of(tx: db.Tx, kind: str, subject_id: str) -> str:
    """The host the service stands on; '' while it stands nowhere."""
    return tx.scalar(sa.select(Service.host).where(Service.kind == kind, Service.subject_id == subject_id)) or ''


def able(tx: db.Tx, kind: str, among: set[str], there: set[str]) -> set[str]:
    """Which of the hosts have an agent that may be given the service, or has it."""
    known = services.find(tx, 'network', binary=AGENT[kind]) if among else ()
    return {agent.host for agent in known if agent.host in among and (not agent.disabled or agent.host in there)}


def agents(tx: db.Tx, kind: str) -> set[str]:
    """The hosts that have an agent of the kind."""
    return {agent.host for agent in services.find(tx, 'network', binary=AGENT[kind])}


def place(tx: db.Tx, kind: str, subject_id: str, only: set[str] | None = None) -> str:
    """The host the service stands on, chosen now if it stood nowhere or its agent is gone; '' when none is up.

    With `only` it stands on one of those hosts.
    """
    known = services.find(tx, 'network', binary=AGENT[kind])
    old = host_of(tx, kind, subject_id)
    if old and any(agent.host == old for agent in known) and (not only or old in only):
        return old
    up = [agent.host for agent in known if not agent.disabled and services.is_up(agent, DOWN_TIME)]
    free = [host for host in up if host in only] or sorted(only) if only else up
    if not free:
        return old
    counts = dict.fromkeys(free, 0)
    for row in tx.rows(sa.select(Service.host, sa.func.count()).where(Service.kind == kind).group_by(Service.host)):
        if row[0] in counts:
            counts[row[0]] = row[1]
    chosen = min(counts, key=lambda host: (counts[host], host))
    return put(tx, kind, subject_id, chosen)


def put(tx: db.Tx, kind: str, subject_id: str, host: str) -> str:
    """The service stands on the host, or on the one a racer chose first; returns it.

    On '' it stands nowhere by an operator's will, and is not placed again before somebody changes its subject.
    """
    old = host_of(tx, kind, subject_id)
    if not tx.update(Service, Service.kind == kind, Service.subject_id == subject_id, host=host):
        try:
            with tx.connection.begin_nested():
                tx.insert(Service, kind=kind, subject_id=subject_id, host=host)
        except sa.exc.IntegrityError:
            return host_of(tx, kind, subject_id)
    generations.bump(tx, {old, host}, (SUBJECT[kind], subject_id))
    return host


def placed(tx: db.Tx, kind: str, subject_ids: Sequence[str]) -> set[str]:
    """Which of the subjects stand on some host."""
    found: set[str] = set()
    for start in range(0, len(subject_ids), 1000):
        part = list(subject_ids[start : start + 1000])
        there = (Service.kind == kind, Service.subject_id.in_(part), Service.host != '')
        query = sa.select(Service.subject_id).where(*there)
        found.update(tx.column(query))
    return found


def hosts_of(tx: db.Tx, kind: str, subject_id: str) -> set[str]:
    """The hosts it stands on: a router on one, a network's DHCP wherever it has a port."""
    if kind == 'router':
        return {host_of(tx, kind, subject_id)} - {''}
    return set(tx.column(SERVING, {'of': subject_id}))


def served_on(tx: db.Tx, host: str, among: Iterable[str] | None = None) -> set[str]:
    """The networks whose DHCP stands on the host."""
    query = sa.select(Port.holder_id).where(Port.holder == holders.DHCP, Port.host == host)
    return set(tx.column(query if among is None else query.where(Port.holder_id.in_(sorted(among)))))


def choices(tx: db.Tx, network_id: str) -> tuple[set[str], set[str]]:
    """The hosts where operators put the network's DHCP by hand, and those from which they took it away."""
    found: tuple[set[str], set[str]] = set(), set()
    for row in tx.rows(sa.select(DhcpChoice).where(DhcpChoice.network_id == network_id)):
        found[0 if row.wanted else 1].add(row.host)
    return found


def choose(tx: db.Tx, network_id: str, host: str, wanted: bool) -> None:
    """The network's DHCP is to stand on the host, or not to, whatever would be chosen."""
    tx.ensure(DhcpChoice, network_id=network_id, host=host, wanted=wanted)
    tx.update(DhcpChoice, DhcpChoice.network_id == network_id, DhcpChoice.host == host, wanted=wanted)


def on(tx: db.Tx, kind: str, host: str) -> list[str]:
    """The subjects whose service stands on the host, or will as soon as there is anything to serve."""
    if kind == 'dhcp':
        put_here = sa.select(DhcpChoice.network_id).where(DhcpChoice.host == host, DhcpChoice.wanted.is_(True))
        return sorted(served_on(tx, host) | set(tx.column(put_here)))
    query = sa.select(Service.subject_id).where(Service.kind == kind, Service.host == host)
    return tx.column(query.order_by(Service.subject_id))


def remove(tx: db.Tx, kind: str, subject_id: str) -> None:
    """The service stands nowhere."""
    host = host_of(tx, kind, subject_id)
    if tx.delete(Service, Service.kind == kind, Service.subject_id == subject_id):
        generations.bump(tx, [host], (SUBJECT[kind], subject_id))


def dhcp_device(host: str, network_id: str) -> str:
    """The device_id of a network's DHCP port on a host, in Neutron's form."""
    return f'dhcp{uuid.uuid5(uuid.NAMESPACE_DNS, host)}-{network_id}'


def seen(tx: db.Tx, host: str) -> Any:
    """What is known of a host: its generation and what was last applied; None before it has any."""
    return tx.row(SEEN, {'of': host})
