"""An operator's settings of one host's network."""

import dataclasses

from nimbus.network import rpc


@dataclasses.dataclass(frozen=True)
class Settings:
    state_dir: str  # must be readable by `daemon_user`
    ovsdb: str = 'unix:/run/openvswitch/db.sock'
    datapath_type: str | None = None  # 'system' or 'netdev'; None: the best that the host has
    bridge: str = 'br-int'
    tunnel_bridge: str = 'br-tun'
    local_ip: str | None = None  # where the tunnels of other hosts end; None: the one that leads to `toward`
    toward: tuple[str, ...] = ()  # hosts that all others reach too
    bridges: dict[str, str] = dataclasses.field(default_factory=dict)  # of each physical network
    prefix: str = 'nim'  # of iptables chains and ipsets: at most 6 characters
    dns_domain: str = rpc.DOMAIN
    dns_servers: tuple[str, ...] = ()  # DNS servers that dnsmasq forwards to
    metadata_socket: str | None = None  # where the agent's metadata proxy listens; None: no metadata
    daemon_user: str = 'nobody'  # whom dnsmasq and haproxy run as
    audit_seconds: float = 30  # how long an unchanged host is left without a check
