"""A store of backups that is a folder: `backup-ID` has a file for each piece."""

import contextlib
import errno
import os
import pathlib
import shutil
from collections.abc import Iterator

from nimbus.common import errors, failpoints, folders, ids
from nimbus.volume.agent.backups.store import Store, checked

PREFIX, PART = 'backup-', '.part'
PRIVATE = 0o700  # what guests wrote is nobody's business but the service's


class FolderStore(Store):
    """Files of this host, or of a file system that all hosts mount at the same place, as `shared` says."""

    name = 'nimbus.folder'

    def __init__(self, path: str, shared: bool = False) -> None:
        self.path, self.shared = pathlib.Path(path), shared
        folders.make(self.path)

    def put(self, key: str, piece: str, data: bytes) -> None:
        with _told():
            folder = self._folder(key)
            # Not the folder above it: where a file system is not mounted, nothing is written below its place.
            folder.mkdir(mode=PRIVATE, exist_ok=True)
            _write(folder / piece, data)
        failpoints.hit('backup.put')

    def publish(self, key: str, piece: str, data: bytes) -> None:
        self.put(key, piece + PART, data)
        failpoints.hit('backup.publish')
        with _told():
            folder = self._folder(key)
            os.replace(folder / (piece + PART), folder / piece)
            _sync(folder)
            _sync(self.path)
        failpoints.hit('backup.published')

    def get(self, key: str, piece: str) -> bytes:
        with _told():
            self._here()
            try:
                return (self._folder(key) / piece).read_bytes()
            except FileNotFoundError:
                raise errors.NotFound(f'Backup {key} has no piece {piece}.') from None

    def remove(self, key: str, first: str) -> None:
        with _told():
            self._here()
            folder = self._folder(key)
            if not folder.exists():
                return
            (folder / first).unlink(missing_ok=True)
            _sync(folder)
            failpoints.hit('backup.remove')
            shutil.rmtree(folder)
            _sync(self.path)

    def keys(self) -> set[str]:
        with _told(), os.scandir(self.path) as entries:
            names = {entry.name.removeprefix(PREFIX) for entry in entries if entry.name.startswith(PREFIX)}
        return {name for name in names if ids.is_uuid(name)}

    def _folder(self, key: str) -> pathlib.Path:
        return self.path / f'{PREFIX}{checked(key)}'

    def _here(self) -> None:
        """Nothing, when the store is there: what is missing in it is missing, and not only away."""
        os.stat(self.path)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What goes wrong below is told as Unavailable."""
    try:
        yield
    except OSError as why:
        if why.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise errors.Unavailable('The backup store is full.') from why
        inside = f'The backup store is failing: {why.strerror}.'
        raise errors.Unavailable('The backup store is failing.', inside=inside) from why


def _write(path: pathlib.Path, data: bytes) -> None:
    with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), 'wb', buffering=0) as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _sync(path: pathlib.Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
