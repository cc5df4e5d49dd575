"""Confirms resizes that nobody decided about for so long."""

import datetime
import functools
import logging

from nimbus.common import context, errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.servers.moves import moves, resizes
from nimbus.conductor.rounds import Rounds, often_enough

LOG = logging.getLogger(__name__)
MOST = 100  # resizes looked for at once


class AutoConfirm(Rounds):
    """Resizes wait so many seconds for a decision; any number of conductors may do this side by side."""

    name = 'auto-confirm'
    warning = 'Resizes that wait cannot be looked for now'
    failure = 'Resizes that wait cannot be confirmed'

    def __init__(self, database: db.Database, window: int, clock: Clock | None = None) -> None:
        """`window` of 0: they wait for ever."""
        super().__init__(self.confirm, often_enough(window) if window else 0)
        self.db, self.window = database, window
        self._clock = clock or Clock()

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
