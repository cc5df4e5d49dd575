"""The volume agent of one host: makes, extends, deletes and connects disks, and reports to the desk."""

import hashlib
import logging
import os
import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from nimbus.common import errors, failpoints
from nimbus.common.agents import desk, errands
from nimbus.common.context import Context
from nimbus.volume.agent.backups.archive import Archive
from nimbus.volume.agent.backups.store import Store
from nimbus.volume.agent.driver import Driver
from nimbus.volume.rpc import Volume

LOG = logging.getLogger(__name__)
AGAIN = 1.0  # seconds until the desk is asked again; each try waits longer by itself
# Seconds since the last order for a volume: longer than any job lives, so that no late order is still on its way.
FENCE_AGE = 86400.0
Fetch = Callable[[str], Iterator[bytes]]  # image id -> its bytes
Put = Callable[[str, str], None]  # (image id, path): the image is active and holds what the file holds


class Agent(Volume):
    """One host's disks."""

    def __init__(
        self,
        driver: Driver,
        desk_client: Any,
        host: str,
        state_path: str,
        fetch: Fetch,
        put: Put,
        *,
        over_subscription: float = 20.0,
        interval: float = 10,
        backups: Store | None = None,
    ) -> None:
        """`desk_client` speaks VolumeDesk; `fetch` brings an image's bytes, `put` fills one; `backups` keeps those."""
        self.driver, self.desk, self.host, self.fetch, self.put = driver, desk_client, host, fetch, put
        self._over = over_subscription
        self._backups = Archive(driver, backups, desk_client) if backups is not None else None
        self.errands = errands.Errands(self._report, os.path.join(state_path, 'volume-fences'))
        self._alive = desk.Heartbeat(desk_client, host, 'cinder-volume', self.facts, interval)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._compare, name='volume-heal', daemon=True)

    def start(self) -> None:
        """Nothing half-made is left, and the host and its disks are reported once the desk answers."""
        self.clean()
        self._alive.start()
        self._thread.start()

    def stop(self) -> None:
        """No errand is begun and no report made any more."""
        self._stop.set()
        self._alive.stop()
        self.errands.close()
        self._thread.join(timeout=5)
        self.driver.close()

    def facts(self) -> dict[str, Any]:
        """What the host has."""
        kept = self._backups.facts() if self._backups else {}
        return {'backend': self.driver.name, 'over_subscription': self._over, **self.driver.facts(), **kept}

    def clean(self) -> None:
        """Half-made files are gone."""
        for name in self.driver.clean():
            LOG.info('%s was left half-made and is gone; its job makes it again', name)

    def _compare(self) -> None:
        """Compared once; until the desk says what should be, it is asked again."""
        while not self._stop.is_set():
            try:
                self.compare()
                return
            except errors.NimbusError as why:
                LOG.warning('Which disks this host should have is not known yet: %s', why)
            except Exception:
                LOG.exception('The disks of this host cannot be compared with its volumes')
            self._stop.wait(AGAIN)

    def compare(self) -> None:
        """Disks without a volume or snapshot, and those without a disk, are reported, never touched.

        Raises Unavailable.
        """
        wanted = self.desk.volumes(self.host)
        here = self.driver.volumes()
        _tell('volume', set(wanted), set(here))
        copies, kept = self.desk.snapshots(self.host), self.driver.snapshots()
        _tell('snapshot', set(copies), set(kept))
        if self._backups:
            _tell('backup', set(self.desk.backups(self.host)), self._backups.keys())
        old = self.errands.fences.older_than(FENCE_AGE)
        self.errands.fences.forget(set(old) - set(wanted) - set(here) - set(copies) - set(kept))

    def _report(self, job_id: str, key: str, **outcome: Any) -> None:
        self.desk.done(job_id, key, **outcome)

    def create(
        self,
        context: Context,
        job_id: str,
        key: str,
        volume_id: str,
        fence: int,
        size: int,
        image: dict[str, Any] | None,
        source: dict[str, str] | None = None,
    ) -> str:
        return self.errands.take(job_id, key, volume_id, fence, lambda: self._create(volume_id, size, image, source))

    def _create(self, volume_id: str, size: int, image: dict[str, Any] | None, source: dict[str, str] | None) -> None:
        if source is not None and source['kind'] == 'backup':
            if volume_id not in self.driver.volumes():
                self.archive.restore(volume_id, size, source['id'])
        elif source is not None:
            self.driver.create_copy(volume_id, size, source['id'], source['kind'])
        elif image is None:
            self.driver.create(volume_id, size)
        else:
            self._create_from(volume_id, size, image)

    def _create_from(self, volume_id: str, size: int, image: dict[str, Any]) -> None:
        scratch = pathlib.Path(self.driver.scratch(volume_id))
        try:
            self._download(image, scratch)
            self.driver.create_from(volume_id, size, str(scratch), image['disk_format'])
        finally:
            scratch.unlink(missing_ok=True)

    def _download(self, image: dict[str, Any], path: pathlib.Path) -> None:
        """The image's bytes are at `path`, and are what the image says.  Raises Invalid, Unavailable."""
        given = image.get('os_hash_algo')
        digest = hashlib.new(given) if given else None
        try:
            with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), 'wb') as file:
                for piece in self.fetch(image['image_id']):
                    file.write(piece)
                    if digest:
                        digest.update(piece)
        except OSError as why:
            given = f'Image {image["image_id"]} cannot be fetched'
            raise errors.Unavailable(f'{given}.', inside=f'{given}: {why}') from why
        if digest and digest.hexdigest() != image['os_hash_value']:
            raise errors.Invalid(f'The bytes of image {image["image_id"]} do not match its hash.')

    def delete(self, context: Context, job_id: str, key: str, volume_id: str, fence: int) -> str:
        return self.errands.take(job_id, key, volume_id, fence, lambda: self.driver.delete(volume_id))

    def extend(self, context: Context, job_id: str, key: str, volume_id: str, fence: int, size: int) -> str:
        return self.errands.take(job_id, key, volume_id, fence, lambda: self.driver.extend(volume_id, size))

    def snapshot(self, context: Context, job_id: str, key: str, snapshot_id: str, fence: int, volume_id: str) -> str:
        return self.errands.take(job_id, key, snapshot_id, fence, lambda: self.driver.snapshot(snapshot_id, volume_id))

    def upload(
        self,
        context: Context,
        job_id: str,
        key: str,
        volume_id: str,
        fence: int,
        image_id: str,
        disk_format: str,
    ) -> str:
        def do() -> None:
            with self.driver.exported(volume_id, disk_format) as path:
                self.put(image_id, path)

        return self.errands.take(job_id, key, volume_id, fence, do)

    def begin_copy(
        self, context: Context, job_id: str, key: str, copy_id: str, fence: int, kind: str, volume_id: str
    ) -> str:
        def do() -> dict[str, Any]:
            return {'target': self.driver.begin_copy(copy_id, kind, volume_id)}

        return self.errands.take(job_id, key, copy_id, fence, do)

    def end_copy(self, context: Context, job_id: str, key: str, copy_id: str, fence: int, kind: str, size: int) -> str:
        return self.errands.take(job_id, key, copy_id, fence, lambda: self.driver.end_copy(copy_id, kind, size))

    def delete_snapshot(self, context: Context, job_id: str, key: str, snapshot_id: str, fence: int) -> str:
        return self.errands.take(job_id, key, snapshot_id, fence, lambda: self.driver.delete_snapshot(snapshot_id))

    def revert(self, context: Context, job_id: str, key: str, volume_id: str, fence: int, snapshot_id: str) -> str:
        return self.errands.take(job_id, key, volume_id, fence, lambda: self.driver.revert(volume_id, snapshot_id))

    @property
    def archive(self) -> Archive:
        """The host's backups.  Raises Unavailable when it keeps none."""
        if self._backups is None:
            raise errors.Unavailable('No backups are kept here: the option [backup] driver of the host is empty.')
        return self._backups

    def back_up(
        self,
        context: Context,
        job_id: str,
        key: str,
        backup_id: str,
        fence: int,
        source: dict[str, str],
        parent: str | None,
    ) -> str:
        return self.errands.take(job_id, key, backup_id, fence, lambda: self.archive.back_up(backup_id, source, parent))

    def restore(
        self, context: Context, job_id: str, key: str, volume_id: str, fence: int, size: int, place: str
    ) -> str:
        return self.errands.take(job_id, key, volume_id, fence, lambda: self.archive.restore(volume_id, size, place))

    def verify_backup(self, context: Context, job_id: str, key: str, backup_id: str, fence: int, place: str) -> str:
        return self.errands.take(job_id, key, backup_id, fence, lambda: self.archive.verify(place))

    def delete_backup(self, context: Context, job_id: str, key: str, backup_id: str, fence: int, place: str) -> str:
        return self.errands.take(job_id, key, backup_id, fence, lambda: self.archive.remove(place))

    def connect(self, context: Context, volume_id: str, fence: int, connector: dict[str, Any]) -> dict[str, Any]:
        failpoints.hit('volume.connect.before')
        found = self.driver.connect(volume_id, connector)
        failpoints.hit('volume.connect.after')
        return found

    def disconnect(self, context: Context, volume_id: str, fence: int, connector: dict[str, Any]) -> None:
        self.driver.disconnect(volume_id, connector)


def _tell(noun: str, wanted: set[str], here: set[str]) -> None:
    """The log names what is here and should not be, and what should be and is not."""
    for id in sorted(here - wanted):
        LOG.warning('The disk of %s %s is here, and the %s is not on this host; it is left alone', noun, id, noun)
    for id in sorted(wanted - here):
        LOG.warning('%s %s should have a disk here and has none', noun.capitalize(), id)
