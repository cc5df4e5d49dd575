"""The image cache of a compute host: each base image is downloaded once, verified, and shared by guests' disks."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator

from nimbus.common import folders
from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.disks.inspection import BARE, BadImage, Inspector
from nimbus.compute.agent.driver import Refused
from nimbus.compute.guest import Image

GIB = 1024**3
Fetch = Callable[[str], Iterable[bytes]]


class ImageCache:
    """The folder `_base` with a whole base image for each image that was asked for.

    Beside each base `NAME` stands `NAME.info` with its format and virtual size: both are written before the
    base gets its name, so a base that is there is whole, checked and known.
    """

    def __init__(
        self,
        path: str,
        fetch: Fetch,
        to_raw: bool = False,
        max_virtual_gb: int = 16384,
        clock: Callable[[], float] = time.time,
        upload: Callable[[str, str], None] | None = None,
    ) -> None:
        """`upload(image_id, path)` fills an image with a file, on a host that makes any."""
        self.path = os.path.join(path, '_base')
        self._fetch, self._to_raw, self._clock, self._upload = fetch, to_raw, clock, upload
        self._max_virtual = max_virtual_gb * GIB

    def put(self, image_id: str, path: str) -> None:
        """The image is active and holds what the file holds.  Raises NotFound, Unavailable and Refused."""
        if self._upload is None:
            raise Refused('This host cannot fill images.')
        self._upload(image_id, path)

    def get(self, image: Image, progress: Callable[[int], None] | None = None, root_gb: int = 0) -> str:
        """The path of the image's base; whoever comes while it is being made waits and shares it.

        `root_gb` is the size of the disk to be made from it, 0 for no limit of its own: a larger image is
        refused before anything is unpacked.  Raises Refused, BadImage for what no host would take.
        """
        base = self.base(image.id)
        with self._locked(base):
            if not os.path.exists(base):
                try:
                    self._make(image, base, progress or (lambda _: None), root_gb * GIB)
                except OSError as why:
                    if why.errno in (errno.ENOSPC, errno.EDQUOT):
                        raise Refused(f'This host has no disk space left for image {image.id}.') from why
                    raise
            _check_size(image.id, describe(base, image.disk_format)[1], root_gb * GIB)
            self._touch(base)
        if progress:
            progress(100)
        return base

    def base(self, image_id: str) -> str:
        """Where the base of an image is or would be."""
        return os.path.join(self.path, hashlib.sha256(image_id.encode()).hexdigest())

    def prune(self, in_use: set[str], max_age: float) -> list[str]:
        """Bases that nobody asked for during `max_age` seconds and that are not `in_use` are gone."""
        removed = []
        for name in sorted(os.listdir(self.path)) if os.path.isdir(self.path) else ():
            stem, _, end = name.partition('.')
            base = os.path.join(self.path, stem)
            if end not in ('', 'part', 'info') or base in in_use:
                continue
            with self._locked(base, wait=False) as mine:
                if mine and self._is_stale(base, os.path.join(self.path, name), end, max_age):
                    _unlink(os.path.join(self.path, name))
                    removed += [] if end else [base]
        return removed

    def _is_stale(self, base: str, path: str, end: str, max_age: float) -> bool:
        if end == 'info' and os.path.exists(base):
            return False
        with contextlib.suppress(FileNotFoundError):
            # A part without a lock on it was left behind by a process that died.
            return end == 'part' or self._clock() - os.stat(path).st_mtime > max_age
        return False

    def _make(self, image: Image, base: str, progress: Callable[[int], None], root_bytes: int) -> None:
        part, raw = base + '.part', base + '.raw.part'
        inspector = Inspector(image.id, image.disk_format)
        try:
            _unlink(part)
            self._check_room(image, image.size)
            self._download(image, part, inspector, progress)
            size = inspector.check(part)
            _check_size(image.id, size, root_bytes or self._max_virtual)
            base_format = 'raw' if image.disk_format in (*BARE, 'iso') else image.disk_format
            target = 'raw' if self._to_raw else 'qcow2'
            if base_format not in ('raw', target):
                self._convert(image, part, raw, target)
                base_format = target
            _write_info(base, {'image': image.id, 'format': base_format, 'virtual_size': size})
            os.chmod(part, 0o640)
            os.replace(part, base)
        finally:
            _unlink(part)
            _unlink(raw)

    def _download(self, image: Image, part: str, inspector: Inspector, progress: Callable[[int], None]) -> None:
        try:
            digest = hashlib.new(image.hash_algo)
        except ValueError as why:
            raise BadImage(f'Image {image.id} is hashed by {image.hash_algo!r}, which is not known here.') from why
        length, shown = 0, -1
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), 'wb') as out:
            for chunk in inspector.watch(self._fetch(image.id)):
                length += len(chunk)
                if length > image.size:
                    break
                digest.update(chunk)
                out.write(chunk)
                if (percent := 99 * length // max(image.size, 1)) != shown:
                    progress(shown := percent)
            out.flush()
            os.fsync(out.fileno())
        if length != image.size:
            raise BadImage(
                f'Image {image.id} came with {"more" if length > image.size else "only " + str(length)} '
                f'bytes, {image.size} were announced.'
            )
        if digest.hexdigest() != image.hash_value.lower():
            raise BadImage(f'Image {image.id} does not have the {image.hash_algo} hash it was registered with.')

    def _convert(self, image: Image, part: str, raw: str, target: str) -> None:
        try:
            qemu_img.convert(part, image.disk_format, raw, target)
        except qemu_img.Failed as why:
            text = f'Image {image.id} cannot be converted to {target}'
            raise BadImage(f'{text}.', inside=f'{text}: {why}.') from why
        os.replace(raw, part)

    def _check_room(self, image: Image, needed: int) -> None:
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise Refused(
                f'There is no disk space left for image {image.id}.',
                inside=f'This host has {free} bytes of disk left, and image {image.id} takes {needed}.',
            )

    def _touch(self, base: str) -> None:
        now = self._clock()
        os.utime(base, (now, now))

    @contextlib.contextmanager
    def _locked(self, base: str, wait: bool = True) -> Iterator[bool]:
        """Whether the base is this thread's alone, among the threads and processes of the host.

        The kernel drops the lock of a process that dies.  Lock files stay: removing one under a waiter
        would let two in.
        """
        folder = os.path.join(os.path.dirname(self.path), 'locks')
        folders.make(self.path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.path.join(folder, 'base-' + os.path.basename(base)), 'w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True


def describe(base: str, declared: str) -> tuple[str, int]:
    """Format and virtual size of a base; of one without a note, as `declared`."""
    try:
        with open(base + '.info') as note:
            known = json.load(note)
        return known['format'], known['virtual_size']
    except FileNotFoundError:
        return declared, int(qemu_img.info(base, declared)['virtual-size'])


def _check_size(image_id: str, size: int, limit: int) -> None:
    if limit and size > limit:
        raise BadImage(f'Image {image_id} is {size} bytes large when unpacked; the limit is {limit}.')


def _write_info(base: str, values: dict) -> None:
    part = base + '.info.part'
    with open(part, 'w') as out:
        json.dump(values, out)
    os.replace(part, base + '.info')


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
