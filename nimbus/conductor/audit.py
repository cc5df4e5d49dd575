"""Compares what is counted with what there is, every so often, and mends and logs what differs."""

import logging
import threading

from nimbus.common import db, errors
from nimbus.compute import servers
from nimbus.scheduler import claims

LOG = logging.getLogger(__name__)


class Audit:
    """Claims and the hosts' counters follow the servers; any number of conductors may do this side by side."""

    def __init__(self, database: db.Database, interval: float = 60) -> None:
        self.db, self.interval = database, interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='audit', daemon=True)

    def start(self) -> None:
        """The first comparison is made one interval from now, when what a restart left half-done has gone on."""
        self._thread.start()

    def stop(self) -> None:
        """No comparison is made any more."""
        self._stop.set()
        self._thread.join()

    def audit(self) -> list[str]:
        """Nothing is claimed that no server has; returns a sentence for each mend."""
        with self.db.write() as tx:
            return claims.heal(tx, servers.claimants(tx))

    def _run(self) -> None:
        while not self._stop.wait(self.interval):
            try:
                self.audit()
            except errors.Unavailable as why:
                LOG.warning('Claims cannot be compared with servers: %s', why)
            except Exception:
                LOG.exception('Claims cannot be compared with servers')
