"""List images: which ones the asker may see, and Glance's filters as SQL."""

import csv
import functools
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, errors, numbers, times
from nimbus.common.database import db, listing
from nimbus.image.images import images
from nimbus.image.models import Image, ImageMember, ImageProperty, ImageTag
from nimbus.image.states import ACTIVE, HIDDEN

LISTABLE = ('name', 'id', 'status', 'container_format', 'disk_format')  # these take in:a,b
MOMENTS = ('created_at', 'updated_at')
NUMBERS = ('size', 'min_disk', 'min_ram', 'virtual_size')
PLAIN = ('owner', 'checksum', 'os_hash_value', 'os_hash_algo')


def find(
    tx: db.Tx, ctx: context.Context, page: listing.Page, *, tags: list[str], member_status: str = 'accepted'
) -> list[Any]:
    """A page of the images the asker sees, filtered by `page.filters`.  Raises Invalid."""
    filters = dict(page.filters)
    visibility = filters.pop('visibility', None)
    fixed = _reach(images.sees_all(ctx), visibility, member_status, filters.pop('os_hidden', None))
    where = [condition for name, value in filters.items() for condition in _condition(name, value)]
    where += [sa.exists().where(ImageTag.image_id == Image.id, ImageTag.tag == tag).correlate(Image) for tag in tags]
    if page.marker is not None:
        _check_marker(tx, ctx, page.marker)
    rows = listing.rows(tx, Image, where, page, seen=(), fixed=fixed, values={'project': ctx.project_id})
    members = _memberships(tx, ctx, rows)
    return images.filled(tx, rows, members)


def newest(tx: db.Tx, owner: str | None, properties: dict[str, str]) -> list[str]:
    """The ids of the owner's active images that have the properties, newest first."""
    where = [condition for name, value in properties.items() for condition in _condition(name, value)]
    where += [Image.status == ACTIVE, Image.owner.is_not_distinct_from(owner)]
    return tx.column(sa.select(Image.id).where(*where).order_by(Image.created_at.desc(), Image.seq.desc()))


@functools.lru_cache(256)
def _reach(sees_all: bool, visibility: str | None, member_status: str, hidden: bool | None) -> tuple[Any, ...]:
    """Which images an asker may see, narrowed to a visibility; another's community images only when asked for.

    The conditions name the asker's project by the bind parameter `project`.
    """
    project = sa.bindparam('project')
    narrow: list[Any] = [Image.status.not_in(HIDDEN)]
    if hidden is not None:
        narrow.append(Image.os_hidden == hidden)
    if visibility is None:
        narrow.append(sa.or_(Image.visibility != 'community', Image.owner.is_not_distinct_from(project)))
    elif visibility != 'all':
        narrow.append(Image.visibility == visibility)
    if sees_all:
        return tuple(narrow)
    mine = sa.exists().where(ImageMember.image_id == Image.id, ImageMember.member_id == project)
    if member_status != 'all':
        mine = mine.where(ImageMember.status == member_status)
    shared = sa.and_(Image.visibility == 'shared', mine.correlate(Image))
    reach = sa.or_(Image.visibility.in_(('public', 'community')), Image.owner.is_not_distinct_from(project), shared)
    return (*narrow, reach)


def _condition(name: str, value: Any) -> list[Any]:
    if name.endswith(('_min', '_max')) and name[:-4] in NUMBERS:
        column = getattr(Image, name[:-4])
        bound = _number(value)
        return [column >= bound if name.endswith('_min') else column <= bound]
    if name in MOMENTS:
        return [_moment(name, value)]
    if name in LISTABLE:
        return [_among(getattr(Image, name), value)]
    if name in NUMBERS:
        return [getattr(Image, name) == _number(value)]
    if name in (*PLAIN, 'protected'):
        return [getattr(Image, name) == value]
    found = sa.exists().where(
        ImageProperty.image_id == Image.id, ImageProperty.name == name, ImageProperty.value == value
    )
    return [found.correlate(Image)]


def _number(value: str) -> int:
    number = numbers.read(value)
    if number is None:
        raise errors.Invalid('Unable to filter on a range with a non-numeric value.')
    return number


def _split(value: str, known: tuple[str, ...]) -> tuple[str, str]:
    """`gt:X` is (gt, X); a value without an operator is compared for equality."""
    operator, colon, rest = value.partition(':')
    return (operator, rest) if colon and operator in known else ('eq', value)


def _moment(name: str, value: str) -> Any:
    operator, text = _split(value, tuple(listing.SECONDS))
    moment = times.read(text)
    if moment is None:
        raise errors.Invalid(f'Bad "{name}" query filter format. Use ISO 8601 DateTime notation.')
    return listing.SECONDS[operator](getattr(Image, name), moment)


def _among(column: Any, value: str) -> Any:
    operator, rest = _split(value, ('in', *listing.SECONDS))
    if operator == 'eq':
        return column == rest
    if operator != 'in':
        raise errors.Invalid(f"Unable to filter by unknown operator '{operator}'.")
    if rest.count('"') % 2:
        raise errors.Invalid(f'Invalid filter value {rest}. The quote is not closed.')
    return column.in_([item for item in next(csv.reader([rest])) if item])


def _check_marker(tx: db.Tx, ctx: context.Context, marker: str) -> None:
    try:
        images.show(tx, ctx, marker)
    except errors.NotFound:
        raise errors.Invalid(f'No image found with ID {marker}') from None


def _memberships(tx: db.Tx, ctx: context.Context, rows: list[Any]) -> dict[str, str | None]:
    shared = [row.id for row in rows if row.visibility == 'shared' and row.owner != ctx.project_id]
    if not shared:
        return {}
    found = tx.column(
        sa.select(ImageMember.image_id).where(ImageMember.image_id.in_(shared), ImageMember.member_id == ctx.project_id)
    )
    return {image_id: ctx.project_id for image_id in found}
