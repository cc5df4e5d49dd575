"""Compares quota counters and claims with the rows they count, periodically; corrects and logs differences."""

import functools
import logging

from nimbus.common import clock
from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.common.quotas import Recount
from nimbus.compute import quotas as compute_quotas
from nimbus.compute.servers import servers
from nimbus.conductor.rounds import Rounds
from nimbus.image.images import images
from nimbus.network import quotas as network_limits
from nimbus.scheduler import claims
from nimbus.volume import quotas as volume_quotas
from nimbus.volume.volumes import attachments

LOG = logging.getLogger(__name__)
RECOUNTS = (compute_quotas.RECOUNT, network_limits.RECOUNT, volume_quotas.RECOUNT, images.RECOUNT)


class Audit(Rounds):
    """Claims and counters follow the rows; any number of conductors may do this side by side."""

    name = 'audit'
    warning = 'Counters cannot be compared with rows'
    failure = 'Counters cannot be compared with rows'

    def __init__(self, database: db.Database, interval: float = 60) -> None:
        """The first comparison is made one interval from the start, when what a restart left half-done has gone on."""
        super().__init__(self.audit, interval)
        self.db = database

    def audit(self) -> list[str]:
        """Nothing is claimed that no server has, and quotas say what there is; returns a sentence for each mend."""
        with self.db.write() as tx:
            mended = claims.heal(tx, servers.claimants(tx))
            mended += attachments.settle_abandoned(tx, clock.Clock().now())
            if tx.publisher is None:
                outbox.forget(tx, 0)  # of a time when notifications were configured
        for recount in RECOUNTS:
            mended += self._recount(recount)
        return mended

    def _recount(self, recount: Recount) -> list[str]:
        with self.db.read() as tx:
            suspects = recount.suspects(tx)
        mended = []
        for project in suspects:
            differed = self.db.with_retries(functools.partial(recount.mend, project_id=project))
            for resource, (was, count) in sorted(differed.items()):
                mended.append(
                    f"The {recount.quotas.service} quota's counter of {resource} of project {project or '(none)'} "
                    f'said {was} and there are {count}: it says {count} now.'
                )
                LOG.warning('%s', mended[-1])
        return mended
