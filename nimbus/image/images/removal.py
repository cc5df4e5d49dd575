"""Images that were deleted and whose bytes are still kept: list, restore and scrub them."""

import contextlib
import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.quotas import Quotas
from nimbus.image import notifications
from nimbus.image.images import images
from nimbus.image.models import Image
from nimbus.image.quotas import held
from nimbus.image.states import MACHINE, PENDING_DELETE


def find(tx: db.Tx) -> list[Any]:
    """The images that can be restored, the oldest deletion first."""
    return tx.rows(sa.select(Image).where(Image.status == PENDING_DELETE).order_by(Image.deleted_at, Image.seq))


def restore(tx: db.Tx, image_id: str, quotas: Quotas) -> None:
    """The image is active again, with all it had.  Raises NotFound when it is not kept, OverQuota."""
    row = tx.row(sa.select(Image).where(Image.id == image_id, Image.status == PENDING_DELETE))
    if row is None:
        raise errors.NotFound(f'No deleted image with the id {image_id} is kept.')
    quotas.take(tx, row.owner or '', **held(row))
    MACHINE.begin(tx, Image, image_id, 'restore', deleted_at=None)
    notifications.notify(tx, image_id, 'update')


def scrub(tx: db.Tx, before: datetime.datetime, most: int) -> int:
    """Images that were deleted before the time cannot be restored, `most` at once; returns how many there were."""
    due = sa.select(Image.id).where(Image.status == PENDING_DELETE, Image.deleted_at < before)
    found = tx.column(due.order_by(Image.deleted_at).limit(most))
    for image_id in found:
        with contextlib.suppress(errors.WrongState):  # one that is being restored
            MACHINE.begin(tx, Image, image_id, 'scrub')
            images.strip(tx, image_id)
    return len(found)
