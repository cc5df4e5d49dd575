"""Availability zones of networks' DHCP and of routers: those asked for, and those they are in."""

from collections.abc import Sequence

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.network import holders
from nimbus.network.hosts import scheduling
from nimbus.network.models import Port, Service

ROUTERS = db.Gathering(
    sa.select(Service.subject_id, Service.host).where(Service.kind == 'router', Service.host != ''), Service.subject_id
)
SERVERS = db.Gathering(
    sa.select(Port.holder_id, Port.host).where(Port.holder == holders.DHCP, Port.host != ''), Port.holder_id
)


def _zones(tx: db.Tx, kind: str) -> dict[str, str]:
    """The zone of each host that has an agent of the kind."""
    return {agent.host: agent.zone for agent in services.find(tx, 'network', binary=scheduling.AGENT[kind])}


def known(tx: db.Tx, kind: str, hints: Sequence[str]) -> list[str]:
    """The zones that are asked for.  Raises NotFound where no agent of the kind is in one."""
    there = set(_zones(tx, kind).values()) if hints else set()
    for hint in hints:
        if hint not in there:
            raise errors.NotFound(f'AvailabilityZone {hint} could not be found.', type='AvailabilityZoneNotFound')
    return list(hints)


def hosts(tx: db.Tx, kind: str, hints: Sequence[str] | None) -> set[str] | None:
    """The hosts in the zones that are asked for; None where any will do."""
    return {host for host, zone in _zones(tx, kind).items() if zone in hints} if hints else None


def of(tx: db.Tx, kind: str, subject_ids: Sequence[str]) -> dict[str, list[str]]:
    """The zones that each subject is in, of those that stand anywhere."""
    rows = list((SERVERS if kind == 'dhcp' else ROUTERS).rows(tx, subject_ids))
    there = _zones(tx, kind) if rows else {}
    found: dict[str, set[str]] = {}
    for subject_id, host in rows:
        if host in there:
            found.setdefault(subject_id, set()).add(there[host])
    return {subject_id: sorted(zones) for subject_id, zones in found.items()}
