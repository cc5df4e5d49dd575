"""Upload, stage, import and download image data; an upload is hashed, measured and inspected as it streams in."""

import dataclasses
import datetime
import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from nimbus.common import clock, errors, failpoints, ids
from nimbus.common.database import db
from nimbus.common.quotas import Quotas
from nimbus.image.data import content, copies, uploads
from nimbus.image.data.hashes import Hashes
from nimbus.image.images import images, marks, removal
from nimbus.image.stores.base import Draft
from nimbus.image.stores.file import FileDraft, FileStore
from nimbus.image.stores.stores import Stores

LOG = logging.getLogger(__name__)
BATCH = 500
SLOWEST = 5.0  # seconds between tries to undo a broken upload


@dataclasses.dataclass(frozen=True)
class Limits:
    """An operator's limits on uploads."""

    disk_formats: tuple[str, ...]
    container_formats: tuple[str, ...]
    size_cap: int = 1 << 40
    virtual_size_cap: int = 16 << 40
    properties: int = 128
    tags: int = 128
    members: int = 128
    keep_deleted: int = 0  # seconds that a deleted image can be restored
    certificates: str = ''  # the folder of certificates that signatures are checked by
    import_methods: tuple[str, ...] = ('glance-direct', 'web-download', 'copy-image')


class Transfers:
    """Moves image bytes between clients and one store, and keeps rows and bytes in step."""

    def __init__(
        self,
        database: db.Database,
        store: FileStore | Stores,
        limits: Limits,
        quotas: Quotas,
        host: str,
        process: int = 0,
    ) -> None:
        """Of several processes of a service on this host, 0 is the one that begins before the others."""
        self.stores = store if isinstance(store, Stores) else Stores.alone(store)
        self.db, self.store, self.limits, self.quotas = database, self.stores.staging, limits, quotas
        self.host, self._is_first = uploads.place(host, process), not process

    def upload(self, image: Any, pieces: Iterable[bytes], announced: int | None, store: str | None = None) -> None:
        """The image is active and its bytes are `pieces`, in the store of that name or the default one.

        Otherwise it is queued as before.  Raises Conflict, Invalid, TooLarge, WrongMedia, OverQuota, Gone, Unavailable.
        """
        self._take_in(image, pieces, announced, 'upload', self.stores.default if store is None else store)

    def stage(self, image: Any, pieces: Iterable[bytes], announced: int | None) -> None:
        """The image's bytes lie ready to be imported; raises what `upload` does."""
        self._take_in(image, pieces, announced, 'stage', None)

    def _take_in(self, image: Any, pieces: Iterable[bytes], announced: int | None, verb: str, name: str | None) -> None:
        self.check_size(announced or 0)
        store = self.store if name is None else self.stores.get(name)
        upload_id = ids.dashed()
        draft: Draft | None = None
        with self.db.write() as tx:
            uploads.begin(tx, image, verb, upload_id, self.host, self.quotas)
        failpoints.hit('image.begun')
        try:
            draft = store.draft(image.id, upload_id)
            facts = self._stream(image, pieces, draft, announced, inspected=verb == 'upload')
            if isinstance(draft, FileDraft) and verb == 'stage':
                draft.stage()
            else:
                draft.publish()
                facts['stores'] = name or None
            failpoints.hit('image.published')
            with self.db.write() as tx:
                (uploads.finish if verb == 'upload' else uploads.staged)(tx, image, upload_id, facts, self.quotas)
        except BaseException:
            self._give_up(image.id, upload_id)
            raise
        finally:
            if draft:
                draft.drop()

    def _stream(
        self, image: Any, pieces: Iterable[bytes], draft: Draft, announced: int | None, inspected: bool
    ) -> dict[str, Any]:
        """Every piece is in the draft; returns what the bytes turned out to be."""
        look = self._inspection(image) if inspected else None
        with Hashes() as hashes:
            for piece in pieces:
                self.check_size(hashes.size + len(piece))
                hashes.eat(piece)
                if look:
                    look.eat(piece)
                draft.write(piece)
            if announced is not None and announced != hashes.size:
                raise errors.Invalid(f'The image was announced with {announced} bytes, and {hashes.size} came.')
            draft.settle()
            facts = hashes.facts()
        virtual = None
        if look:
            virtual = look.finish(self.limits.virtual_size_cap)
            look.look(draft.path)
        return {**facts, 'virtual_size': virtual}

    def check_size(self, size: int) -> None:
        """Raises TooLarge when an image may not have so many bytes."""
        if size > self.limits.size_cap:
            raise errors.TooLarge(f'The incoming image is too large: at most {self.limits.size_cap} bytes are allowed.')

    def _give_up(self, image_id: str, upload_id: str) -> None:
        """A failed upload leaves the image queued and no bytes, now or as soon as the database and the store allow."""
        if not self._gave_up(image_id, upload_id):
            words = (image_id, upload_id)
            threading.Thread(target=self._give_up_later, args=words, name='image-mends', daemon=True).start()

    def _give_up_later(self, image_id: str, upload_id: str) -> None:
        """Tried until it is so; should this process end before, the next one's `heal` does it."""
        pause, never = 0.5, threading.Event()
        while not never.wait(pause) and not self._gave_up(image_id, upload_id):
            pause = min(pause * 2, SLOWEST)

    def _gave_up(self, image_id: str, upload_id: str) -> bool:
        try:
            with self.db.write() as tx:
                uploads.abandon(tx, image_id, upload_id, self.quotas)
                empty = uploads.has_no_bytes(tx, image_id)
            if empty:
                self._remove(image_id)
        except (errors.NimbusError, OSError) as why:
            LOG.warning('The failed upload of image %s is not undone yet: %s', image_id, why)
            return False
        return True

    def fetch(self, image: Any, pieces: Iterable[bytes], announced: int | None) -> None:
        """The bytes of an image under import are staged, and were inspected; raises what `upload` does."""
        self.check_size(announced or 0)
        draft = self.store.draft(image.id, image.upload_id)
        try:
            facts = self._stream(image, pieces, draft, announced, inspected=True)
            draft.stage()
            failpoints.hit('image.fetched')
            with self.db.write() as tx:
                uploads.fetched(tx, image, facts, self.quotas)
        finally:
            draft.drop()

    def look_at(
        self,
        image: Any,
        pieces: Iterable[bytes],
        announced: int | None,
        found: dict[str, Any],
        then: Callable[[dict[str, Any], db.Tx], None],
    ) -> None:
        """An image under import is active with bytes that lie elsewhere, where they were `found`.

        They were inspected, and `then`, which is told what they turned out to be, is so too; raises what `upload` does.
        """
        draft = self.store.draft(image.id, image.upload_id)
        try:
            facts = self._stream(image, pieces, draft, announced, inspected=True) | found
            with self.db.write() as tx:
                uploads.located(tx, image, facts, self.quotas)
                then(facts, tx)
        finally:
            draft.drop()

    def take_staged(
        self,
        image: Any,
        then: Callable[[db.Tx], None] = lambda tx: None,
        inspected: bool = False,
        names: Sequence[str] = (),
        strict: bool = True,
    ) -> None:
        """The image, which is `importing`, is active with its staged bytes, and `then` is so too; may run twice.

        Its bytes are in the stores of the `names`, or the default one; unless it is `strict`, in those of them that
        took it.  Raises WrongMedia, TooLarge, OverQuota and Gone.
        """
        names = list(names) or [self.stores.default]
        virtual = image.virtual_size if inspected else self._inspect(image)
        if len(names) == 1 and self.stores.get(names[0]) is self.store:
            self.store.promote(image.id)
        else:
            staged = functools.partial(self.store.read_staged, image.id, image.size)
            names = copies.spread(self.stores, image, names, image.upload_id, staged, strict)
        failpoints.hit('image.promoted')
        with self.db.write() as tx:
            uploads.imported(tx, image, self.quotas, virtual, names)
            then(tx)
        self.store.unstage(image.id)

    def _inspection(self, image: Any) -> content.Inspection:
        return content.Inspection(image.disk_format, image.container_format, image.properties, self.limits.certificates)

    def _inspect(self, image: Any) -> int | None:
        """The size of the disk in the image's bytes, which are what was declared.  Raises WrongMedia, TooLarge."""
        look = self._inspection(image)
        for piece in self.store.read_staged(image.id, image.size):
            look.eat(piece)
        virtual = look.finish(self.limits.virtual_size_cap)
        look.look(self.store.local(image.id))
        return virtual

    def clear(self, image_id: str, upload_id: str | None) -> None:
        """No bytes are left of an image that has none to show, nor of that upload to it."""
        for store in self.stores.each():
            if upload_id:
                store.drop_draft(image_id, upload_id)
        with self.db.read() as tx:
            empty = uploads.has_no_bytes(tx, image_id)
        if empty:
            self.forget(image_id)

    def download(self, image: Any, start: int, length: int) -> Iterator[bytes]:
        """A part of the image's bytes.  Raises NotFound when the store has none."""
        return self.stores.read(image, start, length)

    def forget(self, image_id: str) -> None:
        """A deleted image's bytes are gone; what cannot be removed now, `heal` removes later."""
        failpoints.hit('image.forget')
        try:
            self._remove(image_id)
        except (errors.NimbusError, OSError) as why:
            LOG.warning('The bytes of deleted image %s are still there: %s', image_id, why)

    def _remove(self, image_id: str) -> None:
        """No store has bytes of the image, published or staged; one that is away keeps no other from this."""
        failure: Exception | None = None
        for store in self.stores.each():
            try:
                store.delete(image_id)
            except (errors.NimbusError, OSError) as why:
                failure = why
        if failure is not None:
            raise failure

    def remove_from(self, image_id: str, name: str) -> None:
        """The store of that name has no bytes of the image; where it is away, `sweep` removes them later."""
        try:
            self.stores.get(name).delete(image_id)
        except (errors.NimbusError, OSError) as why:
            LOG.warning('The bytes of image %s are still in store %s: %s', image_id, name, why)

    def heal(self) -> None:
        """Uploads whose process died are queued again, and bytes of deleted images are gone.

        The first process does it for those that serve beside it, which begin later.  Bytes that no row ever knew are
        reported and left alone.
        """
        with self.db.read() as tx:
            waiting = images.filled(tx, uploads.unfinished(tx, self.host, self._is_first))
        for image in waiting:
            self._mend(image)
        unknown = self.sweep()
        for image_id in unknown:
            LOG.warning('The image store has a file %s that no image knows; it is left alone', image_id)

    def sweep(self) -> list[str]:
        """Bytes of deleted images are gone, once nobody may restore them; returns the ids of files no row ever knew.

        What is in a store that is away is looked for another time.
        """
        due = clock.Clock().now() - datetime.timedelta(seconds=self.limits.keep_deleted)
        while self.db.with_retries(lambda tx: removal.scrub(tx, due, BATCH)) == BATCH:
            pass
        present: set[str] = set()
        for store in self.stores.each():
            try:
                present |= set(store.present())
            except (errors.NimbusError, OSError) as why:
                LOG.warning('Bytes of deleted images cannot be looked for in a %s store now: %s', store.kind, why)
        found, unknown = sorted(present), list[str]()
        for start in range(0, len(found), BATCH):
            unknown += self._sweep(found[start : start + BATCH])
        return unknown

    def _mend(self, image: Any) -> None:
        if marks.TASK in image.properties:
            return  # the task is gone on with, or fails and says so
        if image.status == 'importing':
            try:
                self.take_staged(image)
            except errors.NimbusError as why:
                LOG.warning('The import of image %s did not survive a restart: %s', image.id, why)
                self._give_up(image.id, image.upload_id)
            return
        stores = list(self.stores.each())
        if image.size is not None or any(store.busy(image.id, image.upload_id) for store in stores):
            return  # staged bytes wait for their user; a busy draft has a living writer
        self._give_up(image.id, image.upload_id)
        for store in stores:
            store.drop_draft(image.id, image.upload_id)
        LOG.info('Image %s is queued again: its upload ended with the process that received it', image.id)

    def _sweep(self, image_ids: list[str]) -> list[str]:
        with self.db.read() as tx:
            dead, known = uploads.dead(tx, image_ids), uploads.known(tx, image_ids)
        for image_id in dead:
            self.forget(image_id)
        return sorted(set(image_ids) - known)
