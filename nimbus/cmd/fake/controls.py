"""What steers a fake cloud for tests: chosen time, failures and answers, snapshots, and what was asked of it."""

import pathlib
import random
import threading
from typing import Any

from nimbus.cmd import wiring
from nimbus.cmd.fake import clock
from nimbus.cmd.fake.gate import App, Door, Gate
from nimbus.cmd.fake.hosts import Hosts
from nimbus.cmd.fake.operations import Chosen
from nimbus.cmd.fake.recorder import Recorder
from nimbus.cmd.fake.rules import Rules
from nimbus.cmd.fake.snapshots import Snapshots
from nimbus.common import errors
from nimbus.common.parts import Parts


class Controls:
    """The controls of one cloud."""

    def __init__(self, state: pathlib.Path, parts: Parts, hosts: Hosts, chance_seed: int) -> None:
        """`chance_seed` is what every chance is drawn from, so that a run can be repeated."""
        self.parts, self.hosts, self.chance_seed = parts, hosts, chance_seed
        self._chance = random.Random(chance_seed)
        self.recorder, self.rules = Recorder(state / 'requests.jsonl'), Rules(self._chance)
        self.chosen, self.door = Chosen(self._chance), Door()
        self.gates: list[Gate] = []
        self.page_limit: int | None = None
        self._state, self._at_work = state, threading.Lock()
        self.snapshots: Any = None
        self._cloud = wiring.Group()

    def keep(self, cloud: wiring.Group) -> None:
        """Snapshots are of this cloud."""
        self._cloud, conf = cloud, self.parts.conf
        images = pathlib.Path(conf.image.store_path or self._state / 'images')
        self.snapshots = Snapshots(self.parts, cloud, images, self._state / 'snapshots')

    def around(self, service: str, app: App) -> App:
        """The API behind a gate of these controls."""
        gate = Gate(service, app, self.door, self.recorder, self.rules)
        self.gates.append(gate)
        return gate

    def move_clock(self, seconds: float) -> None:
        """It is so much later, and what is done from time to time was done then.  Raises Invalid past the last day."""
        if clock.ahead() + seconds > clock.MOST:
            raise errors.Invalid(f'The clock can be at most {clock.MOST} seconds ahead.')
        clock.move(self.parts.db, seconds)
        clock.make_rounds(self._cloud.every())

    def limit_pages(self, rows: int | None) -> None:
        """Lists that come in pages have so many rows a page at most; None: as many as they have by themselves."""
        self.page_limit = rows
        for gate in self.gates:
            gate.page_limit = rows

    def take(self, name: str) -> None:
        """The cloud can be restored as it is now."""
        self._alone(lambda: self.snapshots.take(name))

    def restore(self, name: str) -> None:
        """The cloud is as it was, nothing is chosen any more, and every host is on."""
        if name not in self.snapshots.kept:
            raise errors.NotFound(f'There is no snapshot {name}.')
        self.reset()
        self._alone(lambda: self.snapshots.restore(name))

    def _alone(self, work: Any) -> None:
        """The work was done while no request was under way.  Raises Conflict where some do not end."""
        with self._at_work:
            try:
                # What a request begins may ask the APIs for more, so jobs end before the door is closed.
                self.snapshots.quiet()
                if not self.door.close():
                    raise errors.Conflict('Requests are under way that do not end.')
                work()
            finally:
                self.door.open()

    def reset(self) -> None:
        """Nothing is chosen: no failures, no answers, no delays, no page limit, the right time, and every host on."""
        self.rules.clear()
        self.chosen.clear()
        self.limit_pages(None)
        clock.set_right(self.parts.db)
        for name, is_on in self.hosts.names().items():
            if not is_on:
                self.hosts.revive(name)

    def shown(self) -> dict[str, Any]:
        """All that is chosen now."""
        return {
            'chance_seed': self.chance_seed,
            'clock': {'ahead': clock.ahead()},
            'times': self.chosen.delays,
            'faults': self.chosen.shown(),
            'answers': self.rules.shown(),
            'page_limit': self.page_limit,
            'hosts': {name: 'on' if is_on else 'off' for name, is_on in self.hosts.names().items()},
            'snapshots': sorted(self.snapshots.kept),
            'last_request': self.recorder.last,
        }
