"""An image store in a folder of files: data is published by a rename, so that a reader sees all of an image or none."""

import errno
import fcntl
import os
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

from nimbus.common import errors, failpoints, ids
from nimbus.image.stores import base

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FileStore(base.Store):
    """Images in `path`, drafts in `path`/parts, staged ones in `path`/staged."""

    kind = 'file'

    def __init__(self, path: str) -> None:
        self.path = pathlib.Path(path)
        self.parts, self.staged = self.path / 'parts', self.path / 'staged'
        for folder in (self.path, self.parts, self.staged):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def draft(self, image_id: str, upload_id: str) -> 'FileDraft':
        try:
            return FileDraft(self, image_id, self._part(image_id, upload_id))
        except OSError as why:
            raise _refusal(why) from why

    def _part(self, image_id: str, upload_id: str) -> pathlib.Path:
        if not (ids.is_uuid(image_id) and ids.is_uuid(upload_id)):
            raise errors.Invalid(f'{image_id} cannot name an image file.')
        return self.parts / f'{image_id}.{upload_id}.part'

    def _file(self, folder: pathlib.Path, image_id: str) -> pathlib.Path:
        if not ids.is_uuid(image_id):
            raise errors.NotFound(f'Image {image_id} has no data.')
        return folder / image_id

    def busy(self, image_id: str, upload_id: str) -> bool:
        try:
            with open(self._part(image_id, upload_id), 'rb') as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def drop_draft(self, image_id: str, upload_id: str) -> None:
        self._part(image_id, upload_id).unlink(missing_ok=True)

    def promote(self, image_id: str) -> None:
        """The staged bytes are the image's; done already is fine.  Raises NotFound."""
        target = self._file(self.path, image_id)
        try:
            os.replace(self._file(self.staged, image_id), target)
        except FileNotFoundError:
            if not target.exists():
                raise errors.NotFound(f'Image {image_id} has no staged data.') from None
        _sync(self.path)

    def read(self, image_id: str, start: int, length: int) -> Iterator[bytes]:
        file = _opened(self._file(self.path, image_id))
        file.seek(start)
        return _pieces(file, length)

    def local(self, image_id: str) -> str:
        """The path of a file that holds the image's staged bytes, or the published ones where none are staged."""
        staged = self._file(self.staged, image_id)
        return str(staged if staged.exists() else self._file(self.path, image_id))

    def read_staged(self, image_id: str, length: int) -> Iterator[bytes]:
        """The image's staged bytes, also once they are promoted.  Raises NotFound, Unavailable."""
        try:
            return _pieces(_opened(self._file(self.staged, image_id)), length)
        except errors.NotFound:
            return self.read(image_id, 0, length)

    def unstage(self, image_id: str) -> None:
        """The image's staged bytes are gone; gone already is fine."""
        self._file(self.staged, image_id).unlink(missing_ok=True)

    def url(self, image_id: str) -> str:
        return f'file://{self._file(self.path, image_id)}'

    def about(self) -> dict[str, object]:
        return {'data_dir': str(self.path), 'chunk_size': base.PIECE, 'thin_provisioning': False}

    def delete(self, image_id: str) -> None:
        for folder in (self.path, self.staged):
            self._file(folder, image_id).unlink(missing_ok=True)

    def present(self) -> list[str]:
        names = {entry.name for folder in (self.path, self.staged) for entry in os.scandir(folder) if entry.is_file()}
        return sorted(filter(ids.is_uuid, names))


class FileDraft(base.Draft):
    """A .part file, locked by the process that writes it, so that another can tell whether that one lives."""

    def __init__(self, store: FileStore, image_id: str, part: pathlib.Path) -> None:
        self._store, self._id, self._part = store, image_id, part
        self.path = str(part)
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._file = os.fdopen(handle, 'wb', buffering=1 << 16)  # a piece that is larger goes past the buffer

    def write(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError as why:
            raise _refusal(why) from why

    def settle(self) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as why:
            raise _refusal(why) from why

    def publish(self) -> None:
        self._move(self._store.path)

    def stage(self) -> None:
        """The bytes are kept beside the images until `FileStore.promote` takes them."""
        self._move(self._store.staged)

    def _move(self, folder: pathlib.Path) -> None:
        failpoints.hit('image.publish')
        try:
            os.replace(self._part, folder / self._id)
            _sync(folder)
        except OSError as why:
            raise _refusal(why) from why

    def drop(self) -> None:
        self._part.unlink(missing_ok=True)
        try:
            self._file.close()
        except OSError:  # what could not be flushed to a full disk is not wanted any more
            pass


def _opened(path: pathlib.Path) -> BinaryIO:
    try:
        return open(path, 'rb')
    except FileNotFoundError:
        raise errors.NotFound(f'Image {path.name} has no data.') from None
    except OSError as why:
        raise _refusal(why) from why


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    with file:
        while length > 0:
            size = min(base.PIECE, length)
            length -= size
            yield _exactly(file, size)  # not by a name, which would keep it while a slow client is waited for
            failpoints.hit('image.sent')


def _exactly(file: BinaryIO, size: int) -> bytes:
    piece = file.read(size)
    if len(piece) < size:
        raise OSError(errno.EIO, 'An image file is shorter than its image says')
    return piece


def _sync(folder: pathlib.Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refusal(why: OSError) -> errors.NimbusError:
    if why.errno in FULL:
        return errors.TooLarge('Image storage media is full: there is not enough disk space on the image store.')
    text = 'Insufficient permissions on image storage media, or it is failing'
    return errors.Unavailable(f'{text}.', inside=f'{text}: {why.strerror}.')
