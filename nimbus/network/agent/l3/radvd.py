"""Advertise a router's IPv6 prefixes to guests from one radvd in the router's namespace."""

import dataclasses
import ipaddress
import os
from collections.abc import Sequence

from nimbus.network.agent.driver import STATEFUL, STATELESS, Subnet
from nimbus.network.agent.host import files
from nimbus.network.agent.host.daemons import Daemon

# Seconds between advertisements that nobody asked for.
SELDOM, OFTEN = 100, 30


@dataclasses.dataclass(frozen=True)
class Link:
    """A link of the router's, and the subnets on it of which it has an address."""

    name: str
    mtu: int
    subnets: Sequence[Subnet]

    @property
    def advertised(self) -> list[Subnet]:
        """The subnets whose mode says that the router advertises them."""
        return [one for one in self.subnets if one.ip_version == 6 and one.ra_mode]


class Advertiser:
    """The radvd of one router."""

    def __init__(self, namespace: str, folder: str, user: str) -> None:
        self.config = os.path.join(folder, 'radvd.conf')
        pid_file = os.path.join(folder, 'radvd.pid')
        argv = ['radvd', '-C', self.config, '-p', pid_file, '-m', 'syslog', '-u', user]
        self.daemon = Daemon(namespace, argv, pid_file, self.config)

    def ensure(self, links: Sequence[Link]) -> None:
        """Each link's prefixes are advertised on it, and no others; nothing runs where there are none."""
        text = ''.join(_interface(link) for link in links if link.advertised)
        if not text:
            self.stop()
            return
        changed = files.write(self.config, text)
        if self.daemon.pid() is None:
            self.daemon.start()
        elif changed:
            self.daemon.hang_up()

    def stop(self) -> None:
        """It is gone; what runs says before that its routes end."""
        if files.read(self.config) is not None:
            self.daemon.stop()
            os.unlink(self.config)


def _interface(link: Link) -> str:
    """The part of the configuration for one link: numbers, addresses and words of ours, nothing that users wrote."""
    modes = {subnet.ra_mode for subnet in link.advertised}
    lines = ['AdvSendAdvert on;', f'MinRtrAdvInterval {OFTEN};', f'MaxRtrAdvInterval {SELDOM};']
    lines.append(f'AdvLinkMTU {link.mtu};')
    if STATEFUL in modes:
        lines.append('AdvManagedFlag on;')
    if STATELESS in modes:
        lines.append('AdvOtherConfigFlag on;')
    servers = dict.fromkeys(one for subnet in link.advertised for one in subnet.dns if ':' in one)
    if servers:
        lines.append(f'RDNSS {" ".join(str(ipaddress.IPv6Address(one)) for one in servers)} {{ }};')
    for subnet in link.advertised:
        alone = 'off' if subnet.ra_mode == STATEFUL else 'on'
        prefix = ipaddress.IPv6Network(subnet.cidr)
        lines.append(f'prefix {prefix} {{ AdvOnLink on; AdvAutonomous {alone}; }};')
    return '\n'.join([f'interface {link.name} {{', *(f'    {line}' for line in lines), '};', ''])
