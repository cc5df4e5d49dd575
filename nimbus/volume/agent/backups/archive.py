"""What the volume agent does with backups: its keeper, and how far it is told to the desk."""

import logging
import time
from typing import Any

from nimbus.common import errors
from nimbus.volume.agent.backups.keeper import Keeper
from nimbus.volume.agent.backups.store import Store
from nimbus.volume.agent.driver import Contents

LOG = logging.getLogger(__name__)
PAUSE = 5.0  # seconds between two words of how far a backup is


class Archive:
    """The backups of one host."""

    def __init__(self, contents: Contents, store: Store, desk: Any) -> None:
        """`desk` speaks VolumeDesk."""
        self._keeper, self._store, self._desk = Keeper(contents, store), store, desk

    def facts(self) -> dict[str, Any]:
        """What the agent reports of its store."""
        return {'backup_service': self._store.name, 'backup_shared': self._store.shared}

    def keys(self) -> set[str]:
        """Where backups are kept here; in a store of all hosts none are this one's."""
        return set() if self._store.shared else self._store.keys()

    def back_up(self, backup_id: str, source: dict[str, str], parent: str | None) -> dict[str, int]:
        """The store has what the source holds; the desk hears of it meanwhile."""
        return self._keeper.back_up(backup_id, source['kind'], source['id'], parent, _Teller(self._desk, backup_id))

    def restore(self, volume_id: str, size: int, place: str) -> None:
        """The volume has what the backup has."""
        self._keeper.restore(volume_id, size, place)

    def verify(self, place: str) -> dict[str, int]:
        """What the backup says of itself."""
        return self._keeper.verify(place)

    def remove(self, place: str) -> None:
        """Nothing of the backup is left."""
        self._keeper.remove(place)


class _Teller:
    """Tells the desk how far a backup is, now and then."""

    def __init__(self, desk: Any, backup_id: str) -> None:
        self._desk, self._backup_id, self._last = desk, backup_id, time.monotonic()

    def __call__(self, percent: int, written: int) -> None:
        if time.monotonic() - self._last < PAUSE:
            return
        self._last = time.monotonic()
        try:
            self._desk.backing_up(self._backup_id, percent, written)
        except errors.NimbusError as why:
            LOG.info('The desk does not hear how far backup %s is: %s', self._backup_id, why)
