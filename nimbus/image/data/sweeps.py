"""Removes the bytes of images whose rows another daemon deleted, such as old backups of servers."""

import logging
import threading

from nimbus.common import errors
from nimbus.image.data.transfers import Transfers

LOG = logging.getLogger(__name__)
INTERVAL = 60.0  # seconds between two looks


class Sweeps:
    """Looks into the store from time to time; any number of image services may do this side by side."""

    def __init__(self, transfers: Transfers, interval: float = INTERVAL) -> None:
        self._transfers, self._interval = transfers, interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='image-sweeps', daemon=True)

    def start(self) -> None:
        """Looks are made from now on."""
        self._thread.start()

    def stop(self) -> None:
        """No look is made any more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self._transfers.sweep()
            except (errors.NimbusError, OSError) as why:
                LOG.warning('Bytes of deleted images cannot be looked for now: %s', why)
            except Exception:
                LOG.exception('Bytes of deleted images cannot be looked for')
