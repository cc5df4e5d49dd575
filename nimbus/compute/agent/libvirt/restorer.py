"""Give a guest a volume or network card again that it released after the detach was given up."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

import libvirt

from nimbus.common import errors
from nimbus.compute.agent.libvirt import cards, volumes
from nimbus.compute.agent.libvirt.waits import Waits

LOG = logging.getLogger(__name__)


class Restorer:
    """Looks at the devices of every guest at its start, and of a guest when libvirt reports one of it removed."""

    def __init__(self, guests: Callable[[], Iterable[str]], find: Callable[[str], Any], lock: Callable[[str], Any],
                 waits: Waits) -> None:  # fmt: skip
        """`find` gives the domain of a guest or None; `lock` is held by whoever changes one."""
        self._guests, self._find, self._lock, self._waits = guests, find, lock, waits
        self._lost: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name='device-restorer', daemon=True)

    def start(self) -> None:
        """Lost devices come back from now on."""
        self._thread.start()

    def stop(self) -> None:
        """The thread is gone; what was not looked at is at the next start."""
        self._lost.put(None)
        if self._thread.is_alive():
            self._thread.join(30)

    def look(self, guest_id: str) -> None:
        """The guest is looked at soon."""
        self._lost.put(guest_id)

    def _run(self) -> None:
        try:
            for guest_id in self._guests():
                self.look(guest_id)
        except (libvirt.libvirtError, errors.NimbusError) as why:
            LOG.warning('The guests whose devices should be checked cannot be listed: %s', why)
        while (guest_id := self._lost.get()) is not None:
            self._restore(guest_id)

    def _restore(self, guest_id: str) -> None:
        try:
            # An errand in hand may be what takes the disk away: it is waited for.
            with self._lock(guest_id):
                domain = self._find(guest_id)
                lost = [f'volume {known}' for known in volumes.restore(domain, self._waits)] if domain else []
                lost += [f'network card {mac}' for mac in cards.restore(domain, self._waits)] if domain else []
        except (libvirt.libvirtError, errors.NimbusError) as why:
            LOG.error(
                'Guest %s lost a volume or card that is attached to it, which cannot be attached again: %s',
                guest_id,
                why,
            )
            return
        for device in lost:
            LOG.warning('Guest %s let go of %s after that was given up; it has it again', guest_id, device)
