"""Make images of volumes that nobody has: the image waits for its bytes, which a job sends."""

import dataclasses
from typing import Any

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.common.quotas import Quotas
from nimbus.image.images import images, inheritance
from nimbus.volume.models import Volume
from nimbus.volume.states import AVAILABLE, MACHINE
from nimbus.volume.volumes import progress, volumes


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A request for an image of a volume; its schema and policy are checked already."""

    name: str
    disk_format: str
    container_format: str
    visibility: str
    protected: bool
    quotas: Quotas  # the image service's


def upload(tx: db.Tx, ctx: context.Context, volume_id: str, wanted: Wanted) -> tuple[Any, Any]:
    """An image of the volume is being made; returns the volume and the image.

    Raises NotFound, OverQuota, and Invalid for a volume that is not at rest.
    """
    volume = volumes.show(tx, ctx, volume_id)
    volumes.act(tx, volume, 'upload', f'Invalid volume: Volume {volume_id} status must be {AVAILABLE}')
    told = {name: getattr(wanted, name) for name in ('name', 'disk_format', 'container_format', 'visibility')}
    properties = inheritance.inherited((volume.image or {}).get('properties'))
    try:
        image = images.create(tx, ctx, wanted.quotas, {**told, 'protected': wanted.protected}, properties, ())
    except errors.OverQuota as why:
        raise errors.Invalid(why.sentence) from None  # a 400 of the volume service, whatever the image service says
    jobs.start(tx, ctx, 'upload_volume', volume_id, image_id=image.id, disk_format=wanted.disk_format)
    return volumes.show(tx, ctx, volume_id), image


def finished(tx: db.Tx, volume_id: str, trouble: str | None = None) -> None:
    """The volume is available again, and says why there is no image of it where there is trouble."""
    row = progress.look(tx, volume_id)
    if row is not None and row.status == 'uploading':
        MACHINE.finish(tx, Volume, volume_id, 'upload', trouble=trouble)


def discard(tx: db.Tx, quotas: Quotas, image_id: str) -> None:
    """The image that waits for bytes is gone; gone already is fine."""
    try:
        image = images.show(tx, context.internal(), image_id)
    except errors.NotFound:
        return
    image.protected = False  # what it would have held was to be
    images.delete(tx, image, quotas)
