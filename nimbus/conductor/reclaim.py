"""Deletes servers for good that were deleted so long ago that nobody may restore them any more."""

import datetime
import functools
import logging
import threading

from nimbus.common import errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.servers import deletion

LOG = logging.getLogger(__name__)
MOST = 100  # servers looked for at once
LOOK = 60.0  # seconds between two looks, at most


class Reclaim:
    """Servers wait so many seconds for their end; any number of conductors may do this side by side."""

    def __init__(self, database: db.Database, interval: int, clock: Clock | None = None) -> None:
        """`interval` of 0: servers are deleted at once, and those that still wait go at the first look."""
        self.db, self.interval = database, interval
        self._clock = clock or Clock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='reclaim', daemon=True)

    def start(self) -> None:
        """Looks are made from now on."""
        self._thread.start()

    def stop(self) -> None:
        """No look is made any more."""
        self._stop.set()
        self._thread.join()

    def reclaim(self) -> int:
        """Those whose time is over are being deleted; returns how many."""
        before = self._clock.now() - datetime.timedelta(seconds=self.interval)
        with self.db.read() as tx:
            found = deletion.reclaimable(tx, before, MOST)
        gone = [one for one in found if self.db.with_retries(functools.partial(deletion.reclaim, server_id=one))]
        if gone:
            LOG.info('Deleted for good after %d seconds: %s', self.interval, ', '.join(gone))
        return len(gone)

    def _run(self) -> None:
        while not self._stop.wait(min(LOOK, max(1, self.interval / 4)) if self.interval else LOOK):
            try:
                self.reclaim()
            except errors.Unavailable as why:
                LOG.warning('Servers that were deleted cannot be looked for now: %s', why)
            except Exception:
                LOG.exception('Servers that were deleted cannot be deleted for good')
