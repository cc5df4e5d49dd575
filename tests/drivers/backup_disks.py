"""Real files of volumes for the tests of backups: written, read and compared."""

import pathlib
import uuid

from nimbus.volume.agent.file import contents
from nimbus.volume.agent.file.driver import FileDriver

GIB = 1 << 30


def new() -> str:
    return str(uuid.uuid4())


def path_of(disks: FileDriver, id: str, kind: str = 'volume') -> pathlib.Path:
    return disks.path / f'{kind}-{id}'


def scribble(disks: FileDriver, volume: str, at: int, data: bytes) -> None:
    with open(path_of(disks, volume), 'r+b') as file:
        file.seek(at)
        file.write(data)


def head(disks: FileDriver, volume: str) -> bytes:
    with open(path_of(disks, volume), 'rb') as file:
        return file.read(512)


def written(path: pathlib.Path) -> dict[int, bytes]:
    """The pages of the file that are not zeros, by number."""
    found = {}
    with open(path, 'rb', buffering=0) as file:
        reading = contents.OpenFile(file.fileno())
        for start, end in reading.extents():
            for at in range(start, end, 4096):
                page = reading.pread(min(4096, end - at), at)
                if page.strip(b'\0'):
                    found[at // 4096] = page
    return found


def same(one: pathlib.Path, other: pathlib.Path) -> bool:
    return one.stat().st_size == other.stat().st_size and written(one) == written(other)
