"""Moves of pretended guests between the pretended hosts of one process."""

import dataclasses
from collections.abc import Callable
from typing import Any

from nimbus.compute.agent.driver import SHUTDOWN, Missing, Refused
from nimbus.compute.agent.fake.guests import Guests
from nimbus.compute.agent.fake.host import FakeHost
from nimbus.compute.guest import Guest


class FakeMoves(Guests):
    """The driver's verbs that take guests to another host."""

    _check_disk: Callable[[Guest], None]

    def send(self, guest_id: str, move_id: str) -> dict[str, Any]:
        with self.host.lock(guest_id):
            known = self._known(guest_id)
            self._meet('send')
            if known.state != SHUTDOWN:
                raise Refused(f'Guest {guest_id} is {known.state}.')
            self.host.put(guest_id, dataclasses.replace(known, offered=True))
            return {'host': self.host.name, 'folder': self.host.folder}

    def receive(self, guest: Guest, move_id: str, offer: dict[str, Any]) -> None:
        with self.host.lock(guest.id):
            known = self.host.find(guest.id)
            if known is not None and known.came_by == move_id:
                return
            self._meet('receive')
            there = FakeHost.named(offer['host'], offer['folder']).find(guest.id)
            if there is None or not there.offered:
                raise Missing(f'Host {offer["host"]} does not offer guest {guest.id}.')
            self._check_disk(guest)
            sizes = {'vcpus': guest.vcpus, 'memory_mb': guest.memory_mb, 'disk_gb': guest.local_gb}
            kept = {'kept_gb': 0, 'kept_for': None, 'copied_for': None, 'volumes': {}}
            self.host.put(guest.id, dataclasses.replace(there, **sizes, **kept, offered=False, came_by=move_id))

    def withhold(self, guest_id: str) -> None:
        with self.host.lock(guest_id):
            self._meet('withhold')
            known = self.host.find(guest_id)
            if known is not None:
                self.host.put(guest_id, dataclasses.replace(known, offered=False))
