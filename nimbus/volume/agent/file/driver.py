"""A volume driver that keeps each volume as a sparse file, with the volume's id in an extended attribute."""

import contextlib
import errno
import logging
import os
import pathlib
import shutil
import stat
from collections.abc import Callable, Iterator
from typing import Any

from nimbus.common import errors, failpoints, folders, ids
from nimbus.volume.agent import driver
from nimbus.volume.agent.file import contents, copying, imaging

LOG = logging.getLogger(__name__)
GIB = 1 << 30
MARK = 'user.nimbus.volume'  # the extended attribute that says whose disk a file is
VOLUME, SNAPSHOT = 'volume', 'snapshot'
PART = '.part'
FILLED = '.filled'  # what a guest copies its disk into, which goes on when the agent starts anew


class FileDriver(driver.Driver):
    """Files `volume-ID` and `snapshot-ID` in `path`; what is half-made is called `.volume-ID.part`.

    A snapshot is a whole file of its own, which nobody writes: it needs no volume, and no volume needs it.
    """

    name = 'file'

    def __init__(self, path: str, format: str = 'raw') -> None:
        self.path, self.format = pathlib.Path(path), format
        folders.make(self.path)

    def create(self, volume_id: str, size: int) -> None:
        if self._present(volume_id):
            return
        with self._draft(volume_id) as draft:
            if self.format == 'raw':
                os.truncate(draft, size * GIB)
            else:
                imaging.create(str(draft), self.format, size * GIB)

    def create_from(self, volume_id: str, size: int, path: str, format: str) -> None:
        if self._present(volume_id):
            return
        virtual = int(imaging.info(path, format)['virtual-size'])
        if virtual > size * GIB:
            raise errors.Invalid(
                f'Image virtual size is {-(-virtual // GIB)}GB and does not fit in a volume of size {size}GB.'
            )
        with self._draft(volume_id) as draft:
            imaging.convert(path, format, str(draft), self.format)
            imaging.resize(str(draft), self.format, size * GIB)

    def create_copy(self, volume_id: str, size: int, source: str, kind: str) -> None:
        if self._present(volume_id):
            return
        given = self._mine(source, kind)
        with self._draft(volume_id) as draft:
            copying.copy(given, draft)
            self._grow(draft, size)

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        if self._present(snapshot_id, SNAPSHOT):
            return
        given = self._mine(volume_id)
        with self._draft(snapshot_id, SNAPSHOT) as draft:
            copying.copy(given, draft)

    def begin_copy(self, copy_id: str, kind: str, volume_id: str) -> dict[str, str] | None:
        if self._present(copy_id, kind):
            return None
        filled = self._filled(copy_id, kind)
        filled.unlink(missing_ok=True)
        return {'path': str(filled), 'format': self.format}

    def end_copy(self, copy_id: str, kind: str, size: int) -> None:
        if self._present(copy_id, kind):
            return
        filled = self._filled(copy_id, kind)
        if not filled.exists():
            raise errors.NotFound(f'{kind.capitalize()} {copy_id} was not filled.')
        try:
            self._grow(filled, size)
            self._publish(filled, copy_id, kind)
        except OSError as why:
            raise _refusal(why) from why

    def _filled(self, id: str, kind: str) -> pathlib.Path:
        return self.path / f'.{kind}-{self._checked(id)}{FILLED}'

    @contextlib.contextmanager
    def exported(self, volume_id: str, format: str) -> Iterator[str]:
        path = self._mine(volume_id)
        if format == self.format == 'raw':
            yield str(path)
            return
        draft = self.path / f'.export-{volume_id}{PART}'
        try:
            _begin(draft)
            imaging.convert(str(path), self.format, str(draft), imaging.qemu_name(format))
            yield str(draft)
        except OSError as why:
            raise _refusal(why) from why
        finally:
            draft.unlink(missing_ok=True)

    def revert(self, volume_id: str, snapshot_id: str) -> None:
        self._mine(volume_id)
        given = self._mine(snapshot_id, SNAPSHOT)
        with self._draft(volume_id) as draft:
            copying.copy(given, draft)

    def delete_snapshot(self, snapshot_id: str) -> None:
        self._remove(snapshot_id, SNAPSHOT)

    def snapshots(self) -> dict[str, int]:
        return self._disks(SNAPSHOT)

    @contextlib.contextmanager
    def read(self, id: str, kind: str) -> Iterator[driver.Reading]:
        path = self._mine(id, kind)
        # Before the first byte is read: what is written meanwhile, against the rule, makes another one.
        mark, bare = contents.mark(path), path
        try:
            if self.format != 'raw':
                bare = self.path / f'.reading-{self._checked(id)}{PART}'
                _begin(bare)
                imaging.convert(str(path), self.format, str(bare), 'raw')
            with open(bare, 'rb', buffering=0) as file:
                yield contents.OpenFile(file.fileno(), mark)
        except OSError as why:
            raise _refusal(why) from why
        finally:
            if bare != path:
                bare.unlink(missing_ok=True)

    def fill(self, volume_id: str, size: int, write: Callable[[driver.Writing], None]) -> None:
        if self._present(volume_id):
            self._mine(volume_id)
        with self._draft(volume_id) as draft:
            bare = draft if self.format == 'raw' else self.path / f'.filling-{volume_id}{PART}'
            try:
                with open(os.open(bare, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600), 'r+b', buffering=0) as file:
                    os.ftruncate(file.fileno(), size * GIB)
                    write(contents.OpenFile(file.fileno()))
                if bare != draft:
                    imaging.convert(str(bare), 'raw', str(draft), self.format)
            finally:
                if bare != draft:
                    bare.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _draft(self, id: str, kind: str = VOLUME) -> Any:
        """A file to fill, which replaces the disk at the end of the block, and is gone if the block fails."""
        draft = self.path / f'.{kind}-{self._checked(id)}{PART}'
        try:
            draft.unlink(missing_ok=True)
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._filled(id, kind).unlink(missing_ok=True)
            yield draft
            self._publish(draft, id, kind)
        except OSError as why:
            raise _refusal(why) from why
        finally:
            draft.unlink(missing_ok=True)

    def _publish(self, draft: pathlib.Path, id: str, kind: str) -> None:
        """The draft is the disk."""
        self._mark(draft, id)
        _sync(draft)
        failpoints.hit('volume.publish')
        os.replace(draft, self._file(id, kind))
        _sync(self.path)

    def extend(self, volume_id: str, size: int) -> None:
        path = self._mine(volume_id)
        try:
            self._grow(path, size)
        except OSError as why:
            raise _refusal(why) from why

    def _grow(self, path: pathlib.Path, size: int) -> None:
        """The disk has `size` GiB at least."""
        if self._size(path) >= size * GIB:
            return
        if self.format == 'raw':
            os.truncate(path, size * GIB)
        else:
            imaging.resize(str(path), self.format, size * GIB)

    def delete(self, volume_id: str) -> None:
        self._remove(volume_id, VOLUME)

    def _remove(self, id: str, kind: str) -> None:
        (self.path / f'.{kind}-{self._checked(id)}{PART}').unlink(missing_ok=True)
        self._filled(id, kind).unlink(missing_ok=True)
        if self._present(id, kind):
            self._mine(id, kind).unlink()
            _sync(self.path)

    def volumes(self) -> dict[str, int]:
        return self._disks(VOLUME)

    def _disks(self, kind: str) -> dict[str, int]:
        """The GiB of every disk of the kind."""
        with os.scandir(self.path) as entries:
            files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        found = {}
        for entry in files:
            id = entry.name.removeprefix(f'{kind}-')
            if entry.name.startswith(f'{kind}-') and ids.is_uuid(id):
                found[id] = self._size_or_zero(pathlib.Path(entry.path)) // GIB
        return found

    def _size_or_zero(self, path: pathlib.Path) -> int:
        """The disk's bytes, 0 where its file is damaged: one bad file must not hide the others."""
        try:
            return self._size(path)
        except errors.Invalid as why:
            LOG.warning('%s is no %s disk any more: %s', path.name, self.format, why)
            return 0

    def connect(self, volume_id: str, connector: dict[str, Any]) -> dict[str, Any]:
        path = self._mine(volume_id)
        return {'driver_volume_type': 'file', 'data': {'path': str(path), 'format': self.format}}

    def disconnect(self, volume_id: str, connector: dict[str, Any]) -> None:
        pass  # a file that nobody opens needs no closing

    def scratch(self, volume_id: str) -> str:
        return str(self.path / f'.image-{self._checked(volume_id)}{PART}')

    def clean(self) -> list[str]:
        left = [name for name in os.listdir(self.path) if name.startswith('.') and name.endswith(PART)]
        for name in left:
            (self.path / name).unlink(missing_ok=True)
        return left

    def close(self) -> None:
        """A file driver holds nothing open."""

    def facts(self) -> dict[str, float]:
        usage = shutil.disk_usage(self.path)
        return {'total_gb': round(usage.total / GIB, 2), 'free_gb': round(usage.free / GIB, 2)}

    @staticmethod
    def _checked(id: str) -> str:
        if not ids.is_uuid(id):
            raise errors.Invalid(f'{id[:80]} is no id of a disk.')
        return id

    def _file(self, id: str, kind: str = VOLUME) -> pathlib.Path:
        return self.path / f'{kind}-{self._checked(id)}'

    def _present(self, id: str, kind: str = VOLUME) -> bool:
        return os.path.lexists(self._file(id, kind))

    def _mine(self, id: str, kind: str = VOLUME) -> pathlib.Path:
        """The file of that volume or snapshot, checked to be its own.

        Raises NotFound, and Conflict when it is something else.
        """
        path = self._file(id, kind)
        try:
            given = os.lstat(path)
        except FileNotFoundError:
            raise errors.NotFound(f'{kind.capitalize()} {id} has no disk here.') from None
        marked = self._marked(path) if stat.S_ISREG(given.st_mode) else None
        if not stat.S_ISREG(given.st_mode) or marked not in (None, id):
            raise errors.Conflict(f'{path.name} is not the disk of {kind} {id}; it is left alone.')
        return path

    @staticmethod
    def _mark(path: pathlib.Path, id: str) -> None:
        try:
            os.setxattr(path, MARK, id.encode())
        except OSError as why:
            if why.errno not in (errno.ENOTSUP, errno.EPERM):
                raise

    @staticmethod
    def _marked(path: pathlib.Path) -> str | None:
        """Whose disk the file says it is; None where the file system keeps no attributes."""
        try:
            return os.getxattr(path, MARK).decode()
        except OSError:
            return None

    def _size(self, path: pathlib.Path) -> int:
        if self.format == 'raw':
            return path.stat().st_size
        return int(imaging.info(str(path), self.format)['virtual-size'])


def _begin(path: pathlib.Path) -> None:
    """The file is there and empty, and nobody else's to read: a program that fills it keeps its mode."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _sync(path: pathlib.Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refusal(why: OSError) -> errors.NimbusError:
    if why.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return errors.Unavailable('The volume store is full.')
    return errors.Unavailable('The volume store is failing.', inside=f'The volume store is failing: {why.strerror}.')
