"""The world outside: gateways, floating addresses and provider networks, on the pretended host and on a real one."""

import socket
import subprocess

import pytest

from nimbus.network.agent.driver import Rule
from tests.drivers.netcloud import PING
from tests.drivers.netlab import apply, sh, until

FLAT = ('flat', 'public', None)
TCP = Rule('ingress', 'IPv4', 'tcp')


@pytest.fixture
def lab(either):
    return either


class Scene:
    """A router between guests and the host, which is outside."""

    def __init__(self, wishes, driver, lab, *groups):
        self.wishes, self.driver, self.lab = wishes, driver, lab
        self.inside = wishes.network()
        self.outside = wishes.network('172.24.4.0/24', mtu=1500, dhcp=False, place=FLAT)
        self.router = wishes.outside(wishes.router(self.inside), self.outside)
        self.guests = [wishes.port(self.inside, groups=[wishes.group(*rules)]) for rules in groups]
        apply(driver, wishes)
        for port in self.guests:
            lab.attach(port)
            if lab.real:
                lab.inside(port, 'ip', 'route', 'add', 'default', 'via', '192.168.50.1')
        if lab.real:
            self.room = f'qrouter-{self.router.id}'

    def float(self, **leads):
        self.wishes.float(self.router, **leads)
        apply(self.driver, self.wishes)


def real_outside(request, lab):
    """The host has an address outside, where it is a real one."""
    if lab.real:
        request.getfixturevalue('outside')


@pytest.fixture(autouse=True)
def _outside(request, lab):
    real_outside(request, lab)


def test_a_floating_address_leads_in_moves_and_ends(driver, lab, wishes):
    scene = Scene(wishes, driver, lab, (PING,), (), (PING,))
    first, shut, second = scene.guests
    assert not lab.enters('172.24.4.20')
    scene.float(_172_24_4_20=first)
    assert lab.enters('172.24.4.20')
    scene.float(_172_24_4_20=shut)
    assert not lab.enters('172.24.4.20')
    scene.float(_172_24_4_20=shut, _172_24_4_21=second)
    assert lab.enters('172.24.4.21') and not lab.enters('172.24.4.20')
    scene.float()
    assert not lab.enters('172.24.4.21')


def test_a_gateway_out_of_reach_is_told_and_the_rest_of_the_router_works(driver, lab, wishes):
    one, two, group = wishes.network(), wishes.network('10.20.0.0/24'), wishes.group(PING)
    away = wishes.network('172.30.0.0/24', dhcp=False, place=('vlan', 'elsewhere', 7))
    left, right = wishes.port(one, groups=[group]), wishes.port(two, groups=[group])
    lost = wishes.port(away)
    router = wishes.outside(wishes.router(one, two), away, '172.30.0.9')
    router = wishes.float(router, _172_30_0_20=left)
    failed = driver.apply(wishes.desired())
    assert set(failed) == {lost.id, router.gateways[0].port_id, router.floating[0].port_id}
    assert all('physical network elsewhere' in why and 'bridge_mappings' in why for why in failed.values())
    for port, gateway in ((left, '192.168.50.1'), (right, '10.20.0.1')):
        lab.attach(port)
        if lab.real:
            lab.inside(port, 'ip', 'route', 'add', 'default', 'via', gateway)
    assert lab.pings(left, right)


def test_clear_takes_the_way_out_along(lab, wishes):
    before, driver = lab.snapshot(), lab.driver()
    driver.open()
    scene = Scene(wishes, driver, lab)
    assert lab.snapshot() != before
    driver.clear()
    assert lab.snapshot() == before and scene.router.gateways
    driver.close()
    if lab.real:
        flows = sh('ovs-ofctl', 'dump-flows', f'unix:{lab.machine.folder}/br-ex.mgmt')
        assert flows.count('actions=') == 1 and 'NORMAL' in flows


# On a real host only


@pytest.mark.real
class TestPackets:
    """What packets show that pass a real router."""

    @pytest.fixture(params=['real'])
    def either(self, request, machine):
        from tests.drivers.netlab import RealLab

        made = RealLab(machine)
        yield made
        made.close()

    def seen_from(self, lab, guest):
        """The address that the host sees the guest ask from."""
        serve = (
            'import socket; s = socket.create_server(("172.24.4.1", 8099)); print("ready", flush=True);'
            's.settimeout(5); c, a = s.accept(); print(a[0], flush=True); c.close()'
        )
        with subprocess.Popen(['python3', '-c', serve], text=True, stdout=subprocess.PIPE) as running:
            assert running.stdout.readline() == 'ready\n'
            ask = 'import socket; socket.create_connection(("172.24.4.1", 8099), 3)'
            lab.inside(guest, 'python3', '-c', ask, check=False)
            return running.stdout.readline().strip()

    def test_a_guest_leaves_with_its_floating_address_or_the_gateways(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING,), (PING,))
        floats, plain = scene.guests
        scene.float(_172_24_4_20=floats)
        assert self.seen_from(lab, floats) == '172.24.4.20'
        assert self.seen_from(lab, plain) == '172.24.4.10'
        wishes.change(wishes.routers, scene.router.id, snat=False)
        apply(driver, wishes)
        sh('ip', 'route', 'add', '192.168.50.0/24', 'via', '172.24.4.10')
        assert self.seen_from(lab, plain) == plain.addresses[0].ip
        assert self.seen_from(lab, floats) == '172.24.4.20'

    def test_guests_reach_each_other_and_themselves_by_floating_addresses(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING,), (PING,), (PING,))
        one, two, plain = scene.guests
        scene.float(_172_24_4_20=one, _172_24_4_21=two)
        assert lab.pings(one, '172.24.4.21') and lab.pings(two, '172.24.4.20')
        assert lab.pings(plain, '172.24.4.20') and lab.pings(one, '172.24.4.20')

    def test_connections_end_when_the_address_moves(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING, TCP), (PING, TCP))
        one, two = scene.guests
        scene.float(_172_24_4_20=one)
        with lab.echo(one, 7000), lab.echo(two, 7000):
            with socket.create_connection(('172.24.4.20', 7000), 3) as talk:
                talk.settimeout(1.5)
                talk.sendall(b'a')
                assert talk.recv(9) == b'a'
                tracked = sh('ip', 'netns', 'exec', scene.room, 'conntrack', '-L', '--orig-dst', '172.24.4.20')
                assert 'dport=7000' in tracked
                scene.float(_172_24_4_20=two)
                tracked = sh('ip', 'netns', 'exec', scene.room, 'conntrack', '-L', '--orig-dst', '172.24.4.20')
                assert 'ESTABLISHED' not in tracked
                talk.sendall(b'b')
                with pytest.raises((TimeoutError, ConnectionResetError)):
                    talk.recv(9)
            with socket.create_connection(('172.24.4.20', 7000), 3) as talk:
                talk.sendall(b'c')
                assert talk.recv(9) == b'c'

    def test_connections_live_on_while_other_addresses_come_and_go(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING, TCP), (PING, TCP))
        one, two = scene.guests
        scene.float(_172_24_4_20=one)
        with lab.echo(one, 7000), socket.create_connection(('172.24.4.20', 7000), 3) as talk:
            talk.settimeout(3)
            for leads in ({'_172_24_4_21': two}, {}, {'_172_24_4_22': two}):
                self.keep(wishes, scene, driver, one, leads)
                talk.sendall(b'a')
                assert talk.recv(9) == b'a'

    def keep(self, wishes, scene, driver, one, leads):
        """The first floating address stays the same port's; the others are these."""
        first = wishes.routers[scene.router.id].floating[0]
        made = wishes.float(scene.router, _172_24_4_20=one, **leads)
        wishes.change(wishes.routers, made.id, floating=(first, *made.floating[1:]))
        apply(driver, wishes)

    def test_the_host_hears_who_has_the_address_now(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING,))
        other = wishes.outside(wishes.router(scene.inside), scene.outside, '172.24.4.11')
        wishes.change(
            wishes.routers, other.id, ports=tuple(p for p in wishes.routers[other.id].ports if p.network_id == 'none')
        )
        apply(driver, wishes)
        scene.float(_172_24_4_20=scene.guests[0])
        assert lab.enters('172.24.4.20')

        def known():
            return sh('ip', 'neigh', 'show', '172.24.4.20')

        assert scene.router.gateways[0].mac in known()
        wishes.float(scene.router)
        apply(driver, wishes)
        wishes.float(other, _172_24_4_20=scene.guests[0])
        apply(driver, wishes)
        mac = wishes.routers[other.id].gateways[0].mac
        assert until(lambda: mac in known())

    def test_frames_of_other_networks_do_not_leave(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING,))
        guest = scene.guests[0]
        words = ['timeout', '4', 'tcpdump', '-nleti', 'br-ex', '-c', '1', 'ether', 'src', guest.mac, 'or', 'vlan']
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listening:
            listening.stderr.readline()
            lab.inside(guest, 'ping', '-c', '2', '-W', '1', '-b', '192.168.50.255', check=False)
            lab.inside(guest, 'ping', '-c', '2', '-i', '0.3', '-W', '1', '172.24.4.1', check=False)
            assert listening.stdout.read().strip() == ''

    def test_a_vlan_carries_its_tag_outside(self, driver, lab, wishes):
        tagged = wishes.network('10.30.0.0/24', dhcp=False, place=('vlan', 'public', 33))
        guest = wishes.port(tagged, groups=[wishes.group(PING)])
        apply(driver, wishes)
        lab.attach(guest)
        lab.vsctl('add-port', 'br-ex', 'ex33', 'tag=33', '--', 'set', 'interface', 'ex33', 'type=internal')
        sh('ip', 'addr', 'add', '10.30.0.99/24', 'dev', 'ex33')
        sh('ip', 'link', 'set', 'ex33', 'up')
        assert lab.enters(guest.addresses[0].ip) and lab.pings(guest, '10.30.0.99')
        wishes.change(wishes.networks, tagged, segment=34)
        apply(driver, wishes)
        assert not lab.enters(guest.addresses[0].ip)

    def test_what_somebody_broke_is_mended(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING,))
        scene.float(_172_24_4_20=scene.guests[0])
        assert lab.enters('172.24.4.20')
        outer = f'unix:{lab.machine.folder}/br-ex.mgmt'
        breaks = (
            ('ovs-ofctl', 'del-flows', outer),
            ('ovs-vsctl', f'--db={lab.machine.ovsdb}', 'del-port', 'int-br-ex'),
            ('ovs-vsctl', f'--db={lab.machine.ovsdb}', 'del-port', 'phy-br-ex'),
            ('ip', 'netns', 'exec', scene.room, 'iptables', '-t', 'nat', '-F'),
            ('ip', 'netns', 'exec', scene.room, 'ip', 'route', 'flush', 'proto', '110'),
            ('ip', 'netns', 'exec', scene.room, 'ip', 'addr', 'flush', 'scope', 'global'),
        )
        for words in breaks:
            sh(*words)
            apply(driver, wishes)
            assert lab.enters('172.24.4.20'), words

    def test_a_restarted_switch_leads_in_again(self, driver, lab, wishes):
        scene = Scene(wishes, driver, lab, (PING,))
        scene.float(_172_24_4_20=scene.guests[0])
        lab.machine.stop('ovs-vswitchd')
        lab.machine.start_switch()
        sh('ip', 'addr', 'add', '172.24.4.1/24', 'dev', 'br-ex')
        sh('ip', 'link', 'set', 'br-ex', 'up')
        apply(driver, wishes)
        assert lab.enters('172.24.4.20')
