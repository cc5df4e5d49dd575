"""Where the hosts of a cloud in a test have images from, and where they send them."""

from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.image.models import Image

EMPTY = (
    'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce'
    '47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e'
)


class Bases:
    """Base images that are always there, and images that are filled at once."""

    def __init__(self, database: db.Database) -> None:
        self.db = database

    def get(self, image: Any, progress: Any = None, root_gb: int = 0) -> str:
        return f'/base/{image.id}'

    def put(self, image_id: str, path: str) -> None:
        with open(path, 'rb') as file:
            size = len(file.read())
        with self.db.write() as tx:
            where = (Image.id == image_id, Image.status.in_(('queued', 'active')))
            filled = tx.update(Image, *where, status='active', size=size, os_hash_algo='sha512', os_hash_value=EMPTY)
        if not filled:
            raise errors.NotFound(f'Image {image_id} could not be found.')

    def prune(self, in_use: set[str], max_age: float) -> list[str]:
        return []
