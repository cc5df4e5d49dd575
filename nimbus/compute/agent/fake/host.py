"""The simulated host of the fake driver: its guests, its size, and the failures that a test sets.

It stands outside the driver, as QEMU stands outside an agent: an agent that is made anew finds its guests
running.  With a folder they are kept as files and outlive the process too.
"""

import dataclasses
import json
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

from nimbus.common.agents.failures import Failures
from nimbus.compute.agent.driver import CRASHED, PAUSED, RUNNING, SHUTDOWN
from nimbus.compute.agent.fake.consoles import Consoles


@dataclasses.dataclass(frozen=True)
class FakeGuest:
    """The state of one simulated guest."""

    name: str
    state: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    volumes: dict[str, str]
    base: str | None
    console: str
    macs: list[str] = dataclasses.field(default_factory=list)  # of its network cards
    saved: bool = False  # off, with its memory kept
    rescue: str | None = None  # the base of the disk that it was started from to be repaired
    kept_gb: int = 0  # of the disks it had before it was resized, while they are kept
    kept_for: str | None = None  # the move that they are kept for
    copied_for: str | None = None  # the image that a copy of its disk is kept for
    offered: bool = False  # its disks can be fetched by another host
    came_by: str | None = None  # the move by which it came to this host


class FakeHost(Failures):
    """One simulated host; all drivers of its name in this process share it."""

    _hosts: dict[tuple[str, str | None], 'FakeHost'] = {}
    _naming = threading.Lock()

    @classmethod
    def named(
        cls,
        name: str,
        folder: str | None = None,
        vcpus: int = 64,
        memory_mb: int = 262144,
        disk_gb: int = 4096,
    ) -> 'FakeHost':
        """The host of that name, made when there is none."""
        with cls._naming:
            if (name, folder) not in cls._hosts:
                cls._hosts[name, folder] = cls(name, folder, vcpus, memory_mb, disk_gb)
            return cls._hosts[name, folder]

    @classmethod
    def every(cls) -> list['FakeHost']:
        """Every host that is known to this process."""
        with cls._naming:
            return list(cls._hosts.values())

    @classmethod
    def forget(cls) -> None:
        """No host is known to this process; files stay.  As after a restart of the process."""
        with cls._naming:
            cls._hosts.clear()

    def __init__(self, name: str, folder: str | None, vcpus: int, memory_mb: int, disk_gb: int) -> None:
        super().__init__()
        self.name, self.folder = name, folder
        self.vcpus, self.memory_mb, self.disk_gb = vcpus, memory_mb, disk_gb
        self.listeners: list[Callable[[str, str], None]] = []
        self.broken: set[str] = set()  # guests whose move to another host is being broken off
        self.forced: set[str] = set()  # guests whose move is to end soon
        self._guard = threading.Lock()
        self._locks: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self.storage: dict[str, list[str]] | None = None  # whose the disks on shared storage are, and were before
        self.aside: set[str] = set()  # guests whose disks were kept when they had gone elsewhere
        self._guests: dict[str, FakeGuest] = {}
        self.consoles = Consoles()
        if folder:
            os.makedirs(folder, exist_ok=True)
            self._load(folder)

    # ---------------------------------------------------------------- for tests
    def share(self, *others: 'FakeHost') -> None:
        """The disks of the guests of these hosts stand on storage that they share."""
        self.storage = {guest_id: [host.name] for host in (self, *others) for guest_id in host.all()}
        for host in others:
            host.storage = self.storage

    def settle_as(self, guests: dict[str, FakeGuest]) -> None:
        """The guests are these and no others, and nobody is told; for a host in memory."""
        with self._guard:
            gone = self._guests.keys() - guests.keys()
            self._guests = dict(guests)
        for guest_id in gone:
            self.consoles.drop(guest_id)

    def crash(self, guest_id: str) -> None:
        """The guest has died under its driver, as when QEMU is killed."""
        with self.lock(guest_id):
            guest = self.find(guest_id)
            if guest is None:
                raise KeyError(guest_id)
            self.put(guest_id, dataclasses.replace(guest, state=CRASHED))

    # ---------------------------------------------------------------- for the driver
    def lock(self, guest_id: str) -> Any:
        """A lock of the guest's own, reentrant."""
        with self._guard:
            return self._locks.setdefault(guest_id, threading.RLock())

    def find(self, guest_id: str) -> FakeGuest | None:
        """The guest as it is now, None when there is none."""
        return self._guests.get(guest_id)

    def all(self) -> dict[str, FakeGuest]:
        """Every guest on the host."""
        with self._guard:
            return dict(self._guests)

    def put(self, guest_id: str, guest: FakeGuest) -> None:
        """The guest is as given; those who listen hear of a change of state."""
        with self._guard:
            before = self._guests.get(guest_id)
            self._guests[guest_id] = guest
        if guest.state not in (RUNNING, PAUSED):
            self.consoles.drop(guest_id)
        if self.folder:
            self._keep(self.folder, guest_id, guest)
        if before is None or before.state != guest.state:
            for listener in list(self.listeners):
                listener(guest_id, guest.state)

    def drop(self, guest_id: str) -> None:
        """The guest is gone."""
        with self._guard:
            gone = self._guests.pop(guest_id, None)
        self.consoles.drop(guest_id)
        if self.folder:
            try:
                os.unlink(os.path.join(self.folder, f'{guest_id}.json'))
            except FileNotFoundError:
                pass
        if gone is not None and gone.state == RUNNING:
            for listener in list(self.listeners):
                listener(guest_id, SHUTDOWN)

    def _load(self, folder: str) -> None:
        for name in os.listdir(folder):
            if name.endswith('.json'):
                with open(os.path.join(folder, name)) as file:
                    self._guests[name.removesuffix('.json')] = FakeGuest(**json.load(file))

    def _keep(self, folder: str, guest_id: str, guest: FakeGuest) -> None:
        path = os.path.join(folder, f'{guest_id}.json')
        with open(path + '.part', 'w') as file:
            json.dump(dataclasses.asdict(guest), file)
        os.replace(path + '.part', path)
