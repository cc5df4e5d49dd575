"""A real host that was harmed, restarted or filled stands as it should."""

import dataclasses
import os
import signal
import subprocess
import time

import pytest

from nimbus.network.agent.driver import Rule
from nimbus.network.agent.ovs import datapath
from nimbus.network.agent.ovs import driver as ovs
from tests.drivers.netcloud import PING
from tests.drivers.netlab import apply, pair, sh

pytestmark = pytest.mark.real
TCP = Rule('ingress', 'IPv4', 'tcp', 8000, 8010)


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


def test_the_mtu_holds_on_every_link(driver, lab, wishes):
    net = wishes.network(mtu=1400)
    port = wishes.port(net, groups=[wishes.group(PING)])
    apply(driver, wishes)
    for name in (
        port.bridge,
        'qvb' + port.id[:11],
        'qvo' + port.id[:11],
        'tap' + wishes.networks[net].dhcp_port_id[:11],
    ):
        assert 'mtu 1400 ' in sh('ip', 'link', 'show', name)
    wishes.change(wishes.networks, net, mtu=1380)
    apply(driver, wishes)
    assert 'mtu 1380 ' in sh('ip', 'link', 'show', 'qvo' + port.id[:11])


def test_the_bridge_takes_the_best_datapath_that_the_host_has(driver, lab):
    best = 'system' if os.path.exists('/sys/module/openvswitch') else 'netdev'
    assert lab.vsctl('get', 'Bridge', 'br-int', 'datapath_type') == best


def test_a_datapath_that_the_host_does_not_have_is_refused_with_what_to_do(lab):
    if os.path.exists('/sys/module/openvswitch'):
        pytest.skip('this kernel has the datapath of Open vSwitch')
    driver = ovs.Driver(dataclasses.replace(lab.settings, datapath_type='system'))
    with pytest.raises(OSError, match=r'datapath_type is system, and this kernel has no module openvswitch'):
        driver.open()
    driver.close()


def test_a_family_that_the_kernel_has_is_told_from_one_that_it_has_not():
    assert datapath.kernel_has_it('nlctrl') and not datapath.kernel_has_it('no-such-family')


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


@pytest.mark.parametrize(
    'harm',
    [
        *('flows', 'rules', 'port', 'namespace', 'router rules'),
        *(
            pytest.param(harm, marks=pytest.mark.long)
            for harm in (
                'jump',
                'veth',
                'bridge',
                'set',
                'tag',
                'dhcp veth',
                'sysctl',
                'dnsmasq',
                'router address',
            )
        ),
    ],
)
def test_what_was_deleted_by_hand_is_mended(driver, lab, wishes, harm):
    net, other, friends = wishes.network(), wishes.network('10.20.0.0/24'), wishes.group()
    group = wishes.group(Rule('ingress', 'IPv4', 'icmp', remote_group=friends))
    asker, target = wishes.port(net, groups=[friends]), wishes.port(net, groups=[group])
    router = wishes.router(net, other)
    apply(driver, wishes)
    p, dhcp, room = target.id[:11], wishes.networks[net].dhcp_port_id[:11], f'qrouter-{router.id}'
    orders = {
        'flows': ['ovs-ofctl', 'del-flows', f'unix:{lab.machine.folder}/br-int.mgmt'],
        'rules': ['iptables', '-F', f'nim-i{p}'],
        'jump': ['iptables', '-D', 'FORWARD', '-j', 'nim-FORWARD'],
        'veth': ['ip', 'link', 'del', 'qvo' + p],
        'bridge': ['ip', 'link', 'del', 'qbr' + p],
        'port': ['ovs-vsctl', f'--db={lab.machine.ovsdb}', 'del-port', 'qvo' + p],
        'set': ['ipset', 'flush', f'nim4-{friends[:24]}'],
        'tag': ['ovs-vsctl', f'--db={lab.machine.ovsdb}', 'set', 'Port', 'qvo' + p, 'tag=99'],
        'dhcp veth': ['ip', 'link', 'del', 'tap' + dhcp],
        'namespace': ['ip', 'netns', 'del', f'qdhcp-{net}'],
        'sysctl': ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0'],
        'dnsmasq': ['kill', '-9', (lab.state / 'dhcp' / net / 'pid').read_text().strip()],
        'router address': [
            'ip',
            'netns',
            'exec',
            room,
            'ip',
            'addr',
            'flush',
            'dev',
            'qr-' + router.ports[0].port_id[:11],
        ],
        'router rules': ['ip', 'netns', 'exec', room, 'iptables', '-t', 'nat', '-F'],
    }
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


def test_a_switch_that_began_anew_is_noticed_and_mended_before_any_audit(lab, wishes):
    driver = lab.driver()
    driver.settings = dataclasses.replace(driver.settings, audit_seconds=3600)
    driver.open()
    net = wishes.network()
    wishes.port(net)
    apply(driver, wishes)
    before = driver.life()
    flows = lab.ofctl('dump-flows').splitlines()
    assert before is not None and driver.life() == before
    lab.machine.stop('ovs-vswitchd')
    lab.machine.start_switch()
    assert driver.life() not in (None, before)
    apply(driver, wishes)
    assert len(lab.ofctl('dump-flows').splitlines()) == len(flows) > 5
    driver.close()


def test_a_restarted_switch_gets_its_flows_back(driver, lab, wishes):
    _, _, one, two = pair(driver, lab, wishes, PING)
    lab.machine.stop('ovsdb-server')
    lab.machine.start_database()
    lab.machine.stop('ovs-vswitchd')
    lab.machine.start_switch()
    apply(driver, wishes)
    assert lab.pings(one, two)


def test_an_unchanged_host_is_not_touched(lab, wishes):

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


@pytest.mark.long
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


@pytest.mark.long
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
