"""Takes servers off their hosts that have been shelved there for so long."""

import datetime
import functools
import logging

from nimbus.common import context, errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.servers.images import shelving
from nimbus.conductor.rounds import Rounds, often_enough

LOG = logging.getLogger(__name__)
MOST = 100  # servers looked for at once


class ShelvedOffload(Rounds):
    """Shelved servers keep their place for so many seconds; any number of conductors may do this side by side."""

    name = 'shelved-offload'
    warning = 'Shelved servers cannot be looked for now'
    failure = 'Shelved servers cannot be taken off their hosts'

    def __init__(self, database: db.Database, window: int, clock: Clock | None = None) -> None:
        """`window` of -1: they keep it for ever; of 0: none begins to, and those that still have one leave it."""
        super().__init__(self.offload, often_enough(window) if window >= 0 else 0)
        self.db, self.window = database, window
        self._clock = clock or Clock()

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
