"""Routers, agents, quotas and what the API tells of itself, over HTTP."""

import pytest

from nimbus.api.kit import wsgi
from nimbus.common import config
from tests.conftest import ADMIN, MANAGER, MEMBER, STRANGER
from tests.domain.network import cloud
from tests.wire.client import Client


def test_a_router_joins_and_leaves_a_subnet(neutron):
    net = neutron.network('10.0.0.0/24')
    router = neutron.make('router', name='r')
    assert (router['status'], router['external_gateway_info'], router['routes']) == ('ACTIVE', None, [])
    assert not {'ha', 'distributed'} & set(router)
    path, body = f'/routers/{router["id"]}/', {'subnet_id': net['subnets'][0]}
    added = neutron('PUT', path + 'add_router_interface', body).json
    assert (added['id'], added['subnet_id'], added['network_id']) == (router['id'], net['subnets'][0], net['id'])
    port = neutron('GET', f'/ports/{added["port_id"]}').json['port']
    assert port['device_owner'] == 'network:router_interface' and port['device_id'] == router['id']
    assert port['fixed_ips'][0]['ip_address'] == '10.0.0.1' and port['security_groups'] == []
    assert neutron.refused('DELETE', f'/routers/{router["id"]}') == (409, 'RouterInUse')
    assert neutron.refused('DELETE', f'/ports/{port["id"]}') == (409, 'ServicePortInUse')
    assert neutron.refused('DELETE', f'/subnets/{net["subnets"][0]}') == (409, 'SubnetInUse')
    assert neutron.refused('PUT', path + 'add_router_interface', body) == (400, 'BadRequest')
    gone = neutron('PUT', path + 'remove_router_interface', body)
    assert gone.json['port_id'] == port['id']
    assert neutron.refused('PUT', path + 'remove_router_interface', body) == (404, 'RouterInterfaceNotFoundForSubnet')
    assert neutron('DELETE', f'/routers/{router["id"]}').status == 204
    assert neutron.refused('GET', f'/routers/{router["id"]}') == (404, 'RouterNotFound')


def test_a_given_port_becomes_the_routers(neutron):
    net = neutron.network('10.0.0.0/24')
    port = neutron.make('port', network_id=net['id'])
    path = f'/routers/{neutron.make("router")["id"]}/'
    assert neutron('PUT', path + 'add_router_interface', {'port_id': port['id']}).json['port_id'] == port['id']
    other = f'/routers/{neutron.make("router")["id"]}/'
    assert neutron.refused('PUT', other + 'add_router_interface', {'port_id': port['id']}) == (409, 'PortInUse')
    assert neutron.refused('PUT', other + 'remove_router_interface', {'port_id': port['id']})[0] == 404
    assert neutron('PUT', path + 'remove_router_interface', {'port_id': port['id']}).status == 200


def test_an_interface_whose_addresses_were_taken_is_removed_by_its_port(neutron):
    net = neutron.network('10.0.0.0/24')
    router = neutron.make('router')['id']
    added = neutron('PUT', f'/routers/{router}/add_router_interface', {'subnet_id': net['subnets'][0]}).json
    neutron.change('port', added['port_id'], fixed_ips=[])
    path = f'/routers/{router}/remove_router_interface'
    assert neutron.refused('PUT', path, {'subnet_id': net['subnets'][0]})[0] == 404
    told = {'port_id': added['port_id'], 'subnet_id': net['subnets'][0]}
    assert neutron.refused('PUT', path, told) == (409, 'SubnetMismatchForPort')
    assert neutron('PUT', path, {'port_id': added['port_id']}).status == 200
    assert neutron('DELETE', f'/routers/{router}').status == 204
    assert neutron('DELETE', f'/networks/{net["id"]}').status == 204


def test_an_interface_is_not_moved_onto_what_another_one_has(neutron):
    near, far = neutron.network('10.0.0.0/24', '10.5.0.0/24'), neutron.network('10.5.0.0/16')
    first, second = (neutron('GET', f'/subnets/{one}').json['subnet'] for one in near['subnets'])
    if first['cidr'] != '10.0.0.0/24':
        first, second = second, first
    path = f'/routers/{neutron.make("router")["id"]}/add_router_interface'
    port = neutron('PUT', path, {'subnet_id': first['id']}).json['port_id']
    assert neutron('PUT', path, {'subnet_id': far['subnets'][0]}).status == 200
    before = neutron('GET', f'/ports/{port}').json
    wanted = [{'subnet_id': second['id']}]
    refused = neutron('PUT', f'/ports/{port}', {'port': {'fixed_ips': wanted}})
    assert refused.status == 400 and 'overlaps' in refused.json['NeutronError']['message']
    assert neutron('GET', f'/ports/{port}').json == before
    there = [{'subnet_id': first['id'], 'ip_address': '10.0.0.9'}]
    assert neutron.change('port', port, fixed_ips=there)['fixed_ips'] == there


@pytest.mark.parametrize(
    'body', [None, {}, {'subnet_id': 'x'}, {'subnet_id': None}, {'port_id': 7}, [], {'network_id': 'x'}]
)
def test_an_interface_needs_a_subnet_or_a_port(neutron, body):
    router = neutron.make('router')['id']
    for verb in ('add', 'remove'):
        assert neutron('PUT', f'/routers/{router}/{verb}_router_interface', body).status == 400


def test_overlapping_subnets_do_not_meet_on_one_router(neutron):
    one, two = neutron.network('10.0.0.0/24'), neutron.network('10.0.0.0/16')
    path = f'/routers/{neutron.make("router")["id"]}/add_router_interface'
    assert neutron('PUT', path, {'subnet_id': one['subnets'][0]}).status == 200
    answer = neutron('PUT', path, {'subnet_id': two['subnets'][0]})
    assert answer.status == 400 and 'overlaps' in answer.json['NeutronError']['message']


def test_routes_must_lead_somewhere(neutron):
    net = neutron.network('10.0.0.0/24')
    router = neutron.make('router')['id']
    routes = [{'destination': '10.9.0.0/24', 'nexthop': '10.0.0.9'}]
    assert neutron.change('router', router, status=400, routes=routes)['type'] == 'InvalidRoutes'
    body = {'subnet_id': net['subnets'][0]}
    neutron('PUT', f'/routers/{router}/add_router_interface', body)
    assert neutron.change('router', router, routes=routes)['routes'] == routes
    assert neutron.refused('PUT', f'/routers/{router}/remove_router_interface', body) == (
        409,
        'RouterInterfaceInUseByRoute',
    )
    assert neutron.change('router', router, routes=[])['routes'] == []


def test_what_routers_cannot_be_yet_is_said(neutron):
    neutron.make('router', external_gateway_info=None)
    router = neutron.make('router', asker=ADMIN, ha=False, distributed=False)
    assert (router['ha'], router['distributed']) == (False, False)

    assert neutron.make('router', 501, ADMIN, ha=True)['type'] == 'NotImplemented'
    assert neutron.make('router', 403, ha=False)['type'] == 'PolicyNotAuthorized'
    assert neutron.refused('GET', f'/routers/{router["id"]}', asker=STRANGER) == (404, 'RouterNotFound')


def test_agents_are_for_operators(neutron, database):
    with database.write() as tx:
        cloud.agent(tx)
    found = neutron('GET', '/agents', asker=ADMIN).json['agents']
    assert [(a['agent_type'], a['binary'], a['alive']) for a in found] == [
        ('Open vSwitch agent', 'neutron-openvswitch-agent', True),
        ('DHCP agent', 'neutron-dhcp-agent', True),
        ('L3 agent', 'neutron-l3-agent', True),
        ('Metadata agent', 'neutron-metadata-agent', True),
    ]
    path = f'/agents/{found[1]["id"]}'
    assert neutron('GET', path, asker=ADMIN).json['agent']['host'] == 'h1'
    assert len(neutron('GET', '/agents?binary=neutron-l3-agent&alive=True', asker=ADMIN).json['agents']) == 1
    assert neutron('GET', '/agents?alive=False', asker=ADMIN).json == {'agents': []}
    assert neutron('GET', '/agents').json == {'agents': []}
    assert neutron.refused('GET', path)[0] == 403
    changed = neutron('PUT', path, {'agent': {'admin_state_up': False, 'description': 'd'}}, ADMIN).json['agent']
    assert (changed['admin_state_up'], changed['description']) == (False, 'd')
    assert neutron.refused('PUT', path, {'agent': {'host': 'x'}}, ADMIN)[0] == 400
    assert neutron('DELETE', path, asker=ADMIN).status == 204
    assert neutron.refused('GET', path, asker=ADMIN) == (404, 'AgentNotFound')


def test_dhcp_is_placed_and_shown_with_its_agent(neutron, database):
    with database.write() as tx:
        cloud.agent(tx)
    net = neutron.network('10.0.0.0/24', dhcp=True)
    assert net['availability_zones'] == ['nova']
    (agent,) = neutron('GET', f'/networks/{net["id"]}/dhcp-agents', asker=ADMIN).json['agents']
    listed = neutron('GET', f'/agents/{agent["id"]}/dhcp-networks', asker=ADMIN).json['networks']
    assert [n['id'] for n in listed] == [net['id']]
    (port,) = neutron('GET', '/ports?device_owner=network:dhcp').json['ports']
    assert port['device_id'].endswith(net['id']) and port['fixed_ips']
    neutron.change('subnet', net['subnets'][0], enable_dhcp=False)
    assert neutron('GET', '/ports').json == {'ports': []}
    assert neutron('GET', '/availability_zones').json['availability_zones'][0] == {
        'name': 'nova',
        'resource': 'network',
        'state': 'available',
    }


def test_a_network_with_only_its_dhcp_port_can_be_deleted(neutron, database):
    with database.write() as tx:
        cloud.agent(tx)
    net = neutron.network('10.0.0.0/24', '10.1.0.0/24', dhcp=True)
    assert neutron('DELETE', f'/subnets/{net["subnets"][0]}').status == 204
    assert neutron('DELETE', f'/networks/{net["id"]}').status == 204
    assert neutron('GET', '/ports', asker=ADMIN).json == {'ports': []}


def test_quotas_are_shown_and_set(neutron):
    path = f'/quotas/{MEMBER.project_id}'
    assert neutron('GET', path, asker=MANAGER).json['quota']['port'] == 500
    assert neutron('GET', path).json == neutron('GET', path, asker=MANAGER).json
    assert neutron.refused('GET', path, asker=STRANGER) == (403, 'PolicyNotAuthorized')
    assert neutron('PUT', path, {'quota': {'port': -1, 'subnet': '7'}}, ADMIN).json['quota']['subnet'] == 7
    assert neutron('GET', path + '/default', asker=ADMIN).json['quota']['subnet'] == 100
    assert neutron('GET', '/quotas', asker=ADMIN).json['quotas'][0]['port'] == -1
    assert neutron('GET', '/quotas/tenant').json['tenant']['tenant_id'] == MEMBER.project_id
    assert neutron.refused('PUT', path, {'quota': {'port': 'x'}}, ADMIN)[0] == 400
    assert neutron.refused('PUT', path, {'quota': {'firewall': 1}}, ADMIN)[0] == 400
    assert neutron.refused('PUT', path, {'quota': {'port': 1}})[0] == 403
    assert neutron('DELETE', path, asker=ADMIN).status == 204
    assert neutron.refused('DELETE', path, asker=ADMIN) == (404, 'TenantQuotaNotFound')


def test_a_limit_below_what_is_used_is_set_by_force_only(neutron):
    path = f'/quotas/{MEMBER.project_id}'
    for name in ('one', 'two'):
        neutron('POST', '/networks', {'network': {'name': name}})
    asked = {'network': 1, 'check_limit': True}
    answer = neutron('PUT', path, {'quota': asked}, ADMIN)
    assert answer.status == 400 and 'already used 2' in answer.json['NeutronError']['message']
    assert neutron('GET', path, asker=ADMIN).json['quota']['network'] == 100
    assert neutron('PUT', path, {'quota': {'network': 2, 'check_limit': True}}, ADMIN).status == 200
    assert neutron('PUT', path, {'quota': {'network': -1}}, ADMIN).status == 200
    assert neutron('PUT', path, {'quota': {'network': 1, 'force': True}}, ADMIN).json['quota']['network'] == 1


def test_only_real_extensions_are_told(neutron):
    found = {e['alias'] for e in neutron('GET', '/extensions').json['extensions']}
    assert {'router', 'security-group', 'quotas', 'agent'} <= found and 'vpnaas' not in found
    assert neutron('GET', '/extensions/router').json['extension']['alias'] == 'router'
    assert neutron.refused('GET', '/extensions/vpnaas') == (404, 'ExtensionNotFound')
    (provider,) = neutron('GET', '/service-providers').json['service_providers']
    assert (provider['service_type'], provider['name']) == ('L3_ROUTER_NAT', 'single_node')
    assert neutron('GET', '/address-pools').status == 404


def test_the_pipeline_tells_its_version_without_a_token(parts):
    app = wsgi.load('network', parts, str(config.shipped('api-paste.ini')))
    client = Client(app)
    assert client('GET', '/', asker=None).json['versions'][0]['id'] == 'v2.0'
    assert 'networks' in [r['collection'] for r in client('GET', '/v2.0/', asker=None).json['resources']]
    assert client('GET', '/v2.0/networks', asker=None).status == 401
