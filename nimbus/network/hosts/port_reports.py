"""Turn the network agents' reports into the statuses of ports, and wake the jobs that wait for them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock
from nimbus.common.database import db
from nimbus.network.models import Arrival, Port

ACTIVE, DOWN, ERROR = 'ACTIVE', 'DOWN', 'ERROR'
UNSETTLED = sa.select(Port.id, Port.holder_id, Port.status, Port.trouble).where(
    Port.host == sa.bindparam('on'), Port.since <= sa.bindparam('reached')
)
UNSETTLED_AMONG = UNSETTLED.where(db.among(Port.id, 'only'))


@dataclasses.dataclass(frozen=True)
class Report:
    """What a host's agent says of its ports: of `only` these, or of all."""

    host: str
    generation: int
    wired: Sequence[str]
    trouble: dict[str, str]
    only: Sequence[str] | None = None


def unsettled(tx: db.Tx, report: Report) -> list[tuple[Any, str, str | None]]:
    """The ports that are not as reported: row, status and reason they should have.

    A port that the reported generation did not have yet is passed over.
    """
    standing, found, trouble = set(report.wired), [], report.trouble
    values = {'on': report.host, 'reached': report.generation}
    if report.only is None:
        rows = tx.rows(UNSETTLED, values)
    else:
        rows = tx.rows(UNSETTLED_AMONG, {**values, 'only': list(report.only)}) if report.only else []
    for row in rows:
        why = trouble.get(row.id)
        status = ERROR if why else ACTIVE if row.id in standing else DOWN
        if (status, why) != (row.status, row.trouble):
            found.append((row, status, why))
    return found


def settle(tx: db.Tx, report: Report) -> set[str]:
    """The ports are ACTIVE where wired, ERROR with the reason where not; returns the servers whose ports changed."""
    changed = set()
    for row, status, why in unsettled(tx, report):
        still = (Port.id == row.id, Port.host == report.host, Port.since <= report.generation)
        if tx.update(Port, *still, status=status, trouble=why, updated_at=clock.Clock().now()):
            changed.add(row.holder_id)
    for row, status, why in _awaited(tx, report):
        still = (Arrival.port_id == row.port_id, Arrival.host == report.host, Arrival.since <= report.generation)
        if tx.update(Arrival, *still, status=status, trouble=why):
            changed.add(row.holder_id)
    return changed


def _awaited(tx: db.Tx, report: Report) -> list[tuple[Any, str, str | None]]:
    """The ports of guests on their way to the host that are not as reported: row, status and reason."""
    where: list[Any] = [Arrival.host == report.host, Arrival.since <= report.generation]
    where += [] if report.only is None else [Arrival.port_id.in_(list(report.only))]
    found = []
    for row in tx.rows(sa.select(Arrival, Port.holder_id).join(Port, Port.id == Arrival.port_id).where(*where)):
        why = report.trouble.get(row.port_id)
        status = ERROR if why else ACTIVE if row.port_id in report.wired else DOWN
        if (status, why) != (row.status, row.trouble):
            found.append((row, status, why))
    return found


def is_new(tx: db.Tx, report: Report) -> bool:
    """Whether any port is not as reported."""
    return bool(unsettled(tx, report) or _awaited(tx, report))
