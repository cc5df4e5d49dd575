"""Images: create, find, update and delete their rows; `data/transfers.py` moves their bytes."""

import collections
import datetime
import types
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids
from nimbus.common.database import db
from nimbus.common.quotas import Quotas, Recount
from nimbus.image import notifications
from nimbus.image.images import marks
from nimbus.image.models import Image, ImageMember, ImageProperty, ImageTag
from nimbus.image.quotas import RESOURCES, ImageQuotas, held, rows
from nimbus.image.states import ACTIVE, DEACTIVATED, DELETED, HIDDEN, MACHINE, QUEUED, UPLOADING

COLUMNS = ('name', 'owner', 'visibility', 'protected', 'os_hidden', 'min_disk', 'min_ram')
FORMATS = ('disk_format', 'container_format')
PROPERTIES = db.Gathering(
    sa.select(ImageProperty.image_id, ImageProperty.name, ImageProperty.value), ImageProperty.image_id
)
TAGS = db.Gathering(sa.select(ImageTag.image_id, ImageTag.tag).order_by(ImageTag.tag), ImageTag.image_id)
LIVING = db.Fixed(sa.select(Image).where(Image.id == sa.bindparam('image'), Image.status.not_in(HIDDEN)))


def show(tx: db.Tx, ctx: context.Context, image_id: str) -> Any:
    """The image with its `properties`, `tags` and, where it is shared with the asker, `member`.  Raises NotFound."""
    row = tx.row(LIVING, {'image': image_id})
    member = None
    if row is not None and row.visibility == 'shared' and row.owner != ctx.project_id:
        member = tx.scalar(
            sa.select(ImageMember.member_id).where(
                ImageMember.image_id == image_id, ImageMember.member_id == ctx.project_id
            )
        )
    if row is None or not _visible(ctx, row, member):
        raise errors.NotFound(f'No image found with ID {image_id}')
    return filled(tx, [row], {image_id: member})[0]


def bare(tx: db.Tx, image_id: str) -> Any | None:
    """The row of an image that there is, as it is written; None of one that is gone."""
    return tx.row(LIVING, {'image': image_id})


def sees_all(ctx: context.Context) -> bool:
    """Whether the asker may see every project's images: an operator, or a service on its own account."""
    return ctx.is_admin or 'service' in ctx.roles


def _visible(ctx: context.Context, row: Any, member: str | None) -> bool:
    return (
        sees_all(ctx)
        or row.owner is None
        or row.visibility in ('public', 'community')
        or row.owner == ctx.project_id
        or member is not None
    )


def filled(tx: db.Tx, rows: Sequence[Any], members: dict[str, str | None] | None = None) -> list[Any]:
    """The rows as images: with their properties and tags, fetched for all at once."""
    wanted = [row.id for row in rows]
    properties: dict[str, dict[str, str]] = collections.defaultdict(dict)
    tags: dict[str, list[str]] = collections.defaultdict(list)
    for image_id, name, value in PROPERTIES.rows(tx, wanted):
        properties[image_id][name] = value
    for image_id, tag in TAGS.rows(tx, wanted):
        tags[image_id].append(tag)
    members = members or {}
    return [
        types.SimpleNamespace(
            **row._mapping, properties=properties[row.id], tags=tags[row.id], member=members.get(row.id)
        )
        for row in rows
    ]


def create(
    tx: db.Tx,
    ctx: context.Context,
    quotas: Quotas,
    values: dict[str, Any],
    properties: dict[str, str],
    tags: Iterable[str],
) -> Any:
    """A queued image stands.  Raises Conflict when its id was ever used, OverQuota, Invalid."""
    image_id = values.get('id') or ids.dashed()
    if tx.scalar(sa.select(Image.seq).where(Image.id == image_id)) is not None:
        raise errors.Conflict(f'Image ID {image_id} already exists!')
    owner = values.get('owner', ctx.project_id)
    quotas.take(tx, owner or '', image_count_total=1)
    now = clock.Clock().now()
    tx.insert(
        Image,
        id=image_id,
        owner=owner,
        status='queued',
        created_at=now,
        updated_at=now,
        **{'visibility': 'shared', 'protected': False, 'os_hidden': False, 'min_disk': 0, 'min_ram': 0}
        | {name: values[name] for name in (*COLUMNS, *FORMATS) if name in values and name != 'owner'},
    )
    _write_properties(tx, image_id, properties)
    _write_tags(tx, image_id, tags)
    notifications.notify(tx, image_id, 'create', asker=ctx)
    return show(tx, context.internal(ctx.request_id), image_id)


def change(
    tx: db.Tx, image: Any, values: dict[str, Any], properties: dict[str, str], tags: Iterable[str], quotas: Quotas
) -> None:
    """The image has these values, properties and tags, all of them.  Raises Forbidden, NotFound, OverQuota."""
    for name in FORMATS:
        if values[name] != getattr(image, name) and image.status not in ('queued', 'importing'):
            raise errors.Forbidden(f'Attribute {name} can be only replaced for a queued image.')
    if values['owner'] != image.owner:
        moved = held(image)
        quotas.give_back(tx, image.owner or '', **moved)
        quotas.take(tx, values['owner'] or '', **moved)
    now = clock.Clock().now()
    if not tx.update(Image, Image.id == image.id, Image.status == image.status, updated_at=now, **values):
        raise errors.Conflict(f'Image {image.id} changed while it was being updated; please look and try again.')
    if properties != image.properties:
        _write_properties(tx, image.id, properties)
    if set(tags) != set(image.tags):
        _write_tags(tx, image.id, tags)
    if values['visibility'] != 'shared' and image.visibility == 'shared':
        tx.delete(ImageMember, ImageMember.image_id == image.id)
    notifications.notify(tx, image.id, 'update')


def delete(tx: db.Tx, image: Any, quotas: Quotas, keep: int = 0) -> bool:
    """The image is gone for every user; returns whether its bytes go next.  Raises Forbidden when it is protected.

    With `keep` one that has bytes stays whole until `removal.scrub`, so that an operator can restore it.
    """
    if image.protected:
        raise errors.Forbidden(f'Image {image.id} is protected and cannot be deleted.')
    quotas.give_back(tx, image.owner or '', **held(image))
    stays = keep > 0 and image.status in (ACTIVE, DEACTIVATED)
    MACHINE.begin(tx, Image, image.id, 'delay' if stays else 'delete', deleted_at=clock.Clock().now())
    notifications.notify(tx, image.id, 'delete')
    if not stays:
        strip(tx, image.id)
    return not stays


def strip(tx: db.Tx, image_id: str) -> None:
    """A deleted image has no properties, tags and members any more."""
    for table in (ImageProperty, ImageTag, ImageMember):
        tx.delete(table, table.image_id == image_id)


def forget(tx: db.Tx, before: datetime.datetime, most: int) -> int:
    """Images that were deleted before the time have left no row, `most` at once; returns how many."""
    gone = tx.column(sa.select(Image.id).where(Image.status == DELETED, Image.deleted_at < before).limit(most))
    tx.delete(Image, Image.id.in_(gone))
    return len(gone)


def switch(tx: db.Tx, image: Any, verb: str) -> None:
    """The image is deactivated or reactivated.  Raises Forbidden in a state that has neither."""
    if not MACHINE.allows(verb, image.status):
        raise errors.Forbidden(f"Not allowed to {verb} image in status '{image.status}'")
    MACHINE.begin(tx, Image, image.id, verb)
    notifications.notify(tx, image.id, verb)


RECOUNT = Recount(ImageQuotas(), RESOURCES, rows)


def _write_properties(tx: db.Tx, image_id: str, properties: dict[str, str]) -> None:
    """The image has these properties; its marks stay as they are."""
    marked = ImageProperty.name.startswith(marks.NAMESPACE, autoescape=True)
    tx.delete(ImageProperty, ImageProperty.image_id == image_id, sa.not_(marked))
    for name in marks.own(properties):
        tx.insert(ImageProperty, image_id=image_id, name=name, value=properties[name])


def _write_tags(tx: db.Tx, image_id: str, tags: Iterable[str]) -> None:
    tx.delete(ImageTag, ImageTag.image_id == image_id)
    for tag in sorted(set(tags)):
        tx.insert(ImageTag, image_id=image_id, tag=tag)


def retag(tx: db.Tx, image: Any, tags: Iterable[str]) -> None:
    """The image has exactly these tags."""
    _write_tags(tx, image.id, tags)
    tx.update(Image, Image.id == image.id, updated_at=clock.Clock().now())
    notifications.notify(tx, image.id, 'update')


def check_importable(image: Any, method: str) -> None:
    """Nothing, when an import of that method may begin.  Raises Conflict, saying what is missing."""
    if image.status == 'active' and method != 'copy-image':
        raise errors.Conflict('Image with status active cannot be target for import')
    if image.status != 'active' and method == 'copy-image':
        raise errors.Conflict('Only images with status active can be targeted for copying')
    if method == 'glance-direct' and (image.status != UPLOADING or image.size is None):
        raise errors.Conflict("Image needs to be staged before 'glance-direct' method can be used")
    if method == 'web-download' and image.status != QUEUED:
        raise errors.Conflict(f"Image needs to be in 'queued' state to use '{method}' method")
    for name in ('container_format', 'disk_format'):
        if not getattr(image, name):
            raise errors.Conflict(f"'{name}' needs to be set before import")


def importing(tx: db.Tx, image: Any) -> Any:
    """The image, under import from now on.  Raises Conflict when another import came first."""
    MACHINE.begin(tx, Image, image.id, 'import')
    row = tx.row(sa.select(Image).where(Image.id == image.id))
    return filled(tx, [row])[0]
