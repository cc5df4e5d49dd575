"""Turn the guest ports of a host into iptables chains (no command is run here)."""

import dataclasses
from collections.abc import Iterable

from nimbus.network.agent.driver import Cap, Port, Rule
from nimbus.network.agent.firewall.allowed_traffic import (
    IPV4,
    IPV6,
    WITH_PORTS,
    allowed_sources,
    family,
    network,
    protocol_number,
)
from nimbus.network.agent.firewall.conntrack import HELD
from nimbus.network.agent.firewall.ipsets import set_name

Chains = dict[str, dict[str, tuple[str, ...]]]  # table -> chain -> rules without their '-A chain'

# Neighbour discovery, multicast listening and router advertisements: without them IPv6 does not work at all.
ND_TO_GUEST = (130, 131, 132, 135, 136)
ND_FROM_GUEST = (130, 131, 132, 133, 135, 136, 143)
MOST_PACKETS = 1000  # thousands a second: all that hashlimit counts, and more than a host passes
BUILT_IN = (('filter', 'INPUT'), ('filter', 'FORWARD'), ('raw', 'PREROUTING'))


@dataclasses.dataclass(frozen=True)
class FilteredPort:
    """A guest port with what its filter is made of."""

    port: Port
    zone: int
    rules: tuple[Rule, ...]


def chains(prefix: str, ethertype: str, guarded: Iterable[FilteredPort], cache: dict) -> Chains:
    """All chains of one address family; `cache` keeps by port those that did not change."""
    tables: Chains = {'raw': {}, 'filter': {}}
    raw: list[str] = []
    # A packet that a guest sends to the host itself, or through it, does not cross the bridge: nothing of the
    # host is a guest's business.
    forward = ['-i qbr+ -m physdev ! --physdev-is-bridged -j DROP']
    for item in guarded:
        key = (ethertype, item.port.id)
        if key not in cache or cache[key][0] is not item:
            cache[key] = (item, _of_port(prefix, ethertype, item))
        zone, dispatch, own = cache[key][1]
        raw += zone
        forward += dispatch
        tables['filter'].update(own)
    # A tap that no port names is cut off: a port that just left, or one that was never wired.
    forward.append('-i qbr+ -m physdev --physdev-is-bridged -j DROP')
    tables['raw'][f'{prefix}-PREROUTING'] = tuple(raw)
    tables['filter'][f'{prefix}-FORWARD'] = tuple(forward)
    tables['filter'][f'{prefix}-INPUT'] = ('-i qbr+ -j DROP',)
    return tables


def chain_of(prefix: str, port_id: str, way: str) -> str:
    """The name of a port's chain: way is 'i' (to the guest), 'o' (from it) or 's' (its sources)."""
    return f'{prefix}-{way}{port_id[:11]}'


def _of_port(prefix: str, ethertype: str, item: FilteredPort) -> tuple[list[str], list[str], dict]:
    tap = item.port.tap
    to_guest = f'-m physdev --physdev-out {tap} --physdev-is-bridged'
    from_guest = f'-m physdev --physdev-in {tap} --physdev-is-bridged'
    # Also where nothing is filtered: a port that is filtered later knows then who began what.
    track = f'--zone {item.zone}' if item.port.tracked or not item.port.security else '--notrack'
    zone = f'-i {item.port.bridge} -j CT {track}'
    ways = {'ingress': to_guest, 'egress': from_guest}
    over = [
        f'{ways[cap.direction]} {_over(prefix, item.port.id, cap)} -j DROP'
        for cap in item.port.packets
        if cap.rate < MOST_PACKETS
    ]
    if not item.port.security:
        return [zone], [*over, f'{to_guest} -j ACCEPT', f'{from_guest} -j ACCEPT'], {}
    i, o, s = (chain_of(prefix, item.port.id, way) for way in 'ios')
    rules = {'ingress': [], 'egress': []}
    for rule in item.rules:
        match = _match(prefix, rule) if rule.ethertype == ethertype else None
        if match is not None:
            rules[rule.direction].append(f'{match} -j ACCEPT'.strip())
    first, last = ((_CUT,), _LAST) if item.port.tracked else ((), ['-j DROP'])
    own = {
        s: tuple(_sources(item.port, ethertype)),
        i: (*first, *_to_guest(ethertype), *rules['ingress'], *last),
        o: (*first, *_from_guest(ethertype, s), *rules['egress'], *last),
    }
    return [zone], [*over, f'{to_guest} -j {i}', f'{from_guest} -j {o}'], own


def _over(prefix: str, port_id: str, cap: Cap) -> str:
    """What matches the packets beyond a limit, which is each address family's own."""
    rate, burst = cap.rate * 1000, min(cap.burst or cap.rate, MOST_PACKETS) * 1000
    name = chain_of(prefix, port_id, cap.direction[0])
    return f'-m hashlimit --hashlimit-above {rate}/sec --hashlimit-burst {burst} --hashlimit-name {name}'


_CUT = f'-m connmark --mark {HELD:#x}/{HELD:#x} -j DROP'
_KNOWN = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
_LAST = ['-m conntrack --ctstate INVALID -j DROP', '-j DROP']


def _sources(port: Port, ethertype: str) -> list[str]:
    """The spoof chain returns for an address the port owns and drops everything else."""
    return [
        f'-s {network(prefix)} -m mac --mac-source {mac} -j RETURN'
        for prefix, mac in allowed_sources(port)
        if family(prefix) == ethertype
    ] + ['-j DROP']


def _to_guest(ethertype: str) -> list[str]:
    if ethertype == IPV4:
        return [_KNOWN, '-p udp -m udp --sport 67 --dport 68 -j ACCEPT']
    return [
        *(f'-p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT' for kind in ND_TO_GUEST),
        '-s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT',
        _KNOWN,
        '-s fe80::/10 -p udp -m udp --sport 547 --dport 546 -j ACCEPT',
    ]


def _from_guest(ethertype: str, sources: str) -> list[str]:
    if ethertype == IPV4:
        return [
            '-s 0.0.0.0/32 -d 255.255.255.255/32 -p udp -m udp --sport 68 --dport 67 -j ACCEPT',
            f'-j {sources}',
            '-p udp -m udp --sport 68 --dport 67 -j ACCEPT',
            '-p udp -m udp --sport 67 --dport 68 -j DROP',
            _KNOWN,
        ]
    return [
        '-p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP',
        # Duplicate address detection and its multicast reports come from the unspecified address.
        *(f'-s ::/128 -d ff02::/16 -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT'
          for kind in (131, 135, 143)),
        f'-j {sources}',
        *(f'-p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT' for kind in ND_FROM_GUEST),
        '-p udp -m udp --sport 546 --dport 547 -j ACCEPT',
        '-p udp -m udp --sport 547 --dport 546 -j DROP',
        _KNOWN,
    ]  # fmt: skip


def _match(prefix: str, rule: Rule) -> str | None:
    """The rule as iptables arguments; None when nothing can match it."""
    parts: list[str] = []
    side = 's' if rule.direction == 'ingress' else 'd'
    if rule.remote_prefix:
        if family(rule.remote_prefix) != rule.ethertype:
            return None
        if network(rule.remote_prefix).prefixlen:
            parts.append(f'-{side} {network(rule.remote_prefix)}')
    number = protocol_number(rule)
    if number is not None:
        parts.append(f'-p {number}')
        if rule.port_min is not None:
            ports = _icmp(rule) if number in (1, 58) else _ports(number, rule)
            if ports is None:
                return None
            parts.append(ports)
    if rule.remote_group:
        way = 'src' if side == 's' else 'dst'
        parts.append(f'-m set --match-set {set_name(prefix, rule.remote_group, rule.ethertype)} {way}')
    return ' '.join(part for part in parts if part)


def _ports(number: int, rule: Rule) -> str:
    name = WITH_PORTS.get(number)
    if name is None:
        return ''
    last = rule.port_min if rule.port_max is None else rule.port_max
    span = str(rule.port_min) if last == rule.port_min else f'{rule.port_min}:{last}'
    return f'-m multiport --dports {span}' if name == 'udplite' else f'-m {name} --dport {span}'


def _icmp(rule: Rule) -> str | None:
    kind = str(rule.port_min) if rule.port_max is None else f'{rule.port_min}/{rule.port_max}'
    if rule.ethertype == IPV6:
        return f'-m icmp6 --icmpv6-type {kind}'
    # iptables reads type 255 as "any type": a rule for it must not open all of ICMP.
    return None if rule.port_min == 255 else f'-m icmp --icmp-type {kind}'
