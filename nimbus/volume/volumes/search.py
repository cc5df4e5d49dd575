"""List volumes and attachments: which ones the asker may see, and Cinder's filters as SQL."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, errors, times
from nimbus.common.database import db, listing
from nimbus.volume.models import Attachment, Volume, VolumeMetadata
from nimbus.volume.volumes import attachments, image_metadata, volumes

PLAIN = ('id', 'name', 'status', 'user_id', 'availability_zone', 'host', 'description', 'attach_status', 'size',
         'migration_status', 'snapshot_id', 'source_volid')  # fmt: skip
LIKE = ('name', 'status', 'description', 'availability_zone')  # these take name~=part
COMPARE = {'gt': '__gt__', 'gte': '__ge__', 'lt': '__lt__', 'lte': '__le__', 'eq': '__eq__', 'neq': '__ne__'}


def find(tx: db.Tx, ctx: context.Context, page: listing.Page, *, everyone: bool = False) -> list[Any]:
    """A page of the volumes the asker sees, filtered by `page.filters`.  Raises Invalid."""
    return volumes.find(tx, _seen(Volume, ctx, everyone), conditions(page.filters), page)


def total(tx: db.Tx, ctx: context.Context, filters: dict[str, Any], *, everyone: bool = False) -> int:
    """How many volumes match.  Raises Invalid."""
    return size(tx, ctx, filters, everyone=everyone)[0]


def size(tx: db.Tx, ctx: context.Context, filters: dict[str, Any], *, everyone: bool = False) -> tuple[int, int]:
    """How many volumes match, and their GiB.  Raises Invalid."""
    return volumes.total(tx, _seen(Volume, ctx, everyone) + conditions(filters))


def pairs(tx: db.Tx, ctx: context.Context, filters: dict[str, Any], *, everyone: bool = False) -> dict[str, list[str]]:
    """Every key in the metadata of the volumes that match, with the values it has.  Raises Invalid."""
    return volumes.pairs(tx, _seen(Volume, ctx, everyone) + conditions(filters))


def of_projects(tx: db.Tx, host: str) -> list[tuple[str, int, int]]:
    """(project, how many volumes, their GiB) of a host."""
    query = sa.select(Volume.project_id, sa.func.count(), db.total(Volume.size)).where(Volume.host == host)
    rows = tx.rows(query.group_by(Volume.project_id).order_by(Volume.project_id))
    return [(row[0], row[1], row[2]) for row in rows]


def _seen(model: Any, ctx: context.Context, everyone: bool) -> list[Any]:
    """The condition of the rows that the asker sees."""
    return [] if everyone else [model.project_id == ctx.project_id]


def conditions(filters: dict[str, Any]) -> list[Any]:
    """The filters as SQL.  Raises Invalid."""
    return [_condition(name, value) for name, value in filters.items()]


def _condition(name: str, value: Any) -> Any:
    if name.endswith('~') and name[:-1] in LIKE:
        return getattr(Volume, name[:-1]).contains(value, autoescape=True)
    if name in PLAIN:
        return getattr(Volume, name) == value
    if name == 'project_id':
        return Volume.project_id == value
    if name == 'bootable':
        return Volume.bootable.is_(value)
    if name == 'glance_metadata':
        return sa.and_(sa.true(), *(_remembers(key, text) for key, text in value.items()))
    if name == 'metadata':
        return sa.and_(sa.true(), *(_has(key, text) for key, text in value.items()))
    if name in ('created_at', 'updated_at'):
        return sa.and_(*(getattr(getattr(Volume, name), COMPARE[way])(moment) for way, moment in value))
    return sa.false()  # by what no volume of this cloud has, such as a group


def _has(key: str, text: str) -> Any:
    found = sa.exists().where(VolumeMetadata.volume_id == Volume.id, VolumeMetadata.meta_key == key)
    return found.where(VolumeMetadata.value == text).correlate(Volume)


def _remembers(key: str, text: str) -> Any:
    """The volume's image has the pair, as a fact of its own or as a property."""
    said = Volume.image[('properties', key)].as_string()
    if key in image_metadata.FACTS:
        known = sa.cast(Volume.image[key].as_string(), sa.Text)
        return sa.func.coalesce(sa.cast(said, sa.Text), known) == text
    return said == text


def moments(text: str) -> list[tuple[str, datetime.datetime]]:
    """`gt:2030-01-01T00:00:00,lt:...` as comparisons.  Raises Invalid."""
    found = []
    for part in text.split(','):
        way, colon, rest = part.partition(':')
        if way not in COMPARE or not colon:
            way, rest = 'eq', part
        moment = times.read(rest)
        if moment is None:
            raise errors.Invalid(f'{rest[:40]} is no time.')
        found.append((way, moment))
    return found


def attached(tx: db.Tx, ctx: context.Context, page: listing.Page, *, everyone: bool = False) -> list[Any]:
    """A page of the attachments the asker sees, filtered by volume, server and status.  Raises Invalid."""
    where: list[Any] = []
    columns = {'volume_id': Attachment.volume_id, 'instance_id': Attachment.server_id,
               'attach_status': Attachment.status, 'status': Attachment.status, 'id': Attachment.id}  # fmt: skip
    for name, value in page.filters.items():
        where.append(columns[name] == value if name in columns else sa.false())
    return attachments.find(tx, _seen(Attachment, ctx, everyone), where, page)
