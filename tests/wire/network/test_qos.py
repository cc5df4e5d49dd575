"""QoS policies and their rules over HTTP, what they are put on, and what is refused."""

import pytest

from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.wire.network.test_floatingips import NOWHERE, World

LIMIT = {'max_kbps': 1000, 'max_burst_kbps': 800, 'direction': 'egress'}
KINDS = {
    'bandwidth_limit': LIMIT,
    'dscp_marking': {'dscp_mark': 26},
    'packet_rate_limit': {'max_kpps': 5, 'max_burst_kpps': 1, 'direction': 'ingress'},
    'minimum_bandwidth': {'min_kbps': 10, 'direction': 'ingress'},
    'minimum_packet_rate': {'min_kpps': 1, 'direction': 'any'},
}


class Qos:
    """An operator's requests about QoS."""

    def __init__(self, neutron):
        self.neutron = neutron

    def policy(self, status=201, asker=ADMIN, **told):
        told = {'name': 'gold', 'project_id': MEMBER.project_id, **told}
        answer = self.neutron('POST', '/qos/policies', {'policy': told}, asker)
        assert answer.status == status, answer.data
        return answer.json['policy'] if status == 201 else answer.json['NeutronError']

    def rule(self, policy, kind='bandwidth_limit', status=201, asker=ADMIN, **told):
        told = told or KINDS[kind]
        path = f'/qos/policies/{policy["id"]}/{kind}_rules'
        answer = self.neutron('POST', path, {f'{kind}_rule': told}, asker)
        assert answer.status == status, answer.data
        return answer.json[f'{kind}_rule'] if status == 201 else answer.json['NeutronError']

    def shown(self, policy, asker=ADMIN):
        return self.neutron('GET', f'/qos/policies/{policy["id"]}', asker=asker).json['policy']


@pytest.fixture
def qos(neutron):
    return Qos(neutron)


def test_a_policy_is_made_changed_and_taken_away(neutron, qos):
    made = qos.policy(description='fast', shared=False)
    assert (made['name'], made['description'], made['is_default'], made['rules']) == ('gold', 'fast', False, [])
    assert (made['project_id'], made['shared'], made['revision_number']) == (MEMBER.project_id, False, 0)
    path = f'/qos/policies/{made["id"]}'
    after = neutron('PUT', path, {'policy': {'name': 'silver', 'is_default': True}}, ADMIN).json['policy']
    assert (after['name'], after['is_default'], after['revision_number']) == ('silver', True, 1)
    assert neutron('GET', '/qos/policies?name=silver', asker=MEMBER).json['policies'] == [after]
    assert neutron('GET', '/qos/policies?is_default=false', asker=MEMBER).json['policies'] == []
    assert neutron('DELETE', path, asker=ADMIN).status == 204
    assert neutron.refused('GET', path, asker=ADMIN) == (404, 'QosPolicyNotFound')


@pytest.mark.parametrize('kind', KINDS)
def test_a_rule_of_each_kind_is_made_changed_and_taken_away(neutron, qos, kind):
    policy, told = qos.policy(), KINDS[kind]
    made = qos.rule(policy, kind)
    assert made == {'id': made['id'], **told}
    (shown,) = qos.shown(policy)['rules']
    assert shown == {**made, 'type': kind, 'qos_policy_id': policy['id']}
    path, one = f'/qos/policies/{policy["id"]}/{kind}_rules', f'{kind}_rule'
    assert neutron('GET', path, asker=READER).json[f'{one}s'] == [made]
    amount = next(iter(told))
    after = neutron('PUT', f'{path}/{made["id"]}', {one: {amount: 14}}, ADMIN).json[one]
    assert after == {**made, amount: 14}
    assert neutron('GET', f'{path}/{made["id"]}', asker=MEMBER).json[one] == after
    why = qos.rule(policy, kind, 409)
    assert why['type'] == 'QoSRulesConflict' and made['id'] in why['message']
    assert neutron('DELETE', f'{path}/{made["id"]}', asker=ADMIN).status == 204
    assert neutron.refused('GET', f'{path}/{made["id"]}', asker=ADMIN) == (404, 'QosRuleNotFound')


def test_a_rule_is_found_by_its_own_id_too(neutron, qos):
    made = qos.rule(qos.policy())
    path, one = f'/qos/alias_bandwidth_limit_rules/{made["id"]}', 'alias_bandwidth_limit_rule'
    assert neutron('GET', path, asker=MEMBER).json == {one: made}
    assert neutron('PUT', path, {one: {'max_kbps': 7}}, ADMIN).json == {one: {**made, 'max_kbps': 7}}
    assert neutron.refused('PUT', path, {one: {'max_kbps': 7}}) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('GET', path, asker=STRANGER) == (404, 'QosRuleNotFound')
    assert neutron.refused('GET', f'/qos/alias_dscp_marking_rules/{made["id"]}', asker=ADMIN)[0] == 404
    assert neutron('DELETE', path, asker=ADMIN).status == 204
    assert neutron.refused('GET', path, asker=ADMIN) == (404, 'QosRuleNotFound')


def test_a_limit_each_way_and_none_below_what_is_promised(qos):
    policy = qos.policy()
    qos.rule(policy)
    qos.rule(policy, **{**LIMIT, 'direction': 'ingress'})
    why = qos.rule(policy, 'minimum_bandwidth', 409, min_kbps=1001, direction='egress')
    assert why['type'] == 'QoSRuleParameterConflict' and '1001' in why['message']
    qos.rule(policy, 'minimum_bandwidth', min_kbps=1000, direction='egress')


def test_a_project_has_one_default_which_its_networks_begin_with(neutron, qos):
    first = qos.policy(is_default=True)
    why = qos.policy(409, is_default=True)
    assert why['type'] == 'QoSPolicyDefaultAlreadyExists' and MEMBER.project_id in why['message']
    second = qos.policy()
    again = neutron.refused('PUT', f'/qos/policies/{second["id"]}', {'policy': {'is_default': True}}, ADMIN)
    assert again == (409, 'QoSPolicyDefaultAlreadyExists')
    assert neutron.network()['qos_policy_id'] == first['id']
    assert neutron.make('network', qos_policy_id=second['id'])['qos_policy_id'] == second['id']
    assert neutron.make('network', asker=STRANGER)['qos_policy_id'] is None


def test_networks_and_ports_have_policies_and_keep_them_in_use(neutron, qos):
    one, two = qos.policy(), qos.policy()
    net = neutron.make('network', qos_policy_id=one['id'])
    port = neutron.make('port', network_id=net['id'], qos_policy_id=two['id'])
    assert (port['qos_policy_id'], port['qos_network_policy_id']) == (two['id'], one['id'])
    assert neutron('GET', f'/ports?qos_policy_id={two["id"]}').json['ports'] == [port]
    for policy in (one, two):
        gone = neutron.refused('DELETE', f'/qos/policies/{policy["id"]}', asker=ADMIN)
        assert gone == (409, 'QosPolicyInUse')
    assert neutron.change('port', port['id'], qos_policy_id=None)['qos_policy_id'] is None
    assert neutron.change('network', net['id'], qos_policy_id=None)['qos_policy_id'] is None
    for policy in (one, two):
        assert neutron('DELETE', f'/qos/policies/{policy["id"]}', asker=ADMIN).status == 204


def test_what_no_host_can_hold_is_kept_off_ports_and_networks(neutron, qos):
    promising, plain = qos.policy(), qos.policy()
    qos.rule(promising, 'minimum_bandwidth')
    net = neutron.network()
    for kind, told in (('network', {}), ('port', {'network_id': net['id']})):
        assert neutron.make(kind, 409, qos_policy_id=promising['id'], **told)['type'] == 'QosRuleNotSupported'
        made = neutron.make(kind, qos_policy_id=plain['id'], **told)
        again = neutron.change(kind, made['id'], status=409, qos_policy_id=promising['id'])
        assert again['type'] == 'QosRuleNotSupported' and 'minimum_bandwidth' in again['message']
        assert qos.rule(plain, 'minimum_bandwidth', 409)['type'] == 'QosRuleNotSupported'
    assert qos.shown(plain)['rules'] == []


def test_only_their_own_and_shared_policies_are_seen_and_used(neutron, qos):
    own, shared = qos.policy(), qos.policy(shared=True)
    qos.rule(shared)
    assert [one['id'] for one in neutron('GET', '/qos/policies', asker=STRANGER).json['policies']] == [shared['id']]
    assert neutron.refused('GET', f'/qos/policies/{own["id"]}', asker=STRANGER) == (404, 'QosPolicyNotFound')
    rules = f'/qos/policies/{own["id"]}/bandwidth_limit_rules'
    assert neutron.refused('GET', rules, asker=STRANGER) == (404, 'QosPolicyNotFound')
    theirs = neutron.network(asker=STRANGER)['id']
    for policy_id in (own['id'], NOWHERE):
        why = neutron.change('network', theirs, STRANGER, 404, qos_policy_id=policy_id)
        assert why['type'] == 'QosPolicyNotFound'
    assert neutron.change('network', theirs, STRANGER, qos_policy_id=shared['id'])['qos_policy_id'] == shared['id']
    closing = neutron.refused('PUT', f'/qos/policies/{shared["id"]}', {'policy': {'shared': False}}, ADMIN)
    assert closing == (409, 'RbacPolicyInUse')
    for asker in (MEMBER, READER):
        body = {'policy': {'name': 'x'}}
        assert neutron.refused('POST', '/qos/policies', body, asker) == (403, 'PolicyNotAuthorized')
        assert neutron.refused('PUT', f'/qos/policies/{own["id"]}', body, asker) == (403, 'PolicyNotAuthorized')
        assert neutron.refused('DELETE', f'/qos/policies/{own["id"]}', asker=asker) == (403, 'PolicyNotAuthorized')
        assert neutron.refused('POST', rules, {'bandwidth_limit_rule': LIMIT}, asker) == (403, 'PolicyNotAuthorized')


def test_an_operators_policy_is_not_taken_off_by_who_does_not_see_it(neutron, qos):
    hidden = qos.policy(project_id='f' * 32)
    net = neutron.network()
    port = neutron.make('port', network_id=net['id'])
    for kind, one in (('network', net), ('port', port)):
        neutron.change(kind, one['id'], ADMIN, qos_policy_id=hidden['id'])
        why = neutron.change(kind, one['id'], status=403, qos_policy_id=None)
        assert why['type'] == 'PolicyRemoveAuthorizationError' and hidden['id'] in why['message']
        assert neutron.change(kind, one['id'], name='x')['qos_policy_id'] == hidden['id']


@pytest.mark.parametrize(
    ('kind', 'told', 'part'),
    [
        ('bandwidth_limit', {'max_burst_kbps': 1}, "'max_kbps' not specified"),
        ('bandwidth_limit', {'max_kbps': -1}, 'too small'),
        ('bandwidth_limit', {'max_kbps': 2**31}, 'too large'),
        ('bandwidth_limit', {'max_kbps': 'many'}, 'is not an integer'),
        ('bandwidth_limit', {'max_kbps': 1, 'direction': 'any'}, "'any' is not in"),
        ('bandwidth_limit', {'max_kbps': 1, 'min_kbps': 1}, 'Unrecognized attribute'),
        ('dscp_marking', {'dscp_mark': 1}, "'1' is not in"),
        ('dscp_marking', {'dscp_mark': [26]}, 'is not in'),
        ('packet_rate_limit', {'max_kpps': None}, 'is not an integer'),
    ],
)
def test_a_rule_that_means_nothing_is_refused(qos, kind, told, part):
    policy = qos.policy()
    why = qos.rule(policy, kind, 400, **told)
    assert why['type'] == 'HTTPBadRequest' and part in why['message']
    assert qos.shown(policy)['rules'] == []


def test_the_types_of_rules_that_hosts_hold_are_told(neutron):
    types = neutron('GET', '/qos/rule-types', asker=ADMIN).json['rule_types']
    assert types == [{'type': name} for name in ('bandwidth_limit', 'dscp_marking', 'packet_rate_limit')]
    shown = neutron('GET', '/qos/rule-types/dscp_marking', asker=ADMIN).json['rule_type']
    (driver,) = shown['drivers']
    (mark,) = driver['supported_parameters']
    assert shown['type'] == 'dscp_marking' and len(mark['parameter_values']) == 21
    assert neutron.refused('GET', '/qos/rule-types/x', asker=ADMIN) == (404, 'QosRuleTypeNotFound')
    assert neutron('GET', '/qos/rule-types').status == 403


def test_the_extensions_of_qos_are_listed(neutron):
    there = {one['alias'] for one in neutron('GET', '/extensions').json['extensions']}
    assert {'qos', 'qos-default', 'qos-pps', 'qos-rules-alias', 'qos-rule-type-details'} <= there
    assert {'qos-fip', 'qos-gateway-ip', 'qos-fip-network-policy'} <= there


def test_floating_ips_and_gateways_have_policies(neutron, qos):
    world = World(neutron)
    policy, other = qos.policy(), qos.policy()
    floating = world.float(qos_policy_id=policy['id'], port_id=world.port()['id'])
    assert (floating['qos_policy_id'], floating['qos_network_policy_id']) == (policy['id'], None)
    kept = world.change(floating, qos_policy_id=other['id'])
    assert (kept['qos_policy_id'], kept['port_id']) == (other['id'], floating['port_id'])
    assert world.change(floating, description='x')['qos_policy_id'] == other['id']
    assert world.change(floating, 404, qos_policy_id=NOWHERE)['type'] == 'QosPolicyNotFound'
    out = {'network_id': world.outside['id']}

    def gateway(**told):
        return neutron.change('router', world.router['id'], external_gateway_info=out | told)['external_gateway_info']

    assert world.router['external_gateway_info']['qos_policy_id'] is None
    assert gateway(qos_policy_id=policy['id'])['qos_policy_id'] == policy['id']
    assert gateway()['qos_policy_id'] == policy['id']
    for used in (policy, other):
        assert neutron.refused('DELETE', f'/qos/policies/{used["id"]}', asker=ADMIN) == (409, 'QosPolicyInUse')
    assert gateway(qos_policy_id=None)['qos_policy_id'] is None
    assert neutron('DELETE', f'/qos/policies/{policy["id"]}', asker=ADMIN).status == 204
    assert world.change(floating, qos_policy_id=None)['qos_policy_id'] is None
    wrong = {'router': {'external_gateway_info': {**out, 'qos_policy_id': 'x'}}}
    assert neutron.refused('PUT', world.path, wrong) == (400, 'HTTPBadRequest')


def test_a_policy_is_shared_with_one_project(neutron, qos):
    policy = qos.policy()
    told = {'object_type': 'qos_policy', 'object_id': policy['id'], 'action': 'access_as_shared'}
    body = {'rbac_policy': {**told, 'target_tenant': STRANGER.project_id}}
    shared = neutron('POST', '/rbac-policies', body, ADMIN).json['rbac_policy']
    assert neutron('GET', '/qos/policies?shared=true', asker=STRANGER).json['policies'][0]['id'] == policy['id']
    assert qos.shown(policy, STRANGER)['shared'] is True and qos.shown(policy, MEMBER)['shared'] is False
    theirs = neutron.make('network', asker=STRANGER, qos_policy_id=policy['id'])
    path = f'/rbac-policies/{shared["id"]}'
    assert neutron.refused('DELETE', path, asker=ADMIN) == (409, 'RbacPolicyInUse')
    neutron.change('network', theirs['id'], STRANGER, qos_policy_id=None)
    assert neutron('DELETE', path, asker=ADMIN).status == 204
    assert neutron.refused('GET', f'/qos/policies/{policy["id"]}', asker=STRANGER) == (404, 'QosPolicyNotFound')
