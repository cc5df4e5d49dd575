"""The daemons of the cloud: when each last reported, and which are disabled or forced down.

Whether one is up is decided by the database host's reader alone, from when a
report came in, so that a host with a wrong clock does not look dead.
"""

import dataclasses
import datetime
import functools
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column

ZONE = 'nova'  # of hosts that say no other
SKEW = 'clock_skew'  # among the facts of a report: seconds by which the daemon's clock is ahead


class Service(db.Base):
    """One daemon on one host; nova's services, cinder's services and neutron's agents are views of this."""

    __tablename__ = 'services'
    __table_args__ = (sa.UniqueConstraint('host', 'binary', name='services_host_binary'), db.Base.__table_args__)
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    room: Mapped[str] = mapped_column(sa.String(16))  # compute, network, volume, image
    host: Mapped[str]
    binary: Mapped[str] = mapped_column(sa.String(64))  # the field's name: nova-compute, cinder-volume, ...
    zone: Mapped[str]
    disabled: Mapped[bool]
    disabled_reason: Mapped[str | None]
    forced_down: Mapped[bool]
    frozen: Mapped[bool] = mapped_column(server_default=sa.false())  # what it keeps is neither removed nor copied
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime.datetime]
    started_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime | None]
    seen_at: Mapped[datetime.datetime]


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a daemon says of itself with every report."""

    room: str
    binary: str
    zone: str = ZONE


def report(tx: db.Tx, kind: Kind, host: str, facts: dict[str, Any], *, started: bool = False) -> str:
    """The daemon was seen now; it is made known if it was not.  Returns its id."""
    now = clock.Clock().now()
    where = (Service.host == host, Service.binary == kind.binary)
    values: dict[str, Any] = {'seen_at': now, 'facts': facts} | ({'started_at': now} if started else {})
    if not tx.update(Service, *where, **values):
        tx.ensure(  # its first reports may come to two conductors at once
            Service,
            id=ids.dashed(),
            room=kind.room,
            host=host,
            binary=kind.binary,
            zone=kind.zone,
            disabled=False,
            forced_down=False,
            frozen=False,
            created_at=now,
            started_at=now,
            seen_at=now,
            facts=facts,
        )
    return tx.scalar(sa.select(Service.id).where(*where))


def find(tx: db.Tx, room: str | None = None, **where: Any) -> list[Any]:
    """The daemons of a room, oldest first, with columns equal to what `where` says."""
    given = {**where, 'room': room} if room else where
    return tx.rows(_finding(tuple(given)), given)


@functools.cache
def _finding(names: tuple[str, ...]) -> db.Fixed:
    query = sa.select(Service).where(*(getattr(Service, name) == sa.bindparam(name) for name in names))
    return db.Fixed(query.order_by(Service.seq))


def show(tx: db.Tx, service_id: str) -> Any:
    """The daemon's row.  Raises NotFound."""
    row = tx.row(sa.select(Service).where(Service.id == service_id))
    if row is None:
        raise errors.NotFound(f'Service {service_id} could not be found.')
    return row


def change(tx: db.Tx, service_id: str, **values: Any) -> None:
    """The daemon's row has the values: disabled, disabled_reason, forced_down.  Raises NotFound."""
    if not tx.update(Service, Service.id == service_id, updated_at=clock.Clock().now(), **values):
        raise errors.NotFound(f'Service {service_id} could not be found.')


def forget(tx: db.Tx, service_id: str) -> None:
    """The daemon's row is gone, until it reports again.  Raises NotFound."""
    if not tx.delete(Service, Service.id == service_id):
        raise errors.NotFound(f'Service {service_id} could not be found.')


def is_up(row: Any, down_time: float) -> bool:
    """Whether the daemon reported within `down_time` seconds and nobody forced it down."""
    age = (clock.Clock().now() - row.seen_at).total_seconds()
    return age <= down_time and not row.forced_down
