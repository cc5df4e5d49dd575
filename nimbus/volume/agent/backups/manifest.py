"""What a backup consists of: which chunk stands where, and what each must hash to."""

import dataclasses
import hashlib
import json
import zlib
from typing import Any

from nimbus.common import errors
from nimbus.volume.agent.backups.store import Store, checked

PIECE = 'manifest'
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Bytes of a disk: below which key they are kept, and their SHA-256."""

    key: str
    digest: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A disk of `size` bytes: its chunks by number, and zeros wherever there is none.

    `mark` is what the disk's source said of itself, and says again only of the same bytes.
    """

    size: int
    mark: str | None
    chunks: dict[int, Chunk]

    def own(self, key: str) -> int:
        """How many chunks are kept below the key."""
        return sum(chunk.key == key for chunk in self.chunks.values())


def write(store: Store, key: str, manifest: Manifest) -> None:
    """The backup is there, whole."""
    told = {
        'version': VERSION,
        'size': manifest.size,
        'mark': manifest.mark,
        'chunks': [[number, chunk.key, chunk.digest] for number, chunk in sorted(manifest.chunks.items())],
    }
    body = zlib.compress(json.dumps(told, separators=(',', ':')).encode())
    store.publish(key, PIECE, hashlib.sha256(body).hexdigest().encode() + b'\n' + body)


def read(store: Store, key: str) -> Manifest:
    """The manifest of the backup.  Raises NotFound when it was never whole, and Invalid when it is damaged."""
    digest, _, body = store.get(key, PIECE).partition(b'\n')
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise errors.Invalid('The backup is damaged: its manifest is not what was written.')
    return _understood(json.loads(zlib.decompress(body)))


def _understood(told: dict[str, Any]) -> Manifest:
    if told['version'] != VERSION:
        raise errors.Invalid(f'The backup is of version {told["version"]}; this service reads version {VERSION}.')
    chunks = {number: Chunk(checked(key), digest) for number, key, digest in told['chunks']}
    return Manifest(told['size'], told['mark'], chunks)
