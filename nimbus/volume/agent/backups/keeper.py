"""Keep what disks hold in a store, and put it back: one chunk in memory at a time."""

import hashlib
import logging
import zlib
from collections.abc import Callable, Iterator

from nimbus.common import errors
from nimbus.volume.agent.backups import manifest
from nimbus.volume.agent.backups.manifest import Chunk, Manifest
from nimbus.volume.agent.backups.store import Store
from nimbus.volume.agent.driver import Contents, Reading, Writing

LOG = logging.getLogger(__name__)
CHUNK = 4 << 20  # bytes; what is changed anywhere in a chunk is kept anew as a whole
ZEROS = bytes(CHUNK)
FAST = 1  # the level of zlib: higher ones take three times as long for a tenth of the space
Told = Callable[[int, int], None]  # (percent, chunks written)


def _silent(percent: int, written: int) -> None:
    pass


class Keeper:
    """Backups of one host's disks in one store."""

    def __init__(self, contents: Contents, store: Store) -> None:
        self.contents, self.store = contents, store

    def back_up(self, key: str, kind: str, source: str, parent: str | None, told: Told = _silent) -> dict[str, int]:
        """The store has what the 'volume' or 'snapshot' `source` holds; one that stands already is left alone.

        With the key of a `parent`, chunks that are as they were there are not kept again.  Returns {'objects'}: how
        many chunks it has of its own.  Raises NotFound for the source, Invalid for a damaged parent, Unavailable.
        """
        try:
            return {'objects': manifest.read(self.store, key).own(key)}
        except errors.NotFound:
            self.store.remove(key, manifest.PIECE)  # what an earlier try left
        before = manifest.read(self.store, parent) if parent else None
        with self.contents.read(source, kind) as reading:
            if before is not None and reading.mark is not None and before.mark == reading.mark:
                chunks = before.chunks
            else:
                chunks = dict(self._keep(key, reading, before, told))
            made = Manifest(reading.size, reading.mark, chunks)
        manifest.write(self.store, key, made)
        return {'objects': made.own(key)}

    def _keep(self, key: str, reading: Reading, before: Manifest | None, told: Told) -> Iterator[tuple[int, Chunk]]:
        """The chunks that hold more than zeros, by number; those that `before` has not, are in the store now."""
        written = 0
        for number in _numbers(reading):
            at = number * CHUNK
            data = reading.pread(min(CHUNK, reading.size - at), at)
            if data == ZEROS[: len(data)]:
                continue
            digest = hashlib.sha256(data).hexdigest()
            kept = before.chunks.get(number) if before else None
            if kept is None or kept.digest != digest:
                kept = Chunk(key, digest)
                self.store.put(key, _piece(number), zlib.compress(data, FAST))
                written += 1
            told(100 * (at + len(data)) // reading.size, written)
            yield number, kept

    def restore(self, volume_id: str, size: int, key: str) -> None:
        """The volume has `size` GiB: what was backed up, and zeros after it; or all is as it was.

        Raises NotFound for a backup that was never whole, Invalid for a damaged one, and Unavailable.
        """
        found = manifest.read(self.store, key)
        if found.size > size << 30:
            raise errors.Invalid(f'The backup does not fit in a volume of {size} GiB.')
        self.contents.fill(volume_id, size, lambda writing: self._put_back(found, writing))

    def _put_back(self, found: Manifest, writing: Writing) -> None:
        for number, chunk in sorted(found.chunks.items()):
            writing.pwrite(self._chunk(number, chunk, min(CHUNK, found.size - number * CHUNK)), number * CHUNK)

    def _chunk(self, number: int, chunk: Chunk, length: int) -> bytes:
        """The bytes of the chunk, which are those that were kept.  Raises Invalid."""
        inflate = zlib.decompressobj()
        try:
            data = inflate.decompress(self.store.get(chunk.key, _piece(number)), length + 1)
        except errors.NotFound as why:
            raise _damaged(number, 'is missing') from why
        except zlib.error as why:
            raise _damaged(number, 'cannot be read') from why
        if len(data) != length or hashlib.sha256(data).hexdigest() != chunk.digest:
            raise _damaged(number, 'is not what was kept')
        return data

    def verify(self, key: str) -> dict[str, int]:
        """{'size', 'objects'} of the backup: its bytes and its own chunks.  Raises NotFound and Invalid."""
        found = manifest.read(self.store, key)
        return {'size': found.size, 'objects': found.own(key)}

    def remove(self, key: str) -> None:
        """Nothing of the backup is left; gone already is fine."""
        self.store.remove(key, manifest.PIECE)


def _numbers(reading: Reading) -> Iterator[int]:
    """The number of each chunk that may hold more than zeros, ascending, each once."""
    following = 0
    for start, end in reading.extents():
        first = max(following, start // CHUNK)
        following = max(following, -(-end // CHUNK))
        yield from range(first, following)


def _piece(number: int) -> str:
    return f'{number:08d}'


def _damaged(number: int, how: str) -> errors.Invalid:
    return errors.Invalid(f'The backup is damaged: chunk {number} {how}. Nothing was restored.')
