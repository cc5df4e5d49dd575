"""What a guest may send and receive, seen by the packets of a real host."""

import time

import pytest

from nimbus.network.agent.driver import Rule
from tests.drivers.netcloud import PING
from tests.drivers.netlab import apply, pair, sh

pytestmark = pytest.mark.real
TCP = Rule('ingress', 'IPv4', 'tcp', 8000, 8010)


def test_a_tap_that_no_port_names_is_cut_off(driver, lab, wishes):
    _, _, one, two = pair(driver, lab, wishes, PING)
    sh('ip', 'link', 'set', one.tap, 'name', 'taplost')
    assert not lab.pings(one, two)
    sh('ip', 'link', 'set', 'taplost', 'name', one.tap)
    assert lab.pings(one, two)


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
    send = (
        'import socket, sys; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0)); '
        's.send(bytes.fromhex(sys.argv[1]))'
    )
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
    send = (
        'import socket, sys; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0)); '
        's.send(bytes.fromhex(sys.argv[1]))'
    )

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
    total = sum(int.from_bytes(head[i : i + 2], 'big') for i in range(0, 20, 2))
    head[10:12] = (~((total & 0xFFFF) + (total >> 16)) & 0xFFFF).to_bytes(2, 'big')
    return to + mac + ('81000000' if tag else '') + '0800' + head.hex() + '00070007000c0000' + '61626364'


def test_a_guest_cannot_act_as_a_dhcp_server(driver, lab, wishes):
    net, group = wishes.network(dhcp=False), wishes.group()
    rogue, victim = wishes.port(net, groups=[group]), wishes.port(net, groups=[group])
    apply(driver, wishes)
    lab.attach(rogue), lab.attach(victim, address=False)
    rogue_server = (
        'dnsmasq',
        '-d',
        '--conf-file=/dev/null',
        '--port=0',
        '--user=root',
        '--no-ping',
        f'--dhcp-leasefile={lab.state}/rogue',
        '--dhcp-range=192.168.50.100,192.168.50.120,1h',
    )
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
    client = (
        'import socket, sys\n'
        's = [socket.create_connection((sys.argv[1], p), 2) for p in (8000, 9000)]\n'
        'for x in s: x.settimeout(1)\n'
        'for line in sys.stdin:\n'
        '    said = []\n'
        '    for x in s:\n'
        '        try:\n            x.sendall(b"hi"); said.append(x.recv(9) == b"hi")\n'
        '        except OSError:\n            said.append(False)\n'
        '    print(said, flush=True)\n'
    )
    with (
        lab.echo(server, 8000),
        lab.echo(server, 9000),
        lab.process(asker, 'python3', '-uc', client, ip) as flow,
    ):

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


def test_port_security_off_filters_nothing(driver, lab, wishes):
    net = wishes.network()
    free, other = (wishes.port(net, security=False) for _ in range(2))
    apply(driver, wishes)
    for port in (free, other):
        lab.attach(port)
    lab.inside(free, 'ip', 'addr', 'add', '192.168.50.77/24', 'dev', 'eth0')
    assert 'bytes from' in lab.inside(free, 'ping', '-c1', '-W2', '-I', '192.168.50.77', other.addresses[0].ip)


def test_ipv6_passes_by_rule_and_neighbours_cannot_be_forged(driver, lab, wishes):
    net, group = (
        wishes.network('2001:db8:a::/64', dhcp=False),
        wishes.group(Rule('ingress', 'IPv6', 'ipv6-icmp', 128)),
    )
    closed = wishes.group()
    asker, target, shut = (wishes.port(net, groups=[name]) for name in (closed, group, closed))
    apply(driver, wishes)
    for port in (asker, target, shut):
        lab.attach(port)
    assert lab.pings(asker, target)
    assert not lab.pings(asker, shut)
    lab.inside(asker, 'ip', 'addr', 'add', '2001:db8:a::bad/64', 'dev', 'eth0')
    assert 'bytes from' not in lab.inside(
        asker, 'ping', '-c1', '-W1', '-I', '2001:db8:a::bad', target.addresses[0].ip, check=False
    )
