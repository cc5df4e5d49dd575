"""Restore backups: into a volume that is there, or as what a new one begins with."""

from typing import Any

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.volume import hosts, notifications
from nimbus.volume.backups import backups
from nimbus.volume.models import Backup, Volume
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import AVAILABLE, BACKUPS, MACHINE
from nimbus.volume.volumes import copies, volumes

DESCRIPTION = 'auto-created_from_restore_from_backup'


def restore(
    tx: db.Tx,
    ctx: context.Context,
    backup_id: str,
    *,
    volume_id: str | None = None,
    name: str | None = None,
    quotas: VolumeQuotas | None = None,
) -> Any:
    """The backup is being restored into the volume, a new one when none is named; returns the volume.

    Raises NotFound, OverQuota, and Invalid for a backup or volume that is busy, or a volume that is too small.
    """
    backup = backups.show(tx, ctx, backup_id)
    if backup.status != AVAILABLE:
        raise errors.Invalid('Invalid backup: Backup status must be available')
    if volume_id is not None:
        return _into(tx, ctx, backup, volumes.show(tx, ctx, volume_id))
    given = source(tx, ctx, backup_id)
    made = volumes.create(
        tx,
        ctx,
        size=backup.size,
        quotas=quotas,
        name=f'restore_backup_{backup_id}' if name is None else name,
        description=DESCRIPTION,
        source=given,
        zone=given.zone or hosts.zone_for(tx, None),
        host=given.host,
    )
    begin(tx, ctx, backup_id)
    return made


def _into(tx: db.Tx, ctx: context.Context, backup: Any, volume: Any) -> Any:
    if volume.status != AVAILABLE:
        raise errors.Invalid('Invalid volume: Volume to be restored to must be available')
    if volume.size < backup.size:
        raise errors.Invalid(
            f'Invalid volume: volume size {volume.size} is too small to restore backup of size {backup.size}.'
        )
    if not backup.shared and backup.host != volume.host:
        raise errors.Invalid(
            f'Invalid volume: Volume {volume.id} is on another host than the backup, which that host does not read; '
            'restore it without naming a volume.'
        )
    MACHINE.begin(tx, Volume, volume.id, 'restore_backup')
    jobs.start(tx, ctx, 'restore_backup', volume.id, backup_id=backup.id)
    begin(tx, ctx, backup.id)
    return volumes.show(tx, ctx, volume.id)


def source(tx: db.Tx, ctx: context.Context, backup_id: str) -> copies.Source:
    """What a volume begins with that is made from the backup.  Raises NotFound, and Invalid when it is not ready."""
    row = backups.show(tx, ctx, backup_id)
    if row.status != AVAILABLE:
        raise errors.Invalid("Invalid backup: Originating backup status must be one of 'available' values")
    kept = {'size': row.size, 'type_id': None, 'bootable': row.bootable, 'image': row.image}
    if row.shared:
        return copies.Source(id=row.id, kind='backup', host=None, zone=None, **kept)
    zones = {service.host: service.zone for service in hosts.find(tx)}
    return copies.Source(id=row.id, kind='backup', host=row.host, zone=zones.get(row.host), **kept)


def begin(tx: db.Tx, ctx: context.Context, backup_id: str) -> None:
    """The backup is being restored.  Raises WrongState when it is not available any more."""
    BACKUPS.begin(tx, Backup, backup_id, 'restore')
    notifications.notify_backup(tx, backup_id, 'restore.start', ctx)
