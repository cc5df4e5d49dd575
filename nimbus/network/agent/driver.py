"""The interface of a network driver: it builds networks, ports, DHCP servers and routers on one host.

The agent hands over whole values (below); a driver makes the host look like
them and says what it finds there.  Every verb may be called twice and in any
order; nothing is asked of anyone and no database is known here.
"""

import abc
import dataclasses
import functools
from collections.abc import Collection
from typing import Any, Self, get_args, get_origin, get_type_hints

METADATA = '169.254.169.254'  # where guests ask what they are
METADATA6 = 'fe80::a9fe:a9fe'  # on every link with an IPv6 subnet
STATEFUL, STATELESS, SLAAC = 'dhcpv6-stateful', 'dhcpv6-stateless', 'slaac'
DHCPV6, BY_THEMSELVES = (STATEFUL, STATELESS), {STATELESS, SLAAC}


class Serializable:
    """A dataclass that can be turned into plain lists and dicts, and back."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The value whose `dataclasses.asdict`, after a trip through JSON, is `values`."""
        return _build(cls, values)


@dataclasses.dataclass(frozen=True)
class Subnet:
    id: str
    cidr: str
    ip_version: int
    gateway_ip: str | None
    dhcp: bool
    dns: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()  # (destination, next hop)
    ra_mode: str | None = None  # of IPv6, by Neutron's names: what the router advertises,
    address_mode: str | None = None  # and what gives addresses

    @property
    def hands_out(self) -> bool:
        """Whether the DHCP server has the subnet's addresses, or answers those who made their own."""
        modes = (self.ra_mode, self.address_mode)
        return self.dhcp and (self.ip_version == 4 or self.address_mode in DHCPV6 or modes == (None, None))

    @property
    def self_made(self) -> bool:
        """Whether guests make their addresses by themselves."""
        return bool({self.ra_mode, self.address_mode} & BY_THEMSELVES)


@dataclasses.dataclass(frozen=True)
class Address:
    ip: str
    subnet_id: str


@dataclasses.dataclass(frozen=True)
class Cap:
    """The most that passes a port one way, in a second and at once."""

    direction: str  # 'egress' is from the guest
    rate: int
    burst: int = 0  # 0: as the host thinks right


@dataclasses.dataclass(frozen=True)
class Port(Serializable):
    """A guest's port that this host must wire."""

    id: str
    network_id: str
    mac: str
    addresses: tuple[Address, ...]
    device_id: str  # the server
    project_id: str
    hostname: str
    admin_up: bool = True
    security: bool = True  # port security: False means no filtering at all
    groups: tuple[str, ...] = ()
    tracked: bool = True  # False: its groups are stateless, and each packet is filtered by itself
    allowed_pairs: tuple[tuple[str, str], ...] = ()  # (address or CIDR, MAC)
    bandwidth: tuple[Cap, ...] = ()  # in kbit
    packets: tuple[Cap, ...] = ()  # in thousands
    dscp: int | None = None  # the mark that its guest's packets carry
    parent: str | None = None  # a subport's: the port of the trunk, whose guest's frames
    vlan: int = 0  # with this tag are its own

    @property
    def tap(self) -> str:
        return 'tap' + self.id[:11]

    @property
    def bridge(self) -> str:
        return 'qbr' + self.id[:11]

    def cap(self, direction: str) -> Cap | None:
        """What the port's bandwidth is limited to that way."""
        return next((one for one in self.bandwidth if one.direction == direction), None)


@dataclasses.dataclass(frozen=True)
class Lease:
    """A fixed address that the network's DHCP server hands out."""

    port_id: str
    mac: str
    ip: str
    subnet_id: str
    hostname: str
    device_id: str = ''  # whose metadata a request from this address gets,
    project_id: str = ''  # for its server may be on another host
    options: tuple[tuple[str, str], ...] = ()  # DHCP options of this guest, beside the subnet's: (name, value)


@dataclasses.dataclass(frozen=True)
class Network(Serializable):
    """A network that has ports, DHCP or a router on this host."""

    id: str
    type: str  # 'local', 'flat', 'vlan', or of nimbus/network/rpc.py's TUNNELS
    segment: int | None
    mtu: int
    subnets: tuple[Subnet, ...] = ()
    dhcp_port_id: str | None = None  # None: no DHCP server here
    dhcp_mac: str = ''
    dhcp_addresses: tuple[Address, ...] = ()
    leases: tuple[Lease, ...] = ()
    physical: str | None = None  # the physical network that carries it, for types that have one


@dataclasses.dataclass(frozen=True)
class Remote(Serializable):
    """A port of another host, to which a tunnel leads."""

    network_id: str
    mac: str
    ips: tuple[str, ...]
    end: str  # of the tunnel: an address of the other host
    coming: str = ''  # the same of a second host, where the port's guest is on its way to

    @property
    def ends(self) -> tuple[str, ...]:
        """Of every tunnel that may lead to the guest at this moment."""
        return (self.end, self.coming) if self.coming else (self.end,)


@dataclasses.dataclass(frozen=True)
class Rule:
    direction: str  # 'ingress' or 'egress'
    ethertype: str  # 'IPv4' or 'IPv6'
    protocol: str | None = None
    port_min: int | None = None  # ICMP: the type
    port_max: int | None = None  # ICMP: the code
    remote_prefix: str | None = None
    remote_group: str | None = None


@dataclasses.dataclass(frozen=True)
class Group:
    """A security group with every address its members have, on whatever host."""

    id: str
    rules: tuple[Rule, ...] = ()
    members: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class RouterPort:
    port_id: str
    network_id: str
    mac: str
    addresses: tuple[Address, ...]


@dataclasses.dataclass(frozen=True)
class Forward:
    """Ports of an address outside that lead to one port of an address inside, or to as many."""

    protocol: str
    outer: tuple[int, int]  # the first and the last port
    ip: str
    inner: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Helper:
    """A protocol whose connections are followed at a port."""

    protocol: str
    port: int
    name: str


@dataclasses.dataclass(frozen=True)
class Floating:
    """An address outside that leads to one inside, or whose ports do."""

    port_id: str  # which holds the address outside
    ip: str
    fixed_ip: str | None = None
    forwards: tuple[Forward, ...] = ()
    bandwidth: tuple[Cap, ...] = ()  # in kbit


@dataclasses.dataclass(frozen=True)
class Router(Serializable):
    id: str
    ports: tuple[RouterPort, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    admin_up: bool = True  # False: its ports stand and nothing is forwarded between them
    gateways: tuple[RouterPort, ...] = ()  # its port outside, if it has one
    snat: bool = True  # what has no floating address leaves with the gateway's
    floating: tuple[Floating, ...] = ()
    helpers: tuple[Helper, ...] = ()
    bandwidth: tuple[Cap, ...] = ()  # of what leaves with the gateway's own address, in kbit

    @property
    def every_port(self) -> tuple[RouterPort, ...]:
        return self.ports + self.gateways


@dataclasses.dataclass(frozen=True)
class Desired(Serializable):
    """All that a host's network must be at one generation."""

    generation: int
    networks: tuple[Network, ...] = ()
    ports: tuple[Port, ...] = ()
    groups: tuple[Group, ...] = ()
    routers: tuple[Router, ...] = ()
    remotes: tuple[Remote, ...] = ()  # of the networks that are carried in tunnels


def unmapped(network_id: str, physical: str) -> str:
    """Why nothing on the network can be wired on a host without its physical network."""
    return (
        f'The network {network_id} is on the physical network {physical}, which this host does not have: its '
        '[network] bridge_mappings names no bridge for it.'
    )


def unparented(port_id: str, parent: str) -> str:
    """Why a subport cannot be wired on a host that does not have the port of its trunk."""
    return f'The subport {port_id} cannot be wired: the port {parent} of its trunk is not wired on this host.'


def unreachable(network_id: str, network_type: str, why: str) -> str:
    """Why nothing on a network that is carried in tunnels can be wired on a host where none can end."""
    return f'The network {network_id} is of type {network_type}, and {why}.'


def _build(kind: Any, values: Any) -> Any:
    """Turn plain lists and dicts back into the dataclass `kind`."""
    hints = _hints(kind)
    return kind(**{name: _value(hints[name], value) for name, value in values.items()})


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(hint: Any, value: Any) -> Any:
    if get_origin(hint) is tuple and value is not None:
        return tuple(_value(get_args(hint)[0], item) for item in value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(hint, value)
    return tuple(value) if isinstance(value, list) else value


class Driver(abc.ABC):
    """One way to build networks on a host."""

    @abc.abstractmethod
    def open(self) -> None:
        """The host's bridges stand.  Raises OSError with a sentence when the switch is away."""

    @abc.abstractmethod
    def close(self) -> None:
        """The driver's threads, sockets and connections are gone; what it wired stays."""

    @abc.abstractmethod
    def apply(self, desired: Desired) -> dict[str, str]:
        """The host is as `desired` says; what it does not name is gone.  Repeatable and cheap when nothing differs.

        Returns what could not be wired: port id (a guest's, a DHCP server's) or router id -> why.  A port is
        wired only once its filter rules stand, so that no packet of its guest passes before them.  Raises
        OSError when nothing could be applied at all: the switch is away, or the filter was refused.
        """

    @abc.abstractmethod
    def wired(self, among: Collection[str] | None = None) -> set[str]:
        """The ids of the guest ports that are wired and filtered on this host now, asked of the host itself.

        `among` leaves out all others.
        """

    @abc.abstractmethod
    def bridges(self) -> dict[str, str]:
        """The bridge of each physical network that this host has."""

    @abc.abstractmethod
    def tunnel_end(self) -> str | None:
        """The address at which the tunnels of other hosts end here; None where they cannot."""

    @abc.abstractmethod
    def life(self) -> object:
        """A value that changes when the switch restarts, which may have lost all; cheap to ask often."""

    @abc.abstractmethod
    def clear(self) -> None:
        """Nothing this driver ever made is left on the host: no bridge, tap, namespace, rule, set or process."""
