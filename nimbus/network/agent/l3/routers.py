"""Build one router: routes between its subnets and to the world outside, in a namespace of its own."""

import ipaddress
import os
from collections.abc import Sequence

from nimbus.common import folders
from nimbus.network.agent.driver import METADATA6, Network, Router, RouterPort
from nimbus.network.agent.host import files, namespaces, plug
from nimbus.network.agent.host.command import run
from nimbus.network.agent.host.daemons import Daemon
from nimbus.network.agent.host.settings import Settings
from nimbus.network.agent.l3 import nat
from nimbus.network.agent.l3.lanes import Lanes
from nimbus.network.agent.l3.leads import Leads, lead_of
from nimbus.network.agent.l3.radvd import Advertiser, Link
from nimbus.network.agent.metadata.proxy import ROUTER_PORT, Proxy

# Routes written by this driver carry this protocol number, so that others' are left alone.
PROTOCOL = 110
ONLINK = 4  # a route's next hop is on the link though no address there says so
EVERYWHERE = {4: '0.0.0.0/0', 6: '::/0'}
Route = tuple[str, str]  # where to, and the next hop
FORWARDING = ('net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding')
KERNEL = {'net/ipv4/conf/all/rp_filter': '0', 'net/ipv4/conf/default/rp_filter': '0'}


def namespace(router_id: str) -> str:
    return 'qrouter-' + router_id


def folder(settings: Settings, router_id: str) -> str:
    return os.path.join(settings.state_dir, 'routers', router_id)


def names_of(port_id: str, kind: str = 'qr-') -> tuple[str, str]:
    """The switch's side and the router's side of a router port; a gateway's is of the kind qg-."""
    return 'tap' + port_id[:11], kind + port_id[:11]


class RouterNamespace:
    """The namespace of one router."""

    def __init__(self, settings: Settings, router: Router, networks: dict[str, Network]) -> None:
        self.settings = settings
        self.router = router
        self.networks = networks
        self.namespace = namespace(router.id)
        self.folder = folder(settings, router.id)
        self.advertiser = Advertiser(self.namespace, self.folder, settings.daemon_user)
        self.gateway = next(iter(router.gateways), None)
        self.outside = names_of(self.gateway.port_id, 'qg-')[1] if self.gateway else None

    def wire(self) -> set[str]:
        """The namespace and a veth pair per port stand, no others; returns the switch's sides that are new."""
        folders.make(self.folder, folders.READ)
        namespaces.ensure(self.namespace)
        with namespaces.inside(self.namespace):
            forwards = dict.fromkeys(FORWARDING, '1' if self.router.admin_up else '0')
            for key, value in (forwards | KERNEL).items():
                namespaces.write_sysctl(key, value)
        taps = {names_of(port.port_id)[0] for port in self.router.every_port}
        noted = set((files.read(os.path.join(self.folder, 'ports')) or '').split())
        files.write(os.path.join(self.folder, 'ports'), '\n'.join(sorted(taps | noted)) + '\n')
        with namespaces.links() as host:
            for old in noted - taps:
                plug.remove(host, old)
        new = set()
        for port in self.router.every_port:
            outer, inner = names_of(port.port_id, 'qg-' if port == self.gateway else 'qr-')
            if plug.pair(self.namespace, outer, inner, port.mac, self.networks[port.network_id].mtu):
                new.add(outer)
        files.write(os.path.join(self.folder, 'ports'), '\n'.join(sorted(taps)) + '\n')
        return new

    def serve(self) -> None:
        """Rules, addresses, routes and the metadata proxy are as the router says; rules stand before an address."""
        self._translate()
        for port in self.router.ports:
            self._hold(port, names_of(port.port_id)[1], self._sizes(port))
        if self.gateway and self.outside:
            floating = {one.ip: 32 for one in self.router.floating}
            self._hold(self.gateway, self.outside, floating | self._sizes(self.gateway))
        self._route()
        inside = [names_of(port.port_id)[1] for port in self.router.ports]
        Lanes(self.namespace, self.folder).ensure(self.router, self.outside, inside)
        Leads(self.namespace, self.folder).settle(self._leads())
        self.advertiser.ensure(self._advertised() if self.router.admin_up else ())
        proxy = Proxy(self.namespace, self.folder, self.settings.metadata_socket or '', self.settings.daemon_user)
        if self.settings.metadata_socket:
            binds = [f'{METADATA6}:80 interface {names_of(port.port_id)[1]}' for port in self._metadata_over_ipv6()]
            proxy.ensure([f'0.0.0.0:{ROUTER_PORT}', *binds], 'X-Neutron-Router-ID', self.router.id)
        else:
            proxy.stop()
        if self.router.helpers or files.read(os.path.join(self.folder, 'followed')):
            self._filter('followed', nat.followed(self.router), 'raw')  # last: a kernel may lack what it asks for

    def _hold(self, port: RouterPort, inner: str, sizes: dict[str, int]) -> None:
        new = plug.hold_addresses(self.namespace, inner, sizes)
        plug.announce(self.namespace, inner, port.mac, new)

    def _leads(self) -> dict[str, str]:
        """Where each address outside leads: to a fixed one, or to whoever has none of its own."""
        if not self.gateway:
            return {}
        own = {one.ip: 'any' for one in self.gateway.addresses if ':' not in one.ip and self.router.snat}
        whole = {one.ip: one.fixed_ip for one in self.router.floating if one.fixed_ip}
        parts = [lead_of(one.ip, forward) for one in self.router.floating for forward in one.forwards]
        return own | whole | dict(parts)

    def _sizes(self, port: RouterPort) -> dict[str, int]:
        subnets = {one.id: one for one in self.networks[port.network_id].subnets}
        own = {one.ip: ipaddress.ip_network(subnets[one.subnet_id].cidr).prefixlen
               for one in port.addresses if one.subnet_id in subnets}  # fmt: skip
        return own | ({METADATA6: 64} if port in self._metadata_over_ipv6() else {})

    def _advertised(self) -> list[Link]:
        """The links inside, with the subnets that the router has an address of."""
        found = []
        for port in self.router.ports:
            network, on = self.networks[port.network_id], {address.subnet_id for address in port.addresses}
            subnets = [one for one in network.subnets if one.id in on]
            found.append(Link(names_of(port.port_id)[1], network.mtu, subnets))
        return found

    def _metadata_over_ipv6(self) -> list[RouterPort]:
        """The ports where guests ask for metadata over IPv6: no DHCP server of their network answers them.

        One gateway of a network answers, for the address is the same everywhere.
        """
        return [port for port in self.router.ports if _gateway6(self.networks[port.network_id]) in _ips(port)]

    def _route(self) -> None:
        """The extra routes and the way out stand, and no older ones of ours."""
        wanted: dict[Route, bool] = {(str(ipaddress.ip_network(to)), hop): False for to, hop in self.router.routes}
        extra = {to for to, _ in wanted}
        wanted |= {route: True for route in self._ways_out() if route[0] not in extra}
        with namespaces.links(self.namespace) as netns:
            there = set()
            for family, everything in ((2, '0.0.0.0'), (10, '::')):
                for route in netns.get_routes(family=family, proto=PROTOCOL):
                    place = f'{route.get_attr("RTA_DST") or everything}/{route["dst_len"]}'
                    there.add((place, route.get_attr('RTA_GATEWAY')))
            for prefix, hop in there - set(wanted):
                netns.route('del', dst=prefix, gateway=hop, proto=PROTOCOL)
            for prefix, hop in sorted(set(wanted) - there):
                link = {}
                if wanted[prefix, hop] and self.outside:
                    link = {'oif': plug.read(netns, [self.outside])[self.outside].index, 'flags': ONLINK}
                netns.route('add', dst=prefix, gateway=hop, proto=PROTOCOL, **link)

    def _ways_out(self) -> list[Route]:
        """The routes to everywhere, by the gateway of each subnet outside that the router has an address on."""
        if not self.gateway:
            return []
        on = {address.subnet_id for address in self.gateway.addresses}
        subnets = [one for one in self.networks[self.gateway.network_id].subnets if one.id in on and one.gateway_ip]
        # One of each kind: a second way to everywhere would be a second route of the same name.
        found = {one.ip_version: (EVERYWHERE[one.ip_version], one.gateway_ip or '') for one in reversed(subnets)}
        return list(found.values())

    def _translate(self) -> None:
        """Addresses are translated as the router says."""
        own = next((one.ip for one in self.gateway.addresses if ':' not in one.ip), None) if self.gateway else None
        self._filter('rules', nat.tables(self.router, self.outside, own), *nat.TABLES)

    def _filter(self, name: str, rules: str, *tables: str) -> None:
        """The namespace's own tables are exactly these: they are nobody else's."""
        path = os.path.join(self.folder, name)
        netns = ('ip', 'netns', 'exec', self.namespace)
        if files.read(path) == rules and _count(run(*netns, 'iptables-save'), tables) == _count(rules, tables):
            return
        run(*netns, 'iptables-restore', '-w', '10', stdin=rules)
        files.write(path, rules)


def discard(settings: Settings, router_id: str) -> set[str]:
    """Nothing of the router is left but its ports in the switch, whose names are returned."""
    home = folder(settings, router_id)
    netns = namespace(router_id)
    Daemon(netns, ['haproxy'], os.path.join(home, 'haproxy.pid'), os.path.join(home, 'haproxy.cfg')).stop()
    Advertiser(netns, home, settings.daemon_user).stop()
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


def _count(text: str, tables: Sequence[str]) -> int:
    """How many rules the tables have in the text."""
    found, here = 0, ''
    for line in text.splitlines():
        here = line[1:] if line.startswith('*') else here
        found += line.startswith('-A ') and here in tables
    return found
