"""What the workflows write in a backup's row: that it is available, why it failed, that it is restored or gone."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock
from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.volume import notifications
from nimbus.volume.models import Backup, BackupMetadata, Snapshot, Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import BACKUPS, MACHINE, SNAPSHOTS
from nimbus.volume.volumes import progress, snapshot_progress

QUOTAS = VolumeQuotas()  # giving back asks for no limits


def look(tx: db.Tx, backup_id: str) -> Any:
    """The backup's row, None when it is gone."""
    return tx.row(sa.select(Backup).where(Backup.id == backup_id))


def advanced(tx: db.Tx, backup_id: str, percent: int, objects: int) -> None:
    """The backup's making is so far."""
    row = look(tx, backup_id)
    if row is not None and row.status == 'creating':
        tx.update(Backup, Backup.id == backup_id, object_count=objects, updated_at=clock.Clock().now())
        notifications.notify_backup(tx, backup_id, 'createprogress', backup_percent=percent)


def made(tx: db.Tx, backup_id: str, objects: int) -> None:
    """The backup is there to be restored, unless it is being deleted meanwhile."""
    row = look(tx, backup_id)
    if row is not None and row.status == 'creating':
        BACKUPS.finish(tx, Backup, backup_id, 'create', object_count=objects, trouble=None)
        notifications.notify_backup(tx, backup_id, 'create.end')


def failed(tx: db.Tx, backup_id: str, verb: str, why: str | None) -> None:
    """The backup is in the state that a failure of the verb leaves, unless something else happened to it since."""
    row = look(tx, backup_id)
    if row is not None and row.status == {'create': 'creating', 'delete': 'deleting'}[verb]:
        BACKUPS.fail(tx, Backup, backup_id, verb, trouble=why)
        notifications.notify_backup(tx, backup_id, f'{verb}.error', priority=outbox.ERROR)


def release(tx: db.Tx, volume_id: str, snapshot_id: str | None) -> None:
    """What was backed up may be used again; gone or never held is fine."""
    if snapshot_id is not None:
        snapshot = snapshot_progress.look(tx, snapshot_id)
        if snapshot is not None and snapshot.status == 'backing-up':
            SNAPSHOTS.finish(tx, Snapshot, snapshot_id, 'back_up')
        return
    volume = progress.look(tx, volume_id)
    if volume is not None and volume.status == 'backing-up':
        MACHINE.finish(tx, Volume, volume_id, 'back_up')


def sharers(tx: db.Tx, backup: Any) -> int:
    """How many other backups are kept at the same place: those that were imported under another id."""
    query = sa.select(sa.func.count()).select_from(Backup).where(Backup.place == backup.place, Backup.id != backup.id)
    return int(tx.scalar(query))


def gone(tx: db.Tx, backup_id: str) -> None:
    """Nothing is left of the backup, and its project may have another."""
    row = look(tx, backup_id)
    if row is None or row.status != 'deleting':
        return
    notifications.notify_backup(tx, backup_id, 'delete.end')
    if tx.delete(Backup, Backup.id == backup_id, Backup.status == 'deleting'):
        QUOTAS.release_backup(tx, row.project_id, row.size)
        tx.delete(BackupMetadata, BackupMetadata.backup_id == backup_id)


def restored(tx: db.Tx, backup_id: str) -> None:
    """The backup was restored and may be restored again."""
    row = look(tx, backup_id)
    if row is not None and row.status == 'restoring':
        BACKUPS.finish(tx, Backup, backup_id, 'restore', trouble=None)
        notifications.notify_backup(tx, backup_id, 'restore.end')


def not_restored(tx: db.Tx, backup_id: str, why: str | None) -> None:
    """The backup may be restored again, and says why it was not."""
    row = look(tx, backup_id)
    if row is not None and row.status == 'restoring':
        BACKUPS.fail(tx, Backup, backup_id, 'restore', trouble=why)
        notifications.notify_backup(tx, backup_id, 'restore.error', priority=outbox.ERROR)


def refilled(tx: db.Tx, volume_id: str, backup_id: str) -> None:
    """The volume has what the backup has, and both are available."""
    backup, volume = look(tx, backup_id), progress.look(tx, volume_id)
    if volume is not None and volume.status == 'restoring-backup':
        kept = {'bootable': backup.bootable, 'image': backup.image} if backup is not None else {}
        MACHINE.finish(tx, Volume, volume_id, 'restore_backup', trouble=None, **kept)
    restored(tx, backup_id)


def not_refilled(tx: db.Tx, volume_id: str, backup_id: str, why: str | None) -> None:
    """The volume has what it had and says why; the backup may be restored again."""
    volume = progress.look(tx, volume_id)
    if volume is not None and volume.status == 'restoring-backup':
        MACHINE.fail(tx, Volume, volume_id, 'restore_backup', trouble=why)
    not_restored(tx, backup_id, why)


def of_host(tx: db.Tx, host: str) -> list[str]:
    """Where backups are kept that only the host reads."""
    query = sa.select(Backup.place).where(Backup.host == host, Backup.shared.is_(False))
    return list(tx.column(query.distinct().order_by(Backup.place)))
