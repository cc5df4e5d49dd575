"""Takes servers off their hosts that have been shelved there for so long."""

import datetime
import functools
import logging
import threading

from nimbus.common import context, errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.servers.images import shelving

LOG = logging.getLogger(__name__)
MOST = 100  # servers looked for at once
LOOK = 60.0  # seconds between two looks, at most


class ShelvedOffload:
    """Shelved servers keep their place for so many seconds; any number of conductors may do this side by side."""

    def __init__(self, database: db.Database, window: int, clock: Clock | None = None) -> None:
        """`window` of -1: they keep it for ever; of 0: none begins to, and those that still have one leave it."""
        self.db, self.window = database, window
        self._clock = clock or Clock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Looks are made from now on."""
        if self.window >= 0:
            self._thread = threading.Thread(target=self._run, name='shelved-offload', daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No look is made any more."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def offload(self) -> int:
        """Those whose time is over are being taken off their hosts; returns how many."""
        before = self._clock.now() - datetime.timedelta(seconds=self.window)
        with self.db.read() as tx:
            found = shelving.due(tx, before, MOST)
        return sum(self._offload(server_id) for server_id in found)

    def _offload(self, server_id: str) -> bool:
        offload = functools.partial(shelving.begin_offload, asker=context.internal(), server_id=server_id)
        try:
            self.db.with_retries(offload)
        except (errors.Conflict, errors.Invalid, errors.NotFound) as why:
            LOG.info('Shelved server %s is not taken off its host: %s', server_id, why)
            return False
        LOG.info('Server %s was shelved for %d seconds and is taken off its host', server_id, self.window)
        return True

    def _run(self) -> None:
        while not self._stop.wait(min(LOOK, max(1, self.window / 4)) if self.window else LOOK):
            try:
                self.offload()
            except errors.Unavailable as why:
                LOG.warning('Shelved servers cannot be looked for now: %s', why)
            except Exception:
                LOG.exception('Shelved servers cannot be taken off their hosts')
