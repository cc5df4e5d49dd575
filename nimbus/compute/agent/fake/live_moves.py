"""Moves of pretended guests that run, between the pretended hosts of one process."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from nimbus.compute.agent.driver import PAUSED, RUNNING, SHUTDOWN, Missing, Refused
from nimbus.compute.agent.fake.guests import Guests
from nimbus.compute.agent.fake.host import FakeGuest, FakeHost
from nimbus.compute.guest import Guest

PAUSE = 0.05  # seconds between two looks at a move that takes its time
MIB = 1 << 20


class FakeLiveMoves(Guests):
    """The driver's verbs that take running guests to another host."""

    _check_room: Callable[[Guest], None]

    def live_facts(self, guest_id: str) -> dict[str, Any]:
        self._meet('live_facts')
        return {'state': self._known(guest_id).state, 'hypervisor': 'fake'}

    def live_check(self, guest: Guest, move_id: str, facts: dict[str, Any]) -> dict[str, Any]:
        self._meet('live_check')
        if facts['hypervisor'] != 'fake':
            raise Refused(f'Guest {guest.id} is none of a pretended host.')
        self._check_room(guest)
        return {'host': self.host.name, 'folder': self.host.folder}

    def live_reach(self, guest_id: str, target: dict[str, Any], block: bool | None) -> bool:
        self._meet('live_reach')
        if block is False and self._known(guest_id).disk_gb:
            raise Refused(f'Guest {guest_id} has disks that {target["host"]} does not share, and they are not copied.')
        return False

    def live_prepare(self, guest: Guest, move_id: str, facts: dict[str, Any], target: dict[str, Any]) -> None:
        with self.host.lock(guest.id):
            known = self.host.find(guest.id)
            if known is not None and (known.came_by == move_id or known.state in (RUNNING, PAUSED)):
                return
            self._meet('live_prepare')
            self._check_room(guest)
            made = FakeGuest(guest.name, SHUTDOWN, guest.vcpus, guest.memory_mb, guest.local_gb, {}, None, '')
            self.host.put(guest.id, dataclasses.replace(made, came_by=move_id))

    def live_move(
        self, guest: Guest, move_id: str, target: dict[str, Any], report: Callable[[dict[str, int]], None]
    ) -> None:
        there = FakeHost.named(target['host'], target['folder'])
        with self.host.lock(guest.id):
            known = self.host.find(guest.id)
            if known is None or known.state not in (RUNNING, PAUSED):
                return
            self.host.broken.discard(guest.id)
        self._meet('live_move')
        self._copy(guest.id, known.memory_mb * MIB, report)
        with self.host.lock(guest.id), there.lock(guest.id):
            prepared = there.find(guest.id)
            if prepared is None or prepared.came_by != move_id:
                raise Refused(f'Host {target["host"]} does not wait for guest {guest.id}.')
            wanted = {volume.id: volume.device for volume in guest.volumes}
            there.put(guest.id, dataclasses.replace(self._known(guest.id), came_by=move_id, volumes=wanted))
            self.host.drop(guest.id)

    def _copy(self, guest_id: str, total: int, report: Callable[[dict[str, int]], None]) -> None:
        """The time that a move takes is over, or it was forced.  Raises Refused when it was broken off."""
        lasts, began = self.settings.least_seconds, time.monotonic()
        while (gone := time.monotonic() - began) < lasts and guest_id not in self.host.forced:
            done = int(total * gone / lasts)
            report({'memory_total': total, 'memory_processed': done, 'memory_remaining': total - done})
            if guest_id in self.host.broken:
                break
            self._sleep(min(PAUSE, lasts))
        self.host.forced.discard(guest_id)
        if guest_id in self.host.broken:
            self.host.broken.discard(guest_id)
            raise Refused(f'The move of guest {guest_id} was broken off.')

    def live_arrived(self, guest_id: str) -> None:
        self._meet('live_arrived')
        if self._known(guest_id).state not in (RUNNING, PAUSED):
            raise Missing(f'Guest {guest_id} did not come to this host.')

    def live_here(self, guest_id: str) -> bool:
        known = self.host.find(guest_id)
        return known is not None and known.state in (RUNNING, PAUSED)

    def live_drop(self, guest_id: str, shared: bool) -> None:
        with self.host.lock(guest_id):
            self._meet('live_drop')
            if not self.live_here(guest_id):
                self.host.drop(guest_id)

    def live_abort(self, guest_id: str) -> None:
        self._known(guest_id)
        self.host.broken.add(guest_id)

    def live_force(self, guest_id: str) -> None:
        self._known(guest_id)
        self.host.forced.add(guest_id)
