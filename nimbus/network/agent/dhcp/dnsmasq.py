"""Serve DHCP and DNS of one network from dnsmasq in the network's own namespace."""

import contextlib
import ipaddress
import os
import re
import shutil

from nimbus.common import folders
from nimbus.network.agent.driver import METADATA, METADATA6, Lease, Network, Subnet
from nimbus.network.agent.host import files, namespaces, plug
from nimbus.network.agent.host.command import run
from nimbus.network.agent.host.daemons import Daemon
from nimbus.network.agent.host.settings import Settings
from nimbus.network.agent.metadata.proxy import Proxy

LEASE_SECONDS = 86400
LOG, LOG_BYTES = 'dnsmasq.log', 1 << 20  # what guests can provoke must not fill the disk
NOT_A_LABEL = re.compile(r'[^a-z0-9-]')


def namespace(network_id: str) -> str:
    return 'qdhcp-' + network_id


def folder(settings: Settings, network_id: str) -> str:
    return os.path.join(settings.state_dir, 'dhcp', network_id)


class Server:
    """The DHCP server of one network."""

    def __init__(self, settings: Settings, network: Network) -> None:
        self.settings = settings
        self.network = network
        self.namespace = namespace(network.id)
        self.folder = folder(settings, network.id)
        self.interface = 'ns-' + (network.dhcp_port_id or '')[:11]
        self.outer = 'tap' + (network.dhcp_port_id or '')[:11]
        self.domain = settings.dns_domain.strip('.')
        self.subnets = {one.id: one for one in network.subnets if one.dhcp}
        self.handed_out = [one for one in self.subnets.values() if one.hands_out]
        self.daemon = Daemon(self.namespace, self._argv(), self._file('pid'), self._file('leases'))

    def wire(self) -> bool:
        """The namespace and its veth pair stand; says whether the pair is new."""
        folders.make(self.folder, folders.READ)
        namespaces.ensure(self.namespace)
        noted = (files.read(self._file('interface')) or self.interface).strip()
        if noted != self.interface:
            with namespaces.links() as host:
                plug.remove(host, 'tap' + noted.removeprefix('ns-'))
        files.write(self._file('interface'), self.interface + '\n')
        if not plug.stands(self.namespace, self.outer, self.interface):
            # Their sockets are bound to the link that is no more.
            self.daemon.stop()
            self._proxy().stop()
        return plug.pair(self.namespace, self.outer, self.interface, self.network.dhcp_mac, self.network.mtu)

    def trim(self) -> None:
        """The log does not exceed its limit; one older part of it is kept beside it."""
        log = self._file(LOG)
        with contextlib.suppress(FileNotFoundError):
            if os.path.getsize(log) > LOG_BYTES:
                # dnsmasq appends and keeps the file open, and as nobody could not make another one here.
                shutil.copyfile(log, log + '.1')
                os.truncate(log, 0)

    def serve(self) -> None:
        """Addresses, files, dnsmasq and the metadata proxy are as the network says."""
        self.trim()
        sizes = {one.id: ipaddress.ip_network(one.cidr).prefixlen for one in self.network.subnets}
        wanted = {one.ip: sizes[one.subnet_id] for one in self.network.dhcp_addresses if one.subnet_id in sizes}
        # Guests have an address to ask from before any subnet gives them one: the link's own.
        services = {METADATA: 32} | ({METADATA6: 64} if any(':' in one.cidr for one in self.network.subnets) else {})
        new = plug.hold_addresses(self.namespace, self.interface, wanted | services)
        self._route()
        if new:
            plug.announce(self.namespace, self.interface, self.network.dhcp_mac, new - set(services))
        self._serve_addresses()
        proxy = self._proxy()
        if self.settings.metadata_socket:
            binds = [f'{address}:80 interface {self.interface}' for address in services]
            proxy.ensure(binds, 'X-Neutron-Network-ID', self.network.id)
        else:
            proxy.stop()

    def _proxy(self) -> Proxy:
        return Proxy(self.namespace, self.folder, self.settings.metadata_socket or '', self.settings.daemon_user)

    def _serve_addresses(self) -> None:
        if not self.subnets:
            self.daemon.stop()
            return
        before = _places(files.read(self._file('host')) or '')
        changed = [files.write(self._file(name), text) for name, text in self._texts().items()]
        if not os.path.exists(self._file('leases')):
            files.write(self._file('leases'), '')
        if self.daemon.pid() is None:
            self.daemon.start()
            return
        if any(changed):
            self.daemon.hang_up()
        now = _places(files.read(self._file('host')) or '')
        for address, mac in before.items():
            if now.get(address) != mac and ':' not in address:
                # Without this the address stays the old MAC's until its lease ends.
                run('ip', 'netns', 'exec', self.namespace, 'dhcp_release', self.interface, address, mac)

    def _route(self) -> None:
        """Names are asked for by way of the first gateway."""
        gateway = next((one.gateway_ip for one in self.network.subnets
                        if one.gateway_ip and one.ip_version == 4 and self._address(one)), None)  # fmt: skip
        with namespaces.links(self.namespace) as netns:
            there = {route.get_attr('RTA_GATEWAY') for route in netns.get_default_routes(family=2)}
            if there == ({gateway} if gateway else set()):
                return
            for old in there:
                netns.route('del', dst='default', gateway=old)
            if gateway:
                netns.route('add', dst='default', gateway=gateway)

    def _address(self, subnet: Subnet) -> str | None:
        return next((one.ip for one in self.network.dhcp_addresses if one.subnet_id == subnet.id), None)

    def _file(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _texts(self) -> dict[str, str]:
        hosts, names, options = [], [], []
        asked: dict[tuple[str, str], Lease] = {}  # once a port and subnet, however many addresses it has there
        for lease in self.network.leases:
            if lease.subnet_id not in self.subnets:
                continue
            name = f'{label(lease.hostname, lease.ip)}.{self.domain}'
            if not self.subnets[lease.subnet_id].self_made:
                place = f'[{lease.ip}]' if ':' in lease.ip else lease.ip
                tag = f'set:port-{lease.port_id},' if lease.options else ''
                hosts.append(f'{lease.mac.lower()},{tag}{name},{place}')
                asked[lease.port_id, lease.subnet_id] = lease
            names.append(f'{lease.ip} {name} {name.split(".")[0]}')
        for subnet in self.handed_out:
            options += self._options(subnet)
        for lease in asked.values():
            options += _asked(lease)
        texts = {'host': hosts, 'addn_hosts': names, 'opts': options}
        return {name: '\n'.join([*lines, '']) for name, lines in texts.items()}

    def _options(self, subnet: Subnet) -> list[str]:
        tag = f'tag:subnet-{subnet.id}'
        own = self._address(subnet)
        dns = subnet.dns or ((own,) if own else ())
        if subnet.ip_version == 6:
            search = f'{tag},option6:domain-search,{self.domain}'
            servers = ','.join(f'[{one}]' for one in dns if ':' in one)
            return [search, *([f'{tag},option6:dns-server,{servers}'] if servers else [])]
        routes = list(subnet.routes)
        if own:
            routes.append((f'{METADATA}/32', own))
        if subnet.gateway_ip:
            # A client that takes classless routes looks at no other router option.
            routes.append(('0.0.0.0/0', subnet.gateway_ip))
        lines = [f'{tag},option:dns-server,' + ','.join(dns)] if dns else []
        if routes:
            flat = ','.join(f'{prefix},{hop}' for prefix, hop in routes)
            lines += [f'{tag},option:classless-static-route,{flat}', f'{tag},249,{flat}']
        return [*lines, f'{tag},option:router' + (f',{subnet.gateway_ip}' if subnet.gateway_ip else '')]

    def _argv(self) -> list[str]:
        size = sum(min(ipaddress.ip_network(one.cidr).num_addresses, 65536) for one in self.handed_out)
        return [
            'dnsmasq', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--no-ping', '--dhcp-authoritative',
            f'--pid-file={self._file("pid")}', f'--dhcp-hostsfile={self._file("host")}',
            f'--addn-hosts={self._file("addn_hosts")}', f'--dhcp-optsfile={self._file("opts")}',
            f'--dhcp-leasefile={self._file("leases")}', '--bind-dynamic', '--except-interface=lo',
            f'--interface={self.interface}', f'--dhcp-option-force=option:mtu,{self.network.mtu}',
            f'--dhcp-lease-max={max(1, min(size, 65536))}', f'--domain={self.domain}',
            f'--user={self.settings.daemon_user}', f'--log-facility={self._file(LOG)}', '--quiet-dhcp', '--quiet-dhcp6',
            *(f'--server={one}' for one in self.settings.dns_servers),
            *(f'--dhcp-range={_range(one)}' for one in self.handed_out),
        ]  # fmt: skip


def discard(settings: Settings, network_id: str) -> str:
    """Nothing of the network's DHCP server is left but its port in the switch, whose name is returned."""
    home = folder(settings, network_id)
    netns = namespace(network_id)
    interface = (files.read(os.path.join(home, 'interface')) or '').strip()
    leases, config = os.path.join(home, 'leases'), os.path.join(home, 'haproxy.cfg')
    Daemon(netns, ['dnsmasq'], os.path.join(home, 'pid'), leases).stop()
    Daemon(netns, ['haproxy'], os.path.join(home, 'haproxy.pid'), config).stop()
    outer = 'tap' + interface.removeprefix('ns-') if interface else ''
    if outer:
        with namespaces.links() as host:
            plug.remove(host, outer)
    namespaces.remove(netns)
    files.remove_folder(home)
    return outer


def label(hostname: str, ip: str) -> str:
    """The host's name as one DNS label; made of the address where the name has no letter DNS knows."""
    cleaned = NOT_A_LABEL.sub('-', hostname.split('.')[0].lower()).strip('-')[:63].rstrip('-')
    return cleaned or 'host-' + ip.replace('.', '-').replace(':', '-').strip('-')


def _asked(lease: Lease) -> list[str]:
    """The DHCP options of one guest; those of its subnet with the same name do not apply to it."""
    kind = 'option6:' if ':' in lease.ip else 'option:'
    found = []
    for name, value in lease.options:
        word = name if name.isdecimal() and kind == 'option:' else kind + name
        found.append(f'tag:port-{lease.port_id},{word}' + (f',{value}' if value else ''))
    return found


def _range(subnet: Subnet) -> str:
    net = ipaddress.ip_network(subnet.cidr)
    size = net.prefixlen if subnet.ip_version == 6 else net.netmask
    return f'set:subnet-{subnet.id},{net.network_address},static,{size},{LEASE_SECONDS}s'


def _places(text: str) -> dict[str, str]:
    """Address -> MAC of a host file."""
    rows = [line.split(',') for line in text.splitlines()]
    return {row[-1].strip('[]'): row[0] for row in rows if len(row) >= 3}
