"""A network driver without a switch, for tests: its host's state lives outside the driver and outlives it.

With a folder it is kept as a file there and outlives the process too.
"""

import dataclasses
import pathlib
import threading
import time
import zlib
from collections.abc import Collection

import orjson

from nimbus.common.agents.failures import Failures
from nimbus.common.errors import NimbusError
from nimbus.common.ip_protocols import NUMBERS
from nimbus.network.agent import driver
from nimbus.network.agent.firewall.allowed_traffic import Flow, admits, eui64, family, rules_of
from nimbus.network.rpc import TUNNELS


@dataclasses.dataclass
class Host:
    """The network of a simulated host, and the failures that a test set for it."""

    bridge: bool = False
    vlans: dict[str, int] = dataclasses.field(default_factory=dict)
    ports: dict[str, driver.Port] = dataclasses.field(default_factory=dict)
    networks: dict[str, driver.Network] = dataclasses.field(default_factory=dict)
    groups: dict[str, driver.Group] = dataclasses.field(default_factory=dict)
    routers: dict[str, driver.Router] = dataclasses.field(default_factory=dict)
    remotes: tuple[driver.Remote, ...] = ()
    end: str | None = None  # of the tunnels of other hosts
    failures: dict[str, str] = dataclasses.field(default_factory=dict)  # port, DHCP port or router id -> why
    chosen: Failures = dataclasses.field(default_factory=Failures)  # of the verb wire, met by each port that comes
    away: bool = False  # the switch does not answer
    life: int = 0  # how often the switch restarted
    applied: int = 0  # applies that changed something
    lock: threading.RLock = dataclasses.field(default_factory=threading.RLock)

    def restart(self) -> None:
        """The switch has restarted and has no ports any more."""
        with self.lock:
            self.ports.clear()
            self.life += 1

    def address_of(self, port_id: str) -> str | None:
        """What the port's guest gets from DHCP."""
        with self.lock:
            port = self.ports.get(port_id)
            network = self.networks.get(port.network_id) if port and port.admin_up else None
            if network is None or not network.dhcp_port_id or network.dhcp_port_id in self.failures:
                return None
            serving = {subnet.id for subnet in network.subnets if subnet.dhcp and subnet.ip_version == 4}
            return next((lease.ip for lease in network.leases
                         if lease.mac == port.mac and lease.subnet_id in serving), None)  # fmt: skip

    def makes_itself(self, port_id: str) -> set[str]:
        """The addresses that the port's guest makes of what routers advertise on its network."""
        with self.lock:
            port = self.ports.get(port_id)
            network = self.networks.get(port.network_id) if port and port.admin_up else None
            if port is None or network is None:
                return set()
            subnets = {one.id: one for one in network.subnets if one.ra_mode in driver.BY_THEMSELVES}
            routing = [each for router in self.routers.values() if router.admin_up for each in router.ports]
            on = {address.subnet_id for each in routing for address in each.addresses}
            return {eui64(subnets[name].cidr, port.mac) for name in on & set(subnets)}

    def reaches(self, port_id: str, address: str, protocol: int = 1, port: int | None = 8) -> bool:
        """Whether a new flow from one guest's port to the address of another arrives, on this host or by a tunnel."""
        with self.lock:
            source = self.ports.get(port_id)
            if source is None or not self._up(source):
                return False
            for target in self.ports.values():
                if self._up(target) and address in [one.ip for one in target.addresses]:
                    if self._connected(source, target):
                        return self._passes(source, target, address, protocol, port)
            end = next((one.end for one in self._beyond(source.network_id) if address in one.ips), None)
            out = Flow('egress', family(address), address, protocol, port, 0)
            if end is None or not self._admits(source, out):
                return False
        return any(there.hears(self.end, source, address, protocol, port) for there in ending_at(end))

    def _up(self, port: driver.Port) -> bool:
        """Whether a guest can use the port; a subport's is that of its trunk."""
        if port.parent is None:
            return port.admin_up
        parent = self.ports.get(port.parent)
        return port.admin_up and parent is not None and parent.admin_up

    def hears(self, end: str | None, source: driver.Port, address: str, protocol: int, port: int | None) -> bool:
        """Whether a new flow that comes from a guest by the tunnel from `end` arrives at the address here."""
        with self.lock:
            if not any(end in one.ends for one in self._beyond(source.network_id)):
                return False
            own = next((one.ip for one in source.addresses if family(one.ip) == family(address)), None)
            into = Flow('ingress', family(address), own or '', protocol, port, 0)
            there = [one for one in self.ports.values() if one.network_id == source.network_id and self._up(one)]
            found = [one for one in there if address in [held.ip for held in one.addresses]]
            return any(own and self._admits(one, into) for one in found)

    def _beyond(self, network_id: str) -> list[driver.Remote]:
        return [one for one in self.remotes if one.network_id == network_id]

    def comes_in(
        self, address: str, protocol: int = 1, port: int | None = 8, source: str = '203.0.113.1'
    ) -> str | None:
        """The guest's port at which a new flow from outside to a floating address arrives; None where it does not."""
        with self.lock:
            for router in self.routers.values():
                for one in router.floating if router.admin_up and router.gateways else ():
                    if one.ip == address and (inside := _leads(one, protocol, port)):
                        flow = Flow('ingress', family(address), source, protocol, inside[1], 0)
                        return self._behind(router, inside[0], flow)
            return None

    def _behind(self, router: driver.Router, fixed_ip: str, flow: Flow) -> str | None:
        joined = {port.network_id for port in router.ports}
        for target in self.ports.values():
            mine = target.network_id in joined and fixed_ip in [one.ip for one in target.addresses]
            if mine and target.admin_up and self._admits(target, flow):
                return target.id
        return None

    def _connected(self, source: driver.Port, target: driver.Port) -> bool:
        if source.network_id == target.network_id:
            return True
        joined = [{port.network_id for port in router.ports} for router in self.routers.values() if router.admin_up]
        return any({source.network_id, target.network_id} <= networks for networks in joined)

    def _passes(self, source: driver.Port, target: driver.Port, to: str, protocol: int, port: int | None) -> bool:
        kind = family(to)
        own = next((one.ip for one in source.addresses if family(one.ip) == kind), None)
        if own is None:
            return False
        out, into = Flow('egress', kind, to, protocol, port, 0), Flow('ingress', kind, own, protocol, port, 0)
        return self._admits(source, out) and self._admits(target, into)

    def _admits(self, port: driver.Port, flow: Flow) -> bool:
        return not port.security or admits(rules_of(port, self.groups), self.groups, flow)


def _leads(floating: driver.Floating, protocol: int, port: int | None) -> tuple[str, int | None] | None:
    """The address and the port inside to which a floating address leads; None where it does not."""
    if floating.fixed_ip:
        return floating.fixed_ip, port
    for forward in floating.forwards:
        first, last = forward.outer
        if NUMBERS[forward.protocol] == protocol and port is not None and first <= port <= last:
            return forward.ip, min(forward.inner[0] + port - first, forward.inner[1])
    return None


HOSTS: dict[str, Host] = {}
KEPT = 'network.json'
STRANGER = '203.0.113.1'  # who asks from outside


def host(name: str, folder: str | None = None) -> Host:
    """The simulated host of that name, made at first use, as its folder says where there is one."""
    if name not in HOSTS:
        HOSTS.setdefault(name, _found(folder) if folder else Host())
    return HOSTS[name]


def ending_at(end: str) -> list[Host]:
    """The simulated hosts at which the tunnels to that address end."""
    return [there for there in HOSTS.values() if there.end == end]


def end_of(host_name: str) -> str:
    """An address for the tunnels of a simulated host, of those that no real network has."""
    number = zlib.crc32(host_name.encode())
    return f'198.18.{number >> 8 & 255}.{number & 255}'


def _found(folder: str) -> Host:
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        text = (pathlib.Path(folder) / KEPT).read_bytes()
    except FileNotFoundError:
        return Host()
    kept = driver.Desired.from_dict(orjson.loads(text))
    ports, networks, groups, routers = (
        {one.id: one for one in them} for them in (kept.ports, kept.networks, kept.groups, kept.routers)
    )
    return Host(bridge=True, ports=ports, networks=networks, groups=groups, routers=routers, remotes=kept.remotes)


class Driver(driver.Driver):
    """The network of one simulated host."""

    def __init__(
        self,
        host_name: str,
        folder: str | None = None,
        bridges: dict[str, str] | None = None,
        local_ip: str | None = None,
    ) -> None:
        """`folder` is where the host is kept too, to outlive the process."""
        self.host_name, self._folder, self._bridges = host_name, folder, bridges or {}
        self._open = False
        host(host_name, folder).end = local_ip

    def open(self) -> None:
        with self._host() as there:
            there.bridge = True
            self._open = True

    def close(self) -> None:
        self._open = False

    def apply(self, desired: driver.Desired) -> dict[str, str]:
        if not self._open:
            raise OSError(f'The switch of {self.host_name} is not open.')
        with self._host() as there:
            networks = {network.id: network for network in desired.networks}
            failed = self._failed(desired, networks, there.failures)
            failed |= self._met(there, [port.id for port in desired.ports if port.id not in there.ports])
            after = (
                {port.id: port for port in desired.ports if port.id not in failed},
                networks,
                {group.id: group for group in desired.groups},
                {router.id: router for router in desired.routers if router.id not in failed},
                desired.remotes,
            )
            if after != (there.ports, there.networks, there.groups, there.routers, there.remotes) or not there.bridge:
                there.bridge = True
                there.ports, there.networks, there.groups, there.routers, there.remotes = after
                there.applied += 1
                self._number(there)
                self._keep(there)
            return failed

    def _keep(self, there: Host) -> None:
        """The folder has what stands on the host, whole or as it was before."""
        if self._folder is None:
            return
        parts = (there.ports, there.networks, there.groups, there.routers)
        kept = dict(
            zip(('ports', 'networks', 'groups', 'routers'), (tuple(part.values()) for part in parts), strict=True)
        )
        draft = pathlib.Path(self._folder) / f'.{KEPT}'
        draft.write_bytes(orjson.dumps(driver.Desired(generation=0, remotes=there.remotes, **kept)))
        draft.replace(draft.with_name(KEPT))

    def wired(self, among: Collection[str] | None = None) -> set[str]:
        with self._host() as there:
            names = there.ports if among is None else [name for name in among if name in there.ports]
            return {name for name in names if there.ports[name].admin_up}

    def bridges(self) -> dict[str, str]:
        return self._bridges

    def tunnel_end(self) -> str | None:
        return host(self.host_name).end

    def life(self) -> object:
        return host(self.host_name).life

    def clear(self) -> None:
        with self._host() as there:
            there.bridge = False
            for kept in (there.vlans, there.ports, there.networks, there.groups, there.routers):
                kept.clear()
            there.remotes = ()
            self._keep(there)

    def _host(self) -> '_Answering':
        return _Answering(self.host_name)

    def _failed(self, desired: driver.Desired, networks: dict, failures: dict[str, str]) -> dict[str, str]:
        failed = {}
        servers = [one.dhcp_port_id for one in networks.values() if one.dhcp_port_id]
        for name in [port.id for port in desired.ports] + servers + [router.id for router in desired.routers]:
            if name in failures:
                failed[name] = failures[name]
        for port in desired.ports:
            if why := self._unreachable(networks, port.network_id, f'port {port.id}'):
                failed[port.id] = why
        standing = {one.id for one in desired.ports} - set(failed)
        for port in desired.ports:
            if port.parent and port.id in standing and port.parent not in standing:
                failed[port.id] = driver.unparented(port.id, port.parent)
        for router in desired.routers:
            for port in router.every_port:
                if why := self._unreachable(networks, port.network_id, f'router {router.id}'):
                    outside = port in router.gateways
                    failed |= {one.port_id: why for one in router.floating if outside}
                    failed[port.port_id if outside else router.id] = why
        return failed

    def _met(self, there: Host, new: list[str]) -> dict[str, str]:
        """Why ports that come now are not wired, by their ids."""
        failed = {}
        for name in new:
            try:
                there.chosen.meet('wire', time.sleep)
            except NimbusError as why:
                failed[name] = why.sentence
        return failed

    def _unreachable(self, networks: dict, network_id: str, owner: str) -> str | None:
        """Why what is on the network cannot be wired here."""
        if network_id not in networks:
            return f'The network {network_id} of {owner} is not known on this host.'
        name, kind = networks[network_id].physical, networks[network_id].type
        if kind in TUNNELS and self.tunnel_end() is None:
            return driver.unreachable(network_id, kind, 'this host has no address for the ends of tunnels')
        return driver.unmapped(network_id, name) if name and name not in self._bridges else None

    def _number(self, there: Host) -> None:
        there.vlans = {name: tag for name, tag in there.vlans.items() if name in there.networks}
        free = (tag for tag in range(1, 4095) if tag not in set(there.vlans.values()))
        there.vlans |= {name: next(free) for name in sorted(set(there.networks) - set(there.vlans))}


class _Answering:
    """The host under its lock.  Raises OSError when its switch is away."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.there = host(name)

    def __enter__(self) -> Host:
        self.there.lock.acquire()
        if self.there.away:
            self.there.lock.release()
            raise OSError(f'Open vSwitch of {self.name} does not answer.')
        return self.there

    def __exit__(self, *why: object) -> None:
        self.there.lock.release()
