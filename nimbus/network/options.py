"""Options of the network service."""

import dataclasses
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from oslo_config import cfg

from nimbus.common import errors, numbers

TENANT_TYPES = ('local', 'vlan', 'vxlan', 'gre', 'geneve')
# The largest that a frame has room for; for gre, that is a number of the REST API.
LAST_ID = {'vlan': 4094, 'vxlan': (1 << 24) - 1, 'gre': (1 << 31) - 1, 'geneve': (1 << 24) - 1}
USUAL_IDS = dict.fromkeys(('vxlan', 'gre', 'geneve'), ((1, 65535),))  # of projects' networks
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
        cfg.StrOpt(
            'local_ip',
            help='IPv4 address of this host at which the tunnels of other hosts end. Unset means the one from which it '
            'reaches the broker, or else whatever is not near.',
        ),
        cfg.ListOpt(
            'tenant_network_types',
            default=['local'],
            help="Types of projects' networks, the first that has a segment left: local, vlan, vxlan, gre, geneve.",
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
        cfg.ListOpt(
            'vni_ranges', default=['1:65535'], help="Ids of projects' networks of type vxlan: FIRST:LAST, to 16777215."
        ),
        cfg.ListOpt(
            'tunnel_id_ranges',
            default=['1:65535'],
            help="Ids of projects' networks of type gre: FIRST:LAST, to 2147483647.",
        ),
        cfg.ListOpt(
            'geneve_vni_ranges',
            default=['1:65535'],
            help="Ids of projects' networks of type geneve: FIRST:LAST, to 16777215.",
        ),
        cfg.ListOpt('dns_servers', default=[], help='DNS servers to which the DHCP servers of networks forward.'),
        cfg.IntOpt('poll_interval', default=3, min=1, help='Seconds between polls for changes when no nudge arrives.'),
        cfg.IntOpt('resync_interval', default=30, min=1, help='Seconds between full comparisons of host and database.'),
        cfg.IntOpt('quota_address_group', default=-1, help='Address groups a project may have; -1 for any number.'),
        cfg.IntOpt('quota_network', default=100, help='Networks a project may have; -1 for any number.'),
        cfg.IntOpt('quota_subnet', default=100, help='Subnets a project may have; -1 for any number.'),
        cfg.IntOpt('quota_subnetpool', default=-1, help='Subnet pools a project may have; -1 for any number.'),
        cfg.IntOpt('quota_port', default=500, help='Ports a project may have; -1 for any number.'),
        cfg.IntOpt('quota_router', default=10, help='Routers a project may have; -1 for any number.'),
        cfg.IntOpt('quota_trunk', default=-1, help='Trunks a project may have; -1 for any number.'),
        cfg.IntOpt('quota_floatingip', default=50, help='Floating IPs a project may have; -1 for any number.'),
        cfg.IntOpt('quota_rbac_policy', default=10, help='Shares a project may make; -1 for any number.'),
        cfg.IntOpt('quota_security_group', default=10, help='Security groups a project may have; -1 for any number.'),
        cfg.IntOpt(
            'quota_security_group_rule', default=100, help='Security group rules a project may have; -1 for any number.'
        ),
    ],
}

Ranges = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of the cloud's networks that the REST API uses; stands under 'network' in parts.extra."""

    mtu: int = 1500
    down_time: float = 30
    tenant_network_types: tuple[str, ...] = ('local',)
    flat_networks: tuple[str, ...] = ('*',)
    vlan_ranges: dict[str, Ranges] = dataclasses.field(default_factory=dict)
    tunnel_ranges: dict[str, Ranges] = dataclasses.field(default_factory=lambda: dict(USUAL_IDS))  # by type


def settings(conf: Any) -> Settings:
    """The values a configuration gives; defaults without one.  Raises Invalid on one that is none."""
    if conf is None:
        return Settings()
    types = tuple(conf.network.tenant_network_types)
    if not types or set(types) - set(TENANT_TYPES):
        raise errors.Invalid(
            f'[network] tenant_network_types is {",".join(types)}; each must be one of {", ".join(TENANT_TYPES)}.'
        )
    return Settings(
        mtu=conf.network.mtu,
        down_time=conf.service_down_time,
        tenant_network_types=types,
        flat_networks=tuple(conf.network.flat_networks),
        vlan_ranges=vlan_ranges(conf.network.vlan_ranges),
        tunnel_ranges={
            'vxlan': tunnel_ranges('vxlan', 'vni_ranges', conf.network.vni_ranges),
            'gre': tunnel_ranges('gre', 'tunnel_id_ranges', conf.network.tunnel_id_ranges),
            'geneve': tunnel_ranges('geneve', 'geneve_vni_ranges', conf.network.geneve_vni_ranges),
        },
    )


def vlan_ranges(words: Iterable[str]) -> dict[str, Ranges]:
    """The ranges of each physical network.  Raises Invalid on a word that is none."""
    found: dict[str, Ranges] = {}
    for word in words:
        name, *edges = word.split(':')
        here, pair = found.setdefault(name, ()), _pair(edges, LAST_ID['vlan'])
        if name and not edges:
            continue
        if not name or pair is None:
            raise errors.Invalid(
                f'[network] vlan_ranges has {word}; it must be NAME or NAME:FIRST:LAST with ids from 1 to 4094.'
            )
        found[name] = (*here, pair)
    return found


def tunnel_ranges(network_type: str, option: str, words: Iterable[str]) -> Ranges:
    """The ranges of a type of tunnels.  Raises Invalid on a word that is none."""
    found = []
    for word in words:
        pair = _pair(word.split(':'), LAST_ID[network_type])
        if pair is None:
            raise errors.Invalid(
                f'[network] {option} has {word}; it must be FIRST:LAST with ids from 1 to {LAST_ID[network_type]}.'
            )
        found.append(pair)
    return tuple(found)


def _pair(edges: Sequence[str], last: int) -> tuple[int, int] | None:
    """The first and the last id of a range; None where the words are none."""
    ids = [number for edge in edges if (number := numbers.read(edge)) is not None]
    return (ids[0], ids[1]) if len(ids) == len(edges) == 2 and 1 <= ids[0] <= ids[1] <= last else None


def local_ip(word: str | None) -> str | None:
    """The address for the ends of tunnels, if one is set.  Raises Invalid on one that other hosts cannot reach."""
    if not word:
        return None
    try:
        given = ipaddress.IPv4Address(word)
    except ValueError:
        given = ipaddress.IPv4Address(0)
    if given.is_unspecified or given.is_loopback or given.is_multicast:
        raise errors.Invalid(f'[network] local_ip is {word}; it must be an IPv4 address of this host.')
    return str(given)


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
