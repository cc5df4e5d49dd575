"""Looks up what a request for a server names; what is not there is 400, as the request is wrong and not its path."""

from typing import Any

from nimbus.common import context, errors
from nimbus.common.database import db
from nimbus.compute import keypairs
from nimbus.compute.servers import boot_checks
from nimbus.image.images import images


def or_invalid(show: Any, *args: Any, sentence: str | None = None) -> Any:
    """What `show` finds.  Raises Invalid where it finds nothing: the request is wrong, not its address."""
    try:
        return show(*args)
    except errors.NotFound as why:
        raise errors.Invalid(sentence or why.sentence) from None


def image(tx: db.Tx, asker: context.Context, image_id: str | None) -> dict[str, Any] | None:
    """What is kept of the image with a server, None without an id.  Raises Invalid."""
    if not image_id:
        return None
    row = or_invalid(images.show, tx, asker, image_id, sentence='Can not find requested image')
    if row.status != 'active':
        raise errors.Invalid(f'Image {image_id} is not active.')
    return with_boot_files(tx, asker, boot_checks.image_facts(row))


def with_boot_files(tx: db.Tx, asker: context.Context, found: dict[str, Any]) -> dict[str, Any]:
    """The image with what is kept of its own kernel and ramdisk, where it names any.  Raises Invalid."""
    for kind in ('kernel', 'ramdisk'):
        image_id = (found.get('properties') or {}).get(f'{kind}_id')
        if image_id in (None, '', 'nokernel'):
            continue
        told = f'The property {kind}_id={str(image_id)[:40]} of the image names no image that can be used.'
        row = or_invalid(images.show, tx, asker, str(image_id), sentence=told)
        if row.status != 'active' or row.disk_format not in ('aki', 'ari', 'ami', 'raw'):
            raise errors.Invalid(told)
        found = {**found, kind: boot_checks.image_facts(row)}
    return found


def key(tx: db.Tx, asker: context.Context, name: str | None) -> dict[str, Any] | None:
    """What is kept of the asker's key pair with a server, None without a name.  Raises Invalid."""
    if not name:
        return None
    row = or_invalid(keypairs.show, tx, asker.user_id, name, sentence='Invalid key_name provided.')
    return {'name': row.name, 'type': row.type, 'public_key': row.public_key, 'fingerprint': row.fingerprint}
