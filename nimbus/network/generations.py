"""A generation number per host, which rises with every change that the host's network agent must apply.

The number rises in the transaction of the change itself, so an agent that has
seen it has seen the change.  Beside it is noted what changed, so that an agent
need not read everything; a rise without a note says that anything may have.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network import tunnels
from nimbus.network.models import Arrival, Change, Host, Member, Port, Rule, Service

TOPIC = 'network'
# What a change may be noted as: a port's value, place in groups and leases; a network with its subnets and leases; a
# group's rules; the addresses of a group's members, or of an address group; a router.
PORT, NETWORK, RULES, MEMBERS, ROUTER = 'port', 'network', 'rules', 'members', 'router'
Subject = tuple[str, str]  # (kind, id)
MOST = 500  # notes that are handed out one by one; whoever missed more gets everything

# Every change of the network takes these, so they are made once.
_HOST, _CHANGE = db.table_of(Host), db.table_of(Change)
RISE = sa.update(_HOST).where(db.among(_HOST.c.host, 'hosts')).values(generation=_HOST.c.generation + 1)
REACHED = sa.select(_HOST.c.host, _HOST.c.generation).where(db.among(_HOST.c.host, 'hosts'))
OF = db.Fixed(sa.select(_HOST.c.generation).where(_HOST.c.host == sa.bindparam('of')))
NOTE = sa.insert(_CHANGE)
NOTED = (
    sa.select(_CHANGE.c.generation, _CHANGE.c.kind, _CHANGE.c.subject_id)
    .where(_CHANGE.c.host == sa.bindparam('of'), _CHANGE.c.generation > sa.bindparam('since'))
    .limit(MOST + 1)
)
_THERE = sa.select(Port.host).where(Port.network_id == sa.bindparam('of'), Port.host != '')
_COMING = sa.select(Arrival.host).join(Port).where(Port.network_id == sa.bindparam('of'))
OF_PORTS = (
    sa.select(Port.host)
    .where(Port.holder == 'dhcp', Port.holder_id == sa.bindparam('of'), Port.host != '')
    .union(
        _THERE.where(Port.holder == 'router'),
        _THERE.where(tunnels.carry(sa.bindparam('of'))),
        _COMING.where(tunnels.carry(sa.bindparam('of'))),
    )
)
OF_PEERS = (
    sa.select(Port.host)
    .join(Member, Member.port_id == Port.id)
    .join(Rule, Rule.security_group_id == Member.group_id)
    .where(db.among(Rule.remote_group_id, 'groups'), Port.host != '')
    .union(
        sa.select(Arrival.host)
        .join(Member, Member.port_id == Arrival.port_id)
        .join(Rule, Rule.security_group_id == Member.group_id)
        .where(db.among(Rule.remote_group_id, 'groups'))
    )
)


def bump(tx: db.Tx, hosts: Iterable[str], *subjects: Subject) -> dict[str, int]:
    """Each host has a new generation, and its agent is nudged once this is committed; returns the generations.

    Without a subject anything on the hosts may have changed.
    """
    wanted = sorted({host for host in hosts if host})
    if not wanted:
        return {}
    if tx.execute(RISE, {'hosts': wanted}).rowcount != len(wanted):
        known = {row.host for row in tx.rows(REACHED, {'hosts': wanted})}
        for host in wanted:
            if host not in known:
                _open(tx, host)
    reached = {row.host: row.generation for row in tx.rows(REACHED, {'hosts': wanted})}
    notes = [
        {'host': host, 'generation': number, 'kind': kind, 'subject_id': subject_id}
        for host, number in reached.items()
        for kind, subject_id in subjects
    ]
    if notes:
        tx.execute(NOTE, notes)
    for host in wanted:
        tx.nudge(f'{TOPIC}.{host}')
    return reached


def noted(tx: db.Tx, host: str, since: int, now: int) -> set[Subject] | None:
    """What changed on the host after the generation `since`; None where that is not known."""
    if not 0 < since <= now or now - since > MOST:
        return None
    rows = tx.rows(NOTED, {'of': host, 'since': since})
    known = {row.generation for row in rows}
    if len(rows) > MOST or not known.issuperset(range(since + 1, now + 1)):
        return None
    return {(row.kind, row.subject_id) for row in rows}


def forget(tx: db.Tx, host: str, until: int) -> None:
    """What changed up to that generation is not noted any more: the host's agent has seen it."""
    tx.delete(Change, Change.host == host, Change.generation <= until)


def _open(tx: db.Tx, host: str) -> None:
    """The host is at its first generation, or one further when another made the row just now."""
    tx.ensure(Host, host=host, generation=0, applied=0)
    tx.update(Host, Host.host == host, generation=Host.generation + 1)


def of(tx: db.Tx, host: str) -> int:
    """The host's generation; 0 while nothing ever concerned it."""
    return tx.scalar(OF, {'of': host}) or 0


def of_networks(tx: db.Tx, network_ids: Iterable[str]) -> set[str]:
    """Hosts with a bound port, a DHCP server or a router on any of the networks."""
    wanted = list(network_ids)
    if not wanted:
        return set()
    ports = sa.select(Port.host).where(Port.network_id.in_(wanted), Port.host != '')
    served = sa.select(Service.host).where(Service.kind == 'dhcp', Service.subject_id.in_(wanted))
    return set(tx.column(ports.union(served)))


def of_ports(tx: db.Tx, network_id: str) -> set[str]:
    """The hosts that must know every port of the network, wherever it is.

    They are those of its DHCP servers and routers; and all that have a port of a network that is carried in tunnels.
    """
    return set(tx.column(OF_PORTS, {'of': network_id}))


def of_members(tx: db.Tx, group_ids: Iterable[str]) -> set[str]:
    """Hosts with a port in any of the groups: those whose filters a change of the groups' rules changes."""
    wanted = list(group_ids)
    if not wanted:
        return set()
    return set(
        tx.column(
            sa.select(Port.host)
            .join(Member, Member.port_id == Port.id)
            .where(Member.group_id.in_(wanted), Port.host != '')
            .distinct()
        )
    )


def of_addressed(tx: db.Tx, address_group_id: str) -> set[str]:
    """Hosts with a port whose rules name the address group."""
    named = sa.select(Rule.security_group_id).where(Rule.remote_address_group_id == address_group_id)
    return of_members(tx, tx.column(named.distinct()))


def of_peers(tx: db.Tx, group_ids: Iterable[str]) -> set[str]:
    """Hosts with a port whose rules name any of the groups: those that must know the groups' addresses."""
    wanted = list(group_ids)
    if not wanted:
        return set()
    return set(tx.column(OF_PEERS, {'groups': wanted}))
