"""Host aggregates: groups of hosts with a name, metadata, and perhaps an availability zone."""

import datetime
import math
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute.models import Aggregate
from nimbus.scheduler import claims
from nimbus.scheduler import hosts as places

ZONE = 'availability_zone'  # the metadata key that makes an aggregate an availability zone
DEFAULT = 'nova'  # where a host stands that no aggregate puts anywhere
# The properties that say how far the hosts may be overcommitted, instead of what each reports.
RATIOS = {'cpu_allocation_ratio': 'vcpus', 'ram_allocation_ratio': 'memory_mb', 'disk_allocation_ratio': 'disk_gb'}


def find(tx: db.Tx) -> list[Any]:
    """Every aggregate, oldest first."""
    return list(tx.rows(sa.select(Aggregate).order_by(Aggregate.seq)))


def changed(tx: db.Tx, since: datetime.datetime) -> list[Any]:
    """The aggregates that were changed at that moment or later; those that never had a host are left out."""
    return list(tx.rows(sa.select(Aggregate).where(Aggregate.updated_at >= since)))


def zones(tx: db.Tx, but: int | None = None) -> dict[str, str]:
    """The zone of each host that an aggregate, other than number `but`, puts into one."""
    rows = [row for row in find(tx) if ZONE in row.properties and row.seq != but]
    return {host: row.properties[ZONE] for row in rows for host in row.hosts}


def of_host(tx: db.Tx, host: str) -> tuple[str, dict[str, float]]:
    """The zone of the host, and how far its aggregates say that it may be overcommitted."""
    rows = find(tx)
    zone = next((row.properties[ZONE] for row in rows if ZONE in row.properties and host in row.hosts), DEFAULT)
    return zone, _ratios(rows, host)


def _ratios(rows: list[Any], host: str) -> dict[str, float]:
    """What the aggregates say, the lowest of several; what is no ratio says nothing."""
    found: dict[str, float] = {}
    for row in rows:
        for name, resource in RATIOS.items() if host in row.hosts else ():
            try:
                given = float(row.properties.get(name, 0))
            except ValueError:
                continue
            if 0 < given < math.inf:
                found[resource] = min(given, found.get(resource, given))
    return found


def _move(tx: db.Tx, hosts: list[str], before: dict[str, str], refusal: Callable[[str], errors.NimbusError]) -> None:
    """The scheduler knows the zone and ratios of each host; raises the refusal where servers would change their zone.

    `before` are the zones as they were.
    """
    after, rows = zones(tx), find(tx)
    for host in hosts:
        old, new = before.get(host, DEFAULT), after.get(host, DEFAULT)
        if old != new and claims.servers_on(tx, host):
            raise refusal(f'Host {host} has servers, and its zone would change from {old} to {new}.')
        places.move(tx, host, new)
        daemons = services.find(tx, room='compute', host=host, binary='nova-compute')
        reported = (daemons[0].facts.get('ratios') or {}) if daemons else {}
        places.overcommit(tx, host, reported, _ratios(rows, host))


def show(tx: db.Tx, number: int) -> Any:
    """The aggregate's row.  Raises NotFound."""
    row = tx.row(sa.select(Aggregate).where(Aggregate.seq == number))
    if row is None:
        raise errors.NotFound(f'Aggregate {number} could not be found.')
    return row


def create(tx: db.Tx, name: str, zone: str | None) -> Any:
    """The aggregate stands, without hosts; returns its row.  Raises Conflict when the name is taken."""
    _free(tx, name)
    properties = {ZONE: zone} if zone else {}
    aggregate_id = ids.dashed()
    tx.insert(Aggregate, id=aggregate_id, name=name, properties=properties, hosts=[], created_at=clock.Clock().now())
    return tx.row(sa.select(Aggregate).where(Aggregate.id == aggregate_id))


def _free(tx: db.Tx, name: str) -> None:
    if tx.row(sa.select(Aggregate.seq).where(Aggregate.name == name)) is not None:
        raise errors.Conflict(f'Aggregate {name} already exists.')


def change(tx: db.Tx, number: int, *, name: str | None = None, properties: dict[str, str | None] | None = None) -> Any:
    """The aggregate has the name and the properties; a property of None is gone.

    Raises NotFound, Conflict, and Invalid for a zone that is empty, or that a host with servers or of another zone
    cannot come into.
    """
    row, before = show(tx, number), zones(tx)
    if ZONE in (properties or {}):
        _zone_fits(tx, row, (properties or {})[ZONE])
    if name is not None and name != row.name:
        _free(tx, name)
    kept = {k: v for k, v in {**row.properties, **(properties or {})}.items() if v is not None}
    tx.update(
        Aggregate,
        Aggregate.seq == number,
        name=name or row.name,
        properties=kept,
        updated_at=clock.Clock().now(),
    )
    _move(tx, row.hosts, before, lambda why: errors.Invalid(f'Cannot update aggregate {number}. Reason: {why}'))
    return show(tx, number)


def _zone_fits(tx: db.Tx, row: Any, zone: str | None) -> None:
    if not zone:
        raise errors.Invalid(f'Cannot update aggregate {row.seq}. Reason: its availability zone cannot be empty.')
    others = zones(tx, but=row.seq)
    taken = sorted({others[host] for host in row.hosts if others.get(host, zone) != zone})
    if taken:
        raise errors.Invalid(
            f'Cannot update aggregate {row.seq}. Reason: One or more hosts already in availability zone(s) {taken}.'
        )


def delete(tx: db.Tx, number: int) -> None:
    """The aggregate is gone.  Raises NotFound, and Invalid while it has hosts."""
    if show(tx, number).hosts:
        raise errors.Invalid(f'Cannot remove aggregate {number}: it is not empty.')
    tx.delete(Aggregate, Aggregate.seq == number)


def add_host(tx: db.Tx, number: int, host: str) -> Any:
    """The host is in the aggregate; returns the aggregate's row.

    Raises NotFound, and Conflict when it is in it already or in another zone's, or when it has servers that would
    change their zone.
    """
    row = show(tx, number)
    if not services.find(tx, room='compute', host=host, binary='nova-compute'):
        raise errors.NotFound(f'Compute host {host} could not be found.')
    if host in row.hosts:
        raise errors.Conflict(f'Cannot add host {host} in aggregate {number}: host already exists.')
    zone, before = row.properties.get(ZONE), zones(tx)
    other = before.get(host)
    if zone and other and other != zone:
        raise errors.Conflict(f'Cannot add host {host} to aggregate {number}: it is in the zone {other} already.')
    tx.update(Aggregate, Aggregate.seq == number, hosts=[*row.hosts, host], updated_at=clock.Clock().now())
    _move(tx, [host], before, lambda why: errors.Conflict(f'Cannot add host to aggregate {number}. Reason: {why}'))
    return show(tx, number)


def remove_host(tx: db.Tx, number: int, host: str) -> Any:
    """The host is not in the aggregate; returns the aggregate's row.

    Raises NotFound, and Conflict when it has servers that would change their zone.
    """
    row, before = show(tx, number), zones(tx)
    if host not in row.hosts:
        raise errors.NotFound(f'Host {host} is not in aggregate {number}.')
    hosts = [name for name in row.hosts if name != host]
    tx.update(Aggregate, Aggregate.seq == number, hosts=hosts, updated_at=clock.Clock().now())
    _move(tx, [host], before, lambda why: errors.Conflict(f'Cannot remove host from aggregate {number}. Reason: {why}'))
    return show(tx, number)
