"""The tunnel bridge: one port for each type of tunnels in use, whose rules say to which host a frame goes."""

from collections.abc import Collection, Sequence
from typing import Any

from nimbus.network.agent.driver import Network, Remote, unreachable
from nimbus.network.agent.host.command import run
from nimbus.network.agent.host.underlay import Underlay
from nimbus.network.agent.ovs import datapath, tunnel_flows
from nimbus.network.agent.ovs.flow_table import FlowTable
from nimbus.network.agent.ovs.vswitch import MADE, Switch
from nimbus.network.rpc import TUNNELS

INNER, OUTER = 'patch-tun', 'patch-int'  # of br-int to here, and of this bridge to br-int
PORT = 'nim-'  # and the type of the tunnels


class Tunnels:
    """The tunnel bridge of one host."""

    def __init__(self, switch: Switch, bridge: str, underlay: Underlay) -> None:
        self._switch, self._database, self._bridge, self.underlay = switch, switch.database, bridge, underlay
        self._table = FlowTable(switch.database.address, bridge, but=tunnel_flows.LEARNED)
        self._reached: dict[int, list[str]] = {}  # local VLAN -> far ends, as the rules have them
        self._why: str | None = None  # no tunnel can end here
        self._sure = False  # that one can, which was seen once
        self._numbers: dict[str, int] = {}  # of the bridge's ports

    def trouble(self, network: Network) -> str | None:
        """Why nothing on the network can be wired here; None where it can.  What `join` found counts."""
        if network.type not in TUNNELS:
            return None
        why = self._why
        if why is None and PORT + network.type not in self._numbers:
            why = 'Open vSwitch of this host makes no port for tunnels of this type'
        return why and unreachable(network.id, network.type, why)

    def _why_not(self) -> str | None:
        address = self.underlay.address()
        if address is None:
            return (
                'this host has no address for the ends of tunnels: [network] local_ip names none, and no route has one'
            )
        device = self.underlay.device(address)
        if device is None:
            return f'no device of this host has the address {address}, which is to be the end of its tunnels'
        if self._switch.datapath == datapath.OWN and self._database.row('Interface', device) is None:
            return (
                f'the address {address}, the end of its tunnels, is on {device}; with the datapath netdev it must be '
                'on a bridge of Open vSwitch, of which the network card is a port'
            )
        return None

    def join(self, networks: Collection[Network]) -> None:
        """The bridge is joined to br-int and has a port for each type that the networks are of, and no other.

        Without such a network nothing is made.
        """
        types = {one.type for one in networks} & set(TUNNELS)
        if types and not self._sure:
            self._why = self._why_not()
            self._sure = self._why is None
        wanted = {PORT + name: name for name in TUNNELS if self._sure and name in types}
        api, there = self._database.api, self._there()
        commands, gone = [], []
        if there is None:
            self._numbers = {}
            if not wanted:
                return
            there = {}
            commands.append(api.add_br(self._bridge, may_exist=True, datapath_type=self._switch.datapath))
            ids = {MADE: 'true'}
            commands.append(api.db_set('Bridge', self._bridge, ('fail_mode', 'secure'), ('external_ids', ids)))
        if OUTER not in there or self._database.number(INNER) is None:
            commands += self._port(self._switch.bridge, INNER, 'patch', {'peer': OUTER})
            commands += self._port(self._bridge, OUTER, 'patch', {'peer': INNER})
        options = {'local_ip': self.underlay.address() or '', 'remote_ip': 'flow', 'key': 'flow'}
        for port, name in ((PORT + name, name) for name in TUNNELS):
            stands = port in there and (there[port].type, dict(there[port].options)) == (name, options)
            if port in there and not (port in wanted and stands):
                gone.append(api.del_port(port, if_exists=True))
            if port in wanted and not stands:
                commands += self._port(self._bridge, port, name, options)
        for some in (gone, commands):
            if some:
                self._database.commit(*some)
        if commands:
            self._database.await_numbers((INNER, OUTER, *wanted))
        numbers = {name: row.ofport[0] if row.ofport else 0 for name, row in (self._there() or {}).items()}
        self._numbers = {name: number for name, number in numbers.items() if number > 0}

    def _there(self) -> dict[str, Any] | None:
        """The interface of each port of the bridge; None without the bridge."""
        row = self._database.row('Bridge', self._bridge)
        return None if row is None else {port.name: port.interfaces[0] for port in row.ports}

    def _port(self, home: str, name: str, kind: str, options: dict[str, str]) -> list[object]:
        api = self._database.api
        values = (('type', kind), ('options', options))
        return [api.add_port(home, name, may_exist=True), api.db_set('Interface', name, *values)]

    def write(
        self, networks: Sequence[Network], tags: dict[str, int], remotes: Collection[Remote], audit: bool
    ) -> None:
        """Each network's frames get to the hosts that have ports of it, and only from there."""
        if OUTER not in self._numbers:
            return
        ports = {name: self._numbers[PORT + name] for name in TUNNELS if PORT + name in self._numbers}
        inner = self._numbers[OUTER]
        beyond = tunnel_flows.by_network(remotes)
        self._table.write(tunnel_flows.rules(inner, ports, networks, tags, beyond), audit)
        reached = {tags[one.id]: tunnel_flows.ends(beyond.get(one.id, ())) for one in networks if one.type in ports}
        self._forget_learned(reached)
        self._reached = reached

    def _forget_learned(self, reached: dict[int, list[str]]) -> None:
        """Nothing is sent any more to a host that has left a network, whatever was learned of it."""
        left = [tag for tag, ends in self._reached.items() if set(ends) - set(reached.get(tag, ()))]
        for tag in left:
            learned = f'cookie={tunnel_flows.LEARNED:#x}/-1,table={tunnel_flows.UNICAST},vlan_tci={tag:#x}/0xfff'
            run('ovs-ofctl', 'del-flows', self._table.management, learned)

    def clear(self) -> None:
        """The bridge is gone, and the port that joins it to br-int."""
        self.forget()
        row = self._database.row('Bridge', self._bridge)
        api = self._database.api
        if row is not None and MADE in row.external_ids:
            self._database.commit(
                api.del_port(INNER, self._switch.bridge, if_exists=True), api.del_br(self._bridge, if_exists=True)
            )

    def forget(self) -> None:
        """What was written and seen is not relied on any more."""
        self._table.forget()
        self._reached, self._sure, self._why, self._numbers = {}, False, None, {}
