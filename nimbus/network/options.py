"""Options of the network service."""

import dataclasses
from typing import Any

from oslo_config import cfg

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
        cfg.ListOpt('dns_servers', default=[], help='DNS servers to which the DHCP servers of networks forward.'),
        cfg.IntOpt('poll_interval', default=3, min=1, help='Seconds between polls for changes when no nudge arrives.'),
        cfg.IntOpt('resync_interval', default=30, min=1, help='Seconds between full comparisons of host and database.'),
        cfg.IntOpt('quota_network', default=100, help='Networks a project may have; -1 for any number.'),
        cfg.IntOpt('quota_subnet', default=100, help='Subnets a project may have; -1 for any number.'),
        cfg.IntOpt('quota_port', default=500, help='Ports a project may have; -1 for any number.'),
        cfg.IntOpt('quota_router', default=10, help='Routers a project may have; -1 for any number.'),
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


def settings(conf: Any) -> Settings:
    """The values a configuration gives; defaults without one."""
    if conf is None:
        return Settings()
    return Settings(mtu=conf.network.mtu, down_time=conf.service_down_time)
