"""IPv6 as guests get it: prefixes that routers advertise, and DHCPv6, with the guest's own kernel and client."""

import os
import signal

import pytest

from nimbus.network.agent.driver import SLAAC, STATEFUL, STATELESS, Address, Rule
from nimbus.network.agent.firewall.allowed_traffic import eui64
from nimbus.network.agent.host import daemons
from tests.drivers import dhcpv6
from tests.drivers.netlab import apply, sh, until

PING6 = Rule('ingress', 'IPv6', 'ipv6-icmp', 128)
RULES = (PING6, Rule('ingress', 'IPv6', 'tcp'))


@pytest.fixture
def lab(either):
    return either


def network(wishes, number=1, mode=SLAAC, **more):
    """A network of one prefix, where a router says and guests do what the mode means."""
    return wishes.network(f'2001:db8:{number}::/64', ra_mode=mode, address_mode=mode, **more)


def guest(wishes, net, *rules, **more):
    """A port with the address that its guest makes."""
    made = wishes.port(net, groups=[wishes.group(*rules)], **more)
    subnet = wishes.networks[net].subnets[0]
    if subnet.self_made:
        made = wishes.change(wishes.ports, made.id, addresses=(Address(eui64(subnet.cidr, made.mac), subnet.id),))
    return made


def owns(lab, port, address):
    """Whether the guest's kernel has the address and may use it."""
    if not lab.real:
        return address in lab.host.makes_itself(port.id)
    return any(
        f'{address}/' in line and 'tentative' not in line
        for line in lab.inside(port, 'ip', '-6', '-o', 'addr', 'show', 'dev', 'eth0').splitlines()
    )


def test_a_guest_makes_its_address_once_a_router_advertises(driver, lab, wishes):
    net = network(wishes)
    port = guest(wishes, net)
    apply(driver, wishes)
    lab.attach(port, address=False)
    address = port.addresses[0].ip
    assert not owns(lab, port, address)
    wishes.router(net)
    apply(driver, wishes)
    assert until(lambda: owns(lab, port, address), 8)


def test_a_router_that_is_down_and_a_prefix_of_dhcp_make_no_address(driver, lab, wishes):
    down, given = network(wishes), network(wishes, 2, STATEFUL)
    ports = [guest(wishes, net) for net in (down, given)]
    wishes.change(wishes.routers, wishes.router(down).id, admin_up=False)
    wishes.router(given)
    apply(driver, wishes)
    for port in ports:
        lab.attach(port, address=False)
    assert not until(lambda: any(owns(lab, port, eui64(f'2001:db8:{1 + at}::/64', port.mac))
                                 for at, port in enumerate(ports)), 2)  # fmt: skip


# On a real host only


@pytest.mark.real
class TestGuests:
    """What a guest's kernel makes of what it hears."""

    @pytest.fixture(params=['real'])
    def either(self, request, machine):
        from tests.drivers.netlab import RealLab

        made = RealLab(machine)
        yield made
        made.close()

    def test_guests_of_two_networks_reach_each_other_by_what_they_are_advertised(self, driver, lab, wishes):
        nets = [network(wishes, number, mtu=1400) for number in (1, 2)]
        left, right = (guest(wishes, net, *RULES) for net in nets)
        wishes.router(*nets)
        apply(driver, wishes)
        for port in (left, right):
            lab.attach(port, address=False)
        for port in (left, right):
            assert until(lambda port=port: owns(lab, port, port.addresses[0].ip), 8)
        routes = lab.inside(left, 'ip', '-6', 'route', 'show', 'default')
        assert 'proto ra' in routes and 'via fe80::' in routes
        assert lab.inside(left, 'cat', '/proc/sys/net/ipv6/conf/eth0/mtu').strip() == '1400'
        assert lab.pings(left, right)
        with lab.echo(right, 7000, 'AF_INET6'):
            assert lab.connects(left, right.addresses[0].ip, 7000)

    def test_what_is_advertised_follows_the_network_and_ends_with_the_router(self, driver, lab, wishes):
        net = network(wishes)
        port = guest(wishes, net)
        router = wishes.router(net)
        apply(driver, wishes)
        lab.attach(port, address=False)
        assert until(lambda: owns(lab, port, port.addresses[0].ip), 8)
        wishes.change(wishes.networks, net, mtu=1300)
        apply(driver, wishes)
        mtu = '/proc/sys/net/ipv6/conf/eth0/mtu'
        assert until(lambda: lab.inside(port, 'cat', mtu).strip() == '1300', 5)
        assert lab.inside(port, 'ip', '-6', 'route', 'show', 'default')
        del wishes.routers[router.id]
        apply(driver, wishes)
        assert until(lambda: not lab.inside(port, 'ip', '-6', 'route', 'show', 'default'), 5)
        assert 'radvd' not in lab.processes()

    def test_the_advertiser_is_one_unprivileged_process_a_router_that_is_found_and_started_again(
        self, driver, lab, wishes
    ):
        one, two = network(wishes), network(wishes, 2, STATEFUL)
        router = wishes.router(one, two)
        apply(driver, wishes)
        pid = self.advertiser(lab, router)
        assert os.stat(f'/proc/{pid}').st_uid == 65534
        driver.close()
        again = lab.driver()
        again.open()
        apply(again, wishes)
        assert self.advertiser(lab, router) == pid
        os.kill(pid, signal.SIGKILL)
        assert until(lambda: 'radvd' not in lab.processes(), 5)
        apply(again, wishes)
        assert self.advertiser(lab, router) != pid

    def advertiser(self, lab, router):
        pid = int((lab.state / 'routers' / router.id / 'radvd.pid').read_text())
        assert daemons.command_line(pid)[0] == 'radvd'
        return pid

    def test_what_is_said_of_each_mode_stands_in_the_advertisers_file(self, driver, lab, wishes):
        nets = [
            network(wishes, at, mode, dns=('2001:db8::53', '9.9.9.9'))
            for at, mode in enumerate((SLAAC, STATELESS, STATEFUL), 1)
        ]
        router = wishes.router(*nets, wishes.network('2001:db8:9::/64'))
        apply(driver, wishes)
        text = (lab.state / 'routers' / router.id / 'radvd.conf').read_text()
        parts = text.split('interface ')[1:]
        assert len(parts) == 3 and '2001:db8:9' not in text
        flags = [('AdvManagedFlag' in part, 'AdvOtherConfigFlag' in part, 'AdvAutonomous on' in part) for part in parts]
        assert flags == [(False, False, True), (False, True, True), (True, False, False)]
        assert all('RDNSS 2001:db8::53 { };' in part and 'AdvLinkMTU 1450;' in part for part in parts)

    def test_no_guest_advertises_itself_as_a_router(self, driver, lab, wishes):
        net = network(wishes)
        bad, port = guest(wishes, net), guest(wishes, net)
        apply(driver, wishes)
        for one in (bad, port):
            lab.attach(one, address=False)
        rogue = lab.state / 'rogue.conf'
        rogue.write_text('interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; '
                         'prefix 2001:db8:bad::/64 { }; };\n')  # fmt: skip
        lab.inside(bad, 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
        with lab.process(bad, 'radvd', '-n', '-C', str(rogue), '-p', f'{rogue}.pid', '-m', 'none'):
            heard = until(lambda: 'proto ra' in lab.inside(port, 'ip', '-6', 'route'), 5)
        assert not heard

    def test_dhcpv6_gives_the_address_that_the_port_has(self, driver, lab, wishes):
        net = network(wishes, 1, STATEFUL, dns=('2001:db8::53',))
        port = wishes.port(net, groups=[wishes.group()])
        wishes.router(net)
        apply(driver, wishes)
        lab.attach(port, address=False)
        assert until(lambda: ' fe80::' in lab.inside(port, 'ip', '-6', '-o', 'addr', 'show', 'dev', 'eth0'), 3)
        assert self.asked(lab, port) == (port.addresses[0].ip, '2001:db8::53')

    def test_dhcpv6_tells_servers_of_names_to_guests_that_made_their_address(self, driver, lab, wishes):
        net = network(wishes, 1, STATELESS, dns=('2001:db8::53',))
        port = guest(wishes, net)
        wishes.router(net)
        apply(driver, wishes)
        lab.attach(port, address=False)
        assert until(lambda: owns(lab, port, port.addresses[0].ip), 8)
        assert self.asked(lab, port, 'information') == (None, '2001:db8::53')

    def asked(self, lab, port, only=None):
        """The address and the first server of names that DHCPv6 tells."""
        answer = lab.inside(port, 'python3', dhcpv6.__file__, 'eth0', port.mac, *filter(None, [only]))
        address, servers = answer.split('\n')[:2]
        return address or None, servers

    def test_metadata_is_told_over_ipv6_beside_advertisements(self, driver, lab, wishes):
        net = network(wishes)
        router = wishes.router(net)
        apply(driver, wishes)
        assert 'fe80::a9fe:a9fe' in sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ip', '-6', 'addr')
        wishes.change(wishes.networks, net, dhcp_port_id=None, dhcp_mac='', dhcp_addresses=(), leases=())
        apply(driver, wishes)
        assert 'fe80::a9fe:a9fe' in sh('ip', 'netns', 'exec', f'qrouter-{router.id}', 'ip', '-6', 'addr')
