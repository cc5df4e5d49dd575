"""Things of another project, named in a body, a query or a marker, are as things that are not there."""

import json

import pytest

from nimbus.common import ids
from tests.conftest import ADMIN, MEMBER, READER, SERVICE, STRANGER

UNKNOWN = '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'


@pytest.fixture
def far(neutron):
    """What a stranger has, by kind."""
    net = neutron.network('10.8.0.0/24', asker=STRANGER)
    router = neutron.make('router', asker=STRANGER)
    return {
        'network': net['id'],
        'subnet': net['subnets'][0],
        'port': neutron.make('port', asker=STRANGER, network_id=net['id'])['id'],
        'security_group': neutron.make('security_group', asker=STRANGER, name='far')['id'],
        'router': router['id'],
        'rule': neutron('GET', '/security-group-rules', asker=STRANGER).json['security_group_rules'][0]['id'],
    }


def told(neutron, asked, far):
    """The status of the answer to a foreign id, which is that to an unknown one but for the id itself."""
    found = []
    for id in (far, UNKNOWN):
        answer = neutron(*asked(id))
        found.append((answer.status, answer.data.decode().replace(id, 'ID')))
    assert found[0] == found[1]
    return found[0][0]


# Method, path and body, in which {net}, {port}, {group} and {router} are the asker's own and {id} is not.
ROUTER = '/routers/{router}'
GATEWAY = {'router': {'external_gateway_info': {'network_id': '{id}'}}}
RULE = {'security_group_id': '{group}', 'direction': 'ingress'}
ASKED = {
    'a subnet on a network': (
        'network',
        'POST',
        '/subnets',
        {'subnet': {'network_id': '{id}', 'cidr': '10.9.0.0/24', 'ip_version': 4}},
    ),
    'a port on a network': ('network', 'POST', '/ports', {'port': {'network_id': '{id}'}}),
    'a port on a subnet': (
        'subnet',
        'POST',
        '/ports',
        {'port': {'network_id': '{net}', 'fixed_ips': [{'subnet_id': '{id}'}]}},
    ),
    'a port moved to a subnet': ('subnet', 'PUT', '/ports/{port}', {'port': {'fixed_ips': [{'subnet_id': '{id}'}]}}),
    'a port in a group': (
        'security_group',
        'POST',
        '/ports',
        {'port': {'network_id': '{net}', 'security_groups': ['{id}']}},
    ),
    'a port put into a group': ('security_group', 'PUT', '/ports/{port}', {'port': {'security_groups': ['{id}']}}),
    'a rule in a group': (
        'security_group',
        'POST',
        '/security-group-rules',
        {'security_group_rule': {**RULE, 'security_group_id': '{id}'}},
    ),
    'a rule for a remote group': (
        'security_group',
        'POST',
        '/security-group-rules',
        {'security_group_rule': {**RULE, 'remote_group_id': '{id}'}},
    ),
    'an interface on a subnet': ('subnet', 'PUT', f'{ROUTER}/add_router_interface', {'subnet_id': '{id}'}),
    'an interface by a port': ('port', 'PUT', f'{ROUTER}/add_router_interface', {'port_id': '{id}'}),
    'no interface on a subnet': ('subnet', 'PUT', f'{ROUTER}/remove_router_interface', {'subnet_id': '{id}'}),
    'no interface by a port': ('port', 'PUT', f'{ROUTER}/remove_router_interface', {'port_id': '{id}'}),
    'a router with a gateway': ('network', 'POST', '/routers', GATEWAY),
    'a gateway of a router': ('network', 'PUT', ROUTER, GATEWAY),
    'networks after one': ('network', 'GET', '/networks?marker={id}&limit=5'),
    'subnets after one': ('subnet', 'GET', '/subnets?marker={id}&limit=5'),
    'ports after one': ('port', 'GET', '/ports?marker={id}'),
    'routers after one': ('router', 'GET', '/routers?marker={id}&sort_key=name&sort_dir=asc'),
    'groups after one': ('security_group', 'GET', '/security-groups?marker={id}&page_reverse=True'),
    'rules after one': ('rule', 'GET', '/security-group-rules?marker={id}'),
    'ports on a network': ('network', 'GET', '/ports?network_id={id}'),
    'ports on a subnet': ('subnet', 'GET', '/ports?fixed_ips=subnet_id%3D{id}'),
    'ports in a group': ('security_group', 'GET', '/ports?security_groups={id}'),
    'rules of a group': ('security_group', 'GET', '/security-group-rules?security_group_id={id}'),
    'rules for a remote group': ('security_group', 'GET', '/security-group-rules?remote_group_id={id}'),
}


def filled(value, own, id):
    """The value with the ids put into it."""
    text = json.dumps(value)
    for name, told in {**own, 'id': id}.items():
        text = text.replace(f'{{{name}}}', told)
    return json.loads(text)


@pytest.mark.parametrize('case', ASKED)
def test_a_foreign_id_is_as_an_unknown_one(neutron, far, case):
    net = neutron.network('10.0.0.0/24')
    own = {
        'net': net['id'],
        'port': neutron.make('port', network_id=net['id'])['id'],
        'group': neutron.make('security_group', name='g')['id'],
        'router': neutron.make('router')['id'],
    }
    kind, *asked = ASKED[case]
    used = neutron('GET', f'/quotas/{STRANGER.project_id}/details', asker=STRANGER).data
    status = told(neutron, lambda id: filled(asked, own, id), far[kind])
    assert status == 200 if asked[0] == 'GET' and 'marker' not in asked[1] else status in (400, 404)
    assert neutron('GET', f'/quotas/{STRANGER.project_id}/details', asker=STRANGER).data == used
    assert neutron('GET', f'/ports/{far["port"]}', asker=STRANGER).json['port']['device_id'] == ''


CREATES = {
    'network': {},
    'subnet': {'network_id': 'net', 'cidr': '10.1.0.0/24', 'ip_version': 4},
    'port': {'network_id': 'net'},
    'router': {},
    'security_group': {'name': 'g'},
    'security_group_rule': {'security_group_id': 'group', 'direction': 'ingress'},
}


@pytest.mark.parametrize('name', ['project_id', 'tenant_id'])
@pytest.mark.parametrize('kind', CREATES)
def test_nobody_makes_a_thing_for_another_project_but_an_operator(neutron, kind, name):
    own = {'net': neutron.network('10.0.0.0/24')['id'], 'group': neutron.make('security_group', name='a')['id']}
    body = {key: own.get(value, value) for key, value in CREATES[kind].items()}

    def used(asker):
        return neutron('GET', f'/quotas/{asker.project_id}/details', asker=asker).json['quota']

    before = used(STRANGER), used(MEMBER)
    for foreign in (STRANGER.project_id, 'c' * 32, ''):
        for asker in (MEMBER, READER):
            why = neutron.make(kind, 400, asker, **body, **{name: foreign})
            assert why['type'] == 'HTTPBadRequest' and 'project_id' in why['message']
    several = neutron('POST', f'/{kind.replace("_", "-")}s', {f'{kind}s': [body, {**body, name: STRANGER.project_id}]})
    assert several.status == 400
    assert (used(STRANGER), used(MEMBER)) == before
    made = neutron.make(kind, **body, **{name: MEMBER.project_id})
    assert made['project_id'] == made['tenant_id'] == MEMBER.project_id


def test_operators_and_services_make_things_for_others(neutron):
    for asker in (ADMIN, SERVICE):
        assert neutron.make('network', asker=asker, project_id=STRANGER.project_id)['tenant_id'] == STRANGER.project_id


def test_a_port_may_not_say_that_a_foreign_router_is_its_device(neutron, far):
    net = neutron.network('10.0.0.0/24')
    told = {'device_id': far['router'], 'device_owner': 'network:router_interface'}
    assert neutron.make('port', 409, network_id=net['id'], **told)['type'] == 'DeviceIDNotOwnedByTenant'
    port = neutron.make('port', network_id=net['id'])['id']
    assert neutron.change('port', port, status=409, **told)['type'] == 'DeviceIDNotOwnedByTenant'
    neutron.change('port', port, device_owner='network:router_interface')
    assert neutron.change('port', port, status=409, device_id=far['router'])['type'] == 'DeviceIDNotOwnedByTenant'
    neutron.change('port', port, device_owner='', device_id=far['router'])
    assert (
        neutron.change('port', port, status=409, device_owner='network:router_interface')['type']
        == 'DeviceIDNotOwnedByTenant'
    )
    own = neutron.make('router')['id']
    neutron.change('port', port, device_id=own, device_owner='network:router_interface')


def test_a_foreign_device_changes_nothing_for_its_owners_router(neutron):
    own, far = neutron.network('10.0.0.0/24'), neutron.network('10.0.0.0/24', asker=STRANGER)
    router = neutron.make('router')['id']
    operators = neutron.make('port', asker=ADMIN, network_id=far['id'], project_id=STRANGER.project_id,
                             device_id=router, device_owner='network:router_interface')  # fmt: skip
    path = f'/routers/{router}'
    assert neutron('PUT', f'{path}/add_router_interface', {'subnet_id': own['subnets'][0]}).status == 200
    assert neutron('PUT', f'{path}/remove_router_interface', {'subnet_id': own['subnets'][0]}).status == 200
    assert neutron('DELETE', path).status == 204
    assert neutron('DELETE', f'/ports/{operators["id"]}', asker=STRANGER).status == 204


def test_a_shared_subnet_gets_its_router_from_its_owner_alone(neutron):
    net = neutron.network('10.0.0.0/24', asker=STRANGER)
    neutron.change('network', net['id'], ADMIN, shared=True)
    path = f'/routers/{neutron.make("router")["id"]}/add_router_interface'
    assert neutron.refused('PUT', path, {'subnet_id': net['subnets'][0]}) == (400, 'BadRequest')
    port = neutron.make('port', network_id=net['id'])
    assert neutron('PUT', path, {'port_id': port['id']}).status == 200


def test_a_port_on_a_router_is_in_use(neutron):
    net = neutron.network('10.0.0.0/24')
    path = f'/routers/{neutron.make("router")["id"]}/add_router_interface'
    port = neutron('PUT', path, {'subnet_id': net['subnets'][0]}).json['port_id']
    assert neutron.refused('PUT', path, {'port_id': port}) == (409, 'PortInUse')
    other = neutron.make('port', network_id=net['id'], device_id='d')['id']
    assert neutron.refused('PUT', path, {'port_id': other}) == (409, 'PortInUse')


def test_sorting_tells_nothing_of_what_is_hidden(neutron):
    for key in ('binding:host_id', 'host', 'holder', 'profile', 'seq', ids.dashed()):
        assert neutron.refused('GET', f'/ports?sort_key={key}&sort_dir=asc')[0] == 400
    assert neutron.refused('GET', '/networks?sort_key=provider:network_type&sort_dir=asc')[0] == 400
