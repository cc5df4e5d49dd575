"""RBAC policies over HTTP: who sees and uses another project's networks and security groups."""

import pytest

from nimbus.common import ids
from tests.conftest import ADMIN, MEMBER, READER, STRANGER, asker
from tests.wire.network.conftest import Neutron

THIRD = 'c' * 32
OTHER = asker('other', 'member', 'reader', project=THIRD)


def share(neutron: Neutron, kind: str, object_id: str, target: str = STRANGER.project_id, status: int = 201, **more):
    """What a POST of a policy answers."""
    who = more.pop('asker', MEMBER)
    action = more.pop('action', 'access_as_shared')
    body = {'object_type': kind, 'object_id': object_id, 'target_tenant': target, 'action': action, **more}
    answer = neutron('POST', '/rbac-policies', {'rbac_policy': body}, who)
    assert answer.status == status, answer.data
    return answer.json['rbac_policy'] if status == 201 else answer.json['NeutronError']


def listed(neutron, path, asker=STRANGER):
    """The ids of a list."""
    (rows,) = neutron('GET', path, asker=asker).json.values()
    return [row['id'] for row in rows]


def test_a_policy_shows_what_it_shares(neutron):
    net = neutron.network()['id']
    made = share(neutron, 'network', net)
    told = {name: made[name] for name in ('object_type', 'object_id', 'action', 'target_tenant', 'project_id')}
    assert told == {
        'object_type': 'network',
        'object_id': net,
        'action': 'access_as_shared',
        'target_tenant': STRANGER.project_id,
        'project_id': MEMBER.project_id,
    }
    assert set(made) == {*told, 'id', 'tenant_id'}
    assert neutron('GET', f'/rbac-policies/{made["id"]}', asker=READER).json == {'rbac_policy': made}
    assert listed(neutron, f'/rbac-policies?object_id={net}&action=access_as_shared', MEMBER) == [made['id']]
    assert listed(neutron, '/rbac-policies') == [], 'it is its project’s alone'
    assert neutron.refused('GET', f'/rbac-policies/{made["id"]}', asker=STRANGER) == (404, 'RbacPolicyNotFound')
    assert neutron('DELETE', f'/rbac-policies/{made["id"]}').status == 204


def test_a_shared_network_is_seen_and_used_by_the_project_it_is_shared_with(neutron):
    net = neutron.network('10.0.0.0/24')
    assert listed(neutron, '/networks') == []
    policy = share(neutron, 'network', net['id'])
    assert neutron('GET', f'/networks/{net["id"]}', asker=STRANGER).json['network']['shared'] is True
    assert neutron('GET', f'/networks/{net["id"]}').json['network']['shared'] is False
    assert listed(neutron, '/networks') == listed(neutron, '/networks?shared=True') == [net['id']]
    assert listed(neutron, '/networks?shared=False') == [] and listed(neutron, '/networks?shared=True', MEMBER) == []
    assert listed(neutron, '/subnets') == listed(neutron, '/subnets?shared=True') == net['subnets']
    port = neutron.make('port', asker=STRANGER, network_id=net['id'])
    assert neutron.refused('PUT', f'/networks/{net["id"]}', {'network': {'name': 'x'}}, STRANGER)[0] == 403
    assert neutron.refused('DELETE', f'/networks/{net["id"]}', asker=STRANGER)[0] == 403
    assert neutron.refused('DELETE', f'/rbac-policies/{policy["id"]}') == (409, 'RbacPolicyInUse')
    neutron('DELETE', f'/ports/{port["id"]}', asker=STRANGER)
    assert neutron('DELETE', f'/rbac-policies/{policy["id"]}').status == 204
    assert listed(neutron, '/networks') == listed(neutron, '/subnets') == []


def test_a_project_that_may_use_a_network_by_another_policy_keeps_none(neutron):
    net = neutron.network('10.0.0.0/24')['id']
    everyone = share(neutron, 'network', net, '*', asker=ADMIN)
    one = share(neutron, 'network', net)
    neutron.make('port', asker=STRANGER, network_id=net)
    assert neutron('DELETE', f'/rbac-policies/{one["id"]}').status == 204
    assert neutron.refused('DELETE', f'/rbac-policies/{everyone["id"]}', asker=ADMIN) == (409, 'RbacPolicyInUse')
    share(neutron, 'network', net)
    assert neutron('DELETE', f'/rbac-policies/{everyone["id"]}', asker=ADMIN).status == 204


def test_every_project_is_a_target_for_operators_alone(neutron):
    net = neutron.network()['id']
    refused = share(neutron, 'network', net, '*', 403)
    assert refused['type'] == 'PolicyNotAuthorized'
    policy = share(neutron, 'network', net, THIRD)
    body = {'rbac_policy': {'target_tenant': '*'}}
    assert neutron.refused('PUT', f'/rbac-policies/{policy["id"]}', body) == (403, 'PolicyNotAuthorized')
    assert neutron('PUT', f'/rbac-policies/{policy["id"]}', body, ADMIN).json['rbac_policy']['target_tenant'] == '*'
    assert neutron('GET', f'/networks/{net}').json['network']['shared'] is True


def test_the_flag_of_a_network_is_a_policy_for_every_project(neutron):
    net = neutron.network('10.0.0.0/24', asker=ADMIN, shared=True)['id']
    (policy,) = neutron('GET', f'/rbac-policies?object_id={net}', asker=ADMIN).json['rbac_policies']
    assert (policy['target_tenant'], policy['action']) == ('*', 'access_as_shared')
    neutron.change('network', net, ADMIN, shared=False)
    assert listed(neutron, f'/rbac-policies?object_id={net}', ADMIN) == []
    neutron.change('network', net, ADMIN, shared=True)
    (policy,) = listed(neutron, f'/rbac-policies?object_id={net}', ADMIN)
    assert neutron('DELETE', f'/rbac-policies/{policy}', asker=ADMIN).status == 204
    assert neutron('GET', f'/networks/{net}', asker=ADMIN).json['network']['shared'] is False
    neutron.change('network', net, ADMIN, shared=True)
    neutron.make('port', asker=STRANGER, network_id=net)
    share(neutron, 'network', net, asker=ADMIN)
    neutron.change('network', net, ADMIN, shared=False)


def test_an_external_network_can_be_one_projects(neutron):
    net = neutron.network('172.24.0.0/24', asker=ADMIN)['id']
    policy = share(neutron, 'network', net, asker=ADMIN, action='access_as_external')
    shown = neutron('GET', f'/networks/{net}', asker=STRANGER).json['network']
    assert (shown['router:external'], shown['shared']) == (True, False)
    assert listed(neutron, '/networks?router:external=True', OTHER) == []
    assert listed(neutron, '/networks?router:external=True') == [net]
    gateway = {'external_gateway_info': {'network_id': net}}
    assert neutron.make('router', 404, OTHER, **gateway)['type'] == 'NetworkNotFound'
    router = neutron.make('router', asker=STRANGER, **gateway)['id']
    assert neutron.make('port', 403, STRANGER, network_id=net)['type'] == 'PolicyNotAuthorized'
    gone = f'/rbac-policies/{policy["id"]}'
    assert neutron.refused('DELETE', gone, asker=ADMIN) == (409, 'RbacPolicyInUse')
    neutron('DELETE', f'/routers/{router}', asker=STRANGER)
    assert neutron('DELETE', gone, asker=ADMIN).status == 204
    assert neutron('GET', f'/networks/{net}', asker=ADMIN).json['network']['router:external'] is False


def test_the_default_external_network_stays_every_projects(neutron):
    flags = {'router:external': True, 'is_default': True}
    net = neutron.network('172.24.0.0/24', asker=ADMIN, **flags)['id']
    (policy,) = listed(neutron, f'/rbac-policies?object_id={net}', ADMIN)
    assert neutron.refused('DELETE', f'/rbac-policies/{policy}', asker=ADMIN) == (409, 'RbacPolicyInUse')


def test_a_shared_group_filters_the_ports_of_the_project_it_is_shared_with(neutron):
    group = neutron.make('security_group', name='shared')['id']
    net = neutron.network('10.1.0.0/24', asker=STRANGER)['id']
    told = {'network_id': net, 'security_groups': [group]}
    assert neutron.make('port', 404, STRANGER, **told)['type'] == 'SecurityGroupNotFound'
    policy = share(neutron, 'security_group', group)
    assert group in listed(neutron, '/security-groups')
    assert listed(neutron, '/security-groups?shared=True') == [group]
    assert group not in listed(neutron, '/security-groups?shared=False')
    shown = neutron('GET', f'/security-groups/{group}', asker=STRANGER).json['security_group']
    assert shown['shared'] is True and len(shown['security_group_rules']) == 2
    port = neutron.make('port', asker=STRANGER, **told)
    rule = {'security_group_id': group, 'direction': 'ingress'}
    assert neutron.make('security_group_rule', 403, STRANGER, **rule)['type'] == 'PolicyNotAuthorized'
    for method, body in (('PUT', {'security_group': {'name': 'x'}}), ('DELETE', None)):
        assert neutron.refused(method, f'/security-groups/{group}', body, STRANGER)[0] == 403
    own = neutron.make('security_group', asker=STRANGER, name='own')['id']
    told = {'security_group_id': own, 'direction': 'ingress', 'remote_group_id': group}
    neutron.make('security_group_rule', asker=STRANGER, **told)
    assert neutron.refused('DELETE', f'/rbac-policies/{policy["id"]}') == (409, 'RbacPolicyInUse')
    neutron('DELETE', f'/ports/{port["id"]}', asker=STRANGER)
    assert neutron('DELETE', f'/rbac-policies/{policy["id"]}').status == 204
    assert neutron.refused('GET', f'/security-groups/{group}', asker=STRANGER) == (404, 'SecurityGroupNotFound')


def test_the_target_of_a_policy_changes_while_nobody_needs_the_old_one(neutron):
    net = neutron.network('10.0.0.0/24')['id']
    policy = share(neutron, 'network', net)['id']
    port = neutron.make('port', asker=STRANGER, network_id=net)['id']
    body = {'rbac_policy': {'target_tenant': THIRD}}
    assert neutron.refused('PUT', f'/rbac-policies/{policy}', body) == (409, 'RbacPolicyInUse')
    neutron('DELETE', f'/ports/{port}', asker=STRANGER)
    assert neutron('PUT', f'/rbac-policies/{policy}', body).json['rbac_policy']['target_tenant'] == THIRD
    other = share(neutron, 'network', net)['id']
    assert neutron.refused('PUT', f'/rbac-policies/{other}', body) == (409, 'DuplicateRbacPolicy')


@pytest.mark.parametrize(
    ('body', 'status', 'kind'),
    [
        ({'object_type': 'pony'}, 400, 'InvalidInput'),
        ({'object_type': 7}, 400, 'InvalidInput'),
        ({'object_type': ['network']}, 400, 'InvalidInput'),
        ({'target_tenant': 'somebody'}, 400, 'InvalidInput'),
        ({'target_tenant': ''}, 400, 'InvalidInput'),
        ({'target_tenant': None}, 400, 'InvalidInput'),
        ({'target_tenant': 'é' * 300}, 400, 'InvalidInput'),
        ({'action': 'access_as_pony'}, 400, 'InvalidActionForType'),
        ({'action': 3}, 400, 'HTTPBadRequest'),
        ({'object_id': 'x'}, 400, 'HTTPBadRequest'),
        ({'object_id': ids.dashed()}, 400, 'InvalidInput'),
        ({'pony': 1}, 400, 'HTTPBadRequest'),
    ],
)
def test_policies_that_cannot_be(neutron, body, status, kind):
    net = neutron.network()['id']
    told = {'object_type': 'network', 'object_id': net, 'target_tenant': THIRD, 'action': 'access_as_shared'}
    assert neutron.refused('POST', '/rbac-policies', {'rbac_policy': told | body}) == (status, kind)
    assert listed(neutron, '/rbac-policies', MEMBER) == []


def test_what_is_anothers_is_shared_by_nobody_else(neutron):
    net = neutron.network()['id']
    told = {'object_type': 'network', 'object_id': net, 'target_tenant': THIRD, 'action': 'access_as_shared'}
    refused = neutron.refused('POST', '/rbac-policies', {'rbac_policy': told}, STRANGER)
    assert refused == (400, 'InvalidInput')
    share(neutron, 'network', net)
    refused = neutron.refused('POST', '/rbac-policies', {'rbac_policy': told}, STRANGER)
    assert refused == (400, 'InvalidInput'), 'it may use it, and not pass it on'
    group = neutron.make('security_group', name='g')['id']
    told |= {'object_type': 'security_group', 'object_id': group, 'action': 'access_as_external'}
    assert neutron.refused('POST', '/rbac-policies', {'rbac_policy': told}) == (400, 'InvalidActionForType')


def test_a_policy_stands_once_and_within_the_quota(neutron):
    net = neutron.network()['id']
    share(neutron, 'network', net)
    assert share(neutron, 'network', net, status=409)['type'] == 'DuplicateRbacPolicy'
    body = {'quota': {'rbac_policy': 2}}
    assert neutron('PUT', f'/quotas/{MEMBER.project_id}', body, ADMIN).status == 200
    share(neutron, 'network', net, THIRD)
    assert share(neutron, 'network', net, 'd' * 32, 409)['type'] == 'OverQuota'
    neutron('DELETE', f'/networks/{net}')
    used = neutron('GET', f'/quotas/{MEMBER.project_id}/details').json['quota']['rbac_policy']['used']
    assert (used, listed(neutron, '/rbac-policies', MEMBER)) == (0, [])


def test_a_router_of_another_project_enters_a_network_that_is_shared_with_it_by_name(neutron):
    net = neutron.network('10.0.0.0/24')
    router = neutron.make('router', asker=STRANGER)['id']
    plug = {'subnet_id': net['subnets'][0]}
    everyone = share(neutron, 'network', net['id'], '*', asker=ADMIN)['id']
    assert neutron.refused('PUT', f'/routers/{router}/add_router_interface', plug, STRANGER)[0] == 400
    share(neutron, 'network', net['id'])
    assert neutron('PUT', f'/routers/{router}/add_router_interface', plug, STRANGER).status == 200
    assert neutron('DELETE', f'/rbac-policies/{everyone}', asker=ADMIN).status == 204
