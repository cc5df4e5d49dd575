"""A volume driver without storage, for tests: volumes are entries of a dictionary that outlives the driver."""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from nimbus.common import errors
from nimbus.common.agents.failures import Failures
from nimbus.volume.agent import driver


class Host(Failures):
    """The disks of a simulated host, which outlive its agent, and the failures that were chosen for it."""

    def __init__(self) -> None:
        super().__init__()
        self.disks: dict[str, dict[str, Any]] = {}
        self.kept: dict[str, dict[str, Any]] = {}


HOSTS: dict[str, Host] = {}


def host(name: str) -> Host:
    """The simulated host of that name, made at first use."""
    return HOSTS.setdefault(name, Host())


class FakeDriver(driver.Driver):
    """Keeps each disk's size, source format, and a word for what it holds, which its copies hold too."""

    name = 'fake'

    def __init__(
        self,
        disks: dict[str, dict[str, Any]] | None = None,
        total: float = 1000.0,
        least_seconds: float = 0,
        kept: dict[str, dict[str, Any]] | None = None,
        failures: Failures | None = None,
    ) -> None:
        """`disks` is where they are kept: id -> {'size', 'format', 'content', 'connected'}; `kept` has the snapshots.

        Each change of a disk takes `least_seconds` at least, and meets the `failures`.
        """
        self._failures = failures or Failures()
        self._least = least_seconds
        self.disks = disks if disks is not None else {}
        self.kept = kept if kept is not None else {}
        self._filled = dict[str, dict[str, Any]]()  # copies that a guest makes, by what they are made of
        self._total, self._lock = total, threading.Lock()
        self._scratch = tempfile.TemporaryDirectory(prefix='nimbus-fake-volumes-')

    def create(self, volume_id: str, size: int) -> None:
        self._meet('create')
        with self._lock:
            self.disks.setdefault(volume_id, _disk(size, None, ''))

    def create_from(self, volume_id: str, size: int, path: str, format: str) -> None:
        if os.path.getsize(path) > size << 30:
            raise errors.Invalid(f'The image does not fit in a volume of {size} GiB.')
        self._meet('create')
        with self._lock:
            self.disks.setdefault(volume_id, _disk(size, format, 'image'))

    def extend(self, volume_id: str, size: int) -> None:
        disk = self._disk(volume_id)
        self._meet('extend')
        disk['size'] = max(size, disk['size'])

    def delete(self, volume_id: str) -> None:
        self._meet('delete')
        with self._lock:
            self.disks.pop(volume_id, None)

    def volumes(self) -> dict[str, int]:
        with self._lock:
            return {volume_id: disk['size'] for volume_id, disk in self.disks.items()}

    def create_copy(self, volume_id: str, size: int, source: str, kind: str) -> None:
        given = self._disk(source) if kind == 'volume' else self._snapshot(source)
        self._meet('create')
        with self._lock:
            self.disks.setdefault(volume_id, _disk(size, given['format'], given['content']))

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        given = self._disk(volume_id)
        self._meet('snapshot')
        with self._lock:
            self.kept.setdefault(snapshot_id, {name: given[name] for name in ('size', 'format', 'content')})

    def begin_copy(self, copy_id: str, kind: str, volume_id: str) -> dict[str, str] | None:
        if copy_id in (self.kept if kind == 'snapshot' else self.disks):
            return None
        self._filled[copy_id] = self._disk(volume_id)
        return {'path': f'/fake/{kind}-{copy_id}', 'format': 'raw'}

    def end_copy(self, copy_id: str, kind: str, size: int) -> None:
        with self._lock:
            if copy_id in (self.kept if kind == 'snapshot' else self.disks):
                return
            if copy_id not in self._filled:
                raise errors.NotFound(f'{kind.capitalize()} {copy_id} was not filled.')
            given = self._filled.pop(copy_id)
            if kind == 'snapshot':
                self.kept[copy_id] = {name: given[name] for name in ('size', 'format', 'content')}
            else:
                self.disks[copy_id] = _disk(size, given['format'], given['content'])

    @contextlib.contextmanager
    def exported(self, volume_id: str, format: str) -> Iterator[str]:
        self._disk(volume_id)
        path = os.path.join(self._scratch.name, f'export-{volume_id}')
        with open(path, 'wb') as file:
            file.write(b'')
        time.sleep(self._least)
        yield path

    def revert(self, volume_id: str, snapshot_id: str) -> None:
        self._meet('revert')
        self._disk(volume_id).update(self._snapshot(snapshot_id))

    def delete_snapshot(self, snapshot_id: str) -> None:
        self._meet('delete_snapshot')
        with self._lock:
            self.kept.pop(snapshot_id, None)

    def snapshots(self) -> dict[str, int]:
        with self._lock:
            return {snapshot_id: kept['size'] for snapshot_id, kept in self.kept.items()}

    def connect(self, volume_id: str, connector: dict[str, Any]) -> dict[str, Any]:
        disk = self._disk(volume_id)
        self._failures.meet('connect', time.sleep)
        disk['connected'].add(connector.get('host'))
        return {'driver_volume_type': 'file', 'data': {'path': f'/fake/volume-{volume_id}', 'format': 'raw'}}

    def disconnect(self, volume_id: str, connector: dict[str, Any]) -> None:
        if volume_id in self.disks:
            self.disks[volume_id]['connected'].discard(connector.get('host'))

    def scratch(self, volume_id: str) -> str:
        return os.path.join(self._scratch.name, volume_id)

    def clean(self) -> list[str]:
        return []

    @contextlib.contextmanager
    def read(self, id: str, kind: str) -> Iterator[driver.Reading]:
        given = self._disk(id) if kind == 'volume' else self._snapshot(id)
        time.sleep(self._least)
        yield _Word(given['size'] << 30, given['content'])

    def fill(self, volume_id: str, size: int, write: Callable[[driver.Writing], None]) -> None:
        word = _Word(size << 30, '')
        write(word)
        time.sleep(self._least)
        with self._lock:
            disk = self.disks.setdefault(volume_id, _disk(size, None, ''))
            disk.update(size=size, format=None, content=word.content)

    def facts(self) -> dict[str, float]:
        return {'total_gb': self._total, 'free_gb': self._total - sum(self.volumes().values())}

    def _meet(self, verb: str) -> None:
        time.sleep(self._least)
        self._failures.meet(verb, time.sleep)

    def _disk(self, volume_id: str) -> dict[str, Any]:
        if volume_id not in self.disks:
            raise errors.NotFound(f'Volume {volume_id} has no disk here.')
        return self.disks[volume_id]

    def _snapshot(self, snapshot_id: str) -> dict[str, Any]:
        if snapshot_id not in self.kept:
            raise errors.NotFound(f'Snapshot {snapshot_id} has no disk here.')
        return self.kept[snapshot_id]

    def close(self) -> None:
        self._scratch.cleanup()


class _Word:
    """The word that a disk holds, as the bytes at its beginning."""

    mark = None

    def __init__(self, size: int, content: str) -> None:
        self.size, self.content = size, content

    def extents(self) -> Iterator[tuple[int, int]]:
        if self.content:
            yield 0, len(self.content.encode())

    def pread(self, length: int, at: int) -> bytes:
        found = self.content.encode()[at : at + length]
        return found + bytes(length - len(found))

    def pwrite(self, data: bytes, at: int) -> None:
        self.content += data.rstrip(b'\0').decode()


def _disk(size: int, format: str | None, content: str) -> dict[str, Any]:
    return {'size': size, 'format': format, 'content': content, 'connected': set()}
