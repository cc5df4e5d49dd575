"""Control Open vSwitch: ports and their external ids through OVSDB, flows through ovs-ofctl."""

import dataclasses
import logging

from nimbus.network.agent.ovs import datapath
from nimbus.network.agent.ovs.flow_table import FlowTable
from nimbus.network.agent.ovs.ovsdb import Database

LOG = logging.getLogger(__name__)
MADE = 'nimbus-made'
VLAN = 'nimbus-vlan-'
LAST_VLAN = 4094


@dataclasses.dataclass(frozen=True)
class Plugged:
    """A port that stands in the bridge."""

    name: str
    tag: int | None
    number: int | None  # the OpenFlow port; None without a device
    ids: dict[str, str]  # the interface's external_ids


class Switch:
    """One bridge of one Open vSwitch."""

    def __init__(self, database: str, bridge: str, asked: str | None, timeout: float = 10) -> None:
        self.database = Database(database, timeout)
        self.bridge = bridge
        self._asked = asked  # a datapath; None: the best that the host has
        self._chosen: str | None = None
        self._table = FlowTable(database, bridge)

    def open(self) -> None:
        """The bridge stands, secure until its flows are written.  Raises OSError when the switch is away."""
        self.database.open()
        if self._chosen is None:
            self._chosen = self._choose_datapath()
        api = self.database.api
        if self.database.row('Bridge', self.bridge) is None:
            self.database.commit(
                api.add_br(self.bridge, may_exist=True, datapath_type=self._chosen),
                api.db_set('Bridge', self.bridge, ('external_ids', {MADE: 'true'})),
            )
        wanted = (('datapath_type', self._chosen), ('fail_mode', 'secure'))
        self.database.commit(api.db_set('Bridge', self.bridge, *wanted))

    @property
    def datapath(self) -> str | None:
        """The datapath of the bridge; None before `open`."""
        return self._chosen

    def close(self) -> None:
        """The connection and its thread are gone."""
        self.database.close()
        self._table.forget()

    def plugged(self, only: set[str] | None = None) -> dict[str, Plugged]:
        """Every port of the bridge, or the named ones that are there, from the database's live copy."""
        row = self.database.row('Bridge', self.bridge)
        found = {}
        for port in row.ports if row else ():
            name = port.name
            if only is not None and name not in only:
                continue
            interface = port.interfaces[0]
            number = interface.ofport[0] if interface.ofport else None
            number = number if number and number > 0 else None
            found[name] = Plugged(name, port.tag[0] if port.tag else None, number, dict(interface.external_ids))
        found.pop(self.bridge, None)
        return found

    def vlans(self) -> dict[str, int]:
        """The local VLAN of each network, as the bridge's external ids record it."""
        row = self.database.row('Bridge', self.bridge)
        ids = row.external_ids if row else {}
        return {key.removeprefix(VLAN): int(tag) for key, tag in ids.items() if key.startswith(VLAN)}

    def number_networks(self, networks: set[str]) -> dict[str, int]:
        """Every named network has a local VLAN of its own that stays the same; the others have none."""
        there = self.vlans()
        kept = {name: tag for name, tag in there.items() if name in networks}
        free = (tag for tag in range(1, LAST_VLAN + 1) if tag not in set(there.values()))
        try:
            kept |= {name: next(free) for name in sorted(networks - set(kept))}
        except StopIteration as why:
            raise OSError(f'The bridge {self.bridge} has no local VLAN left of its {LAST_VLAN}.') from why
        commands = [self.database.api.db_remove('Bridge', self.bridge, 'external_ids', VLAN + name, if_exists=True)
                    for name in there if name not in kept]  # fmt: skip
        new = {VLAN + name: str(tag) for name, tag in kept.items() if name not in there}
        if new:
            commands.append(self.database.api.db_set('Bridge', self.bridge, ('external_ids', new)))
        if commands:
            self.database.commit(*commands)
        return kept

    def plug(self, wanted: dict[str, tuple[int, dict[str, str]]], there: dict[str, Plugged]) -> dict[str, Plugged]:
        """Each wanted port (name -> tag, external ids) is in the bridge and numbered; returns all ports."""
        commands = []
        for name, (tag, ids) in wanted.items():
            old = there.get(name)
            if old is None:
                commands.append(self.database.api.add_port(self.bridge, name, may_exist=True, external_ids=ids))
            elif ids != old.ids:
                commands.append(self.database.api.db_clear('Interface', name, 'external_ids'))
                commands.append(self.database.api.db_set('Interface', name, ('external_ids', ids)))
            if old is None or old.tag != tag:
                commands.append(self.database.api.db_set('Port', name, ('tag', tag)))
        if commands:
            self.database.commit(*commands)
        waiting = {name for name in wanted if name not in there or not there[name].number}
        self.database.await_numbers(waiting)
        return there | self.plugged(waiting)

    def unplug(self, names: set[str]) -> None:
        """None of the ports is in the bridge."""
        if names and self.database.row('Bridge', self.bridge) is not None:
            api = self.database.api
            self.database.commit(*(api.del_port(name, self.bridge, if_exists=True) for name in sorted(names)))

    def flow(self, flows: list[str], audit: bool) -> None:
        """The bridge holds exactly the flows; nothing happens while it does."""
        self._table.write(flows, audit)

    def clear(self) -> None:
        """The bridge is gone if it was made here; the external ids written to it are gone in any case."""
        self._table.forget()
        row = self.database.row('Bridge', self.bridge)
        if row is None:
            return
        if MADE in row.external_ids:
            self.database.commit(self.database.api.del_br(self.bridge, if_exists=True))
        else:
            self.number_networks(set())
            self.flow(['table=0,priority=0,actions=NORMAL'], audit=True)

    def life(self) -> object:
        """Which start of the switch this is."""
        return self._table.life()

    def _choose_datapath(self) -> str:
        """A datapath that this host has.  Raises OSError when the one that is set is not there."""
        chosen = datapath.choose(self._asked)
        if self._asked is None:
            LOG.info('The bridge %s uses the datapath %s, the best that this host has', self.bridge, chosen)
        return chosen
