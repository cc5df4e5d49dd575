"""What only a real host can show: packets, headers and rules seen from outside the driver."""
import hashlib
import hmac
import http.server
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from nimbus.network.agent import metadata
from nimbus.network.agent.drivers import daemons
from nimbus.network.agent.drivers.base import Address, Rule, Subnet
from tests.drivers.netcloud import PING, Wishes, fresh
from tests.drivers.netlab import RealLab, sh
from tests.drivers.test_network_contract import machine  # noqa: F401

pytestmark = pytest.mark.real
TCP = Rule('ingress', 'IPv4', 'tcp', 8000, 8010)


@pytest.fixture
def lab(machine):  # noqa: F811
    made = RealLab(machine)
    yield made
    made.close()


@pytest.fixture
def wishes():
    return Wishes()


@pytest.fixture
def driver(lab):
    made = lab.driver()
    made.open()
    yield made
    made.close()


def apply(driver, wishes):
    assert driver.apply(wishes.desired()) == {}


def pair(driver, lab, wishes, *rules, **more):
    """Two guests of one group on one network, attached."""
    net, group = wishes.network(), wishes.group(*rules)
    ports = [wishes.port(net, groups=[group], **more) for _ in range(2)]
    apply(driver, wishes)
    for port in ports:
        lab.attach(port)
    return net, group, *ports


def test_dhcp_gives_routes_mtu_names_and_metadata(driver, lab, wishes):
    net = wishes.network(dns=('9.9.9.9',), routes=(('10.99.0.0/16', '192.168.50.7'),))
    port = wishes.port(net, groups=[wishes.group()])
    apply(driver, wishes)
    lab.attach(port, address=False)
    offer = lab.offer(port)
    assert offer['ip'] == port.addresses[0].ip
    assert offer['mtu'] == '1450'
    assert offer['dns'] == '9.9.9.9'
    assert offer['domain'] == 'nimbus'
    assert offer['router'] == '192.168.50.1'
    routes = offer['staticroutes'].split()
    assert dict(zip(routes[::2], routes[1::2], strict=True)) == {
        '10.99.0.0/16': '192.168.50.7', '169.254.169.254/32': '192.168.50.2', '0.0.0.0/0': '192.168.50.1',
    }  # fmt: skip


def test_an_address_that_moves_is_handed_to_its_new_owner(driver, lab, wishes):
    net = wishes.network()
    group = wishes.group()
    old = wishes.port(net, groups=[group])
    apply(driver, wishes)
    lab.attach(old, address=False)
    assert lab.leases(old) == old.addresses[0].ip
    del wishes.ports[old.id]
    wishes.change(wishes.networks, net, leases=())
    new = wishes.port(net, host=int(old.addresses[0].ip.split('.')[-1]), groups=[group])
    assert new.addresses == old.addresses
    apply(driver, wishes)
    lab.attach(new, address=False)
    assert lab.leases(new) == old.addresses[0].ip


def test_the_dhcp_server_runs_unprivileged_and_survives_its_driver(driver, lab, wishes):
    port = wishes.port(wishes.network(), groups=[wishes.group()])
    apply(driver, wishes)
    pid = dnsmasq_pid(lab, wishes)
    assert os.stat(f'/proc/{pid}').st_uid == 65534
    driver.close()
    again = lab.driver()
    again.open()
    apply(again, wishes)
    assert dnsmasq_pid(lab, wishes) == pid
    os.kill(pid, signal.SIGKILL)
    apply(again, wishes)
    assert dnsmasq_pid(lab, wishes) != pid
    lab.attach(port, address=False)
    assert lab.leases(port) == port.addresses[0].ip


def dnsmasq_pid(lab, wishes):
    net = next(iter(wishes.networks))
    return int((lab.state / 'dhcp' / net / 'pid').read_text())


def test_a_forged_address_is_dropped(driver, lab, wishes):
    _, _, thief, target = pair(driver, lab, wishes, PING)
    assert lab.pings(thief, target)
    lab.inside(thief, 'ip', 'addr', 'flush', 'dev', 'eth0')
    lab.inside(thief, 'ip', 'addr', 'add', '192.168.50.200/24', 'dev', 'eth0')
    # The answer needs no ARP, so that only the filter of the address is tried.
    lab.inside(target, 'ip', 'neigh', 'replace', '192.168.50.200', 'lladdr', thief.mac, 'dev', 'eth0')
    lab.inside(thief, 'ip', 'neigh', 'replace', target.addresses[0].ip, 'lladdr', target.mac, 'dev', 'eth0')
    assert not lab.pings(thief, target)


def test_an_allowed_pair_may_be_used(driver, lab, wishes):
    _, _, one, target = pair(driver, lab, wishes, PING, allowed_pairs=(('192.168.50.200/32', ''),))
    lab.inside(one, 'ip', 'addr', 'flush', 'dev', 'eth0')
    lab.inside(one, 'ip', 'addr', 'add', '192.168.50.200/24', 'dev', 'eth0')
    assert lab.pings(one, target)


def test_a_forged_mac_is_dropped(driver, lab, wishes):
    _, _, thief, target = pair(driver, lab, wishes, PING)
    lab.inside(thief, 'ip', 'link', 'set', 'eth0', 'address', 'fa:16:3e:99:99:99')
    lab.inside(target, 'ip', 'neigh', 'replace', thief.addresses[0].ip, 'lladdr', 'fa:16:3e:99:99:99', 'dev', 'eth0')
    lab.inside(thief, 'ip', 'neigh', 'replace', target.addresses[0].ip, 'lladdr', target.mac, 'dev', 'eth0')
    assert not lab.pings(thief, target)


def test_a_forged_arp_answer_is_dropped(driver, lab, wishes):
    _, _, thief, target = pair(driver, lab, wishes, PING)
    send = ('import socket, sys; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0)); '
            's.send(bytes.fromhex(sys.argv[1]))')  # fmt: skip
    mac = thief.mac.replace(':', '')

    def claim(address):
        ip = bytes(map(int, address.split('.'))).hex()
        to = bytes(map(int, target.addresses[0].ip.split('.'))).hex()
        frame = 'f' * 12 + mac + '0806' + '0001080006040001' + mac + ip + '0' * 12 + to
        lab.inside(thief, 'python3', '-c', send, frame)
        time.sleep(0.2)
        return mac in lab.inside(target, 'ip', 'neigh', 'show', address).replace(':', '')

    assert claim(thief.addresses[0].ip)
    assert not claim('192.168.50.1')


def test_a_priority_tagged_packet_does_not_slip_by(driver, lab, wishes):
    _, _, thief, target = pair(driver, lab, wishes)
    send = ('import socket, sys; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0)); '
            's.send(bytes.fromhex(sys.argv[1]))')  # fmt: skip

    def arrives(tag):
        with lab.process(target, 'tcpdump', '-lni', 'eth0', 'udp port 7 or (vlan and udp port 7)') as watch:
            time.sleep(0.7)
            lab.inside(thief, 'python3', '-c', send, build_udp(thief, target, tag))
            time.sleep(0.4)
            watch.terminate()
            return watch.communicate()[0].strip() != ''

    wishes.change(wishes.ports, target.id, security=False)
    apply(driver, wishes)
    # Bridge netfilter does not look into a frame with a VLAN header, be it VLAN 0.
    assert (arrives(tag=False), arrives(tag=True)) == (True, False)
    wishes.change(wishes.ports, thief.id, security=False)
    apply(driver, wishes)
    assert arrives(tag=True)


def build_udp(source, target, tag):
    mac, to = (port.mac.replace(':', '') for port in (source, target))
    src, dst = (bytes(map(int, port.addresses[0].ip.split('.'))) for port in (source, target))
    head = bytearray.fromhex('45000020000100004011') + b'\0\0' + src + dst
    total = sum(int.from_bytes(head[i:i + 2], 'big') for i in range(0, 20, 2))
    head[10:12] = (~((total & 0xFFFF) + (total >> 16)) & 0xFFFF).to_bytes(2, 'big')
    return to + mac + ('81000000' if tag else '') + '0800' + head.hex() + '00070007000c0000' + '61626364'


def test_a_guest_cannot_act_as_a_dhcp_server(driver, lab, wishes):
    net, group = wishes.network(dhcp=False), wishes.group()
    rogue, victim = wishes.port(net, groups=[group]), wishes.port(net, groups=[group])
    apply(driver, wishes)
    lab.attach(rogue), lab.attach(victim, address=False)
    rogue_server = ('dnsmasq', '-d', '--conf-file=/dev/null', '--port=0', '--user=root', '--no-ping',
                    f'--dhcp-leasefile={lab.state}/rogue', '--dhcp-range=192.168.50.100,192.168.50.120,1h')  # fmt: skip
    with lab.process(rogue, *rogue_server):
        time.sleep(0.5)
        assert lab.leases(victim) is None
        for port in (rogue, victim):
            wishes.change(wishes.ports, port.id, security=False)
        apply(driver, wishes)
        assert (lab.leases(victim) or '').startswith('192.168.50.1')


def test_tcp_passes_in_the_allowed_range_only(driver, lab, wishes):
    _, _, asker, server = pair(driver, lab, wishes, TCP)
    ip = server.addresses[0].ip
    with lab.echo(server, 8010), lab.echo(server, 8011):
        assert lab.connects(asker, ip, 8010)
        assert not lab.connects(asker, ip, 8011)


def test_members_of_a_remote_group_come_in_and_lose_it_when_they_leave(driver, lab, wishes):
    net, friends = wishes.network(), wishes.group()
    group = wishes.group(Rule('ingress', 'IPv4', 'icmp', remote_group=friends))
    friend, stranger, target = (wishes.port(net, groups=[name]) for name in (friends, group, group))
    apply(driver, wishes)
    for port in (friend, stranger, target):
        lab.attach(port)
    assert lab.pings(friend, target)
    assert not lab.pings(stranger, target)
    wishes.change(wishes.groups, friends, members=(stranger.addresses[0].ip,))
    apply(driver, wishes)
    assert lab.pings(stranger, target)
    assert not lab.pings(friend, target)


def test_a_flow_is_cut_when_its_rule_goes_and_others_go_on(driver, lab, wishes):
    _, group, asker, server = pair(driver, lab, wishes, TCP, Rule('ingress', 'IPv4', 'tcp', 9000, 9000))
    ip = server.addresses[0].ip
    client = ('import socket, sys\n'
              's = [socket.create_connection((sys.argv[1], p), 2) for p in (8000, 9000)]\n'
              'for x in s: x.settimeout(1)\n'
              'for line in sys.stdin:\n'
              '    said = []\n'
              '    for x in s:\n'
              '        try:\n            x.sendall(b"hi"); said.append(x.recv(9) == b"hi")\n'
              '        except OSError:\n            said.append(False)\n'
              '    print(said, flush=True)\n')  # fmt: skip
    with lab.echo(server, 8000), lab.echo(server, 9000), lab.process(asker, 'python3', '-uc', client, ip) as flow:
        def ask():
            flow.stdin.write('?\n')
            flow.stdin.flush()
            return flow.stdout.readline().strip()
        assert ask() == '[True, True]'
        apply(driver, wishes)
        assert ask() == '[True, True]'
        rules = wishes.groups[group].rules
        wishes.change(wishes.groups, group, rules=tuple(rule for rule in rules if rule != TCP))
        apply(driver, wishes)
        assert ask() == '[False, True]'


def test_each_port_has_a_conntrack_zone_that_stays_after_a_restart(driver, lab, wishes):
    _, _, one, two = pair(driver, lab, wishes, PING)
    assert lab.pings(one, two)

    def zones():
        return {word for line in sh('conntrack', '-L').splitlines() for word in line.split() if word[:5] == 'zone='}

    before = zones()
    assert len(before) == 2
    driver.close()
    again = lab.driver()
    again.open()
    del wishes.ports[one.id]
    three = wishes.port(one.network_id, groups=one.groups)
    apply(again, wishes)
    lab.attach(three)
    assert lab.pings(three, two)
    assert len(zones() & before) == 1
    assert len(zones()) == 2


def test_port_security_off_filters_nothing(driver, lab, wishes):
    net = wishes.network()
    free, other = (wishes.port(net, security=False) for _ in range(2))
    apply(driver, wishes)
    for port in (free, other):
        lab.attach(port)
    lab.inside(free, 'ip', 'addr', 'add', '192.168.50.77/24', 'dev', 'eth0')
    assert 'bytes from' in lab.inside(free, 'ping', '-c1', '-W2', '-I', '192.168.50.77', other.addresses[0].ip)


def test_ipv6_passes_by_rule_and_neighbours_cannot_be_forged(driver, lab, wishes):
    net, group = wishes.network('2001:db8:a::/64', dhcp=False), wishes.group(Rule('ingress', 'IPv6', 'ipv6-icmp', 128))
    closed = wishes.group()
    asker, target, shut = (wishes.port(net, groups=[name]) for name in (closed, group, closed))
    apply(driver, wishes)
    for port in (asker, target, shut):
        lab.attach(port)
    assert lab.pings(asker, target)
    assert not lab.pings(asker, shut)
    lab.inside(asker, 'ip', 'addr', 'add', '2001:db8:a::bad/64', 'dev', 'eth0')
    assert 'bytes from' not in lab.inside(asker, 'ping', '-c1', '-W1', '-I', '2001:db8:a::bad',
                                          target.addresses[0].ip, check=False)  # fmt: skip


def test_stateful_dhcpv6_is_served(driver, lab, wishes):
    net = wishes.network('2001:db8:a::/64')
    wishes.port(net)
    apply(driver, wishes)
    line = daemons.command_line(dnsmasq_pid(lab, wishes))
    assert any(part.startswith('--dhcp-range=set:subnet-') and ',2001:db8:a::,static,64,' in part for part in line)
    assert ':547 ' in sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ss', '-6nul')


def test_the_mtu_holds_on_every_link(driver, lab, wishes):
    net = wishes.network(mtu=1400)
    port = wishes.port(net, groups=[wishes.group(PING)])
    apply(driver, wishes)
    for name in (port.bridge, 'qvb' + port.id[:11], 'qvo' + port.id[:11],
                 'tap' + wishes.networks[net].dhcp_port_id[:11]):  # fmt: skip
        assert 'mtu 1400 ' in sh('ip', 'link', 'show', name)
    wishes.change(wishes.networks, net, mtu=1380)
    apply(driver, wishes)
    assert 'mtu 1380 ' in sh('ip', 'link', 'show', 'qvo' + port.id[:11])


def test_the_switch_names_the_port_for_operators(driver, lab, wishes):
    port = wishes.port(wishes.network())
    apply(driver, wishes)
    ids = lab.vsctl('get', 'Interface', 'qvo' + port.id[:11], 'external_ids')
    assert f'iface-id="{port.id}"' in ids and f'vm-uuid="{port.device_id}"' in ids and port.mac in ids


def test_networks_are_apart_and_keep_their_vlan_after_a_restart(driver, lab, wishes):
    one, two, group = wishes.network(), wishes.network(), wishes.group(PING)
    left, right = wishes.port(one, groups=[group]), wishes.port(two, groups=[group])
    apply(driver, wishes)
    for port in (left, right):
        lab.attach(port)
    assert not lab.pings(left, right)
    tag = lab.vsctl('get', 'Port', 'qvo' + right.id[:11], 'tag')
    driver.close()
    again = lab.driver()
    again.open()
    del wishes.networks[one], wishes.ports[left.id]
    wishes.network()
    apply(again, wishes)
    assert lab.vsctl('get', 'Port', 'qvo' + right.id[:11], 'tag') == tag


@pytest.mark.parametrize('harm', ['flows', 'rules', 'jump', 'veth', 'bridge', 'port', 'set', 'tag', 'dhcp veth',
                                  'namespace', 'sysctl', 'dnsmasq', 'router address', 'router rules'])  # fmt: skip
def test_what_was_deleted_by_hand_is_mended(driver, lab, wishes, harm):
    net, other, friends = wishes.network(), wishes.network('10.20.0.0/24'), wishes.group()
    group = wishes.group(Rule('ingress', 'IPv4', 'icmp', remote_group=friends))
    asker, target = wishes.port(net, groups=[friends]), wishes.port(net, groups=[group])
    router = wishes.router(net, other)
    apply(driver, wishes)
    p, dhcp, room = target.id[:11], wishes.networks[net].dhcp_port_id[:11], f'qrouter-{router.id}'
    orders = {
        'flows': ['ovs-ofctl', 'del-flows', f'unix:{lab.machine.folder}/br-int.mgmt'],
        'rules': ['iptables', '-F', f'nim-i{p}'], 'jump': ['iptables', '-D', 'FORWARD', '-j', 'nim-FORWARD'],
        'veth': ['ip', 'link', 'del', 'qvo' + p], 'bridge': ['ip', 'link', 'del', 'qbr' + p],
        'port': ['ovs-vsctl', f'--db={lab.machine.ovsdb}', 'del-port', 'qvo' + p],
        'set': ['ipset', 'flush', f'nim4-{friends[:24]}'],
        'tag': ['ovs-vsctl', f'--db={lab.machine.ovsdb}', 'set', 'Port', 'qvo' + p, 'tag=99'],
        'dhcp veth': ['ip', 'link', 'del', 'tap' + dhcp], 'namespace': ['ip', 'netns', 'del', f'qdhcp-{net}'],
        'sysctl': ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0'],
        'dnsmasq': ['kill', '-9', (lab.state / 'dhcp' / net / 'pid').read_text().strip()],
        'router address': ['ip', 'netns', 'exec', room, 'ip', 'addr', 'flush', 'dev',
                           'qr-' + router.ports[0].port_id[:11]],
        'router rules': ['ip', 'netns', 'exec', room, 'iptables', '-t', 'nat', '-F'],
    }  # fmt: skip
    sh(*orders[harm])
    apply(driver, wishes)
    for port in (asker, target):
        lab.attach(port)
    assert driver.wired() == {asker.id, target.id}
    assert lab.pings(asker, target)
    assert lab.leases(asker) == asker.addresses[0].ip
    assert lab.pings(target, asker) is False
    sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ping', '-c1', '-W2', '192.168.50.1')
    assert 'REDIRECT' in sh('ip', 'netns', 'exec', room, 'iptables', '-t', 'nat', '-S')


def test_a_restarted_switch_gets_its_flows_back(driver, lab, wishes):
    _, _, one, two = pair(driver, lab, wishes, PING)
    lab.machine.stop('ovsdb-server')
    lab.machine.start_database()
    lab.machine.stop('ovs-vswitchd')
    lab.machine.start_switch()
    apply(driver, wishes)
    assert lab.pings(one, two)


def test_an_unchanged_host_is_not_touched(lab, wishes):
    import dataclasses
    lab.settings = dataclasses.replace(lab.settings, audit_seconds=3600)
    driver = lab.driver()
    driver.open()
    net, group = wishes.network(), wishes.group(PING)
    for _ in range(3):
        wishes.port(net, groups=[group])
    apply(driver, wishes)
    began = time.perf_counter()
    for _ in range(100):
        apply(driver, wishes)
    assert (time.perf_counter() - began) / 100 < 0.001
    driver.close()


class Api(http.server.BaseHTTPRequestHandler):
    """A metadata API that tells which headers reached it."""

    def do_GET(self):
        body = json.dumps({'path': self.path, 'headers': dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def told(lab):
    """What the agent is wired as, told to a metadata listener in front of a real HTTP server."""
    api = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
    thread = threading.Thread(target=api.serve_forever, args=(0.05,))
    thread.start()
    os.makedirs(lab.state, exist_ok=True)
    current = {}
    settings = metadata.Settings(lab.settings.metadata_socket, 'secret', f'http://127.0.0.1:{api.server_port}')
    listener = metadata.Listener(settings, lambda: current.get('desired'))
    listener.start()
    yield current
    listener.stop()
    api.shutdown()
    thread.join()
    api.server_close()


def ask(lab, port, *extra):
    return lab.inside(port, 'busybox', 'timeout', '5', 'python3', '-c', FETCH, *extra, check=False)


FETCH = '''
import sys, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(urllib.request.Request("http://169.254.169.254/openstack/latest/meta_data.json",
          headers=dict(zip(sys.argv[1::2], sys.argv[2::2]))), timeout=4).read().decode())
except urllib.error.HTTPError as why:
    print(why.code)
'''
FORGED = ('X-Instance-ID', 'victim', 'X-Tenant-ID', 'victim', 'X-Instance-ID-Signature', '00',
          'X-Forwarded-For', '192.168.50.99', 'X-Neutron-Network-ID', 'other', 'X-Neutron-Router-ID', 'other')  # fmt: skip


@pytest.mark.parametrize('way', ['dhcp', 'router'])
def test_metadata_says_who_asks_and_believes_no_guest(driver, lab, wishes, told, way):
    net = wishes.network(dhcp=way == 'dhcp')
    port, stranger = (wishes.port(net, groups=[wishes.group()]) for _ in range(2))
    wishes.router(net)
    told['desired'] = wishes.desired()
    assert driver.apply(told['desired']) == {}
    for one in (port, stranger):
        lab.attach(one)
        hop = '192.168.50.2' if way == 'dhcp' else '192.168.50.1'
        lab.inside(one, 'ip', 'route', 'add', '169.254.169.254', 'via', hop)
    for extra in ((), FORGED):
        said = json.loads(ask(lab, port, *extra))
        headers = {name.lower(): value for name, value in said['headers'].items()}
        assert said['path'] == '/openstack/latest/meta_data.json'
        assert headers['x-instance-id'] == port.device_id
        assert headers['x-tenant-id'] == port.project_id
        assert headers['x-forwarded-for'] == port.addresses[0].ip
        proof = hmac.new(b'secret', port.device_id.encode(), hashlib.sha256).hexdigest()
        assert headers['x-instance-id-signature'] == proof
        assert 'victim' not in json.dumps(said) and 'other' not in headers.values()
    del wishes.ports[stranger.id]
    told['desired'] = wishes.desired()
    assert ask(lab, stranger).strip() == '404'


def test_an_agent_killed_at_any_moment_is_followed_by_one_that_converges(lab, wishes):
    one, two, group = wishes.network(), wishes.network('10.20.0.0/24'), wishes.group(PING)
    ports = [wishes.port(net, groups=[group]) for net in (one, one, two)]
    wishes.router(one, two)
    desired = wishes.desired()
    before = lab.snapshot()
    for step in range(12):
        child = os.fork()
        if not child:
            doomed = lab.driver()
            doomed.open()
            doomed.apply(desired)
            os._exit(0)
        time.sleep(0.02 + 0.05 * step)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        driver = lab.driver()
        driver.open()
        assert driver.apply(desired) == {}
        assert driver.wired() == {port.id for port in ports}
        processes = lab.processes()
        assert processes == ['dnsmasq'] * 2 + ['haproxy'] * 3
        driver.clear()
        assert lab.snapshot() == before
        driver.close()


def test_a_subnet_without_its_prefix_is_not_needed_to_name_a_second_address(driver, lab, wishes):
    net = wishes.network()
    second = Subnet(fresh(), '192.168.60.0/24', 4, '192.168.60.1', True)
    wishes.change(wishes.networks, net, subnets=wishes.networks[net].subnets + (second,),
                  dhcp_addresses=wishes.networks[net].dhcp_addresses + (Address('192.168.60.2', second.id),))  # fmt: skip
    apply(driver, wishes)
    shown = sh('ip', 'netns', 'exec', f'qdhcp-{net}', 'ip', 'addr')
    assert '192.168.50.2/24' in shown and '192.168.60.2/24' in shown


def test_two_hundred_ports_then_one_more(lab, wishes, capsys, monkeypatch):
    net, group = wishes.network('10.30.0.0/16'), wishes.group(PING, TCP)
    for _ in range(200):
        wishes.port(net, groups=[group])
    driver = lab.driver()
    driver.open()
    began = time.perf_counter()
    apply(driver, wishes)
    first = time.perf_counter() - began
    driver.settings = driver.settings.__class__(**{**vars(driver.settings), 'audit_seconds': 3600})
    apply(driver, wishes)
    wishes.port(net, groups=[group])
    ran = []
    real = subprocess.run
    monkeypatch.setattr(subprocess, 'run', lambda argv, **more: (ran.append(argv[0]), real(argv, **more))[1])
    began = time.perf_counter()
    apply(driver, wishes)
    one = time.perf_counter() - began
    began = time.perf_counter()
    apply(driver, wishes)
    none = time.perf_counter() - began
    with capsys.disabled():
        print(f'\n200 ports {first:.2f} s, one more {one * 1000:.0f} ms, nothing {none * 1000:.1f} ms; ran {ran}')
    assert ran.count('iptables-restore') == 1 and len(ran) < 12
    driver.close()
