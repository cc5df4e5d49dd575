"""Shelve servers: put one away as an image, take it off its host, and bring it back on any."""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, jobs
from nimbus.common.database import db
from nimbus.common.quotas import Quotas
from nimbus.compute import states
from nimbus.compute.hosts import availability_zones
from nimbus.compute.models import Server
from nimbus.compute.servers import boot_checks, guests, servers
from nimbus.compute.servers.images import snapshots
from nimbus.image.images import images

SUFFIX = '-shelved'
LONGEST = 255 - len(SUFFIX)  # letters of a server's name that its image's name has room for


def shelve(tx: db.Tx, asker: context.Context, server_id: str, quotas: Quotas, *, offload: bool) -> None:
    """The server is being shut down and put away as an image; with `offload` it leaves its host at once.

    One that boots from a volume needs no image and always leaves.  Raises NotFound, Conflict, WrongState and OverQuota.
    """
    row = servers.begin(tx, asker, server_id, 'shelve')
    image_id = None
    if not guests.boots_from_volume(servers.spec(tx, server_id)):
        wanted = snapshots.Wanted(row.name[:LONGEST] + SUFFIX, quotas, counted=False)
        image_id = snapshots.reserve(tx, asker, row, wanted, {'image_type': 'snapshot'})
    told = {'verb': 'shelve', 'image_id': image_id, 'quiesce': '', 'offload': offload or image_id is None}
    jobs.start(tx, asker, 'shelve_server', server_id, ran=row.vm_state == states.ACTIVE, **told)


def shelved(tx: db.Tx, asker: context.Context, server_id: str, image_id: str | None, *, offload: bool) -> None:
    """The server is SHELVED, and with `offload` on its way off its host."""
    done = servers.finished(
        tx, server_id, 'shelve', shelved_image_id=image_id, shelved_at=clock.Clock().now(), fault=None
    )
    if done and offload:
        begin_offload(tx, context.internal(asker.request_id), server_id)


def begin_offload(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The shelved server is being taken off its host.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'shelve_offload')
    jobs.start(tx, asker, 'offload_server', server_id)


def due(tx: db.Tx, before: datetime.datetime, most: int) -> list[str]:
    """The ids of servers that are shelved on their host since that time or longer, `most` at once."""
    where: list[Any] = [Server.vm_state == states.SHELVED, Server.task_state.is_(None), Server.deleted_at.is_(None)]
    where.append(Server.shelved_at < before)
    return tx.column(sa.select(Server.id).where(*where).order_by(Server.seq).limit(most))


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a server is to come back: in a zone, in any (`unpinned`), or on one host."""

    zone: str | None = None
    unpinned: bool = False
    host: str | None = None

    @property
    def is_said(self) -> bool:
        """Whether it is anywhere else than where the server may stand anyway."""
        return bool(self.zone or self.unpinned or self.host)


def unshelve(tx: db.Tx, asker: context.Context, server_id: str, place: Place) -> None:
    """The server is being started, on its host or, where it has none, on one that is found for it.

    Raises NotFound, Conflict, WrongState, and Invalid for a zone or a host that is not there.
    """
    row = servers.begin(tx, asker, server_id, 'unshelve')
    if row.vm_state == states.SHELVED:
        if place.is_said:
            raise errors.Conflict(
                f"Specifying a zone or a host when unshelving server '{server_id}' with status 'SHELVED' is not "
                'supported. The server status must be SHELVED_OFFLOADED.'
            )
        jobs.start(tx, asker, 'unshelve_server', server_id)
        return
    _check(tx, row, place)
    if place.zone or place.unpinned:
        tx.update(Server, Server.id == server_id, pinned_zone=place.zone)
    jobs.start(tx, asker, 'bring_back_server', server_id, to_host=place.host, image=_image(tx, row))


def _check(tx: db.Tx, row: Any, place: Place) -> None:
    if place.zone:
        boot_checks.zone_for(tx, place.zone, None)
    boot_checks.hosts_exist(tx, place.host, None)
    zone = None if place.unpinned else place.zone or row.pinned_zone
    if place.host and zone and availability_zones.of_hosts(tx).get(place.host) != zone:
        raise errors.Conflict(f'Host "{place.host}" is not in the availability zone "{zone}".')


def _image(tx: db.Tx, row: Any) -> dict[str, Any] | None:
    """The image that the server comes back from, as its host fetches it; None where it boots from a volume."""
    if row.shelved_image_id is None:
        return None
    try:
        found = images.show(tx, context.internal(), row.shelved_image_id)
    except errors.NotFound:
        found = None
    if found is None or found.status != 'active':
        raise errors.Conflict(
            f'Instance {row.id} cannot be unshelved: image {row.shelved_image_id}, which it would come back from, is '
            f'{found.status if found else "gone"}.'
        )
    # The guest is what its own image said, whatever became of the properties of the other.
    facts = boot_checks.image_facts(found) | {'properties': (row.image or {}).get('properties') or {}}
    facts |= {kind: row.image[kind] for kind in ('kernel', 'ramdisk') if kind in (row.image or {})}
    made = guests.image(facts)
    return dataclasses.asdict(made) if made else None


def returned(tx: db.Tx, quotas: Quotas, server_id: str) -> None:
    """The server is ACTIVE, and the image that it was put away as is gone."""
    forget(tx, quotas, server_id)
    servers.finished(tx, server_id, 'unshelve', fault=None)


def forget(tx: db.Tx, quotas: Quotas, server_id: str) -> None:
    """The server is not put away as any image; one that was not is fine."""
    snapshots.discard(tx, quotas, servers.row_of(tx, server_id).shelved_image_id)
    tx.update(Server, Server.id == server_id, shelved_image_id=None, shelved_at=None)
