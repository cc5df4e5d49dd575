"""Deletes servers for good that were deleted so long ago that nobody may restore them any more."""

import datetime
import functools
import logging

from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.servers import deletion
from nimbus.conductor.rounds import Rounds, often_enough

LOG = logging.getLogger(__name__)
MOST = 100  # servers looked for at once


class Reclaim(Rounds):
    """Servers wait so many seconds for their end; any number of conductors may do this side by side."""

    name = 'reclaim'
    warning = 'Servers that were deleted cannot be looked for now'
    failure = 'Servers that were deleted cannot be deleted for good'

    def __init__(self, database: db.Database, interval: int, clock: Clock | None = None) -> None:
        """`interval` of 0: servers are deleted at once, and those that still wait go at the first look."""
        super().__init__(self.reclaim, often_enough(interval))
        self.db, self.interval = database, interval
        self._clock = clock or Clock()

    def reclaim(self) -> int:
        """Those whose time is over are being deleted; returns how many."""
        before = self._clock.now() - datetime.timedelta(seconds=self.interval)
        with self.db.read() as tx:
            found = deletion.reclaimable(tx, before, MOST)
        gone = [one for one in found if self.db.with_retries(functools.partial(deletion.reclaim, server_id=one))]
        if gone:
            LOG.info('Deleted for good after %d seconds: %s', self.interval, ', '.join(gone))
        return len(gone)
