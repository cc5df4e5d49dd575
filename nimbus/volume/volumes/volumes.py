"""Volumes: create, find, update, extend and delete; the slow part of each is a job."""

import collections
import types as pytypes
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids, jobs
from nimbus.common.database import db, listing
from nimbus.image.images import images
from nimbus.image.images import search as image_search
from nimbus.volume import notifications, types
from nimbus.volume.models import Attachment, Volume, VolumeMetadata
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.states import AVAILABLE, DETACHING, IN_USE, MACHINE
from nimbus.volume.volumes import copies, frozen

ABSENT = 'Volume {} could not be found.'
GIB = 1 << 30
TYPE_PROPERTY = 'cinder_img_volume_type'  # the type that an image wants of its volumes, where the request names none
KEPT = (
    'Invalid volume: Volume status must be available or error or error_restoring or error_extending or '
    'error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a '
    'transfer, or be disassociated from snapshots after volume transfer.'
)
# Fields of an image that are kept with a volume made from it.
IMAGE_FACTS = ('container_format', 'disk_format', 'min_disk', 'min_ram', 'size', 'checksum')


def show(tx: db.Tx, ctx: context.Context, volume_id: str) -> Any:
    """The volume with its `metadata`, `attachments` and `type_name`.  Raises NotFound."""
    query = sa.select(Volume).where(Volume.id == volume_id)
    if not ctx.is_admin:
        query = query.where(Volume.project_id == ctx.project_id)
    row = tx.row(query)
    if row is None:
        raise errors.NotFound(ABSENT.format(volume_id))
    return filled(tx, [row])[0]


def filled(tx: db.Tx, rows: Sequence[Any]) -> list[Any]:
    """The rows as volumes: with metadata, attachments and type names, fetched for all at once."""
    wanted = [row.id for row in rows]
    metadata: dict[str, dict[str, str]] = collections.defaultdict(dict)
    attachments: dict[str, list[Any]] = collections.defaultdict(list)
    if wanted:
        for pair in tx.rows(sa.select(VolumeMetadata).where(VolumeMetadata.volume_id.in_(wanted))):
            metadata[pair.volume_id][pair.meta_key] = pair.value
        for found in tx.rows(sa.select(Attachment).where(Attachment.volume_id.in_(wanted)).order_by(Attachment.seq)):
            attachments[found.volume_id].append(found)
    names = types.names(tx, {row.type_id for row in rows if row.type_id}) if rows else {}
    return [
        pytypes.SimpleNamespace(
            **row._mapping,
            metadata=metadata[row.id],
            attachments=attachments[row.id],
            type_name=names.get(row.type_id),
        )
        for row in rows
    ]


def find(tx: db.Tx, seen: list[Any], where: list[Any], page: listing.Page) -> list[Any]:
    """A page of the volumes that are seen and match.  Raises Invalid, and NotFound for an unknown marker."""
    return filled(tx, listing.rows(tx, Volume, where, page, seen=seen, absent=ABSENT))


def every() -> Any:
    """A select of the ids of all volumes."""
    return sa.select(Volume.id)


def total(tx: db.Tx, where: list[Any]) -> tuple[int, int]:
    """How many volumes match, and their GiB."""
    row = tx.row(sa.select(sa.func.count(), db.total(Volume.size)).where(*where))
    return row[0], row[1]


def pairs(tx: db.Tx, where: list[Any]) -> dict[str, list[str]]:
    """Every key in the metadata of the volumes that match, with the values it has."""
    among = VolumeMetadata.volume_id.in_(sa.select(Volume.id).where(*where))
    columns = VolumeMetadata.meta_key, VolumeMetadata.value
    found: dict[str, list[str]] = {}
    for key, value in tx.rows(sa.select(*columns).where(among).distinct().order_by(*columns)):
        found.setdefault(key, []).append(value)
    return found


def create(
    tx: db.Tx,
    ctx: context.Context,
    *,
    size: int,
    quotas: VolumeQuotas | None = None,
    name: str | None = None,
    description: str | None = None,
    image_id: str | None = None,
    source: copies.Source | None = None,
    volume_type: str | None = None,
    zone: str | None = None,
    host: str | None = None,
    metadata: dict[str, str] | None = None,
    volume_id: str | None = None,
) -> Any:
    """The volume is being made.  With a `volume_id` that is there already, it is that one.

    Raises OverQuota, Invalid when an image does not fit or is not active, NotFound for a type.
    """
    if volume_id and tx.scalar(sa.select(Volume.seq).where(Volume.id == volume_id)) is not None:
        return show(tx, ctx, volume_id)
    image = _image(tx, ctx, image_id, size) if image_id else None
    volume_type = volume_type or (image['properties'].get(TYPE_PROPERTY) if image else None)
    type_id = _type_of(tx, ctx, volume_type, source)
    (quotas or VolumeQuotas()).hold(tx, ctx.project_id or '', size)
    volume_id = volume_id or ids.dashed()
    wished = {'availability_zone': zone, 'wished_host': host, 'type_id': type_id, 'image': image}
    wished |= source.columns if source else {}
    _insert(tx, ctx, id=volume_id, name=name, description=description, size=size, **wished)
    set_metadata(tx, volume_id, metadata or {})
    jobs.start(tx, ctx, 'create_volume', volume_id)
    notifications.notify(tx, volume_id, 'create.start', ctx)
    return show(tx, ctx, volume_id)


def _type_of(tx: db.Tx, ctx: context.Context, wanted: str | None, source: copies.Source | None) -> str:
    """The id of the new volume's type: the one that is asked for, else its source's, else the default one."""
    if wanted:
        return str(types.by_name_or_id(tx, ctx, wanted).id)
    return source.type_id if source and source.type_id else str(types.default_for(tx, ctx).id)


def source(tx: db.Tx, ctx: context.Context, volume_id: str) -> copies.Source:
    """What a volume begins with that is made from this one.

    Raises NotFound, and Invalid when it is neither at rest nor with a server.
    """
    row = show(tx, ctx, volume_id)
    if row.status not in copies.COPIED:
        raise errors.Invalid(
            "Invalid volume: Originating source volume status must be one of 'available, in-use' values"
        )
    copies.opened_by(tx, volume_id)
    kept = {'size': row.size, 'host': row.host, 'type_id': row.type_id, 'bootable': row.bootable, 'image': row.image}
    return copies.Source(id=row.id, kind='volume', zone=row.availability_zone, **kept)


def _insert(tx: db.Tx, ctx: context.Context, **values: Any) -> None:
    """The row of a volume that is being made stands."""
    made = {'status': 'creating', 'attach_status': 'detached', 'bootable': False, **values}
    tx.insert(Volume, project_id=ctx.project_id, user_id=ctx.user_id, created_at=clock.Clock().now(), **made)


def _image(tx: db.Tx, ctx: context.Context, image_id: str, size: int) -> dict[str, Any]:
    """The facts of an image that fits into `size` GiB.  Raises Invalid."""
    image = _named_image(tx, ctx, image_id)
    image_id = image.id
    if image.status != 'active':
        raise errors.Invalid(f'Invalid input received: Image {image_id} is not active.')
    if size * GIB < (image.size or 0):
        raise errors.Invalid(
            f'Invalid input received: Size of specified image {-(-image.size // GIB)}GB is larger than volume size '
            f'{size}GB.'
        )
    if size < image.min_disk:
        raise errors.Invalid(
            f'Invalid input received: Volume size {size}GB cannot be smaller than the image minDisk size '
            f'{image.min_disk}GB.'
        )
    if image.virtual_size and size * GIB < image.virtual_size:
        raise errors.Invalid(
            f'Invalid input received: Image virtual size is {-(-image.virtual_size // GIB)}GB and does not fit in a '
            f'volume of size {size}GB.'
        )
    facts = {name: getattr(image, name) for name in IMAGE_FACTS}
    return {
        **facts,
        'image_id': image.id,
        'image_name': image.name,
        'os_hash_algo': image.os_hash_algo,
        'os_hash_value': image.os_hash_value,
        'properties': image.properties,
    }


def _named_image(tx: db.Tx, ctx: context.Context, given: str) -> Any:
    """The image with that id, at the end of a URL too, else the one of that name.  Raises Invalid and Conflict."""
    try:
        return images.show(tx, ctx, given.rpartition('/')[2])
    except errors.NotFound:
        named = image_search.find(tx, ctx, listing.Page(limit=2, filters={'name': f'eq:{given}'}), tags=[])
    if len(named) > 1:
        raise errors.Conflict(f"Multiple matches found for '{given}', use an ID to be more specific.")
    if not named:
        raise errors.Invalid('Invalid image identifier or unable to access requested image.')
    return named[0]


def change(tx: db.Tx, volume_id: str, **values: Any) -> None:
    """The volume's row has the values: name, description, bootable, readonly.  Raises NotFound."""
    if not tx.update(Volume, Volume.id == volume_id, updated_at=clock.Clock().now(), **values):
        raise errors.NotFound(ABSENT.format(volume_id))
    if values.keys() & {'name', 'description'}:
        notifications.notify(tx, volume_id, 'update.end')


def set_metadata(tx: db.Tx, volume_id: str, metadata: dict[str, str]) -> None:
    """The volume has exactly this metadata."""
    tx.delete(VolumeMetadata, VolumeMetadata.volume_id == volume_id)
    for key, value in metadata.items():
        tx.insert(VolumeMetadata, volume_id=volume_id, meta_key=key, value=value)


def delete(tx: db.Tx, ctx: context.Context, volume_id: str, *, force: bool = False) -> None:
    """The volume is being deleted; deleting already is fine.

    Raises NotFound, and Invalid in another state or while it has snapshots that are not being deleted.
    """
    volume = show(tx, ctx, volume_id)
    if volume.status == 'deleting' and jobs.under_way(tx, volume_id):
        return
    frozen.check(tx, volume.host)
    held = [one for one in volume.attachments if one.status != 'reserved' or not force]
    held += [one for one in copies.snapshots_of(tx, volume_id) if one.status != 'deleting']
    if volume.attach_status == 'attached' or held or not MACHINE.allows(verb := _deletion(force), volume.status):
        raise errors.Invalid(KEPT)
    MACHINE.begin(tx, Volume, volume_id, verb)
    jobs.cancel(tx, volume_id)
    jobs.start(tx, ctx, 'delete_volume', volume_id)
    notifications.notify(tx, volume_id, 'delete.start', ctx)


def _deletion(force: bool) -> str:
    return 'force_delete' if force else 'delete'


def extend(
    tx: db.Tx, ctx: context.Context, volume_id: str, size: int, quotas: VolumeQuotas, *, attached: bool = False
) -> None:
    """The volume is being grown to `size` GiB; one that is `attached`, where its server has it.

    Raises NotFound, Invalid, OverQuota.
    """
    volume = show(tx, ctx, volume_id)
    verb, needed = ('extend_attached', IN_USE) if attached else ('extend', AVAILABLE)
    if not MACHINE.allows(verb, volume.status):
        raise errors.Invalid(
            f"Invalid volume: Volume {volume_id} status must be '{{'status': '{needed}'}}' to extend, currently "
            f'{volume.status}.'
        )
    if attached:
        copies.opened_by(tx, volume_id)
    if size <= volume.size:
        raise errors.Invalid(
            'Invalid input received: New size for extend must be greater than current size. '
            f'(current: {volume.size}, extended: {size}).'
        )
    quotas.hold_growth(tx, volume.project_id, size, size - volume.size)
    MACHINE.begin(tx, Volume, volume_id, verb)
    notifications.notify(tx, volume_id, 'resize.start', ctx)
    jobs.start(tx, ctx, 'extend_volume', volume_id, size=size, grown=size - volume.size, attached=attached)


def reset(tx: db.Tx, volume_id: str, values: dict[str, str | None]) -> None:
    """The volume has the states that an operator sets (reset status); one set to detached has no attachments."""
    MACHINE.begin(tx, Volume, volume_id, 'reset', **values)
    if values.get('attach_status') == 'detached':
        tx.delete(Attachment, Attachment.volume_id == volume_id)


def usable(volume: Any) -> bool:
    """Whether a server has the volume now."""
    return volume.status in (IN_USE, DETACHING)


def act(tx: db.Tx, volume: Any, verb: str, sentence: str) -> None:
    """The verb has begun.  Raises Invalid with the sentence when the volume's state does not allow it."""
    try:
        MACHINE.begin(tx, Volume, volume.id, verb)
    except errors.WrongState:
        raise errors.Invalid(sentence) from None
