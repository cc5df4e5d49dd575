"""Compute hosts: rows that the compute agents' reports create and keep up to date."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db
from nimbus.scheduler.models import Host
from nimbus.scheduler.request_spec import RESOURCES

# What an agent reports and what is kept of it in `facts`; what changes from report to report stays out,
# so that a host at rest costs no write here.
SELDOM = ('hypervisor_type', 'hypervisor_version', 'host_ip', 'arch', 'cpu_info', 'capabilities', 'traits')
RATIOS = {'vcpus': 4.0, 'memory_mb': 1.0, 'disk_gb': 1.0}  # where a report names none


def report(
    tx: db.Tx, host: str, facts: dict[str, Any], zone: str = 'nova', ratios: Mapping[str, float] | None = None
) -> str:
    """The host is known with the capacity its agent reported; what is claimed of it stays.  Returns its id.

    `ratios` go before those that the agent reported.
    """
    values = _values(host, facts, zone, ratios or {})
    row = tx.row(sa.select(Host).where(Host.host == host))
    now = clock.Clock().now()
    if row is None:
        made = ids.dashed()
        used = {f'used_{name}': 0 for name in RESOURCES}
        tx.insert(Host, id=made, host=host, generation=0, created_at=now, updated_at=now, **values, **used)
        return made
    if any(getattr(row, name) != value for name, value in values.items()):
        tx.update(Host, Host.id == row.id, updated_at=now, generation=Host.generation + 1, **values)
    return row.id


def move(tx: db.Tx, host: str, zone: str) -> None:
    """The host stands in the zone, from the next placement on; one that is not known yet will by its first report."""
    where = (Host.host == host, Host.zone != zone)
    tx.update(Host, *where, zone=zone, updated_at=clock.Clock().now(), generation=Host.generation + 1)


def overcommit(tx: db.Tx, host: str, reported: Mapping[str, float], ratios: Mapping[str, float]) -> None:
    """So much may be claimed of the host from now on as the `ratios` say, or the reported ones where they do not."""
    found = {f'{name}_ratio': float({**RATIOS, **reported, **ratios}[name]) for name in RESOURCES}
    other = [getattr(Host, name) != value for name, value in found.items()]
    now: dict[str, Any] = {'updated_at': clock.Clock().now(), 'generation': Host.generation + 1}
    tx.update(Host, Host.host == host, sa.or_(*other), **found, **now)


def build_failed(tx: db.Tx, host: str) -> None:
    """One more build failed on the host."""
    now: dict[str, Any] = {'updated_at': clock.Clock().now(), 'generation': Host.generation + 1}
    tx.update(Host, Host.host == host, failed_builds=Host.failed_builds + 1, **now)


def build_succeeded(tx: db.Tx, host: str) -> None:
    """The builds that failed on the host before are forgotten."""
    now: dict[str, Any] = {'updated_at': clock.Clock().now(), 'generation': Host.generation + 1}
    tx.update(Host, Host.host == host, Host.failed_builds > 0, failed_builds=0, **now)


def _values(host: str, facts: dict[str, Any], zone: str, given: Mapping[str, float]) -> dict[str, Any]:
    reserved, ratios = facts.get('reserved') or {}, {**(facts.get('ratios') or {}), **given}
    values: dict[str, Any] = {
        'node': facts.get('hypervisor_hostname') or host,
        'zone': zone,
        'facts': {name: facts[name] for name in SELDOM if name in facts},
    }
    for name in RESOURCES:
        values[name] = int(facts.get(name, 0))
        values[f'reserved_{name}'] = int(reserved.get(name, 0))
        values[f'{name}_ratio'] = float(ratios.get(name, RATIOS[name]))
    return values


def list(tx: db.Tx) -> Sequence[Any]:
    """Every host, in the order they became known."""
    return tx.rows(sa.select(Host).order_by(Host.seq))


def show(tx: db.Tx, host_id: str) -> Any:
    """The host's row.  Raises NotFound."""
    return _one(tx, Host.id == host_id, host_id)


def named(tx: db.Tx, host: str) -> Any:
    """The row of the host with that name.  Raises NotFound."""
    return _one(tx, Host.host == host, host)


def _one(tx: db.Tx, where: Any, given: str) -> Any:
    row = tx.row(sa.select(Host).where(where))
    if row is None:
        raise errors.NotFound(f'Host {given} could not be found.')
    return row


def capacity(row: Any, resource: str) -> int:
    """How much of a resource may be claimed of the host in all."""
    return int((getattr(row, resource) - getattr(row, f'reserved_{resource}')) * getattr(row, f'{resource}_ratio'))


def forget(tx: db.Tx, host: str) -> None:
    """The host's row is gone, until its agent reports again; gone already is fine.

    Raises Conflict while a server has a claim on the host.
    """
    free = [getattr(Host, f'used_{name}') == 0 for name in RESOURCES]
    if not tx.delete(Host, Host.host == host, *free) and tx.row(sa.select(Host.id).where(Host.host == host)):
        raise errors.Conflict(f'Host {host} cannot be deleted while servers have claims on it.')


def over(tx: db.Tx) -> Sequence[tuple[Any, str, int]]:
    """Each host and resource of which more is claimed than reserves and ratios allow by now, and how much they do."""
    return [
        (row, name, most)
        for row in list(tx)
        for name in RESOURCES
        if getattr(row, f'used_{name}') > (most := capacity(row, name))
    ]
