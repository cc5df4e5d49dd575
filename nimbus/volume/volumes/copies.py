"""Who copies a volume now, so that nobody writes it meanwhile, and what a new volume begins with."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import NotYet
from nimbus.volume.models import Snapshot, Volume
from nimbus.volume.states import AVAILABLE

# A volume in these states is about to be at rest, or about to be attached.
SOON = ('reserved', 'attaching', 'detaching', 'extending', 'reverting')


@dataclasses.dataclass(frozen=True)
class Source:
    """What a new volume begins with: a snapshot or another volume, by its id and what is kept of it."""

    id: str
    is_snapshot: bool
    size: int
    host: str
    zone: str | None
    type_id: str | None
    bootable: bool
    image: dict[str, Any] | None

    @property
    def columns(self) -> dict[str, Any]:
        """What the row of the new volume says of it."""
        named = {'snapshot_id' if self.is_snapshot else 'source_volid': self.id}
        return {**named, 'bootable': self.bootable, 'image': self.image}


def hold(tx: db.Tx, volume_id: str, copy_id: str) -> None:
    """The volume is at rest, and stays so until it is released: nobody connects, grows, reverts or deletes it.

    Raises NotYet while it is used or copied by another, and NimbusError when that has no end.
    """
    row = tx.row(sa.select(Volume).where(Volume.id == volume_id))
    if row is None:
        raise errors.NimbusError(f'Volume {volume_id} is gone.')
    if row.copied_for == copy_id:
        return
    free = Volume.id == volume_id, Volume.status == AVAILABLE, Volume.copied_for.is_(None)
    if tx.update(Volume, *free, copied_for=copy_id):
        return
    if row.status == AVAILABLE or row.status in SOON:
        raise NotYet(1)
    raise errors.NimbusError(f'Volume {volume_id} cannot be copied: it became {row.status} before it was.')


def release(tx: db.Tx, volume_id: str, copy_id: str) -> None:
    """The copy does not hold the volume any more; gone or never held is fine."""
    tx.update(Volume, Volume.id == volume_id, Volume.copied_for == copy_id, copied_for=None)


def wait(volume: Any) -> None:
    """Nothing, when no copy holds the volume.

    A copy is begun only of a volume that is available, so for one that is not this is true for as long as it is not.
    Raises NotYet.
    """
    if volume.copied_for:
        raise NotYet(1)


def snapshots_of(tx: db.Tx, volume_id: str) -> list[Any]:
    """The rows of the volume's snapshots, of whatever project, the oldest first."""
    return list(tx.rows(sa.select(Snapshot).where(Snapshot.volume_id == volume_id).order_by(Snapshot.seq)))
