"""What users say of the image that a volume was made from, beside what is known of it.

A volume's disk is made of the image in its `image_id` and checked by its hash, also after a user said otherwise: what
they say is kept apart, among the properties, and shown instead.
"""

from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.volume.volumes import volumes

HASHES = ('os_hash_algo', 'os_hash_value')  # which nobody is shown
FACTS = (*volumes.IMAGE_FACTS, 'image_id', 'image_name')
HIDDEN = 'hidden'  # the names of facts that were removed, parted by commas


def shown(image: dict[str, Any]) -> dict[str, Any]:
    """What is shown of an image, facts and properties alike."""
    hidden = str(image.get(HIDDEN) or '').split(',')
    facts = {name: value for name, value in image.items() if name in FACTS and name not in hidden}
    return {**facts, **(image.get('properties') or {})}


def remember(tx: db.Tx, volume: Any, pairs: dict[str, str]) -> None:
    """The volume's image metadata has these pairs, beside those it had."""
    image = dict(volume.image or {})
    image['properties'] = {**(image.get('properties') or {}), **pairs}
    volumes.change(tx, volume.id, image=image)


def forget(tx: db.Tx, volume: Any, key: str) -> None:
    """The volume's image metadata does not have the key any more.  Raises NotFound."""
    image = dict(volume.image or {})
    if key not in shown(image):
        raise errors.NotFound(f'Glance metadata for volume/snapshot {volume.id} cannot be found.')
    image['properties'] = {name: value for name, value in (image.get('properties') or {}).items() if name != key}
    if key in image and key in FACTS:
        image[HIDDEN] = ','.join(filter(None, (image.get(HIDDEN), key)))
    volumes.change(tx, volume.id, image=image)
