"""Compare the guests that a host should have with those it has, and correct the difference."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from nimbus.common import errors
from nimbus.compute.agent.driver import CRASHED, PAUSED, RUNNING, SHUTDOWN, Driver, Missing
from nimbus.compute.guest import Guest

LOG = logging.getLogger(__name__)


class Healer:
    """Compares and corrects, once at the agent's start and then periodically."""

    def __init__(
        self, host: str, driver: Driver, desk: Any, *, resume: bool, shutdown_timeout: int, busy: Callable[[str], bool]
    ) -> None:
        """`busy(id)` says whether an errand for the guest is in hand here; such a guest is left alone."""
        self.host, self.driver, self.desk, self.busy = host, driver, desk, busy
        self.resume, self.shutdown_timeout = resume, shutdown_timeout
        self._logged: set[str] = set()
        self._waiting: set[str] = set()  # guests that will be tried to start again once more
        self._one = threading.Lock()

    def heal(self, starting: bool = False, retry: bool = False) -> bool:
        """Guests are as their servers should be, or the desk knows how they are; unknown guests are dealt with.

        Guests found off at the agent's `starting` are started again; with `retry`, one that cannot be started is tried
        again in the next round, for its ports may not be wired yet.  Returns whether that round should be soon.
        The desk is asked first: what changes between that and the look at the guests is in a job's hands, and the
        desk passes over reports on such servers.  Raises Unavailable.
        """
        with self._one:
            desired = {row['id']: row for row in self.desk.desired(self.host)}
            here = self.driver.guests()
            again = set(here if starting else self._waiting & set(here)) if self.resume else set()
            self._waiting = set()
            for server_id, row in desired.items():
                if not row['busy'] and not self.busy(server_id):
                    self._mend(server_id, row['power'], here.get(server_id), server_id in again, retry)
            gone = self._forsake()
            others = {guest for guest in here if guest not in desired} - gone
            self._strangers([guest for guest in here if guest in others and not self.busy(guest)])
            return bool(self._waiting)

    def _mend(self, server_id: str, power: str, state: str | None, resume: bool, retry: bool) -> None:
        try:
            if power == RUNNING and state in (None, SHUTDOWN, CRASHED):
                if resume and self._start(server_id, retry):
                    return
                LOG.warning('Server %s should run and its guest is %s', server_id, state or 'not here')
                self.desk.changed(self.host, server_id, state or SHUTDOWN)
            elif power == RUNNING and state == PAUSED:
                self.desk.changed(self.host, server_id, PAUSED)
            elif power == PAUSED and state in (None, SHUTDOWN, CRASHED):
                LOG.warning('Server %s should be paused and its guest is %s', server_id, state or 'not here')
                self.desk.changed(self.host, server_id, state or SHUTDOWN)
            elif power == PAUSED and state == RUNNING:
                LOG.warning('Server %s should be paused and its guest runs: it is paused', server_id)
                self.driver.pause(server_id)
            elif power == SHUTDOWN and state == RUNNING:
                LOG.warning('Server %s should be off and its guest runs: it is shut down', server_id)
                self.driver.stop(server_id, self.shutdown_timeout)
        except errors.Unavailable:
            raise
        except Exception:
            LOG.exception('The guest of server %s cannot be corrected', server_id)

    def _start(self, server_id: str, retry: bool) -> bool:
        """Whether the guest runs again, or is tried once more in the next round."""
        made = self.desk.guest(self.host, server_id)
        if made is None:
            return False
        self._waiting.add(server_id)
        try:
            self.driver.start(Guest.from_dict(made))
        except Exception as why:
            if retry:
                LOG.info('The guest of server %s cannot be started again yet: %s', server_id, why)
                return True
            self._waiting.discard(server_id)
            LOG.exception('The guest of server %s cannot be started again', server_id)
            return False
        self._waiting.discard(server_id)
        LOG.info('The guest of server %s was started again', server_id)
        return True

    def _forsake(self) -> set[str]:
        """Guests whose servers were brought to other hosts while this one was down do not run here; returns their ids.

        The desk names none whose server might still come back here.
        """
        gone = set()
        for row in self.desk.evacuated(self.host):
            if self.busy(row['id']):
                continue
            gone.add(row['id'])
            try:
                self.driver.forsake(row['id'], None, row['kept'])
            except Exception:
                LOG.exception('The guest of server %s, which was evacuated from this host, is still here', row['id'])
                continue
            LOG.warning('Server %s was evacuated from this host: its guest does not run here any more', row['id'])
            self.desk.forsaken(self.host, row['move'])
        return gone

    def _strangers(self, strangers: list[str]) -> None:
        """Of unknown guests, those of deleted servers are destroyed; all others are logged, once."""
        doomed = set(self.desk.strangers(self.host, strangers)) if strangers else set()
        for guest in strangers:
            if guest in doomed:
                LOG.warning('Guest %s belongs to a server that is deleted or elsewhere: it is destroyed', guest)
                self._destroy(guest)
            elif guest not in self._logged:
                LOG.error('Guest %s does not belong on this host as far as the cloud knows; it is left alone', guest)
                self._logged.add(guest)

    def _destroy(self, guest: str) -> None:
        """The guest is gone; disks that another host may use stay, unless their server is deleted."""
        if self.driver.on_shared_storage(guest) and not self.desk.deleted(self.host, [guest]):
            self.driver.forsake(guest, None, True)
        else:
            self.driver.destroy(guest)

    def seen(self, server_id: str, state: str) -> None:
        """The driver saw the guest change; it is reported unless an errand, or this, is at work on the guest."""
        if self.busy(server_id) or server_id in self._waiting:
            return
        try:
            self.desk.changed(self.host, server_id, self.driver.state(server_id))
        except Missing:
            return
        except errors.Unavailable as why:
            LOG.warning(
                'The desk was not reached to report guest %s as %s; the next round does: %s', server_id, state, why
            )
        except Exception:
            LOG.exception('The report that guest %s is %s was not sent', server_id, state)
