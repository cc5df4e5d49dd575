"""What the workflows write in a volume's row: its host, that it is available, why it failed, that it is deleted."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.volume import messages, notifications
from nimbus.volume.models import Attachment, Snapshot, Transfer, Volume, VolumeMetadata
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import MACHINE
from nimbus.volume.volumes import attachments

QUOTAS = VolumeQuotas()  # giving back asks for no limits


def look(tx: db.Tx, volume_id: str) -> Any:
    """The volume's row, None when it is gone."""
    return tx.row(sa.select(Volume).where(Volume.id == volume_id))


def placed(tx: db.Tx, volume_id: str, service: Any) -> None:
    """The volume is on the service's host."""
    tx.update(
        Volume,
        Volume.id == volume_id,
        host=service.host,
        backend=service.facts.get('backend', 'nimbus'),
        service_id=service.id,
        availability_zone=sa.func.coalesce(Volume.availability_zone, service.zone),
    )


def downloading(tx: db.Tx, volume_id: str) -> None:
    """The volume's image is on its way."""
    tx.update(Volume, Volume.id == volume_id, Volume.status == 'creating', status='downloading')


def made(tx: db.Tx, volume_id: str, bootable: bool) -> None:
    """The volume is there to be used, unless it is being deleted meanwhile."""
    row = look(tx, volume_id)
    if row is not None and row.status in ('creating', 'downloading'):
        MACHINE.finish(tx, Volume, volume_id, 'create', bootable=bootable or row.bootable, trouble=None)
        notifications.notify(tx, volume_id, 'create.end')


def failed(tx: db.Tx, volume_id: str, verb: str, why: str | None) -> None:
    """The volume is in the state that a failure of the verb leaves, unless something else happened to it since."""
    row = look(tx, volume_id)
    busy = {'create': ('creating', 'downloading'), 'delete': ('deleting',), 'extend': ('extending',)}[verb]
    if row is not None and row.status in busy:
        MACHINE.fail(tx, Volume, volume_id, verb, trouble=why)
        messages.tell_of_volume(tx, row, verb, why)
        notifications.notify(tx, volume_id, f'{verb}.error', priority=outbox.ERROR, reason=why)


def grown(tx: db.Tx, volume_id: str, size: int, *, attached: bool = False) -> None:
    """The volume has so many GiB; one that was `attached` may have been given up meanwhile."""
    MACHINE.finish(tx, Volume, volume_id, 'extend_attached' if attached else 'extend', size=size)
    if attached:
        attachments.settle(tx, volume_id)
    notifications.notify(tx, volume_id, 'resize.end')


def not_grown(tx: db.Tx, volume_id: str, by: int, why: str | None, *, attached: bool = False) -> None:
    """The volume has the size it had, and its project's quota too."""
    row = look(tx, volume_id)
    if row is not None and row.status == 'extending':
        QUOTAS.release(tx, row.project_id, by, volumes=0)
        MACHINE.fail(tx, Volume, volume_id, 'extend_attached' if attached else 'extend', trouble=why)
        if attached:
            attachments.settle(tx, volume_id)
        messages.tell_of_volume(tx, row, 'extend', why)
        notifications.notify(tx, volume_id, 'resize.error', priority=outbox.ERROR, reason=why)


def gone(tx: db.Tx, volume_id: str) -> None:
    """Nothing is left of the volume, and its project may have another."""
    row = look(tx, volume_id)
    if row is not None and row.status == 'deleting':
        notifications.notify(tx, volume_id, 'delete.end')
    if row is not None and tx.delete(Volume, Volume.id == volume_id, Volume.status == 'deleting'):
        QUOTAS.release(tx, row.project_id, row.size)
        for table in (VolumeMetadata, Attachment, Transfer):
            tx.delete(table, table.volume_id == volume_id)


def of_host(tx: db.Tx, host: str) -> list[Any]:
    """The volumes of a host."""
    return list(tx.rows(sa.select(Volume).where(Volume.host == host).order_by(Volume.seq)))


def promised(tx: db.Tx) -> dict[str, int]:
    """The GiB that each host's volumes and snapshots add up to."""
    found: dict[str, int] = {}
    for model in (Volume, Snapshot):
        query = sa.select(model.host, db.total(model.size)).where(model.host.is_not(None)).group_by(model.host)
        for host, size in tx.rows(query):
            found[host] = found.get(host, 0) + size
    return found
