"""Backups: create, find, update and delete; the slow part of each is a job."""

import collections
import dataclasses
import types as pytypes
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids, jobs
from nimbus.common.database import db, listing
from nimbus.volume import hosts, notifications
from nimbus.volume.models import Backup, BackupMetadata, Snapshot, Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import AVAILABLE, BACKUPS, IN_USE, MACHINE, SNAPSHOTS
from nimbus.volume.volumes import snapshots, volumes

ABSENT = 'Backup {} could not be found.'
NO_PARENT = 'Invalid backup: No backups available to do an incremental backup.'


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a user wants a backup of, and how."""

    volume_id: str
    snapshot_id: str | None = None
    name: str | None = None
    description: str | None = None
    container: str | None = None
    zone: str | None = None
    incremental: bool = False
    force: bool = False
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)


def show(tx: db.Tx, ctx: context.Context, backup_id: str) -> Any:
    """The backup with its `metadata` and how many `dependents` it has.  Raises NotFound."""
    query = sa.select(Backup).where(Backup.id == backup_id)
    if not ctx.is_admin:
        query = query.where(Backup.project_id == ctx.project_id)
    row = tx.row(query)
    if row is None:
        raise errors.NotFound(ABSENT.format(backup_id))
    return filled(tx, [row])[0]


def filled(tx: db.Tx, rows: Sequence[Any]) -> list[Any]:
    """The rows as backups: with their metadata and the number of their dependents, fetched for all at once."""
    metadata: dict[str, dict[str, str]] = collections.defaultdict(dict)
    dependents: dict[str, int] = {}
    if rows:
        for pair in tx.rows(sa.select(BackupMetadata).where(BackupMetadata.backup_id.in_([row.id for row in rows]))):
            metadata[pair.backup_id][pair.meta_key] = pair.value
        count = sa.select(Backup.parent_place, sa.func.count()).group_by(Backup.parent_place)
        for place, number in tx.rows(count.where(Backup.parent_place.in_([row.place for row in rows]))):
            dependents[place] = number
    return [
        pytypes.SimpleNamespace(**row._mapping, metadata=metadata[row.id], dependents=dependents.get(row.place, 0))
        for row in rows
    ]


def find(tx: db.Tx, seen: list[Any], where: list[Any], page: listing.Page) -> list[Any]:
    """A page of the backups that are seen and match.  Raises Invalid."""
    return filled(tx, listing.rows(tx, Backup, where, page, seen=seen, absent=ABSENT))


def every() -> Any:
    """A select of the ids of all backups."""
    return sa.select(Backup.id)


def total(tx: db.Tx, where: list[Any]) -> int:
    """How many backups match."""
    return int(tx.scalar(sa.select(sa.func.count()).select_from(Backup).where(*where)))


def create(tx: db.Tx, ctx: context.Context, wanted: Wanted, quotas: VolumeQuotas | None = None) -> Any:
    """The backup is being made.

    Raises NotFound, OverQuota, Invalid for what cannot be backed up now, and Unavailable where nobody keeps backups.
    """
    volume = volumes.show(tx, ctx, wanted.volume_id)
    snapshot = snapshots.show(tx, ctx, wanted.snapshot_id) if wanted.snapshot_id else None
    if snapshot is None:
        _check_volume(volume, wanted.force)
    else:
        _check_snapshot(volume, snapshot)
    (quotas or VolumeQuotas()).hold_backup(tx, ctx.project_id or '', volume.size)
    source, now = snapshot or volume, clock.Clock().now()
    keeper = hosts.backup_keeper(tx, source.host, wanted.zone)
    parent = _parent(tx, ctx, volume, snapshot, keeper) if wanted.incremental else None
    backup_id = ids.dashed()
    place = {'host': keeper.host, 'service': keeper.facts['backup_service'], 'shared': keeper.facts['backup_shared']}
    insert(
        tx,
        ctx,
        wanted.metadata,
        **_facts(wanted, volume, parent),
        **place,
        id=backup_id,
        place=backup_id,
        availability_zone=keeper.zone,
        bootable=source.bootable,
        image=source.image,
        data_timestamp=snapshot.created_at if snapshot else now,
        created_at=now,
    )
    _hold(tx, volume, snapshot)
    _keep_parent(tx, parent)
    jobs.start(tx, ctx, 'create_backup', backup_id, volume_id=volume.id, snapshot_id=wanted.snapshot_id)
    notifications.notify_backup(tx, backup_id, 'create.start', ctx)
    return show(tx, ctx, backup_id)


def _facts(wanted: Wanted, volume: Any, parent: Any) -> dict[str, Any]:
    """What the row of the backup says of what was asked for."""
    return {
        'volume_id': volume.id,
        'snapshot_id': wanted.snapshot_id,
        'name': wanted.name,
        'description': wanted.description,
        'container': wanted.container,
        'size': volume.size,
        'parent_id': parent.id if parent else None,
        'parent_place': parent.place if parent else None,
    }


def insert(tx: db.Tx, ctx: context.Context, metadata: dict[str, str], **values: Any) -> None:
    """The row of a backup that is being made stands."""
    made = {'status': 'creating', 'object_count': 0, **values}
    tx.insert(Backup, project_id=ctx.project_id, user_id=ctx.user_id, **made)
    set_metadata(tx, values['id'], metadata)


def _check_volume(volume: Any, force: bool) -> None:
    if volume.status == IN_USE and not force:
        raise errors.Invalid('Invalid volume: Backing up an in-use volume must use the force flag.')
    if volume.status == IN_USE:
        raise errors.Invalid(
            'Invalid volume: A volume that a server has is not backed up here, nor with force; detach it, or back up '
            'a snapshot of it.'
        )
    if volume.status != AVAILABLE:
        raise errors.Invalid(
            'Invalid volume: Volume to be backed up must be available or in-use, but the current status is '
            f'"{volume.status}".'
        )


def _check_snapshot(volume: Any, snapshot: Any) -> None:
    if snapshot.volume_id != volume.id:
        raise errors.Invalid(
            f'Invalid volume: Volume {volume.id} does not match with snapshot.volume_id {snapshot.volume_id}.'
        )
    if snapshot.status != AVAILABLE:
        raise errors.Invalid(
            'Invalid snapshot: Snapshot to be backed up must be available, but the current status is '
            f'"{snapshot.status}".'
        )


def _parent(tx: db.Tx, ctx: context.Context, volume: Any, snapshot: Any, keeper: Any) -> Any:
    """The newest backup of the volume that is older than what is backed up, and that the keeper reads.

    Raises Invalid.
    """
    query = sa.select(Backup).where(
        Backup.volume_id == volume.id,
        Backup.project_id == ctx.project_id,
        Backup.status == AVAILABLE,
        Backup.service == keeper.facts['backup_service'],
        Backup.shared.is_(True) if keeper.facts['backup_shared'] else Backup.host == keeper.host,
    )
    if snapshot is not None:
        query = query.where(Backup.data_timestamp < snapshot.created_at)
    found = tx.row(query.order_by(Backup.data_timestamp.desc(), Backup.seq.desc()).limit(1))
    if found is None:
        raise errors.Invalid(NO_PARENT)
    return found


def _hold(tx: db.Tx, volume: Any, snapshot: Any) -> None:
    """What is backed up is in the state that says so.  Raises WrongState when it changed meanwhile."""
    if snapshot is None:
        MACHINE.begin(tx, Volume, volume.id, 'back_up')
    else:
        SNAPSHOTS.begin(tx, Snapshot, snapshot.id, 'back_up')


def _keep_parent(tx: db.Tx, parent: Any) -> None:
    """The parent is not deleted before the transaction ends, and has a dependent then.  Raises Invalid."""
    if parent is not None and not tx.update(
        Backup, Backup.id == parent.id, Backup.status == AVAILABLE, object_count=Backup.object_count
    ):
        raise errors.Invalid(NO_PARENT)


def change(tx: db.Tx, ctx: context.Context, backup_id: str, **values: Any) -> None:
    """The backup has another name or description.  Raises NotFound."""
    show(tx, ctx, backup_id)
    tx.update(Backup, Backup.id == backup_id, updated_at=clock.Clock().now(), **values)


def set_metadata(tx: db.Tx, backup_id: str, metadata: dict[str, str]) -> None:
    """The backup has exactly this metadata."""
    tx.delete(BackupMetadata, BackupMetadata.backup_id == backup_id)
    for key, value in metadata.items():
        tx.insert(BackupMetadata, backup_id=backup_id, meta_key=key, value=value)


def delete(tx: db.Tx, ctx: context.Context, backup_id: str, *, force: bool = False) -> None:
    """The backup is being deleted.  Raises NotFound, and Invalid in another state or while others depend on it."""
    backup = show(tx, ctx, backup_id)
    if not BACKUPS.allows(verb := 'force_delete' if force else 'delete', backup.status):
        raise errors.Invalid('Invalid backup: Backup status must be available or error')
    if backup.status == 'deleting' and not backup.dependents and jobs.asked(tx, backup_id, 'delete_backup'):
        return
    BACKUPS.begin(tx, Backup, backup_id, verb)
    # From here on nobody makes a backup that depends on it; one that was made meanwhile is seen.
    if show(tx, ctx, backup_id).dependents:
        raise errors.Invalid('Invalid backup: Incremental backups exist for this backup.')
    jobs.cancel(tx, backup_id)
    jobs.start(tx, ctx, 'delete_backup', backup_id)
    notifications.notify_backup(tx, backup_id, 'delete.start', ctx)


def reset(tx: db.Tx, ctx: context.Context, backup_id: str, status: str) -> None:
    """The backup has the state that an operator sets (reset status).  Raises NotFound."""
    show(tx, ctx, backup_id)
    notifications.notify_backup(tx, backup_id, 'reset_status.start', ctx)
    BACKUPS.begin(tx, Backup, backup_id, 'reset', status=status)
    notifications.notify_backup(tx, backup_id, 'reset_status.end', ctx)
