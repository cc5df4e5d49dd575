"""The tunnel bridge: one port for each type of tunnels in use, whose rules say to which host a frame goes."""

from collections.abc import Collection, Sequence

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
        self._sure = False  # tunnels can end here

    def trouble(self, network: Network) -> str | None:
        """Why nothing on the network can be wired here; None where it can."""
        if network.type not in TUNNELS or self._sure:
            return None
        why = self._why_not()
        self._sure = why is None
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
        wanted = [name for name in TUNNELS if self._sure and any(one.type == name for one in networks)]
        api = self._database.api
        commands, gone, made = [], [], []
        if self._database.row('Bridge', self._bridge) is None:
            if not wanted:
                return
            commands.append(api.add_br(self._bridge, may_exist=True, datapath_type=self._switch.datapath))
            ids = {MADE: 'true'}
            commands.append(api.db_set('Bridge', self._bridge, ('fail_mode', 'secure'), ('external_ids', ids)))
        for home, name, peer in ((self._switch.bridge, INNER, OUTER), (self._bridge, OUTER, INNER)):
            if self._database.number(name) is None:
                commands += self._port(home, name, 'patch', {'peer': peer})
                made.append(name)
        for name in TUNNELS:
            port = PORT + name
            there = self._database.row('Interface', port)
            options = {'local_ip': self.underlay.address() or '', 'remote_ip': 'flow', 'key': 'flow'}
            stands = there is not None and there.type == name and dict(there.options) == options
            if there is not None and not (name in wanted and stands):
                gone.append(api.del_port(port, if_exists=True))
            if name in wanted and not stands:
                commands += self._port(self._bridge, port, name, options)
                made.append(port)
        for some in (gone, commands):
            if some:
                self._database.commit(*some)
        self._database.await_numbers(made)

    def _port(self, home: str, name: str, kind: str, options: dict[str, str]) -> list[object]:
        api = self._database.api
        values = (('type', kind), ('options', options))
        return [api.add_port(home, name, may_exist=True), api.db_set('Interface', name, *values)]

    def write(
        self, networks: Sequence[Network], tags: dict[str, int], remotes: Collection[Remote], audit: bool
    ) -> None:
        """Each network's frames get to the hosts that have ports of it, and only from there."""
        inner = self._database.number(OUTER)
        if inner is None:
            return
        numbers = {name: self._database.number(PORT + name) for name in TUNNELS}
        ports = {name: number for name, number in numbers.items() if number is not None}
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
        self._reached, self._sure = {}, False
