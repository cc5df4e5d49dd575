"""Options of the network service."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from oslo_config import cfg

from nimbus.common import errors, numbers

LONGEST_BRIDGE = 11  # the names of the ports that join a bridge to br-int begin with four more characters

OPTIONS = {
    'network': [
        cfg.StrOpt('driver', default='ovs', help='Network driver of this host: ovs or fake.'),
        cfg.IntOpt('mtu', default=1500, min=68, max=65535, help='MTU of the underlay, and of networks given none.'),
        cfg.StrOpt(
            'datapath_type',
            choices=['system', 'netdev'],
            help="Datapath of br-int: system is the kernel's, netdev is Open vSwitch's own. Unset means system where "
            'the kernel has the module openvswitch, else netdev.',
        ),
        cfg.StrOpt('ovsdb', default='unix:/run/openvswitch/db.sock', help='Where Open vSwitch listens.'),
        cfg.ListOpt(
            'bridge_mappings',
            default=[],
            help="What this host's physical networks are: NAME:BRIDGE of each, with a bridge of Open vSwitch that "
            'stands already.',
        ),
        cfg.ListOpt(
            'tenant_network_types',
            default=['local'],
            help="Types of projects' networks, the first that has a segment left: local, vlan.",
        ),
        cfg.ListOpt(
            'flat_networks',
            default=['*'],
            help='Physical networks on which operators may make networks of type flat; * for any, empty for none.',
        ),
        cfg.ListOpt(
            'vlan_ranges',
            default=[],
            help="Physical networks that take VLANs, and the ids of projects' networks there: NAME or NAME:FIRST:LAST.",
        ),
        cfg.ListOpt('dns_servers', default=[], help='DNS servers to which the DHCP servers of networks forward.'),
        cfg.IntOpt('poll_interval', default=3, min=1, help='Seconds between polls for changes when no nudge arrives.'),
        cfg.IntOpt('resync_interval', default=30, min=1, help='Seconds between full comparisons of host and database.'),
        cfg.IntOpt('quota_network', default=100, help='Networks a project may have; -1 for any number.'),
        cfg.IntOpt('quota_subnet', default=100, help='Subnets a project may have; -1 for any number.'),
        cfg.IntOpt('quota_port', default=500, help='Ports a project may have; -1 for any number.'),
        cfg.IntOpt('quota_router', default=10, help='Routers a project may have; -1 for any number.'),
        cfg.IntOpt('quota_floatingip', default=50, help='Floating IPs a project may have; -1 for any number.'),
        cfg.IntOpt('quota_security_group', default=10, help='Security groups a project may have; -1 for any number.'),
        cfg.IntOpt(
            'quota_security_group_rule', default=100, help='Security group rules a project may have; -1 for any number.'
        ),
    ],
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of the cloud's networks that the REST API uses; stands under 'network' in parts.extra."""

    mtu: int = 1500
    down_time: float = 30
    tenant_network_types: tuple[str, ...] = ('local',)
    flat_networks: tuple[str, ...] = ('*',)
    vlan_ranges: dict[str, tuple[tuple[int, int], ...]] = dataclasses.field(default_factory=dict)


def settings(conf: Any) -> Settings:
    """The values a configuration gives; defaults without one.  Raises Invalid on one that is none."""
    if conf is None:
        return Settings()
    types = tuple(conf.network.tenant_network_types)
    if not types or set(types) - {'local', 'vlan'}:
        raise errors.Invalid(f'[network] tenant_network_types is {",".join(types)}; each must be local or vlan.')
    return Settings(
        mtu=conf.network.mtu,
        down_time=conf.service_down_time,
        tenant_network_types=types,
        flat_networks=tuple(conf.network.flat_networks),
        vlan_ranges=vlan_ranges(conf.network.vlan_ranges),
    )


def vlan_ranges(words: Iterable[str]) -> dict[str, tuple[tuple[int, int], ...]]:
    """The ranges of each physical network.  Raises Invalid on a word that is none."""
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for word in words:
        name, *edges = word.split(':')
        ids = [number for edge in edges if (number := numbers.read(edge)) is not None]
        here = found.setdefault(name, ())
        if name and not edges:
            continue
        if not name or len(edges) != 2 or len(ids) != 2 or not 1 <= ids[0] <= ids[1] <= 4094:
            raise errors.Invalid(
                f'[network] vlan_ranges has {word}; it must be NAME or NAME:FIRST:LAST with ids from 1 to 4094.'
            )
        found[name] = (*here, (ids[0], ids[1]))
    return found


def bridge_mappings(words: Iterable[str]) -> dict[str, str]:
    """The bridge of each physical network.  Raises Invalid on a word that is no mapping."""
    found: dict[str, str] = {}
    for word in words:
        name, _, bridge = word.partition(':')
        if not name or not bridge or name in found or bridge in found.values() or len(bridge) > LONGEST_BRIDGE:
            raise errors.Invalid(
                f'[network] bridge_mappings has {word}; it must be NAME:BRIDGE, with each name and each bridge once, '
                f'and a name of a bridge has at most {LONGEST_BRIDGE} characters.'
            )
        found[name] = bridge
    return found
