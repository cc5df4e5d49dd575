"""The guests of a simulated host as its driver finds them, and the failures that it meets."""

import dataclasses
import time
from collections.abc import Callable

from nimbus.compute.agent.driver import Missing
from nimbus.compute.agent.fake.host import FakeGuest, FakeHost


@dataclasses.dataclass(frozen=True)
class FakeSettings:
    """The name of the simulated host that a driver drives, and its size when it is new."""

    host: str
    folder: str | None = None  # where its guests are kept too, to outlive the process
    vcpus: int = 64
    memory_mb: int = 262144
    disk_gb: int = 4096
    host_ip: str = '127.0.0.1'
    least_seconds: float = 0  # how long each change of a guest takes at least


CHANGES = frozenset(('spawn', 'destroy', 'start', 'stop', 'reboot', 'rebuild', 'attach', 'detach', 'plug', 'unplug'))
CHANGES |= {'pause', 'unpause', 'suspend', 'resume', 'rescue', 'unrescue', 'resize', 'unresize', 'snapshot', 'receive'}
CHANGES |= {'take_over', 'forsake', 'copy_volume', 'grow_volume'}


class Guests:
    """What every part of the driver stands on."""

    def __init__(self, settings: FakeSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings, self._sleep = settings, sleep
        self.host = FakeHost.named(settings.host, settings.folder, settings.vcpus, settings.memory_mb, settings.disk_gb)

    def _known(self, guest_id: str) -> FakeGuest:
        known = self.host.find(guest_id)
        if known is None:
            raise Missing(f'Guest {guest_id} is not on this host.')
        return known

    def _meet(self, verb: str) -> None:
        if self.settings.least_seconds and verb in CHANGES:
            self._sleep(self.settings.least_seconds)
        self.host.meet(verb, self._sleep)
