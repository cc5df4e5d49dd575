"""Build a host's networks with Open vSwitch, iptables, dnsmasq and namespaces."""

import dataclasses
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Collection

from nimbus.common import folders
from nimbus.network.agent import driver as base
from nimbus.network.agent.dhcp import dnsmasq
from nimbus.network.agent.firewall.firewall import Firewall
from nimbus.network.agent.host import files, namespaces, plug, shaping
from nimbus.network.agent.host.settings import Settings
from nimbus.network.agent.host.underlay import Underlay
from nimbus.network.agent.l3 import routers
from nimbus.network.agent.ovs import flows, vswitch
from nimbus.network.agent.ovs.provider import Providers
from nimbus.network.agent.ovs.tunnels import Tunnels

LOG = logging.getLogger(__name__)
ZONE = 'nimbus-zone'
NOWHERE = 4095  # the VLAN of no network, so that nothing is flooded to a port that has it
BRIDGE_NETFILTER = ('net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables')


class Driver(base.Driver):
    """The network of this host, in this process's network namespace."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._switch = vswitch.Switch(settings.ovsdb, settings.bridge, settings.datapath_type)
        self._providers = Providers(self._switch.database, settings.bridge, settings.bridges)
        self._tunnels = Tunnels(self._switch, settings.tunnel_bridge, Underlay(settings.local_ip, settings.toward))
        self._firewall = Firewall(settings.prefix)
        self._lock = threading.Lock()
        self._applied: base.Desired | None = None
        self._failed: dict[str, str] = {}
        self._looked = 0.0
        self._life: object = None  # of the switch, when the whole host was looked at

    def open(self) -> None:
        with self._lock:
            folders.make(self.settings.state_dir, folders.READ)
            for home in (os.path.join(self.settings.state_dir, name) for name in ('dhcp', 'routers')):
                if os.path.isdir(home):
                    folders.make(home, folders.READ)  # made before by a process with a umask of its own
            _filter_bridges()
            self._switch.open()
            self._applied = None

    def close(self) -> None:
        with self._lock:
            self._switch.close()
            self._providers.forget()
            self._tunnels.forget()
            self._applied = None

    def apply(self, desired: base.Desired) -> dict[str, str]:
        with self._lock:
            now = time.monotonic()
            life = self._switch.life()
            audit = self._applied is None or bool(self._failed) or life != self._life or (
                now - self._looked >= self.settings.audit_seconds)  # fmt: skip
            if not audit and _same(desired, self._applied):
                return {}
            before, self._applied = self._applied, None
            self._failed = _Pass(self, desired, None if audit else before).run()
            self._applied = desired
            if audit:
                self._looked, self._life = now, life
            return dict(self._failed)

    def wired(self, among: Collection[str] | None = None) -> set[str]:
        with self._lock:
            if among is None:
                return self._wired(self._switch.plugged(), plug.read_all())
            names = [plug.names_of(port_id) for port_id in among]
            with namespaces.links() as route:
                links = plug.read(route, [name for of_port in names for name in of_port])
            return self._wired(self._switch.plugged({name[2] for name in names}), links)

    def _wired(self, there: dict[str, vswitch.Plugged], links: dict[str, plug.Link]) -> set[str]:
        if not there:
            return set()
        found = set()
        guarded = self._firewall.standing()
        for name, port in there.items():
            up = name in links and links[name].up and port.number
            if up and name.startswith('qvo') and 'tap' + name[3:] in guarded and 'qbr' + name[3:] in links:
                found.add(port.ids.get('iface-id', ''))
        return found

    def bridges(self) -> dict[str, str]:
        return self.settings.bridges

    def tunnel_end(self) -> str | None:
        return self._tunnels.underlay.address()

    def life(self) -> object:
        return self._switch.life()

    def clear(self) -> None:
        with self._lock:
            self._applied = None
            self._switch.open()
            for network in files.names(os.path.join(self.settings.state_dir, 'dhcp')):
                dnsmasq.discard(self.settings, network)
            for router in files.names(os.path.join(self.settings.state_dir, 'routers')):
                routers.discard(self.settings, router)
            self._switch.unplug({name for name, port in self._switch.plugged().items() if 'iface-id' in port.ids})
            with namespaces.links() as route:
                for link in plug.read_all().values():
                    if link.group == plug.OURS:
                        plug.remove(route, link.name)
            self._firewall.clear()
            self._providers.clear()
            self._tunnels.clear()
            self._switch.clear()
            for name in ('dhcp', 'routers'):
                files.remove_folder(os.path.join(self.settings.state_dir, name))


class _Pass:
    """One apply: from what was applied before (None: from what the host itself says) to what is desired."""

    def __init__(self, driver: Driver, desired: base.Desired, before: base.Desired | None) -> None:
        self.settings = driver.settings
        self.switch = driver._switch
        self.providers = driver._providers
        self.tunnels = driver._tunnels
        self.guard = driver._firewall
        self.desired = desired
        self.before = before or base.Desired(generation=0)
        self.audit = before is None
        self.networks = {network.id: network for network in desired.networks}
        self.failed: dict[str, str] = {}
        self.wanted: dict[str, tuple[int, dict[str, str]]] = {}  # switch port -> tag, external ids
        self.renewed: set[str] = set()  # switch ports whose link was made anew

    def run(self) -> dict[str, str]:
        if self.audit:
            _filter_bridges()
            self.switch.open()
            self.providers.join()
        self.tunnels.join(self.networks.values())
        self.tags = self.switch.number_networks(set(self.networks))
        self.there = self.switch.plugged()
        self.links = plug.read_all() if self.audit else {}  # as they were before this pass
        ports = self._known_ports()
        zones = self.guard.number(ports, self._noted_zones())
        # The filter stands before the first link of a new port does.
        self.guard.ensure(ports, zones, self.desired.groups, self.audit)
        self._plug_ports(ports, zones)
        servers, routing = self._wire_servers(), self._wire_routers()
        gone = self._stale() | (self.renewed & set(self.there))
        self.switch.unplug(gone)
        there = {name: port for name, port in self.there.items() if name not in gone}
        plugged = self.switch.plug(self.wanted, there)
        self._shape_ports(ports)
        self._write_flows(ports, plugged)
        self._raise_ports(ports, plugged)
        self._drop_links()
        for owner, part in servers + routing:
            self._try(owner, part.serve)
        return self.failed

    def _known_ports(self) -> list[base.Port]:
        known = []
        for port in self.desired.ports:
            if why := self._lost(port.network_id, f'port {port.id}'):
                self.failed[port.id] = why
            else:
                known.append(port)
        return known

    def _lost(self, network_id: str, owner: str) -> str | None:
        """Why nothing on the network can be wired here; None where it can."""
        if network_id not in self.networks:
            return f'The network {network_id} of {owner} is not known on this host.'
        return self._unreachable(self.networks[network_id])

    def _unreachable(self, network: base.Network) -> str | None:
        """Why the network cannot be joined here; None where it can."""
        return self.providers.trouble(network) or self.tunnels.trouble(network)

    def _noted_zones(self) -> dict[str, int]:
        return {port.ids['iface-id']: int(port.ids[ZONE]) for port in self.there.values() if ZONE in port.ids}

    def _plug_ports(self, ports: list[base.Port], zones: dict[str, int]) -> None:
        settled = {} if self.audit else {port.id: self._wiring(self.before, port) for port in self.before.ports}
        with namespaces.links() as route:
            for port in ports:
                network = self.networks[port.network_id]
                name = plug.names_of(port.id)[2]
                ids = {'iface-id': port.id, 'iface-status': 'active', 'attached-mac': port.mac,
                       'vm-uuid': port.device_id, ZONE: str(zones[port.id])}  # fmt: skip
                self.wanted[name] = (self.tags[port.network_id], ids)
                if port.parent:
                    self.wanted[plug.branch_of(port.id)] = (NOWHERE, {'iface-id': port.id, 'trunk-of': port.parent})
                if settled.get(port.id) == (port.admin_up, network.mtu, port.parent):
                    continue
                names = (*plug.names_of(port.id), plug.branch_of(port.id))
                there = self.links if self.audit else plug.read(route, names)
                if self._try(port.id, lambda p=port, n=network, t=there: self._plug(route, p, n, t)) is None:
                    del self.wanted[name]
                    self.wanted.pop(plug.branch_of(port.id), None)

    def _plug(self, route: plug.IPRoute, port: base.Port, network: base.Network, there: dict) -> bool:
        new = plug.hybrid(route, port, network.mtu, there)
        if new:
            self.renewed.add(plug.names_of(port.id)[2])
        if port.parent and plug.branch(route, port, network.mtu):
            self.renewed.add(plug.branch_of(port.id))
        elif not port.parent and plug.branch_of(port.id) in there:  # it was a trunk's; its guest's tap has that name
            plug.remove(route, plug.branch_of(port.id))
        return True

    def _wiring(self, desired: base.Desired, port: base.Port) -> tuple[bool, int, str | None] | None:
        mtu = next((one.mtu for one in desired.networks if one.id == port.network_id), None)
        return None if mtu is None else (port.admin_up, mtu, port.parent)

    def _wire_servers(self) -> list[tuple[str, dnsmasq.Server]]:
        wanted = {one.id: one for one in self.desired.networks if one.dhcp_port_id}
        for gone in set(files.names(os.path.join(self.settings.state_dir, 'dhcp'))) - set(wanted):
            self._try(gone, lambda network=gone: dnsmasq.discard(self.settings, network))
        settled = {one.id: one for one in self.before.networks}
        made = []
        for network in wanted.values():
            if why := self._unreachable(network):
                self.failed[network.dhcp_port_id or ''] = why
                continue
            server = dnsmasq.Server(self.settings, network)
            ids = {'iface-id': network.dhcp_port_id or '', 'attached-mac': network.dhcp_mac}
            self.wanted[server.outer] = (self.tags[network.id], ids)
            if settled.get(network.id) != network and self._wire(network.dhcp_port_id or '', server, server.outer):
                made.append((network.dhcp_port_id or '', server))
        return made

    def _wire(self, owner: str, server: dnsmasq.Server, outer: str) -> bool:
        new = self._try(owner, server.wire)
        if new is None:
            self.wanted.pop(outer, None)
        elif new:
            self.renewed.add(outer)
        return new is not None

    def _wire_routers(self) -> list[tuple[str, routers.RouterNamespace]]:
        wanted = {one.id: one for one in self.desired.routers}
        for gone in set(files.names(os.path.join(self.settings.state_dir, 'routers'))) - set(wanted):
            self._try(gone, lambda router=gone: routers.discard(self.settings, router))
        made = []
        for router in map(self._reaching, wanted.values()):
            if router is None:
                continue
            for port in router.every_port:
                ids = {'iface-id': port.port_id, 'attached-mac': port.mac}
                self.wanted[routers.names_of(port.port_id)[0]] = (self.tags[port.network_id], ids)
            if self._routing(self.desired, router.id) == self._routing(self.before, router.id):
                continue
            namespace = routers.RouterNamespace(self.settings, router, self.networks)
            new = self._try(router.id, namespace.wire)
            if new is not None:
                self.renewed |= new
                made.append((router.id, namespace))
        return made

    def _reaching(self, router: base.Router) -> base.Router | None:
        """The router as it can be here: without a gateway where that is out of reach; None where a network is."""
        for port in router.ports:
            if why := self._lost(port.network_id, f'router {router.id}'):
                self.failed[router.id] = why
                return None
        for port in router.gateways:
            if why := self._lost(port.network_id, f'router {router.id}'):
                self.failed |= {port.port_id: why} | {one.port_id: why for one in router.floating}
                return dataclasses.replace(router, gateways=(), floating=())
        return router

    def _routing(self, desired: base.Desired, router_id: str) -> object:
        """All that the router's namespace is made of."""
        router = next((one for one in desired.routers if one.id == router_id), None)
        used = {port.network_id for port in router.every_port} if router else set()
        return router and ([(one.id, one.mtu, one.subnets) for one in desired.networks if one.id in used], router)

    def _stale(self) -> set[str]:
        return {name for name, port in self.there.items() if name not in self.wanted and 'iface-id' in port.ids}

    def _write_flows(self, ports: list[base.Port], plugged: dict[str, vswitch.Plugged]) -> None:
        here = list(self.networks.values())
        # Before br-int lets anything pass, so that no frame leaves with a VLAN that means nothing outside.
        self.providers.write_outward(here, self.tags, self.audit)
        self.tunnels.write(here, self.tags, self.desired.remotes, self.audit)
        lines = flows.base() + self.providers.inward(here, self.tags)
        for port in ports:
            there = plugged.get(plug.names_of(port.id)[2])
            if there and there.number:
                lines += flows.marking(port, there.number)
                lines += flows.guarding(port, there.number) if port.security else []
            branch, parent = (self._number(plugged, name) for name in _trunk_names(port))
            if branch is not None:
                lines += flows.branching(port, branch, parent)
        self.switch.flow(lines, self.audit)

    def _number(self, plugged: dict[str, vswitch.Plugged], name: str) -> int | None:
        return plugged[name].number if name in plugged and name in self.wanted else None

    def _raise_ports(self, ports: list[base.Port], plugged: dict[str, vswitch.Plugged]) -> None:
        """A port's link comes up only now that its rules and flows stand."""
        old = {} if self.audit else {port.id: port.admin_up for port in self.before.ports}
        with namespaces.links() as route:
            for port in ports:
                name = plug.names_of(port.id)[2]
                there = plugged.get(name)
                if name in self.wanted and not (there and there.number):
                    self.failed[port.id] = f'The switch did not accept the port {name} within its time.'
                elif port.parent and self._number(plugged, plug.names_of(port.parent)[2]) is None:
                    self.failed[port.id] = base.unparented(port.id, port.parent)
                elif name in self.wanted and (old.get(port.id) != port.admin_up or name in self.renewed):
                    if name in self.renewed or not self.audit or self.links[name].up != port.admin_up:
                        self._try(port.id, lambda p=port: plug.switch_side(route, p.id, p.admin_up))

    def _shape_ports(self, ports: list[base.Port]) -> None:
        """What passes each port one way and the other is limited as its policy says.

        What its guest sends leaves the bridge's side of the pair, and what it gets leaves the switch's.
        """
        old = {} if self.audit else {port.id: port.bandwidth for port in self.before.ports}
        news = [port for port in ports if self._renewed(port) or old.get(port.id, ()) != port.bandwidth]
        if not self.audit and not news:
            return
        there = shaping.read_all()
        for port in ports if self.audit else news:
            _, inner, outer = plug.names_of(port.id)
            for link, direction in ((inner, 'egress'), (outer, 'ingress')):
                cap = port.cap(direction)
                if outer in self.wanted and (cap or link in there):
                    self._try(port.id, lambda n=link, c=cap: shaping.ensure(n, c, there.get(n)))

    def _renewed(self, port: base.Port) -> bool:
        return bool(port.bandwidth) and plug.names_of(port.id)[2] in self.renewed

    def _drop_links(self) -> None:
        """No bridge and no pair of a port that left is there."""
        keep = {name for port in self.desired.ports for name in _links_of(port)}
        keep |= {name for name in self.wanted if name.startswith('tap')}
        with namespaces.links() as route:
            if self.audit:
                there = [link.name for link in self.links.values() if link.group == plug.OURS]
            else:
                there = [name for port in self.before.ports for name in _links_of(port)]
            for name in there:
                if name not in keep:
                    self._try(name, lambda gone=name: plug.remove(route, gone))

    def _try(self, owner: str, work: Callable[[], object]) -> object:
        """What the work returned; None once its failure is noted under the owner's id."""
        try:
            done = work()
        except (OSError, plug.NetlinkError, subprocess.SubprocessError) as why:
            LOG.warning('%s could not be wired: %s', owner, why)
            self.failed[owner] = str(why)
            return None
        return True if done is None else done


def _links_of(port: base.Port) -> tuple[str, ...]:
    """The links that are made for the port."""
    made = plug.names_of(port.id)
    return (*made, port.tap, plug.branch_of(port.id)) if port.parent else made


def _trunk_names(port: base.Port) -> tuple[str, str]:
    """Where a subport gets its frames, and where the trunk does; '' where the port is none."""
    return (plug.branch_of(port.id), plug.names_of(port.parent)[2]) if port.parent else ('', '')


def _same(one: base.Desired, other: base.Desired | None) -> bool:
    return other is not None and dataclasses.replace(one, generation=other.generation) == other


def _filter_bridges() -> None:
    """Bridged packets pass iptables; at 0 every security group is silently open."""
    if not os.path.exists('/proc/sys/' + BRIDGE_NETFILTER[0]):
        subprocess.run(['modprobe', 'br_netfilter'], capture_output=True, check=False)
    for key in BRIDGE_NETFILTER:
        namespaces.write_sysctl(key, '1')
