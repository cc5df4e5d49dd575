"""The operations of pretended hosts that can be slowed and made to fail, with the errors that real ones raise."""

import random
from collections.abc import Iterator

from nimbus.common import errors
from nimbus.common.agents.failures import Failure, Failures
from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.fake.guests import CHANGES
from nimbus.compute.agent.fake.host import FakeHost
from nimbus.network.agent.fake import driver as fake_network
from nimbus.volume.agent.fake import driver as fake_volumes

COMPUTE = CHANGES | {'live_check', 'live_prepare', 'live_move'}
VOLUME = frozenset(('create', 'extend', 'delete', 'snapshot', 'delete_snapshot', 'revert', 'connect'))
OPERATIONS = (
    *(f'compute.{verb}' for verb in sorted(COMPUTE)),
    'network.wire',
    *(f'volume.{verb}' for verb in sorted(VOLUME)),
)
FULL = 'The volume store is full.'


class Chosen:
    """What was chosen for the operations of every host, and is met by those too that come later."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._number = chance, 0
        self.faults: dict[str, tuple[dict[str, object], Failure, list[Failures]]] = {}
        self.delays: dict[str, float] = {}

    def fail(self, operation: str, host: str | None, times: int | None, every: int, share: float, why: str) -> str:
        """The operation fails so from now on, on that host or on all; returns the choice's number.

        Raises NotFound where there is no such host.
        """
        parts = [part for name, part in parts_of(operation) if host in (None, name)]
        if not parts:
            raise errors.NotFound(f'There is no host {host}; there are {", ".join(sorted(hosts_of(operation)))}.')
        self._number += 1
        number = f'f{self._number}'
        chance = self._chance if share < 1 else None
        failure = Failure(operation.partition('.')[2], error_of(operation, why), times, every, chance, share)
        for part in parts:
            part.choose(failure)
        told = {'operation': operation, 'host': host, 'times': times, 'every': every, 'chance': share, 'message': why}
        self.faults[number] = told, failure, parts
        return number

    def drop(self, number: str) -> bool:
        """The choice is over; whether there was one."""
        if number not in self.faults:
            return False
        _, failure, parts = self.faults.pop(number)
        for part in parts:
            part.take_back(failure)
        return True

    def delay(self, operation: str, seconds: float) -> None:
        """The operation takes so much longer on every host; for * all that change something do."""
        for name in OPERATIONS if operation == '*' else (operation,):
            self.delays[name] = seconds
            for _, part in parts_of(name):
                part.delay(name.partition('.')[2], seconds)
        self.delays = {name: one for name, one in self.delays.items() if one}

    def clear(self) -> None:
        """Nothing is chosen, and what waited goes on."""
        self.faults.clear()
        self.delays.clear()
        for room in ('compute', 'network', 'volume'):
            for _, part in parts_of(f'{room}.'):
                part.clear()

    def shown(self) -> list[dict[str, object]]:
        """Each choice with its number, and how often it may still strike."""
        return [
            {'id': number, **told, 'left': failure.times, 'calls': failure.seen}
            for number, (told, failure, _) in self.faults.items()
        ]


def parts_of(operation: str) -> Iterator[tuple[str, Failures]]:
    """Each host's part that carries out the operation, by the host's name."""
    room = operation.partition('.')[0]
    if room == 'compute':
        yield from ((there.name, there) for there in FakeHost.every())
    elif room == 'network':
        yield from ((name, there.chosen) for name, there in list(fake_network.HOSTS.items()))
    else:
        yield from list(fake_volumes.HOSTS.items())


def hosts_of(operation: str) -> set[str]:
    """The hosts that carry out the operation."""
    return {name for name, _ in parts_of(operation)}


def error_of(operation: str, why: str) -> Exception:
    """The error by which a real host refuses the operation; `why` is for operators to read."""
    room, _, verb = operation.partition('.')
    if room == 'compute':
        if verb.startswith('live_'):
            return Refused(f'The hypervisor did not {verb} the guest.', inside=why or None)
        return errors.NimbusError(f'The hypervisor did not {verb} the guest.', inside=why or None)
    if room == 'network':
        return errors.NimbusError(why or 'The port could not be wired on this host.')
    return errors.Unavailable(why or FULL)
