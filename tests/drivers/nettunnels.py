"""Two hosts with a cable between them: a private one, and another in a network namespace of it."""

import contextlib
import dataclasses

from nimbus.network.agent.driver import Lease, Remote
from nimbus.network.agent.host import namespaces, plug
from tests.drivers.netcloud import PING, Wishes
from tests.drivers.netlab import PrivateHost, RealLab, sh

FAR = 'far'
ENDS = {'': '10.198.0.1', FAR: '10.198.0.2'}
UNDERLAY = 1600


class FarHost(PrivateHost):
    """A second host, in a network namespace of the first one's, with an Open vSwitch of its own."""

    def __enter__(self):
        sh('ip', 'netns', 'add', FAR)
        with namespaces.inside(FAR):
            self.begin()
        return self

    def __exit__(self, *why):
        with namespaces.inside(FAR):
            self.end()
        sh('ip', 'netns', 'del', FAR)


@contextlib.contextmanager
def cable(near, far):
    """Each host has an address on a bridge of its Open vSwitch, by which they reach each other."""
    sh('ip', 'link', 'add', 'phy-near', 'type', 'veth', 'peer', 'name', 'phy-far', 'netns', FAR)
    for machine, room, card in ((near, '', 'phy-near'), (far, FAR, 'phy-far')):
        with within(room):
            database = f'--db={machine.ovsdb}'
            sh('ip', 'link', 'set', card, 'mtu', str(UNDERLAY), 'up')
            plug.complete_checksums(card)
            for chain in ('INPUT', 'FORWARD'):
                sh('iptables', '-I', chain, '-i', card, '-j', 'DROP')
            bridge = ('--', 'set', 'bridge', 'br-phy', 'datapath_type=netdev', '--', 'add-port', 'br-phy', card)
            sh('ovs-vsctl', database, 'add-br', 'br-phy', *bridge)
            sh('ip', 'addr', 'add', f'{ENDS[room]}/24', 'dev', 'br-phy')
            sh('ip', 'link', 'set', 'br-phy', 'mtu', str(UNDERLAY), 'up')
    yield
    for machine in (near, far):
        sh('ovs-vsctl', f'--db={machine.ovsdb}', 'del-br', 'br-phy')
    for chain in ('INPUT', 'FORWARD'):
        sh('iptables', '-D', chain, '-i', 'phy-near', '-j', 'DROP')
    sh('ip', 'link', 'del', 'phy-near')


def within(room):
    """The calling thread is on that host."""
    return namespaces.inside(room) if room else contextlib.nullcontext()


class Side:
    """One of the two hosts: its driver, and what it is to be."""

    def __init__(self, machine, room):
        self.room, self.lab, self.wishes = room, RealLab(machine), Wishes()
        self.wishes.count = 500 if room else 0  # no MAC is on both
        self.lab.settings = dataclasses.replace(self.lab.settings, local_ip=ENDS[room])
        self.open()

    def open(self):
        """A driver that knows nothing yet looks after the host from now on."""
        with within(self.room):
            self.driver = self.lab.driver()
            self.driver.open()

    def apply(self):
        with within(self.room):
            assert self.driver.apply(self.wishes.desired()) == {}

    def attach(self, port):
        with within(self.room):
            self.lab.attach(port)

    def flows(self, *match):
        """What the tunnel bridge holds."""
        door = f'unix:{self.lab.machine.folder}/br-tun.mgmt'
        return sh('ovs-ofctl', '--no-stats', 'dump-flows', door, *match)

    def close(self):
        with within(self.room):
            self.lab.close()


class Both:
    """The two hosts and a network that tunnels carry between them, with a guest on each; DHCP is on the first."""

    def __init__(self, near, far):
        self.near, self.far = near, far

    def network(self, kind, segment=7001, mtu=1500):
        """A guest of the network on each host, attached, and each host knows the other's."""
        net = self.near.wishes.network(mtu=mtu, place=(kind, None, segment))
        bare = {'dhcp_port_id': None, 'dhcp_mac': '', 'dhcp_addresses': (), 'leases': ()}
        self.far.wishes.networks[net] = dataclasses.replace(self.near.wishes.networks[net], **bare)
        sides = ((self.near, 20), (self.far, 30))
        one, two = (side.wishes.port(net, host, groups=[side.wishes.group(PING)]) for side, host in sides)
        self.know(self.near, two, self.far)
        self.know(self.far, one, self.near)
        served = self.near.wishes.networks[net]
        ips = tuple(address.ip for address in served.dhcp_addresses)
        self.far.wishes.remotes[served.dhcp_port_id] = Remote(net, served.dhcp_mac, ips, ENDS[''])
        lease = Lease(two.id, two.mac, two.addresses[0].ip, two.addresses[0].subnet_id, two.hostname)
        self.near.wishes.change(self.near.wishes.networks, net, leases=(*served.leases, lease))
        self.apply()
        self.near.attach(one)
        self.far.attach(two)
        return one, two

    def know(self, side, port, other):
        """The one host is told of the other's port."""
        ips = tuple(address.ip for address in port.addresses)
        side.wishes.remotes[port.id] = Remote(port.network_id, port.mac, ips, ENDS[other.room])

    def apply(self):
        for side in (self.near, self.far):
            side.apply()

    def meet(self, one, two):
        """Whether the guests reach each other."""
        return self.near.lab.pings(one, two) and self.far.lab.pings(two, one)
