"""Decide in Python which traffic a port's security groups allow, exactly as the packet filter does."""

import dataclasses
import functools
import ipaddress
from collections.abc import Iterable

from nimbus.common.ip_protocols import NUMBERS
from nimbus.network.agent.driver import Group, Port, Rule

IPV4, IPV6 = 'IPv4', 'IPv6'
ICMP = {IPV4: 1, IPV6: 58}
WITH_PORTS = {6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udplite'}


@dataclasses.dataclass(frozen=True)
class Flow:
    """The first packet of a flow; `direction` is the guest's: 'ingress' or 'egress'."""

    direction: str
    ethertype: str
    remote: str  # the other end's address
    protocol: int
    port: int | None = None  # destination port, or ICMP type
    code: int | None = None  # ICMP code


def protocol_number(rule: Rule) -> int | None:
    """The IP protocol that the rule names; None when it means every protocol."""
    name = str(rule.protocol).lower()
    if rule.protocol is None or name in ('any', '-1', ''):
        return None
    number = NUMBERS.get(name)
    if number is None:
        number = int(name)
    if not number:  # `ip` and `hopopt`: iptables reads 0 as every protocol
        return None
    return ICMP[rule.ethertype] if number in (1, 58) else number


def rules_of(port: Port, groups: dict[str, Group]) -> tuple[Rule, ...]:
    """Every valid rule of the port's groups, each once, in a fixed order."""
    rules = [rule for group in port.groups if group in groups for rule in groups[group].rules]
    return tuple(rule for rule in dict.fromkeys(rules) if is_sound(rule))


@functools.lru_cache(maxsize=4096)
def is_sound(rule: Rule) -> bool:
    """Whether the rule is valid; one that is not allows nothing and must not make the others fail."""
    try:
        number = protocol_number(rule)
        if rule.remote_prefix:
            network(rule.remote_prefix)
    except ValueError:
        return False
    if number is not None and not 0 <= number <= 255:
        return False
    top = 255 if number in (1, 58) else 65535
    if any(value is not None and not 0 <= value <= top for value in (rule.port_min, rule.port_max)):
        return False
    return number not in WITH_PORTS or rule.port_min is None or rule.port_max is None or rule.port_min <= rule.port_max


def admits(rules: Iterable[Rule], groups: dict[str, Group], flow: Flow) -> bool:
    """Whether one of the rules allows the flow's first packet."""
    return any(_matches(rule, groups, flow) for rule in rules)


def _matches(rule: Rule, groups: dict[str, Group], flow: Flow) -> bool:
    if (rule.direction, rule.ethertype) != (flow.direction, flow.ethertype):
        return False
    number = protocol_number(rule)
    if number is not None and (number != flow.protocol or not _port_matches(rule, number, flow)):
        return False
    if rule.remote_prefix and not _within(flow.remote, (rule.remote_prefix,)):
        return False
    if rule.remote_group:
        group = groups.get(rule.remote_group)
        return group is not None and _within(flow.remote, group.members)
    return True


def _port_matches(rule: Rule, number: int, flow: Flow) -> bool:
    if rule.port_min is None or flow.port is None:
        return True
    if number in (1, 58):
        return flow.port == rule.port_min and rule.port_max in (None, flow.code)
    if number not in WITH_PORTS:
        return True
    return rule.port_min <= flow.port <= (rule.port_min if rule.port_max is None else rule.port_max)


def _within(address: str, prefixes: tuple[str, ...]) -> bool:
    if address in prefixes:
        return True
    here = ipaddress.ip_address(address)
    return any(here in network(prefix) for prefix in prefixes if '/' in prefix)


@functools.lru_cache(maxsize=4096)
def network(prefix: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The prefix as a value; a bare address is a prefix of one."""
    return ipaddress.ip_network(prefix, strict=False)


def family(prefix: str) -> str:
    """'IPv4' or 'IPv6'."""
    return IPV6 if ':' in prefix else IPV4


def link_local(mac: str) -> str:
    """The link-local IPv6 address that a guest makes of its MAC."""
    return eui64('fe80::/64', mac)


def eui64(cidr: str, mac: str) -> str:
    """The IPv6 address that a guest makes of a prefix and its MAC."""
    parts = [int(part, 16) for part in mac.split(':')]
    parts[0] ^= 2
    half = int.from_bytes(bytes(parts[:3] + [0xFF, 0xFE] + parts[3:]), 'big')
    return str(ipaddress.IPv6Address(int(ipaddress.IPv6Network(cidr).network_address) | half))


def allowed_sources(port: Port) -> tuple[tuple[str, str], ...]:
    """Every (address or CIDR, MAC) that the port's guest may send from, its link-local ones included."""
    pairs = [(address.ip, port.mac.lower()) for address in port.addresses]
    pairs += [(prefix, (mac or port.mac).lower()) for prefix, mac in port.allowed_pairs]
    macs = dict.fromkeys([port.mac.lower()] + [mac for _, mac in pairs])
    return tuple(dict.fromkeys(pairs + [(link_local(mac), mac) for mac in macs]))
