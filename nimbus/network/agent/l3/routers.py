"""Build one router: routes between its subnets, in a namespace of its own."""

import ipaddress
import os

from nimbus.common import folders
from nimbus.network.agent.driver import METADATA, METADATA6, Network, Router, RouterPort
from nimbus.network.agent.host import files, namespaces, plug
from nimbus.network.agent.host.command import run
from nimbus.network.agent.host.daemons import Daemon
from nimbus.network.agent.host.settings import Settings
from nimbus.network.agent.metadata.proxy import ROUTER_PORT, Proxy

# Routes written by this driver carry this protocol number, so that others' are left alone.
PROTOCOL = 110
METADATA_MARK = '0x1/0xffff'
FORWARDING = ('net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding')
KERNEL = {'net/ipv4/conf/all/rp_filter': '0', 'net/ipv4/conf/default/rp_filter': '0'}


def namespace(router_id: str) -> str:
    return 'qrouter-' + router_id


def folder(settings: Settings, router_id: str) -> str:
    return os.path.join(settings.state_dir, 'routers', router_id)


def names_of(port_id: str) -> tuple[str, str]:
    """The switch's side and the router's side of a router port."""
    return 'tap' + port_id[:11], 'qr-' + port_id[:11]


class RouterNamespace:
    """The namespace of one router."""

    def __init__(self, settings: Settings, router: Router, networks: dict[str, Network]) -> None:
        self.settings = settings
        self.router = router
        self.networks = networks
        self.namespace = namespace(router.id)
        self.folder = folder(settings, router.id)

    def wire(self) -> set[str]:
        """The namespace and a veth pair per port stand, no others; returns the switch's sides that are new."""
        folders.make(self.folder, folders.READ)
        namespaces.ensure(self.namespace)
        with namespaces.inside(self.namespace):
            forwards = dict.fromkeys(FORWARDING, '1' if self.router.admin_up else '0')
            for key, value in (forwards | KERNEL).items():
                namespaces.write_sysctl(key, value)
        taps = {names_of(port.port_id)[0] for port in self.router.ports}
        noted = set((files.read(os.path.join(self.folder, 'ports')) or '').split())
        files.write(os.path.join(self.folder, 'ports'), '\n'.join(sorted(taps | noted)) + '\n')
        with namespaces.links() as host:
            for old in noted - taps:
                plug.remove(host, old)
        new = set()
        for port in self.router.ports:
            outer, inner = names_of(port.port_id)
            if plug.pair(self.namespace, outer, inner, port.mac, self.networks[port.network_id].mtu):
                new.add(outer)
        files.write(os.path.join(self.folder, 'ports'), '\n'.join(sorted(taps)) + '\n')
        return new

    def serve(self) -> None:
        """Addresses, routes, rules and the metadata proxy are as the router says."""
        for port in self.router.ports:
            inner = names_of(port.port_id)[1]
            new = plug.hold_addresses(self.namespace, inner, self._sizes(port))
            plug.announce(self.namespace, inner, port.mac, new)
        self._route()
        self._filter()
        proxy = Proxy(self.namespace, self.folder, self.settings.metadata_socket or '', self.settings.daemon_user)
        if self.settings.metadata_socket:
            binds = [f'{METADATA6}:80 interface {names_of(port.port_id)[1]}' for port in self._metadata_over_ipv6()]
            proxy.ensure([f'0.0.0.0:{ROUTER_PORT}', *binds], 'X-Neutron-Router-ID', self.router.id)
        else:
            proxy.stop()

    def _sizes(self, port: RouterPort) -> dict[str, int]:
        subnets = {one.id: one for one in self.networks[port.network_id].subnets}
        own = {one.ip: ipaddress.ip_network(subnets[one.subnet_id].cidr).prefixlen
               for one in port.addresses if one.subnet_id in subnets}  # fmt: skip
        return own | ({METADATA6: 64} if port in self._metadata_over_ipv6() else {})

    def _metadata_over_ipv6(self) -> list[RouterPort]:
        """The ports where guests ask for metadata over IPv6: no DHCP server of their network answers them.

        One gateway of a network answers, for the address is the same everywhere.
        """
        return [port for port in self.router.ports if _gateway6(self.networks[port.network_id]) in _ips(port)]

    def _route(self) -> None:
        """The extra routes stand and no older ones of ours."""
        wanted = {(str(ipaddress.ip_network(prefix)), hop) for prefix, hop in self.router.routes}
        with namespaces.links(self.namespace) as netns:
            there = set()
            for family, everything in ((2, '0.0.0.0'), (10, '::')):
                for route in netns.get_routes(family=family, proto=PROTOCOL):
                    place = f'{route.get_attr("RTA_DST") or everything}/{route["dst_len"]}'
                    there.add((place, route.get_attr('RTA_GATEWAY')))
            for prefix, hop in there - wanted:
                netns.route('del', dst=prefix, gateway=hop, proto=PROTOCOL)
            for prefix, hop in sorted(wanted - there):
                netns.route('add', dst=prefix, gateway=hop, proto=PROTOCOL)

    def _filter(self) -> None:
        """The namespace's own tables are exactly these: they are nobody else's."""
        rules = '\n'.join(['*nat', *self._nat(), 'COMMIT', '*mangle', *_MARK, 'COMMIT', '*filter', *_GATE, 'COMMIT'])
        path = os.path.join(self.folder, 'rules')
        netns = ('ip', 'netns', 'exec', self.namespace)
        if not files.write(path, rules + '\n') and _count(run(*netns, 'iptables-save')) == _count(rules):
            return
        run(*netns, 'iptables-restore', '-w', '10', stdin=rules + '\n')

    def _nat(self) -> list[str]:
        """Metadata requests are redirected to the proxy; a gateway's NAT has its chains here."""
        return [f'-A PREROUTING -i qr-+ -d {METADATA}/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports {ROUTER_PORT}']


_MARK = [
    f'-A PREROUTING -i qr-+ -d {METADATA}/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark {METADATA_MARK}',
]
# Only a redirected request reaches the proxy, never one that names its port.
_GATE = [
    f'-A INPUT -m mark --mark {METADATA_MARK} -j ACCEPT',
    f'-A INPUT -p tcp -m tcp --dport {ROUTER_PORT} -j DROP',
]


def discard(settings: Settings, router_id: str) -> set[str]:
    """Nothing of the router is left but its ports in the switch, whose names are returned."""
    home = folder(settings, router_id)
    netns = namespace(router_id)
    Daemon(netns, ['haproxy'], os.path.join(home, 'haproxy.pid'), os.path.join(home, 'haproxy.cfg')).stop()
    taps = set((files.read(os.path.join(home, 'ports')) or '').split())
    with namespaces.links() as host:
        for tap in taps:
            plug.remove(host, tap)
    namespaces.remove(netns)
    files.remove_folder(home)
    return taps


def _gateway6(network: Network) -> str | None:
    """The gateway that stands in for the network's DHCP server, if it has none."""
    if network.dhcp_port_id:
        return None
    return next((one.gateway_ip for one in network.subnets if one.ip_version == 6 and one.gateway_ip), None)


def _ips(port: RouterPort) -> set[str]:
    return {address.ip for address in port.addresses}


def _count(text: str) -> int:
    return sum(line.startswith('-A ') for line in text.splitlines())
