"""Image members: the projects an image is shared with, and whether each accepted or rejected it."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.image import notifications
from nimbus.image.models import ImageMember

STATUSES = ('pending', 'accepted', 'rejected')


def add(tx: db.Tx, image: Any, member_id: str, limit: int = -1) -> Any:
    """The image is offered to the project.  Raises Conflict when it already was, OverQuota past `limit` members."""
    count = tx.scalar(sa.select(sa.func.count()).where(ImageMember.image_id == image.id))
    if 0 <= limit <= count:
        raise errors.OverQuota(
            f'Image member limit exceeded for image {image.id}: The limit has been exceeded on the number of '
            f'allowed image members for this image. Attempted: {count + 1}, Maximum: {limit}.',
            status=413,
        )
    if tx.row(_one(image.id, member_id)) is not None:
        raise errors.Conflict(f'Member {member_id} is duplicated for image {image.id}')
    now = clock.Clock().now()
    tx.insert(ImageMember, image_id=image.id, member_id=member_id, status='pending', created_at=now, updated_at=now)
    notifications.notify_of_member(tx, image.id, member_id, 'pending', 'create')
    return tx.row(_one(image.id, member_id))


def find(tx: db.Tx, image: Any, only: str | None = None) -> list[Any]:
    """The image's members, oldest first; `only` that one."""
    query = sa.select(ImageMember).where(ImageMember.image_id == image.id).order_by(ImageMember.seq)
    return list(tx.rows(query.where(ImageMember.member_id == only) if only else query))


def show(tx: db.Tx, image: Any, member_id: str) -> Any:
    """One member.  Raises NotFound."""
    row = tx.row(_one(image.id, member_id))
    if row is None:
        raise errors.NotFound(f'{member_id} not found in the member list of the image {image.id}.')
    return row


def decide(tx: db.Tx, image: Any, member_id: str, status: str) -> Any:
    """The member has accepted or rejected the image, or it is pending.  Raises Invalid, NotFound."""
    show(tx, image, member_id)
    if status not in STATUSES:
        raise errors.Invalid('Incorrect request: Status must be "pending", "accepted" or "rejected".')
    where = (ImageMember.image_id == image.id, ImageMember.member_id == member_id)
    tx.update(ImageMember, *where, status=status, updated_at=clock.Clock().now())
    notifications.notify_of_member(tx, image.id, member_id, status, 'update')
    return show(tx, image, member_id)


def remove(tx: db.Tx, image: Any, member_id: str) -> None:
    """The image is not shared with the project any more.  Raises NotFound."""
    if not tx.delete(ImageMember, ImageMember.image_id == image.id, ImageMember.member_id == member_id):
        raise errors.NotFound(f'{member_id} not found in the member list of the image {image.id}.')
    notifications.notify_of_member(tx, image.id, member_id, None, 'delete')


def _one(image_id: str, member_id: str) -> Any:
    return sa.select(ImageMember).where(ImageMember.image_id == image_id, ImageMember.member_id == member_id)
