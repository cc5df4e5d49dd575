"""Keeps a fake cloud as it is, in memory, and puts it back to that within milliseconds."""

import dataclasses
import os
import pathlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from nimbus.cmd import wiring
from nimbus.cmd.fake import clock
from nimbus.common import errors
from nimbus.common.jobs import UNDER_WAY, Job
from nimbus.common.parts import Parts
from nimbus.compute.agent.fake.host import FakeGuest, FakeHost
from nimbus.volume.agent.fake import driver as fake_volumes

QUIET_WITHIN = 10.0  # seconds in which the jobs under way end
LOOK = 0.005
WORKING = sa.select(sa.func.count()).select_from(Job.__table__).where(Job.__table__.c.heading.in_(UNDER_WAY))


@dataclasses.dataclass
class Snapshot:
    """A cloud as it was."""

    database: sqlite3.Connection
    guests: dict[FakeHost, dict[str, FakeGuest]]
    disks: dict[str, dict[str, dict[str, Any]]]
    kept: dict[str, dict[str, dict[str, Any]]]
    images: pathlib.Path  # a folder of links to the images' data
    ahead: float  # by which the clock was


class Snapshots:
    """The snapshots of one cloud, by name."""

    def __init__(self, parts: Parts, cloud: wiring.Group, images: pathlib.Path, folder: pathlib.Path) -> None:
        """`images` has the images' data; `folder` is where links to it are kept, on the same file system."""
        self._db, self._parts, self._cloud = parts.db, parts, cloud
        self._images, self._folder = images, folder
        self.kept: dict[str, Snapshot] = {}
        shutil.rmtree(folder, ignore_errors=True)
        if self._db.sqlite:
            with self._db.unlimited() as connection:
                # A power cut may cost a cloud for tests its state; each commit is milliseconds faster.
                _raw(connection).execute('PRAGMA synchronous = OFF')

    def take(self, name: str) -> None:
        """The cloud as it is now can be restored by that name; nobody may be asking for anything meanwhile.

        Raises Conflict while jobs are under way and do not end.
        """
        if not self.quiet():
            raise errors.Conflict('The cloud is busy with jobs that do not end, so it cannot be kept as it is.')
        self.drop(name)
        links = self._folder / name
        links.mkdir(parents=True)
        for path in self._files(self._images):
            _link(path, links / path.relative_to(self._images))
        memory = sqlite3.connect(':memory:', check_same_thread=False)
        with self._db.unlimited() as connection:
            _raw(connection).backup(memory)
        disks, kept = ({name: _copied(getattr(host, field)) for name, host in fake_volumes.HOSTS.items()}
                       for field in ('disks', 'kept'))  # fmt: skip
        guests = {host: host.all() for host in FakeHost.every()}
        self.kept[name] = Snapshot(memory, guests, disks, kept, links, clock.ahead())

    def restore(self, name: str) -> None:
        """The cloud is as it was; nobody may be asking for anything meanwhile.  Raises NotFound."""
        if name not in self.kept:
            raise errors.NotFound(f'There is no snapshot {name}; there are {", ".join(self.kept) or "none"}.')
        found = self.kept[name]
        self.quiet()
        clock.set_right(self._db)
        with self._db.unlimited() as connection:
            live = _raw(connection)
            # The daemons were seen when they were, whatever else is put back.
            seen = live.execute('SELECT seen_at, seq FROM services').fetchall()
            found.database.executemany('UPDATE services SET seen_at = ? WHERE seq = ?', seen)
            found.database.commit()
            found.database.backup(live)
        for host in FakeHost.every():
            host.settle_as(found.guests.get(host, {}))
        for host_name, host in fake_volumes.HOSTS.items():
            for field, there in (('disks', found.disks), ('kept', found.kept)):
                getattr(host, field).clear()
                getattr(host, field).update(_copied(there.get(host_name, {})))
        self._put_images_back(found.images)
        self._forget()
        if found.ahead:
            clock.move(self._db, found.ahead)

    def drop(self, name: str) -> bool:
        """There is no snapshot of that name; whether there was one."""
        found = self.kept.pop(name, None)
        if found is not None:
            found.database.close()
            shutil.rmtree(found.images, ignore_errors=True)
        return found is not None

    def quiet(self) -> bool:
        """Waits until no job is under way; whether that came about."""
        began = time.monotonic()
        while self._working():
            if time.monotonic() - began > QUIET_WITHIN:
                return False
            time.sleep(LOOK)
        return True

    def _working(self) -> int:
        with self._db.read() as tx:
            return tx.scalar(WORKING) or 0

    def _forget(self) -> None:
        """Nobody goes by what he read of the database before."""
        self._parts.tokens.poll(anew=True)
        for daemon in self._cloud.every():
            if hasattr(daemon, 'errands'):
                daemon.errands.fences.forget_all()
            if hasattr(daemon, 'cache') and hasattr(daemon.cache, 'reload'):
                daemon.cache.reload()
            if hasattr(daemon, 'forget'):
                daemon.forget()

    def _put_images_back(self, links: pathlib.Path) -> None:
        there = {path.relative_to(self._images) for path in self._files(self._images)}
        kept = {path.relative_to(links) for path in self._files(links)}
        for name in there - kept:
            (self._images / name).unlink(missing_ok=True)
        for name in kept - there:
            _link(links / name, self._images / name)

    def _files(self, folder: pathlib.Path) -> Iterator[pathlib.Path]:
        for place, _, names in os.walk(folder):
            yield from (pathlib.Path(place) / name for name in names)


def _link(path: pathlib.Path, other: pathlib.Path) -> None:
    other.parent.mkdir(parents=True, exist_ok=True)
    os.link(path, other)


def _raw(connection: sa.Connection) -> sqlite3.Connection:
    found: Any = connection.connection.driver_connection
    if not isinstance(found, sqlite3.Connection):
        raise errors.NotBuilt('Only a cloud whose database is SQLite is kept as it is, and put back.')
    return found


def _copied(disks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The disks, so that a change of one does not change the other."""
    return {
        key: {name: set(value) if isinstance(value, set) else value for name, value in disk.items()}
        for key, disk in disks.items()
    }
