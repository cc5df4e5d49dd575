"""Pretended guests that come from a host that is down, and what is left of those that went while this host was."""

import dataclasses
from collections.abc import Callable

from nimbus.compute.agent.driver import SHUTDOWN
from nimbus.compute.agent.fake.guests import Guests
from nimbus.compute.agent.fake.host import FakeGuest
from nimbus.compute.guest import Guest


class Evacuating(Guests):
    """The driver's verbs for guests that change their host while one of the two is down."""

    _check_room: Callable[[Guest], None]
    _made: Callable[[Guest, str | None], FakeGuest]

    def shares(self, guest_id: str, source: str) -> bool:
        self._meet('shares')
        owners = self._owners(guest_id)
        return bool(owners) and (owners[-1] != self.host.name or len(owners) > 1)

    def take_over(self, guest: Guest, source: str, root: str | None, runs: bool) -> None:
        with self.host.lock(guest.id):
            if self.host.find(guest.id) is not None:
                return
            self._meet('take_over')
            self._check_room(guest)
            made = self._made(guest, root)
            if self.host.storage is not None:
                self.host.storage.setdefault(guest.id, []).append(self.host.name)
            self.host.put(guest.id, made if runs else dataclasses.replace(made, state=SHUTDOWN))

    def forsake(self, guest_id: str, heir: str | None, kept: bool) -> None:
        with self.host.lock(guest_id):
            self._meet('forsake')
            owners = self._owners(guest_id)
            if heir and owners[-1:] == [self.host.name]:
                owners.pop()
            elif self.host.find(guest_id) is not None and not kept and not self.on_shared_storage(guest_id):
                self.host.aside.add(guest_id)
            self.host.drop(guest_id)

    def on_shared_storage(self, guest_id: str) -> bool:
        owners = self._owners(guest_id)
        return len(owners) > 1 or owners[-1:] not in ([], [self.host.name])

    def forget_forsaken(self, max_age: float) -> list[str]:
        old, self.host.aside = sorted(self.host.aside), set()
        return old

    def _owners(self, guest_id: str) -> list[str]:
        """The names of the hosts that the guest's disks were of, the one of now last; none without shared storage."""
        return (self.host.storage or {}).get(guest_id, [])
