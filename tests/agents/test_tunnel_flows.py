"""The rules of the tunnel bridge as text: to whom a frame goes, and what Open vSwitch itself reads in them."""

import re
import shutil
import subprocess

import pytest

from nimbus.network.agent.driver import Network, Remote
from nimbus.network.agent.ovs import tunnel_flows

PORTS = {'vxlan': 2, 'geneve': 5}
WIDE, OTHER, LOCAL = (
    Network('wide', 'vxlan', 7001, 1450),
    Network('other', 'geneve', 7001, 1450),
    Network('l', 'local', None, 1),
)
TAGS = {'wide': 3, 'other': 4, 'l': 5}
ONE = Remote('wide', 'fa:16:3e:00:00:01', ('10.0.0.11', 'fd00::11'), '192.0.2.2')
TWO = Remote('wide', 'fa:16:3e:00:00:02', ('10.0.0.12', '10.0.0.13'), '192.0.2.3')
FAR = Remote('other', 'fa:16:3e:00:00:01', ('10.0.0.11',), '192.0.2.4')
ENDS = {'192.0.2.2': '0xc0000202', '192.0.2.3': '0xc0000203', '192.0.2.4': '0xc0000204'}


def rules(*remotes, networks=(WIDE, OTHER, LOCAL)):
    return tunnel_flows.rules(1, PORTS, networks, TAGS, tunnel_flows.by_network(remotes))


def table(lines, number):
    return [line for line in lines if line.startswith(f'table={number},')]


def sent_to(line):
    """The far ends that a rule sends to."""
    return set(re.findall(r'load:(0x\w+)->NXM_NX_TUN_IPV4_DST', line))


def test_a_broadcast_goes_once_to_each_host_that_has_ports_of_the_network_and_to_no_other():
    again = Remote('wide', 'fa:16:3e:00:00:03', (), ONE.end)
    flood = {line.split(',')[2]: line for line in table(rules(ONE, TWO, FAR, again), tunnel_flows.FLOOD)}
    assert sent_to(flood['dl_vlan=3']) == {ENDS[ONE.end], ENDS[TWO.end]} and flood['dl_vlan=3'].count('output:2') == 2
    assert sent_to(flood['dl_vlan=4']) == {ENDS[FAR.end]} and 'output:5' in flood['dl_vlan=4']
    assert 'dl_vlan=5' not in flood and 'drop' in flood['actions=drop']


def test_a_frame_for_a_known_port_goes_to_its_host_alone():
    unicast = table(rules(ONE, TWO, FAR), tunnel_flows.UNICAST)
    (found,) = [line for line in unicast if f'dl_vlan=3,dl_dst={ONE.mac}' in line]
    assert sent_to(found) == {ENDS[ONE.end]} and 'load:0x1b59->NXM_NX_TUN_ID[]' in found and 'strip_vlan' in found
    (found,) = [line for line in unicast if f'dl_vlan=4,dl_dst={FAR.mac}' in line]
    assert sent_to(found) == {ENDS[FAR.end]}


def test_a_frame_for_a_guest_on_its_way_goes_to_both_its_hosts_and_is_taken_from_both():
    moving = Remote('wide', ONE.mac, ONE.ips, ONE.end, coming=TWO.end)
    (found,) = [line for line in table(rules(moving), tunnel_flows.UNICAST) if f'dl_dst={ONE.mac}' in line]
    assert sent_to(found) == {ENDS[ONE.end], ENDS[TWO.end]}
    inward = ''.join(table(rules(moving), tunnel_flows.table_of('vxlan')))
    assert f'tun_src={ONE.end}' in inward and f'tun_src={TWO.end}' in inward


def test_a_frame_is_taken_from_the_hosts_of_its_network_alone():
    lines = rules(ONE, FAR)
    vxlan, geneve = (table(lines, tunnel_flows.table_of(name)) for name in ('vxlan', 'geneve'))
    assert [line for line in vxlan if 'drop' not in line] == [
        f'table={tunnel_flows.table_of("vxlan")},priority=1,tun_id=0x1b59,tun_src=192.0.2.2,'
        f'actions=mod_vlan_vid:3,resubmit(,{tunnel_flows.LEARN})'
    ]
    assert len(geneve) == 2 and 'tun_src=192.0.2.4' in geneve[1]
    assert all('output' not in line for line in table(lines, 0)), 'what comes from a tunnel never leaves by one'


def test_who_has_an_address_elsewhere_is_answered_here():
    answers = table(rules(ONE, TWO), tunnel_flows.ARP)
    assert sorted(re.findall(r'arp_tpa=([\d.]+)', ''.join(answers))) == ['10.0.0.11', '10.0.0.12', '10.0.0.13']
    (found,) = [line for line in answers if 'arp_tpa=10.0.0.12,' in line]
    assert f'mod_dl_src:{TWO.mac}' in found and '0xfa163e000002->NXM_NX_ARP_SHA' in found and found.endswith('IN_PORT')


def test_a_network_without_ports_elsewhere_sends_nothing():
    assert all(not sent_to(line) for line in rules())
    alone = rules(ONE)
    assert set(rules()) < set(alone)
    added = {line.split(',')[0] for line in set(alone) - set(rules())}
    assert added == {f'table={number}' for number in (tunnel_flows.table_of('vxlan'), 20, 21, 22)}


def test_two_ports_of_one_mac_and_address_make_one_rule():
    twin = Remote('wide', ONE.mac, ONE.ips, TWO.end)
    keys = [line.split(',actions=')[0] for line in rules(ONE, twin, FAR)]
    assert len(keys) == len(set(keys))


@pytest.mark.skipif(not shutil.which('ovs-ofctl'), reason='needs ovs-ofctl')
def test_open_vswitch_reads_every_rule(tmp_path):
    file = tmp_path / 'flows'
    lines = tunnel_flows.rules(
        1, {'vxlan': 2, 'gre': 3, 'geneve': 5}, (WIDE, OTHER), TAGS, tunnel_flows.by_network((ONE, TWO, FAR))
    )
    file.write_text('\n'.join(lines) + '\n')
    for version in ('OpenFlow10', 'OpenFlow14'):
        done = subprocess.run(['ovs-ofctl', '-O', version, 'parse-flows', str(file)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count('actions=') == len(lines)
