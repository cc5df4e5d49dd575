"""Fetch images to hosts before any server needs them there."""

import dataclasses

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.compute.hosts import aggregates
from nimbus.compute.servers import boot_checks, guests
from nimbus.image.images import images


def fetch(tx: db.Tx, asker: context.Context, number: int, image_ids: list[str]) -> None:
    """The images are being fetched to the hosts of the aggregate, each to one host after the other.

    Raises NotFound for the aggregate, and Invalid for an image that is not there or has no bytes.
    """
    hosts = aggregates.show(tx, number).hosts
    for image_id in image_ids:
        try:
            row = images.show(tx, asker, image_id)
        except errors.NotFound:
            raise errors.Invalid(f'Image {image_id} could not be found.') from None
        made = guests.image(boot_checks.image_facts(row)) if row.status == 'active' else None
        if made is None:
            raise errors.Invalid(f'Image {image_id} is unacceptable: Image is not in active state')
        for host in hosts:
            jobs.start(tx, asker, 'cache_image', image_id, target=host, image=dataclasses.asdict(made))
