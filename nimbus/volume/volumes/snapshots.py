"""Snapshots of volumes: create, find, update, delete and revert to; the slow part of each is a job."""

import collections
import types as pytypes
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids, jobs
from nimbus.common.database import db, listing
from nimbus.volume import notifications
from nimbus.volume.models import Snapshot, SnapshotMetadata, Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import AVAILABLE, MACHINE, SNAPSHOTS
from nimbus.volume.volumes import copies, frozen, volumes

ABSENT = 'Snapshot {} could not be found.'


def show(tx: db.Tx, ctx: context.Context, snapshot_id: str) -> Any:
    """The snapshot with its `metadata`.  Raises NotFound."""
    query = sa.select(Snapshot).where(Snapshot.id == snapshot_id)
    if not ctx.is_admin:
        query = query.where(Snapshot.project_id == ctx.project_id)
    row = tx.row(query)
    if row is None:
        raise errors.NotFound(ABSENT.format(snapshot_id))
    return filled(tx, [row])[0]


def filled(tx: db.Tx, rows: Sequence[Any]) -> list[Any]:
    """The rows as snapshots: with their metadata, fetched for all at once."""
    metadata: dict[str, dict[str, str]] = collections.defaultdict(dict)
    wanted = [row.id for row in rows]
    if wanted:
        for pair in tx.rows(sa.select(SnapshotMetadata).where(SnapshotMetadata.snapshot_id.in_(wanted))):
            metadata[pair.snapshot_id][pair.meta_key] = pair.value
    return [pytypes.SimpleNamespace(**row._mapping, metadata=metadata[row.id]) for row in rows]


def find(tx: db.Tx, seen: list[Any], where: list[Any], page: listing.Page) -> list[Any]:
    """A page of the snapshots that are seen and match.  Raises Invalid, and NotFound for an unknown marker."""
    return filled(tx, listing.rows(tx, Snapshot, where, page, seen=seen, absent=ABSENT))


def every() -> Any:
    """A select of the ids of all snapshots."""
    return sa.select(Snapshot.id)


def total(tx: db.Tx, where: list[Any]) -> int:
    """How many snapshots match."""
    return int(tx.scalar(sa.select(sa.func.count()).select_from(Snapshot).where(*where)))


def create(
    tx: db.Tx,
    ctx: context.Context,
    volume_id: str,
    *,
    quotas: VolumeQuotas | None = None,
    name: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
    in_use: bool = False,
) -> Any:
    """The snapshot is being made, of a volume that a server has where that is told.

    Raises NotFound, OverQuota, and Invalid for a volume that is not at rest.
    """
    volume = volumes.show(tx, ctx, volume_id)
    _check(volume, copies.COPIED if in_use else (AVAILABLE,))
    copies.opened_by(tx, volume_id)
    frozen.check(tx, volume.host)
    (quotas or VolumeQuotas()).hold_snapshot(tx, ctx.project_id or '', volume.size)
    snapshot_id = ids.dashed()
    _insert(tx, ctx, volume, id=snapshot_id, name=name, description=description)
    set_metadata(tx, snapshot_id, metadata or {})
    jobs.start(tx, ctx, 'create_snapshot', snapshot_id, volume_id=volume_id)
    notifications.notify_snapshot(tx, snapshot_id, 'create.start', ctx)
    return show(tx, ctx, snapshot_id)


def _insert(tx: db.Tx, ctx: context.Context, volume: Any, **values: Any) -> None:
    """The row of a snapshot of the volume stands, which is being made."""
    kept = {name: getattr(volume, name) for name in ('size', 'host', 'type_id', 'bootable', 'image')}
    made = {'volume_id': volume.id, 'project_id': ctx.project_id, 'user_id': ctx.user_id, **kept, **values}
    tx.insert(Snapshot, status='creating', progress='0%', created_at=clock.Clock().now(), **made)


def _check(volume: Any, states: tuple[str, ...]) -> None:
    """Nothing, when the volume can be copied and is in one of the states.  Raises Invalid."""
    if volume.status == 'error':
        raise errors.Invalid('Invalid volume: The snapshot cannot be created when the volume is in error status.')
    if volume.status == 'maintenance':
        raise errors.Invalid('Invalid volume: The snapshot cannot be created when the volume is in maintenance mode.')
    if volume.status not in states:
        raise errors.Invalid(
            f'Invalid volume: Volume {volume.id} status must be {", ".join(states)}, but current status is: '
            f'{volume.status}.'
        )
    if not volume.host:
        raise errors.Invalid(
            'Invalid volume: The snapshot cannot be created because volume has not been scheduled to any host.'
        )


def change(tx: db.Tx, ctx: context.Context, snapshot_id: str, **values: Any) -> None:
    """The snapshot has another name or description.  Raises NotFound."""
    show(tx, ctx, snapshot_id)
    notifications.notify_snapshot(tx, snapshot_id, 'update.start', ctx)
    tx.update(Snapshot, Snapshot.id == snapshot_id, updated_at=clock.Clock().now(), **values)
    notifications.notify_snapshot(tx, snapshot_id, 'update.end', ctx)


def set_metadata(tx: db.Tx, snapshot_id: str, metadata: dict[str, str]) -> None:
    """The snapshot has exactly this metadata."""
    tx.delete(SnapshotMetadata, SnapshotMetadata.snapshot_id == snapshot_id)
    for key, value in metadata.items():
        tx.insert(SnapshotMetadata, snapshot_id=snapshot_id, meta_key=key, value=value)


def delete(tx: db.Tx, ctx: context.Context, snapshot_id: str, *, force: bool = False) -> None:
    """The snapshot is being deleted; deleting already is fine.  Raises NotFound, and Invalid in another state."""
    snapshot = show(tx, ctx, snapshot_id)
    if snapshot.status == 'deleting' and jobs.asked(tx, snapshot_id, 'delete_snapshot'):
        return
    frozen.check(tx, snapshot.host)
    try:
        SNAPSHOTS.begin(tx, Snapshot, snapshot_id, 'force_delete' if force else 'delete')
    except errors.WrongState:
        raise errors.Invalid(
            'Invalid snapshot: Snapshot status must be available or error and must not be part of a group.'
        ) from None
    jobs.cancel(tx, snapshot_id)
    jobs.start(tx, ctx, 'delete_snapshot', snapshot_id)
    notifications.notify_snapshot(tx, snapshot_id, 'delete.start', ctx)


def delete_all(tx: db.Tx, ctx: context.Context, volume_id: str, *, force: bool = False) -> None:
    """All snapshots of the volume are being deleted.  Raises Invalid when one of them cannot be, or is another's."""
    for row in copies.snapshots_of(tx, volume_id):
        try:
            delete(tx, ctx, row.id, force=force)
        except (errors.NotFound, errors.Invalid) as why:
            raise errors.Invalid(volumes.KEPT) from why


def reset(tx: db.Tx, ctx: context.Context, snapshot_id: str, status: str, progress: str | None = None) -> None:
    """The snapshot has the state that an operator sets (reset status).  Raises NotFound."""
    show(tx, ctx, snapshot_id)
    notifications.notify_snapshot(tx, snapshot_id, 'reset_status.start', ctx)
    SNAPSHOTS.begin(tx, Snapshot, snapshot_id, 'reset', status=status, **({'progress': progress} if progress else {}))
    notifications.notify_snapshot(tx, snapshot_id, 'reset_status.end', ctx)


def revert(tx: db.Tx, ctx: context.Context, volume: Any, snapshot_id: str | None) -> None:
    """The volume is being put back to its newest snapshot.

    Raises Invalid when it is not that one or the sizes differ, and Conflict when either is busy.
    """
    newest = _newest(tx, volume, snapshot_id)
    for machine, model, id, verb, noun in (
        (MACHINE, Volume, volume.id, 'revert', 'Volume'),
        (SNAPSHOTS, Snapshot, newest.id, 'restore', 'Snapshot'),
    ):
        try:
            machine.begin(tx, model, id, verb)
        except errors.WrongState:
            prefix = f'Invalid {noun.lower()}: '
            raise errors.Conflict(
                f"{prefix}Can't revert volume {volume.id} to its latest snapshot {newest.id}. {noun}'s status must be "
                "'available'."
            ) from None
    jobs.start(tx, ctx, 'revert_volume', volume.id, snapshot_id=newest.id)
    notifications.notify(tx, volume.id, 'revert.start', ctx)
    notifications.notify_snapshot(tx, newest.id, 'revert.start', ctx)


def _newest(tx: db.Tx, volume: Any, snapshot_id: str | None) -> Any:
    """The volume's newest snapshot, which is that one and of the volume's size.  Raises Invalid.

    Those that a former owner kept when the volume was passed on are not the volume's any more.
    """
    found = [row for row in copies.snapshots_of(tx, volume.id) if row.project_id == volume.project_id]
    if not found:
        raise errors.Invalid(f"Volume {volume.id} doesn't have any snapshots.")
    newest = found[-1]
    if snapshot_id != newest.id:
        raise errors.Invalid(f'Specified snapshot {snapshot_id} is None or not the latest one of volume {volume.id}.')
    if newest.size != volume.size:
        raise errors.Invalid(
            f"Can't revert volume {volume.id} to its latest snapshot {newest.id}. The volume size must be equal to the "
            'snapshot size.'
        )
    return newest


def source(tx: db.Tx, ctx: context.Context, snapshot_id: str) -> copies.Source:
    """What a volume begins with that is made from the snapshot.  Raises NotFound, and Invalid when it is not ready."""
    row = show(tx, ctx, snapshot_id)
    if row.status != AVAILABLE:
        raise errors.Invalid("Invalid snapshot: Originating snapshot status must be one of 'available' values")
    zone = tx.scalar(sa.select(Volume.availability_zone).where(Volume.id == row.volume_id))
    kept = {'size': row.size, 'host': row.host, 'type_id': row.type_id, 'bootable': row.bootable, 'image': row.image}
    return copies.Source(id=row.id, kind='snapshot', zone=zone, **kept)
