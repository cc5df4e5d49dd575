"""Glance's notifications of images, posted in the transaction that writes an image's row."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context
from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.image.models import Image, ImageProperty, ImageTag


def notify(tx: db.Tx, image_id: str, *what: str, asker: context.Context | None = None) -> None:
    """The notifications `image.WHAT` are posted, in their order, with the image as it is now."""
    if tx.publisher is None:
        return
    row = tx.row(sa.select(Image).where(Image.id == image_id))
    for name in what:
        outbox.post(tx, asker, 'image', f'image.{name}', lambda: describe(tx, row))


def notify_of_member(tx: db.Tx, image_id: str, member_id: str, status: str | None, what: str) -> None:
    """The notification `image.member.WHAT` is posted."""
    payload = {'image_id': image_id, 'member_id': member_id, 'status': status, 'deleted': what == 'delete'}
    outbox.post(tx, None, 'image', f'image.member.{what}', lambda: payload)


def describe(tx: db.Tx, row: Any) -> dict[str, Any]:
    """The image under the names of Glance's payload."""
    properties = tx.rows(sa.select(ImageProperty).where(ImageProperty.image_id == row.id))
    return {
        'id': row.id,
        'name': row.name,
        'status': row.status,
        'created_at': clock.iso(row.created_at),
        'updated_at': clock.iso(row.updated_at),
        'deleted': row.deleted_at is not None,
        'deleted_at': clock.iso(row.deleted_at),
        'min_disk': row.min_disk,
        'min_ram': row.min_ram,
        'protected': row.protected,
        'checksum': row.checksum,
        'owner': row.owner,
        'disk_format': row.disk_format,
        'container_format': row.container_format,
        'size': row.size,
        'virtual_size': row.virtual_size,
        'is_public': row.visibility == 'public',
        'visibility': row.visibility,
        'properties': {found.name: found.value for found in properties},
        'tags': tx.column(sa.select(ImageTag.tag).where(ImageTag.image_id == row.id).order_by(ImageTag.tag)),
    }
