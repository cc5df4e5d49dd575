"""Confirms resizes that nobody decided about for so long."""

import datetime
import functools
import logging
import threading

from nimbus.common import context, errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.servers.moves import moves, resizes

LOG = logging.getLogger(__name__)
MOST = 100  # resizes looked for at once
LOOK = 60.0  # seconds between two looks, at most


class AutoConfirm:
    """Resizes wait so many seconds for a decision; any number of conductors may do this side by side."""

    def __init__(self, database: db.Database, window: int, clock: Clock | None = None) -> None:
        """`window` of 0: they wait for ever."""
        self.db, self.window = database, window
        self._clock = clock or Clock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Looks are made from now on."""
        if self.window:
            self._thread = threading.Thread(target=self._run, name='auto-confirm', daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No look is made any more."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def confirm(self) -> int:
        """Resizes whose time is over are being confirmed; returns how many."""
        before = self._clock.now() - datetime.timedelta(seconds=self.window)
        with self.db.read() as tx:
            found = [move.server_id for move in moves.finished_before(tx, before, MOST)]
        return sum(self._confirm(server_id) for server_id in found)

    def _confirm(self, server_id: str) -> bool:
        confirm = functools.partial(resizes.confirm, asker=context.internal(), server_id=server_id)
        try:
            self.db.with_retries(confirm)
        except (errors.Conflict, errors.Invalid, errors.NotFound) as why:
            LOG.info('The resize of server %s is not confirmed: %s', server_id, why)
            return False
        LOG.info('The resize of server %s waited for %d seconds and is confirmed', server_id, self.window)
        return True

    def _run(self) -> None:
        while not self._stop.wait(min(LOOK, max(1, self.window / 4))):
            try:
                self.confirm()
            except errors.Unavailable as why:
                LOG.warning('Resizes that wait cannot be looked for now: %s', why)
            except Exception:
                LOG.exception('Resizes that wait cannot be confirmed')
