"""Address groups over HTTP, the rules that name them, and what hosts filter by."""

import pytest

from nimbus.common import ids
from tests.conftest import ADMIN, MEMBER, STRANGER
from tests.domain.network import cloud
from tests.wire.network.test_rbac_policies import listed, share


def group(neutron, status=201, asker=MEMBER, **body):
    """What a POST of an address group answers."""
    answer = neutron('POST', '/address-groups', {'address_group': body}, asker)
    assert answer.status == status, answer.data
    return answer.json['address_group'] if status == 201 else answer.json['NeutronError']


def changed(neutron, group_id, action, addresses, status=200, asker=MEMBER):
    """The ranges after an action, or the kind of its refusal."""
    answer = neutron('PUT', f'/address-groups/{group_id}/{action}', {'addresses': addresses}, asker)
    assert answer.status == status, answer.data
    return answer.json['address_group']['addresses'] if status == 200 else answer.json['NeutronError']['type']


def test_an_address_group_has_ranges_that_come_and_go(neutron):
    assert group(neutron, 400, addresses=['10.0.0.5'])['type'] == 'HTTPBadRequest', 'it says no length'
    made = group(neutron, name='a', description='d', addresses=['10.0.0.5/32', '10.1.0.9/24', 'fd00::/64'])
    assert made['addresses'] == ['10.0.0.5/32', '10.1.0.0/24', 'fd00::/64']
    assert (made['name'], made['description'], made['project_id']) == ('a', 'd', MEMBER.project_id)
    assert 'shared' not in made and 'tags' not in made
    assert changed(neutron, made['id'], 'add_addresses', ['10.2.0.0/16'])[-1] == '10.2.0.0/16'
    assert changed(neutron, made['id'], 'add_addresses', ['10.2.0.1/16'], 400) == 'AddressesAlreadyExist'
    assert changed(neutron, made['id'], 'remove_addresses', ['10.9.0.0/16'], 404) == 'AddressesNotFound'
    left = changed(neutron, made['id'], 'remove_addresses', ['10.2.0.0/16', '10.0.0.5'])
    assert left == ['10.1.0.0/24', 'fd00::/64']
    for bad in ([7], ['x'], ['10.0.0.0/33'], 'x', None, {}):
        assert neutron.refused('PUT', f'/address-groups/{made["id"]}/add_addresses', {'addresses': bad})[0] == 400
    assert changed(neutron, made['id'], 'add_addresses', ['10.7.0.0/16'], 404, STRANGER) == 'AddressGroupNotFound'
    body = {'address_group': {'name': 'b'}}
    assert neutron('PUT', f'/address-groups/{made["id"]}', body).json['address_group']['name'] == 'b'
    assert neutron('DELETE', f'/address-groups/{made["id"]}').status == 204
    assert neutron.refused('GET', f'/address-groups/{made["id"]}') == (404, 'AddressGroupNotFound')


def test_a_rule_names_an_address_group_and_keeps_it(neutron):
    ranges = group(neutron, addresses=['10.0.0.0/24'])['id']
    within = neutron.make('security_group', name='g')['id']
    told = {'security_group_id': within, 'direction': 'ingress'}
    made = neutron.make('security_group_rule', remote_address_group_id=ranges, **told)
    assert (made['remote_address_group_id'], made['remote_group_id']) == (ranges, None)
    assert made['belongs_to_default_sg'] is False
    twice = neutron.make('security_group_rule', 409, remote_address_group_id=ranges, **told)
    assert twice['type'] == 'SecurityGroupRuleExists'
    for other in ({'remote_ip_prefix': '10.0.0.0/8'}, {'remote_group_id': within}):
        refused = neutron.make('security_group_rule', 400, remote_address_group_id=ranges, **told, **other)
        assert refused['type'] == 'SecurityGroupMultipleRemoteEntites'
    refused = neutron.make('security_group_rule', 404, remote_address_group_id=ids.dashed(), **told)
    assert refused['type'] == 'AddressGroupNotFound'
    assert neutron.refused('DELETE', f'/address-groups/{ranges}') == (409, 'AddressGroupInUse')
    neutron('DELETE', f'/security-group-rules/{made["id"]}')
    assert neutron('DELETE', f'/address-groups/{ranges}').status == 204


def test_an_address_group_is_shared(neutron):
    ranges = group(neutron, addresses=['10.0.0.0/24'])['id']
    theirs = neutron.make('security_group', asker=STRANGER, name='g')['id']
    told = {'security_group_id': theirs, 'direction': 'ingress', 'remote_address_group_id': ranges}
    assert neutron.make('security_group_rule', 404, STRANGER, **told)['type'] == 'AddressGroupNotFound'
    policy = share(neutron, 'address_group', ranges)['id']
    assert listed(neutron, '/address-groups') == [ranges]
    rule = neutron.make('security_group_rule', asker=STRANGER, **told)['id']
    path = f'/address-groups/{ranges}'
    body = {'addresses': ['10.3.0.0/24']}
    assert neutron.refused('PUT', f'{path}/add_addresses', body, STRANGER) == (403, 'PolicyNotAuthorized')
    for method, told in (('PUT', {'address_group': {'name': 'x'}}), ('DELETE', None)):
        assert neutron.refused(method, path, told, STRANGER) == (404, 'HTTPNotFound')
    assert neutron.refused('DELETE', f'/rbac-policies/{policy}') == (409, 'RbacPolicyInUse')
    neutron('DELETE', f'/security-group-rules/{rule}', asker=STRANGER)
    assert neutron('DELETE', f'/rbac-policies/{policy}').status == 204


def test_hosts_filter_by_the_ranges_as_they_are_now(neutron, database):
    ranges = group(neutron, addresses=['10.0.0.5/32', '10.1.0.0/24'])['id']
    within = neutron.make('security_group', name='g')['id']
    told = {'security_group_id': within, 'direction': 'ingress', 'remote_address_group_id': ranges}
    neutron.make('security_group_rule', **told)
    net = neutron.network('10.9.0.0/24')
    told = {'network_id': net['id'], 'security_groups': [within], 'binding:host_id': 'h1'}
    neutron.make('port', asker=ADMIN, **told)
    with database.read() as tx:
        before, known = cloud.generation(tx), {one.id: one for one in cloud.told(tx, 'h1').groups}
    assert known[ranges].members == ('10.0.0.5', '10.1.0.0/24')
    assert ranges in [rule.remote_group for rule in known[within].rules]
    changed(neutron, ranges, 'remove_addresses', ['10.0.0.5'])
    with database.read() as tx:
        assert cloud.generation(tx) > before
        assert {one.id: one.members for one in cloud.told(tx, 'h1').groups}[ranges] == ('10.1.0.0/24',)


def test_a_port_of_stateless_groups_is_not_tracked(neutron, database):
    loose = neutron.make('security_group', name='loose', stateful=False)
    assert loose['stateful'] is False
    strict = neutron.make('security_group', name='strict')['id']
    net = neutron.network('10.9.0.0/24')['id']
    told = {'network_id': net, 'binding:host_id': 'h1'}
    both = neutron.make('port', 409, ADMIN, security_groups=[loose['id'], strict], **told)
    assert both['type'] == 'SecurityGroupConflict'
    port = neutron.make('port', asker=ADMIN, security_groups=[loose['id']], **told)['id']
    other = neutron.make('port', asker=ADMIN, security_groups=[strict], **told)['id']
    with database.read() as tx:
        assert {one.id: one.tracked for one in cloud.told(tx, 'h1').ports} == {port: False, other: True}
    refused = neutron.change('security_group', loose['id'], status=409, stateful=True)
    assert refused['type'] == 'SecurityGroupInUse'
    assert neutron.change('port', port, status=409, security_groups=[loose['id'], strict])['type'] == (
        'SecurityGroupConflict'
    )
    neutron.change('port', port, security_groups=[strict])
    assert neutron.change('security_group', loose['id'], stateful=True)['stateful'] is True


RULES = '/default-security-group-rules'


def default_rule(neutron, status=201, asker=ADMIN, **body):
    """What a POST of a default rule answers."""
    answer = neutron('POST', RULES, {'default_security_group_rule': {'direction': 'ingress'} | body}, asker)
    assert answer.status == status, answer.data
    return answer.json['default_security_group_rule'] if status == 201 else answer.json['NeutronError']


def test_groups_begin_with_the_default_rules_as_they_are_then(neutron):
    first = neutron('GET', RULES).json['default_security_group_rules']
    told = {(one['direction'], one['remote_group_id'], one['used_in_non_default_sg']) for one in first}
    assert told == {('egress', None, True), ('ingress', 'PARENT', False)} and len(first) == 4
    assert all(one['used_in_default_sg'] for one in first) and 'project_id' not in first[0]
    before = neutron.make('security_group', name='before')
    made = default_rule(neutron, protocol='tcp', port_range_min=22, port_range_max=22, used_in_default_sg=True)
    assert (made['used_in_default_sg'], made['used_in_non_default_sg']) == (True, True)
    twice = default_rule(neutron, 409, protocol='6', port_range_min=22, port_range_max=22)
    assert twice['type'] == 'DefaultSecurityGroupRuleExists'
    for one in first:
        if one['direction'] == 'egress':
            assert neutron('DELETE', f'{RULES}/{one["id"]}', asker=ADMIN).status == 204
    (rule,) = neutron.make('security_group', name='after')['security_group_rules']
    assert (rule['direction'], rule['protocol'], rule['port_range_min']) == ('ingress', 'tcp', 22)
    shown = neutron('GET', f'/security-groups/{before["id"]}').json['security_group']
    assert len(shown['security_group_rules']) == 2, 'what is there stays as it is'
    (default,) = neutron('GET', '/security-groups', asker=STRANGER).json['security_groups']
    assert sorted(one['direction'] for one in default['security_group_rules']) == ['ingress'] * 3
    assert {one['remote_group_id'] for one in default['security_group_rules']} == {None, default['id']}
    assert all(one['belongs_to_default_sg'] for one in default['security_group_rules'])
    used = neutron('GET', f'/quotas/{STRANGER.project_id}/details', asker=STRANGER).json['quota']
    assert used['security_group_rule']['used'] == 3
    assert len(listed(neutron, '/security-group-rules?belongs_to_default_sg=true', STRANGER)) == 3
    assert neutron.refused('GET', f'{RULES}/{first[0]["id"]}')[0] == 404 or first[0]['direction'] == 'ingress'


@pytest.mark.parametrize(
    ('body', 'status', 'kind'),
    [
        ({'direction': 'up'}, 400, 'HTTPBadRequest'),
        ({'ethertype': 'IPX'}, 400, 'SecurityGroupRuleInvalidEtherType'),
        ({'port_range_min': 5}, 400, 'SecurityGroupProtocolRequiredWithPorts'),
        ({'remote_group_id': ids.dashed()}, 404, 'SecurityGroupNotFound'),
        ({'remote_address_group_id': ids.dashed()}, 404, 'AddressGroupNotFound'),
        ({'remote_group_id': 'PARENT', 'remote_ip_prefix': '10.0.0.0/8'}, 400, 'SecurityGroupMultipleRemoteEntites'),
        ({'security_group_id': ids.dashed()}, 400, 'HTTPBadRequest'),
    ],
)
def test_default_rules_that_cannot_be(neutron, body, status, kind):
    assert default_rule(neutron, status, **body)['type'] == kind


def test_default_rules_are_the_operators(neutron):
    assert default_rule(neutron, 403, MEMBER, protocol='tcp')['type'] == 'PolicyNotAuthorized'
    (one, *_) = listed(neutron, RULES, MEMBER)
    assert neutron.refused('DELETE', f'{RULES}/{one}') == (403, 'PolicyNotAuthorized')
    assert neutron.refused('DELETE', f'{RULES}/{ids.dashed()}', asker=ADMIN) == (
        404,
        'DefaultSecurityGroupRuleNotFound',
    )
    for gone in listed(neutron, RULES, ADMIN):
        assert neutron('DELETE', f'{RULES}/{gone}', asker=ADMIN).status == 204
    assert listed(neutron, RULES, ADMIN) == [], 'the first ones do not come back'
    assert neutron.make('security_group', name='bare')['security_group_rules'] == []
