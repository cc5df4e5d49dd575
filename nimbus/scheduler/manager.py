"""The scheduler daemon: serves its RPC contract and keeps its list of hosts up to date."""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from nimbus.common import errors
from nimbus.common.clock import Clock
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.scheduler import claims, options, plugins
from nimbus.scheduler.host_cache import HostCache
from nimbus.scheduler.request_spec import Request
from nimbus.scheduler.rpc import Scheduler

LOG = logging.getLogger(__name__)
RELOAD = 60  # looks between two readings of everything, which also sees deleted hosts


class SchedulerServer(Scheduler):
    """Serves topic `scheduler`."""

    def __init__(
        self,
        database: db.Database,
        *,
        down_time: float = 30,
        filters: Sequence[str] | None = None,
        weighers: Sequence[str] | None = None,
        settings: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Raises LookupError when a filter, weigher or driver is named that is not there, or a filter is not available.

        `filters` and `weighers` are those that the settings enable, where none are given.
        """
        said = dict(settings or options.settings())
        filters = said['enabled_filters'] if filters is None else filters
        weighers = said['enabled_weighers'] if weighers is None else weighers
        available = said['available_filters']
        chosen = (
            plugins.load(plugins.FILTERS, '[scheduler] enabled_filters', filters, said, available),
            plugins.load(plugins.WEIGHERS, '[scheduler] enabled_weighers', weighers, said),
        )
        metrics = any('metrics' in each.needs for some in chosen for each in some)
        self.db = database
        self.cache = HostCache(database, down_time, clock, metrics=metrics)
        driver = plugins.find(plugins.DRIVERS, '[scheduler] driver', [said['driver']])[0]
        self.placer = driver(database, self.cache, *chosen, said)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Reports and changes of others are looked for from now on, off every request's path."""
        self._thread = threading.Thread(target=self._look, name='scheduler-look', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nothing is looked for any more."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def place(self, context: Context, server_id: str, request: dict[str, Any]) -> dict[str, Any]:
        found = self.placer.place(server_id, Request.from_dict(request))
        LOG.info('Server %s is placed on host %s', server_id, found['host'])
        return found

    def release(self, context: Context, server_id: str) -> None:
        with self.db.write() as tx:
            claims.release(tx, server_id)

    def _look(self) -> None:
        rounds = 0
        while not self._stop.wait(self.cache.interval):
            try:
                rounds += 1
                if rounds % RELOAD == 0:
                    self.cache.reload()
                else:
                    self.cache.look()
            except errors.Unavailable as why:
                LOG.warning('The hosts cannot be read: %s', why)
