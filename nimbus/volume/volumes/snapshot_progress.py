"""What the workflows write in a snapshot's row: that it is available, why it failed, that it is gone."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.volume import messages, notifications
from nimbus.volume.models import Snapshot, SnapshotMetadata, Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import MACHINE, SNAPSHOTS
from nimbus.volume.volumes import progress

QUOTAS = VolumeQuotas()  # giving back asks for no limits


def look(tx: db.Tx, snapshot_id: str) -> Any:
    """The snapshot's row, None when it is gone."""
    return tx.row(sa.select(Snapshot).where(Snapshot.id == snapshot_id))


def made(tx: db.Tx, snapshot_id: str) -> None:
    """The snapshot is there to be used, unless it is being deleted meanwhile."""
    row = look(tx, snapshot_id)
    if row is not None and row.status == 'creating':
        SNAPSHOTS.finish(tx, Snapshot, snapshot_id, 'create', progress='100%', trouble=None)
        notifications.notify_snapshot(tx, snapshot_id, 'create.end')


def failed(tx: db.Tx, snapshot_id: str, verb: str, why: str | None) -> None:
    """The snapshot is in the state that a failure of the verb leaves, unless something else happened to it since."""
    row = look(tx, snapshot_id)
    if row is not None and row.status == {'create': 'creating', 'delete': 'deleting'}[verb]:
        SNAPSHOTS.fail(tx, Snapshot, snapshot_id, verb, trouble=why)
        messages.tell_of_snapshot(tx, row, verb)
        notifications.notify_snapshot(tx, snapshot_id, f'{verb}.error', priority=outbox.ERROR)


def gone(tx: db.Tx, snapshot_id: str) -> None:
    """Nothing is left of the snapshot, and its project may have another."""
    row = look(tx, snapshot_id)
    if row is None or row.status != 'deleting':
        return
    notifications.notify_snapshot(tx, snapshot_id, 'delete.end')
    if tx.delete(Snapshot, Snapshot.id == snapshot_id, Snapshot.status == 'deleting'):
        QUOTAS.release_snapshot(tx, row.project_id, row.size)
        tx.delete(SnapshotMetadata, SnapshotMetadata.snapshot_id == snapshot_id)


def reverted(tx: db.Tx, volume_id: str, snapshot_id: str) -> None:
    """The volume has what its snapshot has, and both are available."""
    if _restoring(tx, snapshot_id):
        SNAPSHOTS.finish(tx, Snapshot, snapshot_id, 'restore')
        notifications.notify_snapshot(tx, snapshot_id, 'revert.end')
    row = progress.look(tx, volume_id)
    if row is not None and row.status == 'reverting':
        MACHINE.finish(tx, Volume, volume_id, 'revert', trouble=None)
        notifications.notify(tx, volume_id, 'revert.end')


def not_reverted(tx: db.Tx, volume_id: str, snapshot_id: str, why: str | None) -> None:
    """The volume is in error and says why; its snapshot is available."""
    if _restoring(tx, snapshot_id):
        SNAPSHOTS.fail(tx, Snapshot, snapshot_id, 'restore')
    row = progress.look(tx, volume_id)
    if row is not None and row.status == 'reverting':
        MACHINE.fail(tx, Volume, volume_id, 'revert', trouble=why)
        notifications.notify(tx, volume_id, 'revert.error', priority=outbox.ERROR, reason=why)


def _restoring(tx: db.Tx, snapshot_id: str) -> bool:
    row = look(tx, snapshot_id)
    return row is not None and row.status == 'restoring'


def of_host(tx: db.Tx, host: str) -> list[Any]:
    """The snapshots of a host."""
    return list(tx.rows(sa.select(Snapshot).where(Snapshot.host == host).order_by(Snapshot.seq)))
