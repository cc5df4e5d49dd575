"""Networks that tunnels carry, seen by packets between two hosts with an Open vSwitch each."""

import dataclasses
import subprocess

import pytest

from nimbus.network.agent.driver import Remote, Rule
from nimbus.network.rpc import TUNNELS
from tests.drivers.netlab import sh, until
from tests.drivers.nettunnels import ENDS, FAR, Both, FarHost, Side, cable, within

pytestmark = pytest.mark.real
TCP = Rule('ingress', 'IPv4', 'tcp')
MOST = {'vxlan': 1550, 'geneve': 1550, 'gre': 1558}  # that the underlay of 1600 leaves


@pytest.fixture(scope='module')
def wired(machine):
    """The private host, and a second one at the end of a cable."""
    with FarHost() as far, cable(machine, far):
        yield machine, far


@pytest.fixture
def both(wired):
    near, far = Side(wired[0], ''), Side(wired[1], FAR)
    yield Both(near, far)
    far.close()
    near.close()


@pytest.mark.parametrize('kind', TUNNELS)
def test_guests_of_two_hosts_meet_with_packets_of_full_size(both, kind):
    one, two = both.network(kind, mtu=MOST[kind])
    assert both.meet(one, two)
    for side, port in ((both.near, one), (both.far, two)):
        with within(side.room):
            sh('ip', 'link', 'set', port.tap, 'mtu', str(MOST[kind]))
        side.lab.inside(port, 'ip', 'link', 'set', 'eth0', 'mtu', str(MOST[kind]))
    whole = ('ping', '-n', '-c', '3', '-i', '0.2', '-W', '1', '-M', 'do', '-s', str(MOST[kind] - 28))
    for side, source, target in ((both.near, one, two), (both.far, two, one)):
        answer = side.lab.inside(source, *whole, target.addresses[0].ip, check=False)
        assert ' 0% packet loss' in answer, answer


def test_a_guest_gets_its_lease_and_mtu_from_the_other_host(both):
    _, two = both.network('vxlan', mtu=1450)
    offer = both.far.lab.offer(two)
    assert (offer.get('ip'), offer.get('mtu')) == (two.addresses[0].ip, '1450')


def test_tcp_passes_between_hosts(both):
    one, two = both.network('vxlan', mtu=1450)
    group = both.near.wishes.ports[one.id].groups[0]
    rules = (*both.near.wishes.groups[group].rules, TCP)
    both.near.wishes.change(both.near.wishes.groups, group, rules=rules)
    both.apply()
    with both.near.lab.echo(one, 7000):
        assert both.far.lab.connects(two, one.addresses[0].ip, 7000)


def test_networks_of_equal_ranges_stay_apart(both):
    one, two = both.network('vxlan', 7001)
    others = both.network('vxlan', 7002)
    assert [port.addresses[0].ip for port in others] == [one.addresses[0].ip, two.addresses[0].ip]
    assert both.meet(one, two) and both.meet(*others)
    for side, port in ((both.near, one), (both.far, others[1])):
        side.lab.inside(port, 'ip', 'link', 'set', 'eth0', 'down')
    assert not both.near.lab.pings(others[0], others[1]) and not both.far.lab.pings(two, one)


def test_a_restarted_agent_loses_no_packet(both):
    one, two = both.network('vxlan')
    assert both.meet(one, two)
    words = ('ping', '-n', '-c', '60', '-i', '0.05', '-W', '1', two.addresses[0].ip)
    with both.near.lab.process(one, *words) as running:
        for side in (both.near, both.far):
            side.driver.close()
            side.open()
            side.apply()
        assert ' 0% packet loss' in running.communicate(timeout=20)[0]


def test_a_host_answers_for_the_ports_of_others(both):
    one, two = both.network('vxlan')
    assert both.meet(one, two)
    sh('ip', 'link', 'set', 'phy-near', 'down')
    both.near.lab.inside(one, 'ip', 'neigh', 'flush', 'all')
    assert not both.near.lab.pings(one, two)
    assert two.mac in both.near.lab.inside(one, 'ip', 'neigh', 'show', two.addresses[0].ip)
    sh('ip', 'link', 'set', 'phy-near', 'up')
    assert until(lambda: both.meet(one, two), 10)


def test_a_guest_of_a_mac_that_nobody_told_is_found_and_forgotten_with_its_host(both):
    one, two = both.network('vxlan')
    both.near.wishes.remotes[two.id] = Remote(two.network_id, 'fa:16:3e:aa:aa:aa', (), ENDS[FAR])
    both.near.apply()
    assert both.meet(one, two)
    assert f'dl_dst={two.mac}' in both.near.flows('table=20')
    both.near.apply()
    assert f'dl_dst={two.mac}' in both.near.flows('table=20'), 'a look at the host leaves what was learned'
    del both.near.wishes.remotes[two.id]
    both.near.apply()
    assert f'dl_dst={two.mac}' not in both.near.flows('table=20') and not both.near.lab.pings(one, two)


def test_a_frame_from_a_host_that_has_no_port_of_the_network_is_dropped(both):
    one, two = both.network('vxlan')
    both.near.wishes.remotes.clear()
    both.near.apply()
    words = ('timeout', '4', 'tcpdump', '-nli', 'eth0', '-c', '1', 'ether', 'src', two.mac)
    with both.near.lab.process(one, *words) as listening:
        both.far.lab.inside(two, 'ping', '-c', '2', '-i', '0.3', '-W', '1', one.addresses[0].ip, check=False)
        assert listening.communicate(timeout=10)[0].strip() == ''


def test_what_somebody_broke_is_mended(both):
    one, two = both.network('vxlan')
    assert both.meet(one, two)
    machine = both.near.lab.machine
    database = f'--db={machine.ovsdb}'
    breaks = (
        ('ovs-ofctl', 'del-flows', f'unix:{machine.folder}/br-tun.mgmt'),
        ('ovs-vsctl', database, 'del-port', 'nim-vxlan'),
        ('ovs-vsctl', database, 'set', 'interface', 'nim-vxlan', 'options:remote_ip=10.198.0.9'),
        ('ovs-vsctl', database, 'del-port', 'patch-tun'),
        ('ovs-vsctl', database, 'del-port', 'patch-int'),
        ('ovs-vsctl', database, 'del-br', 'br-tun'),
    )
    for words in breaks:
        sh(*words)
        both.near.apply()
        assert both.meet(one, two), words


def test_a_restarted_switch_has_its_tunnels_again(both):
    one, two = both.network('vxlan')
    machine = both.near.lab.machine
    machine.stop('ovs-vswitchd')
    machine.start_switch()
    sh('ip', 'addr', 'replace', f'{ENDS[""]}/24', 'dev', 'br-phy')
    sh('ip', 'link', 'set', 'br-phy', 'mtu', '1600', 'up')
    both.near.apply()
    assert until(lambda: both.meet(one, two), 10)


def test_clear_leaves_no_tunnel(both):
    both.network('geneve')
    names = ('br-tun', 'nim-geneve', 'patch-tun', 'patch-int')
    assert all(name in both.near.lab.snapshot()['switch'] for name in names)
    both.near.driver.clear()
    left = both.near.lab.snapshot()
    assert not any(name in left['switch'] for name in names) and left['files'] == []


@pytest.mark.parametrize(
    ('address', 'words'), [('10.198.0.77', 'no device of this host has the address'), ('127.0.0.9', 'is on lo')]
)
def test_an_address_where_no_tunnel_can_end_is_told_at_the_port(both, address, words):
    side = both.near
    sh('ip', 'addr', 'replace', '127.0.0.9/8', 'dev', 'lo')
    side.driver.close()
    side.lab.settings = dataclasses.replace(side.lab.settings, local_ip=address)
    side.open()
    net = side.wishes.network(dhcp=False, place=('vxlan', None, 7001))
    port = side.wishes.port(net)
    with within(''):
        failed = side.driver.apply(side.wishes.desired())
    assert set(failed) == {port.id} and words in failed[port.id] and 'of type vxlan' in failed[port.id]


def test_hosts_without_such_networks_have_no_tunnel_bridge(both):
    side = both.near
    port = side.wishes.port(side.wishes.network())
    side.apply()
    there = subprocess.run(
        ['ovs-vsctl', f'--db={side.lab.machine.ovsdb}', 'br-exists', 'br-tun'], check=False, capture_output=True
    )
    assert there.returncode == 2 and side.driver.wired() == {port.id}
