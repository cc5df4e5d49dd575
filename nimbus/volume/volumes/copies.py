"""Who copies a volume now, so that nobody writes it meanwhile, and what a new volume begins with."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import NotYet
from nimbus.volume.models import Attachment, Snapshot, Volume
from nimbus.volume.states import AVAILABLE, IN_USE

COPIED = (AVAILABLE, IN_USE)
# A volume in these states is about to be at rest, or about to be attached.
SOON = ('reserved', 'attaching', 'detaching', 'extending', 'reverting', 'backing-up', 'restoring-backup')

COLUMNS = {'volume': 'source_volid', 'snapshot': 'snapshot_id', 'backup': 'backup_id'}


@dataclasses.dataclass(frozen=True)
class Source:
    """What a new volume begins with: a snapshot, a backup or another volume, by its id and what is kept of it."""

    id: str
    kind: str  # volume, snapshot or backup
    size: int
    host: str | None  # the only one that has it; None where every host reads it
    zone: str | None
    type_id: str | None
    bootable: bool
    image: dict[str, Any] | None

    @property
    def columns(self) -> dict[str, Any]:
        """What the row of the new volume says of it."""
        named = {COLUMNS[self.kind]: self.id}
        return {**named, 'bootable': self.bootable, 'image': self.image}


def hold(tx: db.Tx, volume_id: str, copy_id: str) -> None:
    """The volume stays with whom it is with until it is released: nobody else connects, grows, reverts or deletes it.

    Raises NotYet while it is copied by another or between two states, and NimbusError when that has no end.
    """
    row = tx.row(sa.select(Volume).where(Volume.id == volume_id))
    if row is None:
        raise errors.NimbusError(f'Volume {volume_id} is gone.')
    if row.copied_for == copy_id:
        return
    free = Volume.id == volume_id, Volume.status.in_(COPIED), Volume.copied_for.is_(None)
    if tx.update(Volume, *free, copied_for=copy_id):
        return
    if row.status in COPIED or row.status in SOON:
        raise NotYet(1)
    raise errors.NimbusError(f'Volume {volume_id} cannot be copied: it became {row.status} before it was.')


def release(tx: db.Tx, volume_id: str, copy_id: str) -> None:
    """The copy does not hold the volume any more; gone or never held is fine."""
    tx.update(Volume, Volume.id == volume_id, Volume.copied_for == copy_id, copied_for=None)


def wait(volume: Any) -> None:
    """Nothing, when no copy holds the volume.

    A copy is begun only of a volume that is available or in use, so for one that is between the two this is true for
    as long as it is.  Raises NotYet.
    """
    if volume.copied_for:
        raise NotYet(1)


def opened_by(tx: db.Tx, volume_id: str) -> str | None:
    """The server whose guest has the volume open, None when nobody has.

    Raises Invalid when somebody else has it open, who cannot be asked for what it holds at one moment, or to grow it.
    """
    where = Attachment.volume_id == volume_id, Attachment.connection.is_not(None)
    held = [row for row in tx.rows(sa.select(Attachment).where(*where)) if row.connection]
    if not held:
        return None
    if len(held) > 1 or not (held[0].by_service and held[0].server_id):
        raise errors.Invalid(
            f'Invalid volume: Volume {volume_id} is connected by others than one server of the compute service, '
            'which alone can be told that it is copied or grown; detach it first.'
        )
    return str(held[0].server_id)


def snapshots_of(tx: db.Tx, volume_id: str) -> list[Any]:
    """The rows of the volume's snapshots, of whatever project, the oldest first."""
    return list(tx.rows(sa.select(Snapshot).where(Snapshot.volume_id == volume_id).order_by(Snapshot.seq)))
