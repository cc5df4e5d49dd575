"""Rules become chains, options and names as they should, without a host."""

import dataclasses
import json

import pytest

from nimbus.common import ip_protocols
from nimbus.network.agent.dhcp import dnsmasq
from nimbus.network.agent.driver import Desired, Rule
from nimbus.network.agent.firewall import chains, iptables
from nimbus.network.agent.firewall.allowed_traffic import Flow, admits, is_sound, link_local, rules_of
from nimbus.network.agent.firewall.ipsets import members, set_name
from nimbus.network.agent.ovs import flows
from tests.drivers.netcloud import PING, Wishes


def chains_of(*rules):
    wishes = Wishes()
    port = wishes.port(wishes.network(), groups=[wishes.group(*rules)])
    guarded = chains.FilteredPort(port, 4097, rules_of(port, wishes.groups))
    return chains.chains('nim', 'IPv4', [guarded], {})['filter'][chains.chain_of('nim', port.id, 'i')]


@pytest.mark.parametrize(
    ('rule', 'match'),
    [
        (Rule('ingress', 'IPv4'), '-j ACCEPT'),
        (Rule('ingress', 'IPv4', 'any'), '-j ACCEPT'),
        (Rule('ingress', 'IPv4', 'tcp', 22, 22), '-p 6 -m tcp --dport 22 -j ACCEPT'),
        (Rule('ingress', 'IPv4', '17', 1, 9), '-p 17 -m udp --dport 1:9 -j ACCEPT'),
        (Rule('ingress', 'IPv4', 'vrrp'), '-p 112 -j ACCEPT'),
        (Rule('ingress', 'IPv4', 'udplite', 5, 5), '-p 136 -m multiport --dports 5 -j ACCEPT'),
        (Rule('ingress', 'IPv4', 'icmp', 8, 0), '-p 1 -m icmp --icmp-type 8/0 -j ACCEPT'),
        (Rule('ingress', 'IPv4', 'icmp', 8), '-p 1 -m icmp --icmp-type 8 -j ACCEPT'),
        (Rule('ingress', 'IPv4', remote_prefix='10.1.2.3/8'), '-s 10.0.0.0/8 -j ACCEPT'),
        (Rule('ingress', 'IPv4', remote_prefix='0.0.0.0/0'), '-j ACCEPT'),
        (Rule('ingress', 'IPv4', remote_group='abc'), '-m set --match-set nim4-abc src -j ACCEPT'),
    ],
)
def test_a_rule_becomes_one_line(rule, match):
    assert set(chains_of(rule)) - set(chains_of()) == {match}


@pytest.mark.parametrize(
    'rule',
    [
        Rule('ingress', 'IPv4', 'icmp', 255),
        Rule('ingress', 'IPv4', 'nonsense'),
        Rule('ingress', 'IPv4', 'tcp', 9, 1),
        Rule('ingress', 'IPv4', 'tcp', 1, 70000),
        Rule('ingress', 'IPv4', remote_prefix='10.0.0.0/99'),
        Rule('ingress', 'IPv4', remote_prefix='2001:db8::/32'),
    ],
)
def test_a_rule_that_cannot_be_kept_admits_nothing_and_spoils_nothing(rule):
    assert chains_of(rule, PING) == chains_of(PING)


def test_the_names_fit_the_kernel():
    port = 'f' * 36
    assert len(chains.chain_of('nimbus', port, 'i')) <= 28
    assert len(set_name('nimbus', port, 'IPv6')) <= 31


def test_a_prefix_of_length_zero_is_two_halves_in_a_set():
    wishes = Wishes()
    group = wishes.change(wishes.groups, wishes.group(), members=('0.0.0.0/0', '10.0.0.1', '10.0.0.2/32', '::1'))
    assert members(group, 'IPv4') == {'0.0.0.0/1', '128.0.0.0/1', '10.0.0.1', '10.0.0.2'}
    assert members(group, 'IPv6') == {'::1'}


def test_a_guest_is_known_by_the_link_local_address_of_its_mac():
    assert link_local('fa:16:3e:00:00:01') == 'fe80::f816:3eff:fe00:1'


def test_a_flow_is_admitted_as_the_filter_would():
    rules = (Rule('ingress', 'IPv4', 'tcp', 80, 90, '10.0.0.0/8'),)
    assert admits(rules, {}, Flow('ingress', 'IPv4', '10.1.1.1', 6, 85))
    assert not admits(rules, {}, Flow('ingress', 'IPv4', '10.1.1.1', 6, 91))
    assert not admits(rules, {}, Flow('ingress', 'IPv4', '11.1.1.1', 6, 85))
    assert not admits(rules, {}, Flow('egress', 'IPv4', '10.1.1.1', 6, 85))


@pytest.mark.parametrize(
    ('name', 'label'),
    [
        ('Web-1', 'web-1'),
        ('中文', 'host-10-0-0-5'),
        ('a,b\nc', 'a-b-c'),
        ('x' * 80, 'x' * 63),
        ('', 'host-10-0-0-5'),
        ('db.example.org', 'db'),
    ],
)
def test_a_hostname_is_made_one_dns_label(name, label):
    assert dnsmasq.label(name, '10.0.0.5') == label


def test_a_guarded_port_claims_only_its_own_addresses():
    wishes = Wishes()
    port = wishes.port(wishes.network())
    lines = flows.guarding(port, 7)
    assert [line for line in lines if 'arp_spa=' + port.addresses[0].ip in line]
    assert all('in_port=7' in line for line in lines)
    (told,) = [line for line in lines if ',rarp,' in line]
    assert f'dl_src={port.mac}' in told and f'arp_sha={port.mac}' in told and 'arp_spa=0.0.0.0' in told


def test_desired_survives_its_trip_through_json():
    wishes = Wishes()
    net = wishes.network(routes=(('10.0.0.0/8', '192.168.50.9'),))
    wishes.router(net)
    wishes.port(net, groups=[wishes.group(PING)], allowed_pairs=(('10.0.0.1', ''),))
    desired = wishes.desired()
    assert Desired.from_dict(json.loads(json.dumps(dataclasses.asdict(desired)))) == desired


def test_one_port_among_many_changes_only_its_own_rules_of_a_long_chain():
    wishes = Wishes()
    net = wishes.network()
    made = [chains.FilteredPort(wishes.port(net), 4097 + number, ()) for number in range(50)]
    before = chains.chains('nim', 'IPv4', made[:20] + made[21:], {})
    payload = iptables.Tables('iptables', 'nim')._delta(before, chains.chains('nim', 'IPv4', made, {})).splitlines()
    tap = made[20].port.tap
    dispatched = [line for line in payload if 'nim-FORWARD' in line]
    assert len(dispatched) == 2 and all(tap in line and line.startswith('-I nim-FORWARD 4') for line in dispatched)
    assert [line for line in payload if line.startswith(':') and tap[3:] not in line] == []
    back = iptables.Tables('iptables', 'nim')._delta(chains.chains('nim', 'IPv4', made, {}), before).splitlines()
    dispatched = [line for line in back if 'nim-FORWARD' in line]
    assert len(dispatched) == 2 and all(line.startswith('-D nim-FORWARD ') and tap in line for line in dispatched)


def test_a_chain_that_is_ordered_anew_is_written_as_a_whole():
    rules = tuple(f'-s 10.0.0.{number} -j ACCEPT' for number in range(40))
    assert iptables._edits('c', rules, rules[::-1]) is None
    assert iptables._edits('c', rules, rules[5:] + ('-j DROP',)) == [
        *(f'-D c {rule}' for rule in rules[:5]),
        '-I c 36 -j DROP',
    ]
    assert iptables._edits('c', (), rules) is None


@pytest.mark.parametrize(
    'protocol', [*ip_protocols.NUMBERS, *(str(number) for number in ip_protocols.NUMBERS.values())]
)
@pytest.mark.parametrize('ethertype', ['IPv4', 'IPv6'])
def test_every_protocol_that_a_rule_may_name_reaches_the_packet_filter(ethertype, protocol):
    rule = Rule('ingress', ethertype, protocol)
    assert is_sound(rule)
    number = ip_protocols.NUMBERS[protocol] if protocol in ip_protocols.NUMBERS else int(protocol)
    if number in (1, 58):
        number = {'IPv4': 1, 'IPv6': 58}[ethertype]
    flow = Flow('ingress', ethertype, '10.0.0.9' if ethertype == 'IPv4' else '2001:db8::9', number or 47)
    assert admits([rule], {}, flow)
    assert chains._match('p', rule) == (f'-p {number}' if number else '')


def test_a_port_that_is_not_tracked_has_each_packet_filtered_by_itself():
    wishes = Wishes()
    tracked = wishes.port(wishes.network(), groups=[wishes.group(PING)])
    for port in (tracked, dataclasses.replace(tracked, tracked=False)):
        item = chains.FilteredPort(port, 4097, rules_of(port, wishes.groups))
        made = chains.chains('nim', 'IPv4', [item], {})
        (zone,) = made['raw']['nim-PREROUTING']
        own = [line for way in 'io' for line in made['filter'][chains.chain_of('nim', port.id, way)]]
        assert zone.endswith('--zone 4097' if port.tracked else '-j CT --notrack')
        assert any('INVALID' in line for line in own) == any('connmark' in line for line in own) == port.tracked
        assert own[-1] == '-j DROP'
