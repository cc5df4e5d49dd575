"""Make the host's links: the bridge and veth pair of a guest's port (hybrid plug), and veth pairs into namespaces."""

import contextlib
import ctypes
import dataclasses
import fcntl
import json
import os
import socket
import struct
from collections.abc import Iterable
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from nimbus.network.agent.driver import METADATA6, Port
from nimbus.network.agent.host import namespaces
from nimbus.network.agent.host.command import run

# The link group that marks what this driver made, so that an orphan of a crash is known as ours ('ni').
OURS = 0x6E69
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
# On this bridge there are two ports: nothing is learnt, nothing is waited for, nothing is snooped.
QUIET = {'br_forward_delay': 0, 'br_ageing_time': 0, 'br_mcast_snooping': 0, 'br_stp_state': 0}


@dataclasses.dataclass(frozen=True)
class Link:
    index: int
    name: str
    up: bool
    mtu: int
    master: int | None
    mac: str
    group: int


def names_of(port_id: str) -> tuple[str, str, str]:
    """The bridge, its side of the veth pair and the switch's side of a guest port."""
    return 'qbr' + port_id[:11], 'qvb' + port_id[:11], 'qvo' + port_id[:11]


def read_all() -> dict[str, Link]:
    """Every link in the host's own namespace; `ip` lists a thousand in the time pyroute2 lists thirty."""
    rows = json.loads(run('ip', '-json', 'link', 'show') or '[]')
    indexes = {row['ifname']: row['ifindex'] for row in rows}
    return {
        row['ifname']: Link(
            row['ifindex'], row['ifname'], 'UP' in row['flags'], row['mtu'], indexes.get(row.get('master')),
            row.get('address', ''), int(row['group']) if row.get('group', '').isdecimal() else 0,
        )
        for row in rows
    }  # fmt: skip


def read(route: IPRoute, names: Iterable[str]) -> dict[str, Link]:
    """The named links that exist."""
    found = {}
    for name in names:
        with contextlib.suppress(NetlinkError):
            found |= {link.name: link for link in map(_link, route.link('get', ifname=name))}
    return found


def hybrid(route: IPRoute, port: Port, mtu: int, there: dict[str, Link]) -> bool:
    """The port's bridge and veth pair stand, the switch's side still down; says whether the pair is new."""
    qbr, qvb, qvo = names_of(port.id)
    if qbr not in there:
        route.link('add', ifname=qbr, kind='bridge', group=OURS, **QUIET)
    new = qvb not in there or qvo not in there
    if new:
        for name in (qvb, qvo):
            remove(route, name)
        route.link('add', ifname=qvb, kind='veth', group=OURS, peer={'ifname': qvo, 'group': OURS})
    now = there if not new and qbr in there else read(route, (qbr, qvb, qvo))
    bridge, inner, outer = now[qbr], now[qvb], now[qvo]
    for name in (qbr, qvb, qvo):
        namespaces.write_sysctl(f'net/ipv6/conf/{name}/disable_ipv6', '1')
    # The host owns no address of the guest's network and answers none of its questions.
    namespaces.write_sysctl(f'net/ipv4/conf/{qbr}/arp_ignore', '8')
    for link in (inner, outer):
        if link.mtu != mtu or new:
            route.link('set', index=link.index, mtu=mtu, promiscuity=1)
    if inner.master != bridge.index:
        route.link('set', index=inner.index, master=bridge.index)
    if bridge.mtu != mtu:
        route.link('set', index=bridge.index, mtu=mtu)
    if new:
        # A partial checksum must be completed before the userspace datapath reads the packet.
        complete_checksums(qvb)
    for link in (bridge, inner):
        if not link.up:
            route.link('set', index=link.index, state='up')
    return new


def branch_of(port_id: str) -> str:
    """The switch's side of the pair through which a subport gets the frames of its trunk."""
    return 'spi' + port_id[:11]


def branch(route: IPRoute, port: Port, mtu: int) -> bool:
    """A pair stands in for a subport's guest: the tap in the port's bridge, and a side for the switch.

    Says whether it is new.
    """
    name = branch_of(port.id)
    there = read(route, (port.bridge, port.tap, name))
    new = port.tap not in there or name not in there
    if new:
        for link in (port.tap, name):
            remove(route, link)
        route.link('add', ifname=port.tap, kind='veth', group=OURS, peer={'ifname': name, 'group': OURS})
        there = read(route, (port.bridge, port.tap, name))
        complete_checksums(port.tap)
    for link in (there[port.tap], there[name]):
        if new:
            namespaces.write_sysctl(f'net/ipv6/conf/{link.name}/disable_ipv6', '1')
        if link.mtu != mtu or new:
            route.link('set', index=link.index, mtu=mtu, promiscuity=1)
    if there[port.tap].master != there[port.bridge].index:
        route.link('set', index=there[port.tap].index, master=there[port.bridge].index)
    for link in (there[port.tap], there[name]):
        if not link.up:
            route.link('set', index=link.index, state='up')
    return new


def switch_side(route: IPRoute, port_id: str, up: bool) -> None:
    """The switch's side of a guest port is up, or down."""
    for link in read(route, [names_of(port_id)[2]]).values():
        if link.up != up:
            route.link('set', index=link.index, state='up' if up else 'down')


def remove(route: IPRoute, name: str) -> None:
    """The link is gone, and its peer."""
    try:
        for link in read(route, [name]).values():
            route.link('del', index=link.index)
    except NetlinkError as why:
        if why.code not in (19, 2):  # it went between the question and the order
            raise


def stands(namespace: str, outer: str, inner: str) -> bool:
    """Whether both ends of a pair are where they belong."""
    with namespaces.links() as host, namespaces.links(namespace) as netns:
        return bool(read(host, [outer]) and read(netns, [inner]))


def pair(namespace: str, outer: str, inner: str, mac: str, mtu: int) -> bool:
    """A veth pair leads from `outer` on the host to `inner` in the namespace; says whether it is new."""
    with namespaces.links() as host, namespaces.links(namespace) as netns:
        here, there = read(host, [outer]), read(netns, [inner])
        new = outer not in here or inner not in there
        if new:
            remove(host, outer)
            remove(netns, inner)
            host.link('add', ifname=outer, kind='veth', group=OURS, peer={'ifname': inner, 'group': OURS})
            with open(os.path.join(namespaces.HOME, namespace)) as there_file:
                index = read(host, [inner])[inner].index
                host.link('set', index=index, net_ns_fd=there_file.fileno())
            here, there = read(host, [outer]), read(netns, [inner])
            with namespaces.inside(namespace):
                # An address that somebody advertises must not appear on a port of ours.
                namespaces.write_sysctl(f'net/ipv6/conf/{inner}/accept_ra', '0')
                complete_checksums(inner)
            namespaces.write_sysctl(f'net/ipv6/conf/{outer}/disable_ipv6', '1')
        if there[inner].mac != mac.lower():
            netns.link('set', index=there[inner].index, state='down')
            netns.link('set', index=there[inner].index, address=mac.lower())
        for route, link in ((host, here[outer]), (netns, there[inner])):
            if link.mtu != mtu:
                route.link('set', index=link.index, mtu=mtu)
            if not link.up or link.mac != mac.lower():
                route.link('set', index=link.index, state='up')
        return new


def hold_addresses(namespace: str, inner: str, wanted: dict[str, int]) -> set[str]:
    """The link has exactly the addresses (address -> prefix length) beside its own link-local; returns the new ones."""
    with namespaces.links(namespace) as netns:
        index = read(netns, [inner])[inner].index
        there = {}
        for message in netns.get_addr(index=index):
            address = message.get_attr('IFA_ADDRESS')
            if not address.startswith('fe80:') or address == METADATA6:
                there[address] = message['prefixlen']
        for address, length in there.items():
            if wanted.get(address) != length:
                netns.addr('del', index=index, address=address, prefixlen=length)
        new = {address for address, length in wanted.items() if there.get(address) != length}
        for address in sorted(new):
            # An IPv6 address is used at once: the control plane has already made it the only one.
            extra = {'flags': 0x02} if ':' in address else {}
            netns.addr('add', index=index, address=address, prefixlen=wanted[address], **extra)
        return new


def announce(namespace: str, inner: str, mac: str, addresses: Iterable[str]) -> None:
    """A gratuitous ARP for each IPv4 address has been sent."""
    source = bytes.fromhex(mac.replace(':', ''))
    with namespaces.inside(namespace):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with wire:
        wire.bind((inner, 0x0806))
        for address in addresses:
            if ':' not in address:
                ip = socket.inet_aton(address)
                request = struct.pack('!HHBBH', 1, 0x0800, 6, 4, 1) + source + ip + bytes(6) + ip
                wire.send(b'\xff' * 6 + source + b'\x08\x06' + request)


def complete_checksums(name: str) -> None:
    """The link computes transmit checksums itself (what `ethtool -K NAME tx off` does)."""
    order = ctypes.create_string_buffer(struct.pack('II', ETHTOOL_STXCSUM, 0))
    request = struct.pack('16sP', name.encode(), ctypes.addressof(order)).ljust(40, b'\0')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, request)


def _link(message: Any) -> Link:
    return Link(
        message['index'], message.get_attr('IFLA_IFNAME'), bool(message['flags'] & 1),
        message.get_attr('IFLA_MTU'), message.get_attr('IFLA_MASTER'), message.get_attr('IFLA_ADDRESS') or '',
        message.get_attr('IFLA_GROUP') or 0,
    )  # fmt: skip
