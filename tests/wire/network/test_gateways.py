"""External networks, the gateways of routers on them, and routes added one at a time, over HTTP."""

import dataclasses

import pytest

from tests.conftest import ADMIN as OWN_ADMIN
from tests.conftest import MEMBER, READER, STRANGER
from tests.domain.network import cloud

ADMIN = dataclasses.replace(OWN_ADMIN, project_id='f' * 32)  # of a project that has no member here
NOWHERE = '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'


@pytest.fixture
def outside(neutron):
    """An external network of the operator's."""
    return neutron.network('172.24.4.0/24', asker=ADMIN, **{'router:external': True})


def through(network, **more):
    return {'external_gateway_info': {'network_id': network['id'], **more}}


def test_everybody_sees_an_external_network_and_nobody_plugs_into_it(neutron, outside):
    for asker in (MEMBER, STRANGER, READER):
        assert neutron('GET', f'/networks/{outside["id"]}', asker=asker).json['network']['router:external'] is True
        (found,) = neutron('GET', '/networks?router:external=True', asker=asker).json['networks']
        assert found['id'] == outside['id'] and 'provider:network_type' not in found
    assert neutron.refused('POST', '/ports', {'port': {'network_id': outside['id']}})[0] == 403
    subnet = {'network_id': outside['id'], 'cidr': '10.9.0.0/24', 'ip_version': 4}
    assert neutron.refused('POST', '/subnets', {'subnet': subnet})[0] == 403
    assert neutron.refused('POST', '/networks', {'network': {'router:external': True}})[0] == 403


def test_one_external_network_is_the_default(neutron, outside):
    neutron.change('network', outside['id'], asker=ADMIN, is_default=True)
    neutron.change('network', outside['id'], asker=ADMIN, is_default=True, name='still')
    second = {'router:external': True, 'is_default': True}
    assert neutron.make('network', 409, ADMIN, **second)['type'] == 'DefaultExternalNetworkExists'
    other = neutron.make('network', asker=ADMIN, **{'router:external': True})
    why = neutron.change('network', other['id'], asker=ADMIN, status=409, is_default=True)
    assert why['type'] == 'DefaultExternalNetworkExists' and outside['id'] in why['message']


def test_a_gateway_has_an_address_that_no_project_sees(neutron, outside):
    router = neutron.make('router', **through(outside))
    info = router['external_gateway_info']
    assert info['network_id'] == outside['id'] and info['enable_snat'] is True
    assert [ip['subnet_id'] for ip in info['external_fixed_ips']] == outside['subnets']
    assert neutron('GET', '/ports').json == {'ports': []}
    (port,) = neutron('GET', '/ports?device_owner=network:router_gateway', asker=ADMIN).json['ports']
    assert (port['device_id'], port['project_id'], port['security_groups']) == (router['id'], '', [])
    assert port['fixed_ips'] == info['external_fixed_ips']
    assert neutron.refused('DELETE', f'/ports/{port["id"]}', asker=ADMIN) == (409, 'ServicePortInUse')
    assert neutron.refused('DELETE', f'/networks/{outside["id"]}', asker=ADMIN) == (409, 'NetworkInUse')
    closed = {'network': {'router:external': False}}
    assert neutron.refused('PUT', f'/networks/{outside["id"]}', closed, ADMIN) == (409, 'ExternalNetworkInUse')
    used = neutron('GET', f'/quotas/{MEMBER.project_id}/details').json['quota']['port']['used']
    assert used == 0
    assert neutron.change('router', router['id'], external_gateway_info={})['external_gateway_info'] is None
    assert neutron('GET', '/ports', asker=ADMIN).json == {'ports': []}


def test_a_router_with_a_gateway_alone_is_deleted_with_it(neutron, outside):
    router = neutron.make('router', **through(outside))
    assert neutron('DELETE', f'/routers/{router["id"]}').status == 204
    assert neutron('GET', '/ports', asker=ADMIN).json == {'ports': []}
    assert neutron('DELETE', f'/networks/{outside["id"]}', asker=ADMIN).status == 204


def test_operators_choose_addresses_and_translation(neutron, outside):
    subnet = outside['subnets'][0]
    wanted = [{'subnet_id': subnet, 'ip_address': '172.24.4.77'}]
    for name, value in (('enable_snat', False), ('enable_snat', True), ('external_fixed_ips', wanted)):
        why = neutron.make('router', 403, **through(outside, **{name: value}))
        assert f'create_router:external_gateway_info:{name}' in why['message']
    router = neutron.make('router', asker=ADMIN, **through(outside, enable_snat=False, external_fixed_ips=wanted))
    info = router['external_gateway_info']
    assert (info['enable_snat'], info['external_fixed_ips']) == (False, wanted)
    moved = [{'subnet_id': subnet, 'ip_address': '172.24.4.78'}]
    changed = neutron.change('router', router['id'], asker=ADMIN, **through(outside, external_fixed_ips=moved))
    assert changed['external_gateway_info'] == {
        'network_id': outside['id'],
        'enable_snat': True,
        'external_fixed_ips': moved,
        'qos_policy_id': None,
    }
    kept = neutron.change('router', router['id'], asker=ADMIN, **through(outside))
    assert kept['external_gateway_info']['external_fixed_ips'] == moved
    taken = neutron.make('router', 409, ADMIN, **through(outside, external_fixed_ips=moved))
    assert taken['type'] == 'IpAddressAlreadyAllocated'


def refusals(outside, inside):
    """What is refused: external_gateway_info, status, type and a part of the sentence."""
    there = outside['id']
    return [
        ({'network_id': NOWHERE}, 404, 'NetworkNotFound', NOWHERE),
        ({'network_id': inside['id']}, 400, 'BadRequest', 'is not an external network'),
        ({'network_id': 'x'}, 400, 'HTTPBadRequest', "'x' is not a valid UUID"),
        ({'enable_snat': True}, 400, 'HTTPBadRequest', 'Expected keys'),
        ({'network_id': there, 'qos': 1}, 400, 'HTTPBadRequest', 'Expected keys'),
        ({'network_id': there, 'enable_snat': 'x'}, 400, 'HTTPBadRequest', 'cannot be converted to boolean'),
        ({'network_id': there, 'external_fixed_ips': [{}]}, 400, 'HTTPBadRequest', 'Invalid data format for fixed IP'),
        ({'network_id': there, 'external_fixed_ips': 'x'}, 400, 'HTTPBadRequest', 'Invalid data format for fixed IP'),
        (
            {'network_id': there, 'external_fixed_ips': [{'ip_address': '172.24.4.1'}]},
            400,
            'BadRequest',
            'External IP 172.24.4.1 is the same as the gateway IP',
        ),
        (
            {'network_id': there, 'external_fixed_ips': [{'ip_address': '10.1.1.1'}]},
            400,
            'InvalidIpForNetwork',
            '10.1.1.1',
        ),
        ([], 400, 'HTTPBadRequest', 'Invalid input for external_gateway_info'),
        (7, 400, 'HTTPBadRequest', 'Invalid input for external_gateway_info'),
    ]


def test_a_gateway_that_cannot_be_is_refused_and_leaves_nothing(neutron, outside):
    inside, router = neutron.network('10.0.0.0/24'), neutron.make('router')
    for info, status, kind, words in refusals(outside, inside):
        for path, method in (('/routers', 'POST'), (f'/routers/{router["id"]}', 'PUT')):
            answer = neutron(method, path, {'router': {'external_gateway_info': info}}, ADMIN)
            why = answer.json['NeutronError']
            assert (answer.status, why['type']) == (status, kind), (info, why)
            assert words in why['message']
    assert len(neutron('GET', '/routers', asker=ADMIN).json['routers']) == 1
    assert neutron('GET', '/ports', asker=ADMIN).json == {'ports': []}


def test_inside_and_outside_do_not_overlap(neutron, outside):
    inside = neutron.network('172.24.0.0/16')
    router = neutron.make('router')
    path, told = f'/routers/{router["id"]}/add_router_interface', {'subnet_id': inside['subnets'][0]}
    assert neutron('PUT', path, told).status == 200
    why = neutron.change('router', router['id'], status=400, **through(outside))
    assert why['type'] == 'BadRequest' and 'overlaps' in why['message']
    other = neutron.make('router', **through(outside))
    assert neutron.refused('PUT', f'/routers/{other["id"]}/add_router_interface', told) == (400, 'BadRequest')


def test_another_projects_router_is_not_found(neutron, outside):
    router = neutron.make('router', **through(outside))
    path = f'/routers/{router["id"]}'
    assert neutron.refused('PUT', path, {'router': {'external_gateway_info': None}}, STRANGER)[0] == 404
    assert neutron('GET', path).json['router']['external_gateway_info']


def test_a_route_may_lead_outside_and_keeps_the_gateway(neutron, outside):
    router = neutron.make('router', **through(outside))
    route = [{'destination': '10.99.0.0/16', 'nexthop': '172.24.4.1'}]
    assert neutron.change('router', router['id'], routes=route)['routes'] == route
    why = neutron.change('router', router['id'], status=400, external_gateway_info=None)
    assert why['type'] == 'InvalidRoutes' and 'not connected' in why['message']
    neutron.change('router', router['id'], routes=[])
    neutron.change('router', router['id'], external_gateway_info=None)


def test_routes_go_before_the_gateway_they_lead_through(neutron, outside):
    route = [{'destination': '10.8.0.0/24', 'nexthop': '172.24.4.1'}]
    router = neutron.make('router', **through(outside))
    neutron.change('router', router['id'], routes=route)
    gone = neutron.change('router', router['id'], external_gateway_info=None, routes=[])
    assert (gone['external_gateway_info'], gone['routes']) == (None, [])
    early = neutron.change('router', router['id'], status=400, routes=route, **through(outside))
    assert early['type'] == 'InvalidRoutes'
    kept = neutron('GET', f'/routers/{router["id"]}').json['router']
    assert (kept['external_gateway_info'], kept['routes']) == (None, [])
    neutron.change('router', router['id'], **through(outside))
    neutron.change('router', router['id'], routes=route)
    assert neutron('DELETE', f'/routers/{router["id"]}').status == 204
    assert neutron('GET', '/ports', asker=ADMIN).json == {'ports': []}


def test_routes_are_added_and_removed_one_at_a_time(neutron):
    net, router = neutron.network('10.0.0.0/24'), neutron.make('router')
    path = f'/routers/{router["id"]}/'
    assert neutron('PUT', path + 'add_router_interface', {'subnet_id': net['subnets'][0]}).status == 200
    first, second = ({'destination': f'10.{n}.0.0/16', 'nexthop': '10.0.0.9'} for n in (8, 9))

    def told(*routes):
        return {'router': {'routes': list(routes)}}

    assert neutron('PUT', path + 'add_extraroutes', told(first)).json['router']['routes'] == [first]
    assert neutron('PUT', path + 'add_extraroutes', told(first, second)).json['router']['routes'] == [first, second]
    assert neutron('PUT', path + 'remove_extraroutes', told(first)).json['router']['routes'] == [second]
    assert neutron('PUT', path + 'remove_extraroutes', told(first)).json['router']['routes'] == [second]
    astray = {'destination': '10.7.0.0/16', 'nexthop': '10.1.0.9'}
    assert neutron.refused('PUT', path + 'add_extraroutes', told(astray)) == (400, 'InvalidRoutes')
    for body in (None, {}, {'router': {}}, {'routes': []}, {'router': {'routes': 'x'}}, {'router': {'routes': [7]}}):
        assert neutron('PUT', path + 'add_extraroutes', body).status == 400
    assert neutron.refused('PUT', path + 'remove_extraroutes', told(second), STRANGER) == (404, 'RouterNotFound')
    assert neutron.refused('PUT', path + 'remove_extraroutes', told(second), READER)[0] == 403
    assert neutron('GET', path[:-1]).json['router']['routes'] == [second]


def test_a_router_stands_where_its_gateways_network_is(neutron, database):
    net = neutron.network(
        '172.24.4.0/24',
        asker=ADMIN,
        **{'router:external': True, 'provider:network_type': 'flat', 'provider:physical_network': 'public'},
    )
    with database.write() as tx:
        cloud.agent(tx, 'h1')
        cloud.agent(tx, 'h2', bridges={'public': 'br-ex'})
    inside, router = neutron.network('10.0.0.0/24'), neutron.make('router')
    path = f'/routers/{router["id"]}'
    neutron('PUT', path + '/add_router_interface', {'subnet_id': inside['subnets'][0]})

    def hosts():
        return {a['host'] for a in neutron('GET', path + '/l3-agents', asker=ADMIN).json['agents']}

    assert hosts() == {'h1'}
    neutron.change('router', router['id'], **through(net))
    assert hosts() == {'h2'}
    ports = neutron('GET', f'/ports?device_id={router["id"]}', asker=ADMIN).json['ports']
    assert [port['binding:host_id'] for port in ports] == ['h2', 'h2']
