"""Tells the database that a daemon without an agent is up."""

import logging
import threading

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.parts import Parts

LOG = logging.getLogger(__name__)


class Presence:
    """Reports regularly to the database that a daemon is up."""

    def __init__(self, parts: Parts, kind: services.Kind, host: str, interval: float) -> None:
        self._parts, self._kind, self._host, self._interval = parts, kind, host, interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f'present-{kind.binary}', daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        started = True
        while True:
            try:
                with self._parts.db.write() as tx:
                    services.report(tx, self._kind, self._host, {}, started=started)
                started = False
            except errors.Unavailable as why:
                LOG.warning('%s cannot report that it is up: %s', self._kind.binary, why)
            if self._stop.wait(self._interval):
                return
