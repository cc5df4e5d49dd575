"""Compute a router's packet filter: metadata, floating addresses and the gateway's own (no command is run here)."""

from nimbus.network.agent.driver import METADATA, Forward, Router
from nimbus.network.agent.l3 import lanes
from nimbus.network.agent.metadata.proxy import ROUTER_PORT

METADATA_MARK, OUTSIDE_MARK = '0x1/0xffff', '0x2/0xffff'
TO_METADATA = f'-i qr-+ -d {METADATA}/32 -p tcp -m tcp --dport 80'
TABLES = ('nat', 'mangle', 'filter')
TRANSLATED = '-m conntrack --ctstate DNAT'


def tables(router: Router, gateway: str | None, address: str | None) -> str:
    """What iptables-restore takes; `gateway` is the link outside, `address` the IPv4 address it has."""
    parts = {
        'nat': _incoming(router, gateway) + _outgoing(router, gateway, address),
        'mangle': _marks(gateway) + lanes.rules(router, gateway),
        'filter': _gate(),
    }
    return ''.join('\n'.join([f'*{name}', *rules, 'COMMIT', '']) for name, rules in parts.items())


def followed(router: Router) -> str:
    """What iptables-restore takes for the table raw alone: it refuses a helper that the kernel has no module of."""
    rules = [
        f'-A PREROUTING -p {one.protocol} -m {one.protocol} --dport {one.port} -j CT --helper {one.name}'
        for one in router.helpers
    ]
    return '\n'.join(['*raw', *rules, 'COMMIT', ''])


def _incoming(router: Router, gateway: str | None) -> list[str]:
    """Metadata requests are redirected to the proxy, floating addresses lead to fixed ones from wherever one asks."""
    found = [f'-A PREROUTING {TO_METADATA} -j REDIRECT --to-ports {ROUTER_PORT}']
    for one in router.floating if gateway else ():
        if one.fixed_ip:
            found.append(f'-A PREROUTING -d {one.ip}/32 -j DNAT --to-destination {one.fixed_ip}')
        found += [_forward(one.ip, forward) for forward in one.forwards]
    return found


def _forward(address: str, forward: Forward) -> str:
    """The ports of an address outside lead to one inside, or to as many, each to that at its own place."""
    (first, last), (inner, end) = forward.outer, forward.inner
    asked = f'{first}' if first == last else f'{first}:{last}'
    to = f'{forward.ip}:{inner}' if inner == end else f'{forward.ip}:{inner}-{end}/{first}'
    match = '-m multiport --dports' if forward.protocol == 'udplite' else f'-m {forward.protocol} --dport'
    return f'-A PREROUTING -d {address}/32 -p {forward.protocol} {match} {asked} -j DNAT --to-destination {to}'


def _outgoing(router: Router, gateway: str | None, address: str | None) -> list[str]:
    """What leaves has a floating address or the gateway's; what stays inside keeps its own.

    A guest that asks for a floating address of this router is answered through the router too: its own address would
    let the other answer it directly, from an address that it never asked.
    """
    if not gateway:
        return []
    found = [f'-A POSTROUTING ! -o {gateway} -m conntrack ! --ctstate DNAT -j ACCEPT']
    found += [f'-A POSTROUTING -s {one.fixed_ip}/32 -j SNAT --to-source {one.ip}'
              for one in router.floating if one.fixed_ip]  # fmt: skip
    if router.snat and address:
        found += [
            f'-A POSTROUTING -o {gateway} -j SNAT --to-source {address}',
            f'-A POSTROUTING -m mark ! --mark {OUTSIDE_MARK} {TRANSLATED} -j SNAT --to-source {address}',
        ]
    return found


def _marks(gateway: str | None) -> list[str]:
    found = [f'-A PREROUTING {TO_METADATA} -j MARK --set-xmark {METADATA_MARK}']
    return found + ([f'-A PREROUTING -i {gateway} -j MARK --set-xmark {OUTSIDE_MARK}'] if gateway else [])


def _gate() -> list[str]:
    """Only a redirected request reaches the proxy, never one that names its port.

    The last rule lets pass what would pass anyway: while a rule asks for tracked connections the kernel goes on
    tracking, also in the moment in which the nat table is replaced.
    """
    return [
        f'-A INPUT -m mark --mark {METADATA_MARK} -j ACCEPT',
        f'-A INPUT -p tcp -m tcp --dport {ROUTER_PORT} -j DROP',
        '-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT',
    ]
