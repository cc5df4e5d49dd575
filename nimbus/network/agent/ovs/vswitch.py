"""Control Open vSwitch: ports and their external ids through OVSDB, flows through ovs-ofctl."""

import dataclasses
import logging
import os
import socket
import time
from typing import Any

from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.schema.open_vswitch.impl_idl import OvsdbIdl

from nimbus.network.agent.host.command import run
from nimbus.network.agent.ovs import datapath

LOG = logging.getLogger(__name__)
TABLES = ('Open_vSwitch', 'Bridge', 'Port', 'Interface')
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


class _Api(OvsdbIdl):
    # The library keeps one connection per class for the whole process; here each switch has its own.
    ovsdb_connection = None


class Switch:
    """One bridge of one Open vSwitch."""

    def __init__(self, database: str, bridge: str, asked: str | None, timeout: float = 10) -> None:
        self.database = database  # 'unix:/path/db.sock'
        self.bridge = bridge
        self._asked = asked  # a datapath; None: the best that the host has
        self._chosen: str | None = None
        self.timeout = timeout
        self._connection: Any = None
        self._api: Any = None
        self._flows: list[str] | None = None
        self._dump = ''

    def open(self) -> None:
        """The bridge stands, secure until its flows are written.  Raises OSError when the switch is away."""
        if self._connection is None:
            self._connect()
        if self._chosen is None:
            self._chosen = self._choose_datapath()
        if self._row('Bridge', self.bridge) is None:
            self._commit(
                self._api.add_br(self.bridge, may_exist=True, datapath_type=self._chosen),
                self._api.db_set('Bridge', self.bridge, ('external_ids', {MADE: 'true'})),
            )
        wanted = (('datapath_type', self._chosen), ('fail_mode', 'secure'))
        self._commit(self._api.db_set('Bridge', self.bridge, *wanted))

    def close(self) -> None:
        """The connection and its thread are gone."""
        if self._connection is not None:
            self._connection.stop(timeout=self.timeout)
            self._connection = self._api = None
        self._flows = None

    def plugged(self, only: set[str] | None = None) -> dict[str, Plugged]:
        """Every port of the bridge, or the named ones that are there, from the database's live copy."""
        row = self._row('Bridge', self.bridge)
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
        row = self._row('Bridge', self.bridge)
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
        commands = [self._api.db_remove('Bridge', self.bridge, 'external_ids', VLAN + name, if_exists=True)
                    for name in there if name not in kept]  # fmt: skip
        new = {VLAN + name: str(tag) for name, tag in kept.items() if name not in there}
        if new:
            commands.append(self._api.db_set('Bridge', self.bridge, ('external_ids', new)))
        if commands:
            self._commit(*commands)
        return kept

    def plug(self, wanted: dict[str, tuple[int, dict[str, str]]], there: dict[str, Plugged]) -> dict[str, Plugged]:
        """Each wanted port (name -> tag, external ids) is in the bridge and numbered; returns all ports."""
        commands = []
        for name, (tag, ids) in wanted.items():
            old = there.get(name)
            if old is None:
                commands.append(self._api.add_port(self.bridge, name, may_exist=True, external_ids=ids))
            elif ids != old.ids:
                commands.append(self._api.db_clear('Interface', name, 'external_ids'))
                commands.append(self._api.db_set('Interface', name, ('external_ids', ids)))
            if old is None or old.tag != tag:
                commands.append(self._api.db_set('Port', name, ('tag', tag)))
        if commands:
            self._commit(*commands)
        return there | self._numbered({name for name in wanted if name not in there or not there[name].number})

    def unplug(self, names: set[str]) -> None:
        """None of the ports is in the bridge."""
        if names and self._row('Bridge', self.bridge) is not None:
            self._commit(*(self._api.del_port(name, self.bridge, if_exists=True) for name in sorted(names)))

    def flow(self, flows: list[str], audit: bool) -> None:
        """The bridge holds exactly the flows; nothing happens while it does."""
        if audit and self._flows == flows and self._dump and self._dump_flows() == self._dump:
            return
        before, self._flows = self._flows, None
        if audit or before is None:
            run(
                'ovs-ofctl',
                '--bundle',
                'replace-flows',
                self._management(),
                '-',
                stdin='\n'.join(flows) + '\n',
            )
            self._dump = self._dump_flows()
        elif before != flows:
            old, new = set(before), set(flows)
            lines = ['delete_strict ' + flow.split(',actions=')[0] for flow in before if flow not in new]
            lines += ['add ' + flow for flow in flows if flow not in old]
            run('ovs-ofctl', '--bundle', 'add-flows', self._management(), '-', stdin='\n'.join(lines) + '\n')
            self._dump = ''  # the next audit writes all and reads it back
        self._flows = flows

    def clear(self) -> None:
        """The bridge is gone if it was made here; the external ids written to it are gone in any case."""
        self._flows = None
        row = self._row('Bridge', self.bridge)
        if row is None:
            return
        if MADE in row.external_ids:
            self._commit(self._api.del_br(self.bridge, if_exists=True))
        else:
            self.number_networks(set())
            self.flow(['table=0,priority=0,actions=NORMAL'], audit=True)

    def life(self) -> object:
        """Which start of the switch this is: each one makes the bridge's management socket anew."""
        try:
            found = os.stat(self._management().removeprefix('unix:'))
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    def _dump_flows(self) -> str:
        dump = run('ovs-ofctl', '--no-stats', 'dump-flows', self._management())
        return '\n'.join(sorted(dump.splitlines()))

    def _choose_datapath(self) -> str:
        """A datapath that this host has.  Raises OSError when the one that is set is not there."""
        chosen = datapath.choose(self._asked)
        if self._asked is None:
            LOG.info('The bridge %s uses the datapath %s, the best that this host has', self.bridge, chosen)
        return chosen

    def _management(self) -> str:
        where = os.path.dirname(self.database.removeprefix('unix:'))
        return f'unix:{where}/{self.bridge}.mgmt'

    def _numbered(self, names: set[str]) -> dict[str, Plugged]:
        """Wait until the switch has given each port a number, or the time is over."""
        until = time.monotonic() + self.timeout
        while True:
            there = self.plugged(names)
            if all(name in there and there[name].number for name in names) or time.monotonic() > until:
                return there
            time.sleep(0.005)

    def _row(self, table: str, name: str) -> Any:
        if self._api is None:
            raise OSError(f'The switch at {self.database} is not open.')
        with self._connection.lock:
            for row in self._api.tables[table].rows.values():
                if row.name == name:
                    return row
        return None

    def _commit(self, *commands: Any) -> None:
        try:
            with self._api.transaction(check_error=True) as transaction:
                for command in commands:
                    transaction.add(command)
        except Exception as why:
            raise OSError(f'Open vSwitch at {self.database} refused a change: {why}') from why

    def _connect(self) -> None:
        path = self.database.removeprefix('unix:')
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(self.timeout)
                probe.connect(path)
            idl = connection.OvsdbIdl.from_server(self.database, 'Open_vSwitch', helper_tables=TABLES)
            self._connection = connection.Connection(idl, self.timeout)
            self._api = _Api(self._connection)
        except Exception as why:
            self._connection = self._api = None
            raise OSError(f'Open vSwitch does not answer at {self.database}: {why}') from why
