"""Cinder's notifications of volumes, snapshots and backups, posted in the transaction that changes their state."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, jobs
from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.volume.models import Attachment, Backup, Snapshot, SnapshotMetadata, Volume, VolumeMetadata


def notify(
    tx: db.Tx,
    volume_id: str,
    what: str,
    asker: context.Context | None = None,
    *,
    server_id: str | None = None,
    priority: str = outbox.INFO,
    **more: Any,
) -> None:
    """The notification `volume.WHAT` is posted, with the volume as it is now.

    Without an asker it is whoever asked for the job in hand, which is the volume's or the server's.
    """
    if tx.publisher is None:
        return
    asker = asker or jobs.asker(tx, volume_id) or (jobs.asker(tx, server_id) if server_id else None)
    row = tx.row(sa.select(Volume).where(Volume.id == volume_id))
    host = f'{row.host}@{row.backend}' if row.host else None
    outbox.post(tx, asker, 'volume', f'volume.{what}', lambda: describe(tx, row) | more, host=host, priority=priority)


def describe(tx: db.Tx, row: Any) -> dict[str, Any]:
    """The volume under the names of Cinder's payload."""
    pairs = tx.rows(sa.select(VolumeMetadata).where(VolumeMetadata.volume_id == row.id))
    attachments = tx.rows(sa.select(Attachment).where(Attachment.volume_id == row.id).order_by(Attachment.seq))
    image = row.image or {}
    payload = {
        'tenant_id': row.project_id,
        'user_id': row.user_id,
        'volume_id': row.id,
        'display_name': row.name,
        'volume_type': row.type_id,
        'size': row.size,
        'status': row.status,
        'host': f'{row.host}@{row.backend}' if row.host else None,
        'availability_zone': row.availability_zone,
        'created_at': clock.iso(row.created_at),
        'launched_at': '' if row.status in ('creating', 'downloading') else clock.iso(row.updated_at) or '',
        'snapshot_id': row.snapshot_id,
        'replication_status': None,
        'replication_extended_status': None,
        'replication_driver_data': None,
        'metadata': {pair.meta_key: pair.value for pair in pairs},
        'volume_attachment': [_attachment(attachment) for attachment in attachments],
    }
    if image:
        payload['glance_metadata'] = [
            {'key': key, 'value': str(value)} for key, value in image.items() if key not in ('properties', 'hidden')
        ]
    return payload


def _attachment(row: Any) -> dict[str, Any]:
    return {
        'id': row.id,
        'volume_id': row.volume_id,
        'instance_uuid': row.server_id,
        'attached_host': row.host,
        'mountpoint': row.device,
        'attach_mode': row.mode,
        'attach_status': row.status,
        'attach_time': clock.iso(row.attached_at),
    }


def notify_snapshot(
    tx: db.Tx, snapshot_id: str, what: str, asker: context.Context | None = None, *, priority: str = outbox.INFO
) -> None:
    """The notification `snapshot.WHAT` is posted, with the snapshot as it is now."""
    if tx.publisher is None:
        return
    row = tx.row(sa.select(Snapshot).where(Snapshot.id == snapshot_id))
    asker = asker or jobs.asker(tx, snapshot_id) or jobs.asker(tx, row.volume_id)
    outbox.post(
        tx, asker, 'snapshot', f'snapshot.{what}', lambda: describe_snapshot(tx, row), host=row.host, priority=priority
    )


def describe_snapshot(tx: db.Tx, row: Any) -> dict[str, Any]:
    """The snapshot under the names of Cinder's payload."""
    pairs = tx.rows(sa.select(SnapshotMetadata).where(SnapshotMetadata.snapshot_id == row.id))
    return {
        'tenant_id': row.project_id,
        'user_id': row.user_id,
        'availability_zone': tx.scalar(sa.select(Volume.availability_zone).where(Volume.id == row.volume_id)),
        'volume_id': row.volume_id,
        'volume_size': row.size,
        'snapshot_id': row.id,
        'display_name': row.name,
        'created_at': clock.iso(row.created_at),
        'status': row.status,
        'deleted': '',
        'metadata': str({pair.meta_key: pair.value for pair in pairs}),
    }


def notify_backup(
    tx: db.Tx,
    backup_id: str,
    what: str,
    asker: context.Context | None = None,
    *,
    priority: str = outbox.INFO,
    **more: Any,
) -> None:
    """The notification `backup.WHAT` is posted, with the backup as it is now."""
    if tx.publisher is None:
        return
    row = tx.row(sa.select(Backup).where(Backup.id == backup_id))
    asker = asker or jobs.asker(tx, backup_id) or jobs.asker(tx, row.volume_id)
    asker = asker or context.Context(user_id=row.user_id, project_id=row.project_id)
    outbox.post(
        tx,
        asker,
        'backup',
        f'backup.{what}',
        lambda: describe_backup(tx, row) | more,
        host=row.host,
        priority=priority,
    )


def describe_backup(tx: db.Tx, row: Any) -> dict[str, Any]:
    """The backup under the names of Cinder's payload."""
    dependents = sa.select(sa.func.count()).select_from(Backup).where(Backup.parent_place == row.place)
    return {
        'tenant_id': row.project_id,
        'user_id': row.user_id,
        'availability_zone': row.availability_zone,
        'backup_id': row.id,
        'host': row.host,
        'display_name': row.name,
        'created_at': clock.iso(row.created_at),
        'status': row.status,
        'volume_id': row.volume_id,
        'size': row.size,
        'service_metadata': row.place,
        'service': row.service,
        'fail_reason': row.trouble,
        'parent_id': row.parent_id,
        'num_dependent_backups': tx.scalar(dependents),
        'snapshot_id': row.snapshot_id,
    }
