"""Security groups and their rules over HTTP."""

import pytest

from tests.conftest import ADMIN, MEMBER, READER, STRANGER


def test_a_project_has_a_default_group_with_the_usual_rules(neutron):
    (group,) = neutron('GET', '/security-groups', asker=READER).json['security_groups']
    assert (group['name'], group['description']) == ('default', 'Default security group')
    told = {(r['direction'], r['ethertype'], r['remote_group_id']) for r in group['security_group_rules']}
    assert told == {
        ('egress', 'IPv4', None),
        ('egress', 'IPv6', None),
        ('ingress', 'IPv4', group['id']),
        ('ingress', 'IPv6', group['id']),
    }


def test_a_new_group_lets_everything_out(neutron):
    made = neutron.make('security_group', name='web', description='d')
    assert sorted(r['ethertype'] for r in made['security_group_rules']) == ['IPv4', 'IPv6']
    assert {r['direction'] for r in made['security_group_rules']} == {'egress'}
    assert (made['stateful'], made['tags'], made['project_id']) == (True, [], MEMBER.project_id)


def test_the_default_group_cannot_be_made_renamed_or_removed(neutron):
    assert neutron.make('security_group', 409, name='default')['type'] == 'SecurityGroupDefaultAlreadyExists'
    group = neutron('GET', '/security-groups?name=default').json['security_groups'][0]['id']
    assert neutron.refused('DELETE', f'/security-groups/{group}') == (409, 'SecurityGroupCannotRemoveDefault')
    assert neutron.change('security_group', group, status=409, name='x')['type'] == 'SecurityGroupCannotUpdateDefault'
    assert neutron('DELETE', f'/security-groups/{group}', asker=ADMIN).status == 204
    assert neutron('GET', '/security-groups').json['security_groups'][0]['id'] != group


def test_a_group_in_use_stays(neutron):
    group = neutron.make('security_group', name='g')['id']
    net = neutron.network('10.0.0.0/24')
    port = neutron.make('port', network_id=net['id'], security_groups=[group])
    assert neutron.refused('DELETE', f'/security-groups/{group}') == (409, 'SecurityGroupInUse')
    neutron('DELETE', f'/ports/{port["id"]}')
    assert neutron('DELETE', f'/security-groups/{group}').status == 204


def rule(neutron, status=201, **body):
    group = neutron.make('security_group', name='g')['id']
    told = {'security_group_id': group, 'direction': 'ingress'} | body
    return neutron.make('security_group_rule', status, **told)


def test_a_rule_shows_what_neutron_shows(neutron):
    made = rule(neutron, protocol='tcp', port_range_min='22', port_range_max=22, remote_ip_prefix='10.0.0.5/24')
    assert (made['protocol'], made['port_range_min'], made['port_range_max']) == ('tcp', 22, 22)
    assert (made['remote_ip_prefix'], made['normalized_cidr']) == ('10.0.0.5/24', '10.0.0.0/24')
    assert (made['ethertype'], made['remote_group_id'], made['project_id']) == ('IPv4', None, MEMBER.project_id)


@pytest.mark.parametrize(
    'body',
    [
        {'protocol': None},
        {'protocol': 'any'},
        {'protocol': 'icmp', 'port_range_min': 8, 'port_range_max': 0},
        {'protocol': 'icmp', 'port_range_min': 8},
        {'protocol': 1},
        {'protocol': '132', 'port_range_min': 5, 'port_range_max': 9},
        {'protocol': 'ipv6-icmp', 'ethertype': 'IPv6'},
        {'protocol': 'vrrp'},
        {'protocol': 'TCP', 'ethertype': 'ipv4'},
        {'remote_ip_prefix': '10.0.0.1'},
        {'remote_ip_prefix': 'fd00::/64', 'ethertype': 'IPv6'},
    ],
)
def test_rules_that_may_be(neutron, body):
    rule(neutron, **body)


@pytest.mark.parametrize(
    ('body', 'status', 'kind'),
    [
        ({'direction': 'sideways'}, 400, 'HTTPBadRequest'),
        ({'direction': None}, 400, 'HTTPBadRequest'),
        ({'ethertype': 'IPX'}, 400, 'SecurityGroupRuleInvalidEtherType'),
        ({'protocol': 'quic'}, 400, 'SecurityGroupRuleInvalidProtocol'),
        ({'protocol': 256}, 400, 'SecurityGroupRuleInvalidProtocol'),
        ({'protocol': -5}, 400, 'SecurityGroupRuleInvalidProtocol'),
        ({'protocol': [6]}, 400, 'HTTPBadRequest'),
        ({'port_range_min': 1, 'port_range_max': 2}, 400, 'SecurityGroupProtocolRequiredWithPorts'),
        ({'protocol': 'tcp', 'port_range_min': 9, 'port_range_max': 2}, 400, 'SecurityGroupInvalidPortRange'),
        ({'protocol': 'tcp', 'port_range_min': 9}, 400, 'SecurityGroupInvalidPortRange'),
        ({'protocol': 'tcp', 'port_range_min': 0, 'port_range_max': 5}, 400, 'SecurityGroupInvalidPortValue'),
        ({'protocol': 'tcp', 'port_range_min': 1, 'port_range_max': 65536}, 400, 'SecurityGroupInvalidPortValue'),
        ({'protocol': 'tcp', 'port_range_min': 'x', 'port_range_max': 5}, 400, 'SecurityGroupInvalidPortValue'),
        ({'protocol': 'icmp', 'port_range_min': 256}, 400, 'SecurityGroupInvalidIcmpValue'),
        ({'protocol': 'icmp', 'port_range_max': 5}, 400, 'SecurityGroupMissingIcmpType'),
        ({'protocol': 'gre', 'port_range_min': 1, 'port_range_max': 2}, 400, 'SecurityGroupInvalidProtocolForPort'),
        ({'protocol': 'ipv6-icmp'}, 400, 'SecurityGroupEthertypeConflictWithProtocol'),
        ({'remote_ip_prefix': 'fd00::/64'}, 400, 'SecurityGroupRuleParameterConflict'),
        ({'remote_ip_prefix': '10.0.0.0/33'}, 400, 'InvalidCIDR'),
        ({'remote_ip_prefix': {}}, 400, 'InvalidCIDR'),
        ({'remote_group_id': 'x'}, 404, 'SecurityGroupNotFound'),
        ({'remote_group_id': '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'}, 404, 'SecurityGroupNotFound'),
        ({'security_group_id': '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'}, 404, 'SecurityGroupNotFound'),
    ],
)
def test_rules_that_may_not_be(neutron, body, status, kind):
    assert rule(neutron, status, **body)['type'] == kind


def test_a_rule_names_a_range_or_a_group(neutron):
    group = neutron.make('security_group', name='x')['id']
    why = rule(neutron, 400, remote_group_id=group, remote_ip_prefix='10.0.0.0/8')
    assert why['type'] == 'SecurityGroupMultipleRemoteEntites'
    assert rule(neutron, remote_group_id=group)['remote_group_id'] == group


def test_a_group_has_the_same_rule_once_however_it_is_spelt(neutron):
    group = neutron.make('security_group', name='g')['id']
    told = {'security_group_id': group, 'direction': 'ingress'}
    first = neutron.make('security_group_rule', **told, protocol='tcp', remote_ip_prefix='10.0.0.1/24')
    why = neutron.make('security_group_rule', 409, **told, protocol='6', remote_ip_prefix='10.0.0.0/24')
    assert why['type'] == 'SecurityGroupRuleExists' and first['id'] in why['message']
    neutron.make('security_group_rule', 409, **told | {'direction': 'egress'})


def test_rules_belong_to_their_groups_project(neutron):
    made = rule(neutron)
    path = f'/security-group-rules/{made["id"]}'
    assert neutron('GET', path, asker=READER).status == 200
    assert neutron.refused('GET', path, asker=STRANGER) == (404, 'SecurityGroupRuleNotFound')
    assert neutron.refused('DELETE', path, asker=READER) == (403, 'PolicyNotAuthorized')
    told = {'security_group_id': made['security_group_id'], 'direction': 'ingress', 'protocol': 'tcp'}
    assert neutron.make('security_group_rule', 404, STRANGER, **told)['type'] == 'SecurityGroupNotFound'
    assert neutron('DELETE', path).status == 204
    assert neutron.refused('DELETE', path) == (404, 'SecurityGroupRuleNotFound')
    found = neutron('GET', f'/security-group-rules?security_group_id={made["security_group_id"]}&direction=egress').json
    assert len(found['security_group_rules']) == 2


def test_a_deleted_group_takes_the_rules_that_name_it_along(neutron):
    group = neutron.make('security_group', name='x')['id']
    made = rule(neutron, remote_group_id=group)
    assert neutron('DELETE', f'/security-groups/{group}').status == 204
    assert neutron.refused('GET', f'/security-group-rules/{made["id"]}')[0] == 404
    used = neutron('GET', f'/quotas/{MEMBER.project_id}/details', asker=ADMIN).json['quota']
    assert (used['security_group']['used'], used['security_group_rule']['used']) == (2, 6)
