"""A small cloud's wishes for one host: networks, ports, groups and routers in few words."""

import dataclasses
import ipaddress
import uuid

from nimbus.network.agent.driver import (
    Address,
    Desired,
    Floating,
    Group,
    Lease,
    Network,
    Port,
    Router,
    RouterPort,
    Rule,
    Subnet,
)

PING = Rule('ingress', 'IPv4', 'icmp')
OUT = (Rule('egress', 'IPv4'), Rule('egress', 'IPv6'))


def fresh():
    return str(uuid.uuid4())


def mac_of(number):
    return f'fa:16:3e:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}'


class Wishes:
    """Desired values that grow call by call."""

    def __init__(self):
        self.networks, self.ports, self.groups, self.routers, self.remotes = {}, {}, {}, {}, {}
        self.generation = 0
        self.count = 0

    def desired(self):
        self.generation += 1
        return Desired(
            self.generation,
            *(tuple(kept.values()) for kept in (self.networks, self.ports, self.groups, self.routers, self.remotes)),
        )

    def network(self, cidr='192.168.50.0/24', mtu=1450, dhcp=True, place=('local', None, None), **more):
        net, name, base = fresh(), fresh(), ipaddress.ip_network(cidr)
        subnet = Subnet(name, cidr, base.version, str(base[1]), dhcp, **more)
        self.networks[net] = Network(
            net,
            place[0],
            place[2],
            mtu,
            (subnet,),
            fresh() if dhcp else None,
            self._mac() if dhcp else '',
            (Address(str(base[2]), name),) if dhcp else (),
            physical=place[1],
        )
        return net

    def group(self, *rules, name=None):
        made = Group(name or fresh(), OUT + rules, ())
        self.groups[made.id] = made
        return made.id

    def port(self, network, host=None, groups=(), **more):
        subnet = self.networks[network].subnets[0]
        self.count += 1
        ip = str(ipaddress.ip_network(subnet.cidr)[host or 10 + self.count])
        made = Port(
            fresh(),
            network,
            self._mac(),
            (Address(ip, subnet.id),),
            fresh(),
            fresh(),
            f'vm{self.count}',
            groups=tuple(groups),
            **more,
        )
        self.ports[made.id] = made
        for group in groups:
            self.change(self.groups, group, members=self.groups[group].members + (ip,))
        lease = Lease(made.id, made.mac, ip, subnet.id, made.hostname)
        self.change(self.networks, network, leases=self.networks[network].leases + (lease,))
        return made

    def router(self, *networks):
        ports = tuple(
            RouterPort(
                fresh(),
                net,
                self._mac(),
                (Address(self.networks[net].subnets[0].gateway_ip, self.networks[net].subnets[0].id),),
            )
            for net in networks
        )
        made = Router(fresh(), ports)
        self.routers[made.id] = made
        return made

    def outside(self, router, network, ip='172.24.4.10', **more):
        """The router has a gateway on the network."""
        address = Address(ip, self.networks[network].subnets[0].id)
        port = RouterPort(fresh(), network, self._mac(), (address,))
        return self.change(self.routers, router.id, gateways=(port,), **more)

    def float(self, router, **leads):
        """The router leads the addresses (as a_b_c_d) to the guests, and no others."""
        floating = tuple(
            Floating(fresh(), name.strip('_').replace('_', '.'), port.addresses[0].ip) for name, port in leads.items()
        )
        return self.change(self.routers, router.id, floating=floating)

    def change(self, kept, name, **values):
        kept[name] = dataclasses.replace(kept[name], **values)
        return kept[name]

    def _mac(self):
        self.count += 1
        return mac_of(self.count)
