"""The pretended hosts of a fake cloud: each dies with its agents and guests, and returns."""

import dataclasses
import datetime
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.cmd import services, wiring
from nimbus.common.agents.services import Service
from nimbus.common.parts import Parts
from nimbus.compute.agent.driver import SHUTDOWN
from nimbus.compute.agent.fake.host import FakeHost


class Hosts(wiring.Group):
    """The agents of every host; started and stopped as one, and host by host."""

    def __init__(self, conf: Any, parts: Parts, names: Sequence[str]) -> None:
        self._make = functools.partial(_agents, conf, parts.bus)
        self._db, self._down_time = parts.db, conf.service_down_time
        self._agents: dict[str, wiring.Group | None] = {name: self._make(name) for name in names}
        super().__init__(together=True)

    def every(self) -> Iterator[Any]:
        for agents in self._agents.values():
            if agents is not None:
                yield from agents.every()

    def start(self) -> None:
        for agents in self._agents.values():
            if agents is not None:
                agents.start()

    def stop(self) -> None:
        wiring.at_once([agents.stop for agents in self._agents.values() if agents is not None])

    def names(self) -> dict[str, bool]:
        """Each host, and whether it is on."""
        return {name: agents is not None for name, agents in self._agents.items()}

    def kill(self, name: str) -> None:
        """The host is off: its agents are silent, and so long that the cloud knows; its guests do not run."""
        agents, self._agents[name] = self._agents[name], None
        if agents is None:
            return
        agents.stop()
        there = FakeHost.named(name)
        there.settle_as({key: dataclasses.replace(guest, state=SHUTDOWN) for key, guest in there.all().items()})
        with self._db.write() as tx:
            for row in tx.rows(
                sa.select(Service.seq, Service.seen_at, Service.binary).where(Service.host.in_(_names(name)))
            ):
                if row.binary in OF_HOSTS:
                    silent = row.seen_at - datetime.timedelta(seconds=self._down_time + 1)
                    tx.update(Service, Service.seq == row.seq, seen_at=silent)

    def revive(self, name: str) -> None:
        """The host is on, and its agents report; what runs on it is for them to find."""
        if self._agents[name] is None:
            made = self._make(name)
            made.start()
            self._agents[name] = made


OF_HOSTS = (
    'nova-compute',
    'cinder-volume',
    'neutron-openvswitch-agent',
    'neutron-dhcp-agent',
    'neutron-l3-agent',
    'neutron-metadata-agent',
)


def _names(host: str) -> tuple[str, ...]:
    return host, f'{host}@fake'


def _agents(conf: Any, bus: Any, name: str) -> wiring.Group:
    return services.agents_of(conf, bus, [name])
