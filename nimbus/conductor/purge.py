"""Purges old rows from the database: deleted servers and images, and the jobs of subjects that are gone.

What still is keeps its whole history.
"""

import datetime
import functools
import logging
from collections.abc import Callable

from nimbus.common import jobs
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute.servers import servers
from nimbus.conductor.rounds import Rounds
from nimbus.image.images import images
from nimbus.volume import messages
from nimbus.volume.backups import backups
from nimbus.volume.volumes import snapshots, volumes

LOG = logging.getLogger(__name__)
LIVING = (servers, volumes, snapshots, backups)  # what a job is the history of for as long as it is there
BATCH = 200  # nouns purged in one transaction, so that no other writer waits long
INTERVAL = 3600  # seconds between two rounds
PAUSE = 0.05  # seconds between two transactions of one round


class Purge(Rounds):
    """Deleted things and ended jobs are kept for so many days; any number of conductors may do this side by side."""

    name = 'purge'
    warning = 'Old rows cannot be purged now'
    failure = 'Old rows cannot be purged'

    def __init__(self, database: db.Database, days: int, clock: Clock | None = None) -> None:
        """`days` of 0 keeps everything for ever; else a round is made every hour."""
        super().__init__(self.purge, INTERVAL if days else 0)
        self.db, self.days = database, days
        self._clock = clock or Clock()

    def purge(self) -> dict[str, int]:
        """What is older than the days is gone; returns how many of each kind that were."""
        before = self._clock.now() - datetime.timedelta(days=self.days)
        verbs: dict[str, Callable[[db.Tx], int]] = {
            'servers': lambda tx: servers.forget(tx, before, BATCH),
            'images': lambda tx: images.forget(tx, before, BATCH),
            'messages': lambda tx: messages.forget(tx, self._clock.now(), BATCH),
            # After the servers, whose jobs have no subject from then on.
            'jobs': lambda tx: jobs.forget(tx, before, BATCH, tuple(noun.every() for noun in LIVING)),
        }
        found = {what: self._all(verb) for what, verb in verbs.items()}
        if any(found.values()):
            LOG.info(
                'Purged after %s days: %s', self.days, ', '.join(f'{count} {what}' for what, count in found.items())
            )
        return found

    def _all(self, verb: Callable[[db.Tx], int]) -> int:
        total = 0
        while count := self.db.with_retries(functools.partial(verb)):
            total += count
            if self._stop.wait(PAUSE):
                break
        return total
