"""Hypervisors: the scheduler's hosts, their daemons and the servers on them, as one view."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.models import Server
from nimbus.scheduler import hosts


@dataclasses.dataclass(frozen=True)
class Hypervisor:
    """One compute host as an operator sees it."""

    seq: int
    id: str
    host: str
    node: str
    row: Any  # the scheduler's
    service: Any  # the daemon's
    running: int  # servers that belong on it
    working: int  # those of them that a verb is under way for


def find(tx: db.Tx) -> list[Hypervisor]:
    """Every compute host that has reported, in the order they became known; three queries."""
    daemons = {row.host: row for row in services.find(tx, room='compute', binary='nova-compute')}
    counts = {row.host: (row.running, row.working) for row in tx.rows(_counts())}
    return [
        Hypervisor(row.seq, row.id, row.host, row.node, row, daemons[row.host], *counts.get(row.host, (0, 0)))
        for row in hosts.list(tx)
        if row.host in daemons
    ]


def _counts() -> Any:
    working = db.total(sa.case((Server.task_state.is_not(None), 1), else_=0)).label('working')
    counted = sa.select(Server.host, sa.func.count().label('running'), working)
    return counted.where(Server.deleted_at.is_(None), Server.host.is_not(None)).group_by(Server.host)


def show(tx: db.Tx, given: str) -> Hypervisor:
    """The host with that id, or that number in the old way.  Raises NotFound."""
    for found in find(tx):
        if given in (found.id, str(found.seq)):
            return found
    raise errors.NotFound(f'Compute host {given} could not be found.')


def used_memory(hypervisor: Hypervisor) -> int:
    """MiB that servers claimed, and what the host keeps for itself."""
    return int(hypervisor.row.used_memory_mb + hypervisor.row.reserved_memory_mb)


def held_by_project(tx: db.Tx, host: str) -> dict[str, dict[str, int]]:
    """What the flavors of the servers on the host add up to, by project, the first server's project first."""
    where = (Server.host == host, Server.deleted_at.is_(None))
    held: dict[str, dict[str, int]] = {}
    for row in tx.rows(sa.select(Server.project_id, Server.flavor).where(*where).order_by(Server.seq)):
        one = held.setdefault(row.project_id, {'cpu': 0, 'memory_mb': 0, 'disk_gb': 0})
        one['cpu'] += row.flavor['vcpus']
        one['memory_mb'] += row.flavor['ram']
        one['disk_gb'] += row.flavor['disk'] + row.flavor['ephemeral']
    return held


def servers_on(tx: db.Tx, host: str) -> list[Any]:
    """The id and number of every server on the host."""
    where = (Server.host == host, Server.deleted_at.is_(None))
    return list(tx.rows(sa.select(Server.seq, Server.id).where(*where).order_by(Server.seq)))


def io_workload(tx: db.Tx) -> dict[str, int]:
    """How many servers of each host a verb writes the disks of, by the host's name; hosts without one are left out."""
    busy = sa.or_(Server.vm_state == states.BUILDING, Server.task_state.in_(sorted(states.AT_DISKS)))
    query = sa.select(Server.host, sa.func.count()).where(Server.deleted_at.is_(None), Server.host.is_not(None), busy)
    return dict(tuple(row) for row in tx.rows(query.group_by(Server.host)))
