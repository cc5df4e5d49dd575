"""Arithmetic on a subnet's CIDR: its usable addresses, its allocation pools, and one address out of them."""

import ipaddress
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Range = tuple[int, int]  # first and last address, both within
PICK: random.Random = random.SystemRandom()
EVERYWHERE = ('0.0.0.0/0', '::/0')
BY_THEMSELVES = ('slaac', 'dhcpv6-stateless')  # modes of IPv6 in which guests make their own addresses
TRIES = 8  # addresses tried at random before all that are taken are looked at


def usable(cidr: str) -> Range:
    """The first and the last address of a range that a port may have."""
    net = ipaddress.ip_network(cidr)
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.version == 4 and net.prefixlen < 31:
        return first + 1, last - 1
    if net.version == 6 and net.prefixlen < 127:
        return first + 1, last  # ::0 is every router's own address
    return first, last


def default_gateway(cidr: str) -> str:
    """The address of a subnet's gateway where none is given."""
    net = ipaddress.ip_network(cidr)
    first = int(net.network_address)
    return _text(net.version, first if net.prefixlen in (31, 32, 127, 128) and net.version == 4 else first + 1)


def without(pool: Range, address: int) -> list[Range]:
    """The parts of the pool on either side of the address."""
    first, last = pool
    if not first <= address <= last:
        return [pool]
    return [part for part in ((first, address - 1), (address + 1, last)) if part[0] <= part[1]]


def default_pools(cidr: str, gateway_ip: str | None) -> list[dict[str, str]]:
    """All of a range's usable addresses but the gateway's."""
    version = ipaddress.ip_network(cidr).version
    parts = [usable(cidr)]
    if gateway_ip:
        parts = without(parts[0], int(ipaddress.ip_address(gateway_ip)))
    return [{'start': _text(version, first), 'end': _text(version, last)} for first, last in parts]


def ranges(allocation_pools: Iterable[dict[str, str]]) -> list[Range]:
    """Pools as numbers."""
    return [
        (int(ipaddress.ip_address(pool['start'])), int(ipaddress.ip_address(pool['end']))) for pool in allocation_pools
    ]


def some(parts: Sequence[Range], version: int) -> list[str]:
    """A few addresses of the pools at random, so that racers seldom want the same one."""
    total = sum(last - first + 1 for first, last in parts)
    if not total:
        return []
    numbers = {PICK.randrange(total) for _ in range(TRIES)}
    return [_text(version, _nth(parts, number)) for number in numbers]


def _nth(parts: Sequence[Range], number: int) -> int:
    for first, last in parts:
        size = last - first + 1
        if number < size:
            return first + number
        number -= size
    raise IndexError(number)


def every(parts: Sequence[Range], version: int) -> Iterator[str]:
    """Every address of the pools, in order."""
    for first, last in parts:
        for number in range(first, last + 1):
            yield _text(version, number)


def _text(version: int, number: int) -> str:
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


def leading_out(subnet: Any) -> tuple[str | None, list[tuple[str, str]]]:
    """The way out of the subnet, and its other routes: a route to everywhere is the way where there is no gateway."""
    gateway, routes = subnet.gateway_ip, []
    for route in subnet.host_routes:
        if route['destination'] in EVERYWHERE:
            gateway = gateway or route['nexthop']
        else:
            routes.append((route['destination'], route['nexthop']))
    return gateway, routes


def eui64(cidr: str, mac: str) -> str:
    """The address a host makes for itself from its MAC on a SLAAC subnet."""
    octets = bytearray.fromhex(mac.replace(':', ''))
    octets[0] ^= 2
    identifier = int.from_bytes(octets[:3] + b'\xff\xfe' + octets[3:], 'big')
    return str(ipaddress.IPv6Address(int(ipaddress.IPv6Network(cidr).network_address) | identifier))


def is_slaac(subnet: Any) -> bool:
    """Whether ports on the subnet make their own addresses."""
    return subnet.ip_version == 6 and not {subnet.ipv6_address_mode, subnet.ipv6_ra_mode}.isdisjoint(BY_THEMSELVES)
