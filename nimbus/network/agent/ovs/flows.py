"""Compute the OpenFlow rules of the integration bridge (no command is run here)."""

from nimbus.network.agent.driver import Port
from nimbus.network.agent.firewall.allowed_traffic import IPV4, IPV6, allowed_sources, family, network

GUARD = 24  # the table that packets of a guest with port security pass


def base() -> list[str]:
    """What holds whatever ports there are: trusted ports switch normally."""
    return ['table=0,priority=0,actions=NORMAL', f'table={GUARD},priority=0,actions=drop']


def marking(port: Port, number: int) -> list[str]:
    """What the guest sends carries the port's mark, whatever it wrote there itself."""
    if port.dscp is None:
        return []
    then = f'resubmit(,{GUARD})' if port.security else 'NORMAL'
    return [
        f'table=0,priority=11,in_port={number},{kind},actions=mod_nw_tos:{port.dscp << 2},{then}'
        for kind in ('ip', 'ipv6')
    ]


def branching(port: Port, number: int, parent: int | None) -> list[str]:
    """A trunk's frames with a subport's tag go to it without the tag, and those for it come back with the tag.

    `number` is the port through which the subport gets them, `parent` that of the trunk; None: it is not there.
    """
    if parent is None:
        return [f'table=0,priority=12,in_port={number},actions=drop']
    return [
        f'table=0,priority=12,in_port={parent},dl_vlan={port.vlan},actions=strip_vlan,output:{number}',
        f'table=0,priority=12,in_port={number},actions=mod_vlan_vid:{port.vlan},output:{parent}',
    ]


def guarding(port: Port, number: int) -> list[str]:
    """What the guest behind the switch's port `number` may send: its own MAC, ARP and neighbour claims."""
    # A tagged or priority-tagged frame would pass bridge-netfilter unseen, so it is dropped here.
    here = f'table={GUARD},in_port={number},vlan_tci=0x0000/0x1000'
    rules = [f'table=0,priority=10,in_port={number},actions=resubmit(,{GUARD})']
    sources = allowed_sources(port)
    for mac in dict.fromkeys(mac for _, mac in sources):
        own = f'{here},dl_src={mac}'
        # An address probe claims nothing.
        rules.append(f'{own},priority=3,arp,arp_spa=0.0.0.0,arp_sha={mac},actions=NORMAL')
        rules += [f'{own},priority=1,{kind},actions=NORMAL' for kind in ('ip', 'ipv6')]
        # By these the emulator of a guest that has just come from another host tells where its MAC is now.
        rules.append(f'{own},priority=1,rarp,arp_op=3,arp_spa=0.0.0.0,arp_sha={mac},actions=NORMAL')
    for prefix, mac in sources:
        own = f'{here},dl_src={mac}'
        whole = network(prefix).prefixlen == 0
        if family(prefix) == IPV4:
            spa = '' if whole else f',arp_spa={network(prefix)}'
            rules.append(f'{own},priority=3,arp{spa},arp_sha={mac},actions=NORMAL')
        elif family(prefix) == IPV6:
            target = '' if whole else f',nd_target={network(prefix)}'
            rules.append(f'{own},priority=3,icmp6,icmp_type=136,icmp_code=0{target},actions=NORMAL')
    for kind in (134, 136):
        rules.append(f'{here},priority=2,icmp6,icmp_type={kind},actions=drop')
    return rules
