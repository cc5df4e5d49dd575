"""Compute the OpenFlow rules of the tunnel bridge (no command is run here).

Frames come from br-int with the local VLAN of their network and leave in a tunnel with the network's id, to the hosts
that have ports of it and to no others; what comes from a tunnel is taken from those hosts alone.
"""

import functools
import ipaddress
from collections.abc import Collection, Iterable, Sequence

from nimbus.network.agent.driver import Network, Remote
from nimbus.network.rpc import TUNNELS

OUTWARD, INWARD, LEARN, UNICAST, ARP, FLOOD = 2, 4, 10, 20, 21, 22
LEARNED = 0x6E69  # the cookie of what the switch itself learns ('ni')
LEARNED_SECONDS = 300
GROUPS = '01:00:00:00:00:00/01:00:00:00:00:00'  # what is meant for several
# A frame from a tunnel tells where its sender is, whom no port here is known by: a guest may have MACs of its own.
LEARNING = (
    f'learn(cookie={LEARNED:#x},table={UNICAST},hard_timeout={LEARNED_SECONDS},priority=1,NXM_OF_VLAN_TCI[0..11],'
    'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],'
    'load:NXM_NX_TUN_IPV4_SRC[]->NXM_NX_TUN_IPV4_DST[],output:OXM_OF_IN_PORT[])'
)


def by_network(remotes: Iterable[Remote]) -> dict[str, list[Remote]]:
    """The ports elsewhere on each network."""
    found: dict[str, list[Remote]] = {}
    for one in remotes:
        found.setdefault(one.network_id, []).append(one)
    return found


def ends(remotes: Iterable[Remote]) -> list[str]:
    """The far ends of the tunnels to the ports."""
    return sorted({end for one in remotes for end in one.ends})


def rules(
    inner: int,
    ports: dict[str, int],
    networks: Sequence[Network],
    tags: dict[str, int],
    remotes: dict[str, list[Remote]],
) -> list[str]:
    """All rules of the bridge: `inner` is its port to br-int, `ports` its port of each type of tunnels.

    `remotes` are the ports elsewhere by network.
    """
    found = _base(inner, ports)
    for network in networks:
        if network.type in ports and network.segment is not None:
            found += _of_network(network, tags[network.id], ports[network.type], remotes.get(network.id, ()))
    return found


def _base(inner: int, ports: dict[str, int]) -> list[str]:
    found = [f'table=0,priority=1,in_port={inner},actions=resubmit(,{OUTWARD})']
    for name, number in ports.items():
        found.append(f'table=0,priority=1,in_port={number},actions=resubmit(,{table_of(name)})')
        found.append(f'table={table_of(name)},priority=0,actions=drop')
    return [
        *found,
        'table=0,priority=0,actions=drop',
        f'table={OUTWARD},priority=2,arp,dl_dst=ff:ff:ff:ff:ff:ff,arp_op=1,actions=resubmit(,{ARP})',
        f'table={OUTWARD},priority=1,dl_dst={GROUPS},actions=resubmit(,{FLOOD})',
        f'table={OUTWARD},priority=0,actions=resubmit(,{UNICAST})',
        f'table={LEARN},priority=1,actions={LEARNING},output:{inner}',
        f'table={UNICAST},priority=0,actions=resubmit(,{FLOOD})',
        f'table={ARP},priority=0,actions=resubmit(,{FLOOD})',
        f'table={FLOOD},priority=0,actions=drop',
    ]


def table_of(network_type: str) -> int:
    """The table that takes what comes in the tunnels of a type."""
    return INWARD + TUNNELS.index(network_type)


def _of_network(network: Network, tag: int, port: int, remotes: Collection[Remote]) -> list[str]:
    reached = ends(remotes)
    found = [
        f'table={table_of(network.type)},priority=1,tun_id={network.segment:#x},tun_src={end},'
        f'actions=mod_vlan_vid:{tag},resubmit(,{LEARN})'
        for end in reached
    ]
    leave = f'strip_vlan,load:{network.segment:#x}->NXM_NX_TUN_ID[]'
    if reached:
        copies = ','.join(f'{_to(end)},output:{port}' for end in reached)
        found.append(f'table={FLOOD},priority=1,dl_vlan={tag},actions={leave},{copies}')
    found += [_alone(tag, leave, mac, to, port) for mac, to in {one.mac: one.ends for one in remotes}.items()]
    answers = {ip: one.mac for one in remotes for ip in one.ips if ':' not in ip}
    return found + [_answer(tag, ip, mac) for ip, mac in answers.items()]


# A change of one port elsewhere computes the rules of that one alone; the others are remembered.
@functools.lru_cache(maxsize=1 << 16)
def _alone(tag: int, leave: str, mac: str, to: tuple[str, ...], port: int) -> str:
    """What is for a port elsewhere goes to its host alone; while its guest moves, to both hosts."""
    copies = ','.join(f'{_to(end)},output:{port}' for end in to)
    return f'table={UNICAST},priority=2,dl_vlan={tag},dl_dst={mac},actions={leave},{copies}'


def _to(end: str) -> str:
    return f'load:{int(ipaddress.IPv4Address(end)):#x}->NXM_NX_TUN_IPV4_DST[]'


@functools.lru_cache(maxsize=1 << 16)
def _answer(tag: int, ip: str, mac: str) -> str:
    """Who has the address of a port elsewhere is told here: the question becomes the answer and goes back."""
    number = int(mac.replace(':', ''), 16)
    return (
        f'table={ARP},priority=1,arp,dl_vlan={tag},arp_tpa={ip},actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],'
        f'mod_dl_src:{mac},load:0x2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],'
        f'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],load:{number:#x}->NXM_NX_ARP_SHA[],'
        f'load:{int(ipaddress.IPv4Address(ip)):#x}->NXM_OF_ARP_SPA[],IN_PORT'
    )
