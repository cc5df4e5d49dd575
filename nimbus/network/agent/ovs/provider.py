"""Provider bridges: an operator's bridges onto physical networks, each joined to br-int by a pair of patch ports.

Frames of a network have its local VLAN in br-int and its segment's tag, or none, in the provider bridge; the rules
here translate on the way in and out, and nothing else passes.  What the bridge does for others stays as it was.
"""

from collections.abc import Collection

from nimbus.network.agent.driver import Network, unmapped
from nimbus.network.agent.ovs.flow_table import FlowTable
from nimbus.network.agent.ovs.ovsdb import Database

UNTAGGED = 'vlan_tci=0x0000/0x1fff'
FLAT = 'flat'
AS_BEFORE = 'table=0,priority=0,actions=NORMAL'


def names_of(bridge: str) -> tuple[str, str]:
    """The patch port in br-int and the one in the provider bridge."""
    return 'int-' + bridge, 'phy-' + bridge


class Providers:
    """The provider bridges of one host."""

    def __init__(self, database: Database, inner: str, bridges: dict[str, str]) -> None:
        self._database, self._inner, self.bridges = database, inner, bridges
        self._tables = {bridge: FlowTable(database.address, bridge) for bridge in bridges.values()}

    def join(self) -> None:
        """Every provider bridge that stands is joined to br-int."""
        for bridge in self._standing():
            inner, outer = names_of(bridge)
            if self._database.number(inner) is not None and self._database.number(outer) is not None:
                continue
            commands = []
            for home, name, peer in ((self._inner, inner, outer), (bridge, outer, inner)):
                commands.append(self._database.api.add_port(home, name, may_exist=True))
                values = (('type', 'patch'), ('options', {'peer': peer}))
                commands.append(self._database.api.db_set('Interface', name, *values))
            self._database.commit(*commands)
            self._database.await_numbers((inner, outer))

    def trouble(self, network: Network) -> str | None:
        """Why nothing on the network can be wired here; None where it can."""
        if network.physical is None:
            return None
        if network.physical not in self.bridges:
            return unmapped(network.id, network.physical)
        bridge = self.bridges[network.physical]
        if bridge not in self._standing():
            return (
                f'The network {network.id} is on the physical network {network.physical}, whose bridge {bridge} does '
                'not stand on this host.'
            )
        return None

    def inward(self, networks: Collection[Network], tags: dict[str, int]) -> list[str]:
        """The rules of br-int for what comes from provider bridges."""
        found = []
        for bridge in self._standing():
            number = self._database.number(names_of(bridge)[0])
            if number is None:
                continue
            found.append(f'table=0,priority=2,in_port={number},actions=drop')
            for network in self._on(bridge, networks):
                tagged = UNTAGGED if network.type == FLAT else f'dl_vlan={network.segment}'
                action = f'mod_vlan_vid:{tags[network.id]},NORMAL'
                found.append(f'table=0,priority=3,in_port={number},{tagged},actions={action}')
        return found

    def write_outward(self, networks: Collection[Network], tags: dict[str, int], audit: bool) -> None:
        """Each provider bridge lets out of br-int what belongs to its networks, with their tags, and nothing else."""
        for bridge in self._standing():
            number = self._database.number(names_of(bridge)[1])
            if number is None:
                continue
            flows = [AS_BEFORE, f'table=0,priority=2,in_port={number},actions=drop']
            for network in self._on(bridge, networks):
                tag = 'strip_vlan' if network.type == FLAT else f'mod_vlan_vid:{network.segment}'
                flows.append(f'table=0,priority=3,in_port={number},dl_vlan={tags[network.id]},actions={tag},NORMAL')
            self._tables[bridge].write(flows, audit)

    def clear(self) -> None:
        """No provider bridge is joined to br-int any more, and each does what it did before."""
        for bridge in self._standing():
            inner, outer = names_of(bridge)
            self._database.commit(
                self._database.api.del_port(inner, self._inner, if_exists=True),
                self._database.api.del_port(outer, bridge, if_exists=True),
            )
            self._tables[bridge].write([AS_BEFORE], audit=True)

    def forget(self) -> None:
        """What was written is not relied on any more."""
        for table in self._tables.values():
            table.forget()

    def _standing(self) -> list[str]:
        return [bridge for bridge in self.bridges.values() if self._database.row('Bridge', bridge) is not None]

    def _on(self, bridge: str, networks: Collection[Network]) -> list[Network]:
        return [one for one in networks if one.physical and self.bridges.get(one.physical) == bridge]
