"""Floating IPs over HTTP: held, led to ports, moved and given back, and what is refused."""

import dataclasses

import pytest

from tests.conftest import ADMIN as OWN_ADMIN
from tests.conftest import MANAGER, MEMBER, READER, STRANGER

ADMIN = dataclasses.replace(OWN_ADMIN, project_id='f' * 32)  # of a project that has no member here
NOWHERE = '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'


class World:
    """An external network, and a network of the member's behind a router to it."""

    def __init__(self, neutron):
        self.neutron = neutron
        self.outside = neutron.network('172.24.4.0/24', asker=ADMIN, **{'router:external': True})
        self.inside = neutron.network('10.0.0.0/24')
        self.router = neutron.make('router', external_gateway_info={'network_id': self.outside['id']})
        self.path = f'/routers/{self.router["id"]}'
        self.plug = {'subnet_id': self.inside['subnets'][0]}
        neutron('PUT', f'{self.path}/add_router_interface', self.plug)

    def port(self, **told):
        return self.neutron.make('port', network_id=self.inside['id'], **told)

    def float(self, status=201, asker=MEMBER, **told):
        told = {'floating_network_id': self.outside['id'], **told}
        return self.neutron.make('floatingip', status, asker, **told)

    def change(self, floating, status=200, asker=MEMBER, **told):
        return self.neutron.change('floatingip', floating['id'], asker, status, **told)


@pytest.fixture
def world(neutron):
    return World(neutron)


def test_a_floating_ip_is_held_led_moved_taken_and_given_back(neutron, world):
    held = world.float(description='mine')
    assert held['floating_ip_address'].startswith('172.24.4.') and held['description'] == 'mine'
    assert (held['status'], held['port_id'], held['fixed_ip_address'], held['router_id']) == ('DOWN', None, None, None)
    assert held['port_details'] is None and held['tags'] == [] and 'subnet_id' not in held
    first, second = world.port(name='first', device_id='x'), world.port()
    led = world.change(held, port_id=first['id'])
    assert (led['port_id'], led['router_id']) == (first['id'], world.router['id'])
    assert led['fixed_ip_address'] == first['fixed_ips'][0]['ip_address']
    details = {
        name: first[name]
        for name in ('name', 'network_id', 'mac_address', 'admin_state_up', 'status', 'device_id', 'device_owner')
    }
    assert led['port_details'] == details
    assert led['revision_number'] > held['revision_number']
    kept = world.change(held, description='yours')
    assert (kept['port_id'], kept['description']) == (first['id'], 'yours')
    assert world.change(held, port_id=second['id'])['fixed_ip_address'] == second['fixed_ips'][0]['ip_address']
    assert world.change(held, port_id=None)['router_id'] is None
    world.change(held, port_id=second['id'])
    assert neutron('PUT', f'/floatingips/{held["id"]}', {'floatingip': {}}).json['floatingip']['port_id'] is None
    assert neutron('DELETE', f'/floatingips/{held["id"]}').status == 204
    assert neutron.refused('GET', f'/floatingips/{held["id"]}') == (404, 'FloatingIPNotFound')
    assert neutron('GET', '/ports?device_owner=network:floatingip', asker=ADMIN).json == {'ports': []}


def test_one_is_made_for_a_port_at_once(neutron, world):
    port = world.port()
    ip = port['fixed_ips'][0]['ip_address']
    made = world.float(port_id=port['id'], fixed_ip_address=ip)
    assert (made['port_id'], made['fixed_ip_address'], made['router_id']) == (port['id'], ip, world.router['id'])
    (own,) = neutron('GET', '/ports?device_owner=network:floatingip', asker=ADMIN).json['ports']
    assert (own['device_id'], own['project_id']) == (made['id'], '')
    assert own['fixed_ips'][0]['ip_address'] == made['floating_ip_address']
    assert neutron.refused('DELETE', f'/ports/{own["id"]}', asker=ADMIN) == (409, 'ServicePortInUse')
    moved = {'port': {'fixed_ips': [{'ip_address': '172.24.4.99'}]}}
    assert neutron.refused('PUT', f'/ports/{own["id"]}', moved, ADMIN) == (409, 'ServicePortInUse')


def test_a_manager_chooses_the_address_and_anybody_the_subnet(neutron, world):
    there = {'floating_ip_address': '172.24.4.50'}
    assert world.float(403, **there)['type'] == 'PolicyNotAuthorized'
    assert world.float(asker=MANAGER, **there)['floating_ip_address'] == '172.24.4.50'
    assert world.float(409, ADMIN, **there)['type'] == 'IpAddressAlreadyAllocated'
    assert world.float(400, ADMIN, floating_ip_address='10.3.3.3')['type'] == 'InvalidIpForNetwork'
    subnet = world.outside['subnets'][0]
    assert world.float(subnet_id=subnet)['floating_ip_address'].startswith('172.24.4.')
    assert world.float(400, subnet_id=world.plug['subnet_id'])['type'] == 'InvalidInput'


def test_a_fixed_address_has_one_of_an_external_network(world):
    port = world.port()
    world.float(port_id=port['id'])
    why = world.float(409, port_id=port['id'])
    assert why['type'] == 'FloatingIPPortAlreadyAssociated' and port['id'] in why['message']
    other = world.float()
    assert world.change(other, 409, port_id=port['id'])['type'] == 'FloatingIPPortAlreadyAssociated'
    two = world.port(fixed_ips=[{'ip_address': '10.0.0.51'}, {'ip_address': '10.0.0.52'}])
    why = world.change(other, 400, port_id=two['id'])
    assert why['type'] == 'BadRequest' and 'multiple fixed IPv4 addresses' in why['message']
    assert world.change(other, port_id=two['id'], fixed_ip_address='10.0.0.52')['fixed_ip_address'] == '10.0.0.52'
    assert world.float(port_id=two['id'], fixed_ip_address='10.0.0.51')['fixed_ip_address'] == '10.0.0.51'


def refusals(neutron, world):
    """What a member is refused: a request, its status, its type, and a part of its sentence."""
    port = world.port()['id']
    bare = neutron.make('port', network_id=world.inside['id'], fixed_ips=[])['id']
    apart = neutron.make('port', network_id=neutron.network('10.5.0.0/24')['id'])['id']
    foreign = neutron.make('port', asker=STRANGER, network_id=neutron.network('10.6.0.0/24', asker=STRANGER)['id'])
    return [
        ({}, 400, 'HTTPBadRequest', "Required attribute 'floating_network_id' not specified"),
        ({'floating_network_id': 'x'}, 400, 'HTTPBadRequest', "'x' is not a valid UUID"),
        ({'floating_network_id': NOWHERE}, 404, 'NetworkNotFound', NOWHERE),
        ({'floating_network_id': world.inside['id']}, 400, 'BadRequest', 'is not a valid external network'),
        ({'port_id': NOWHERE}, 404, 'PortNotFound', NOWHERE),
        ({'port_id': foreign['id']}, 404, 'PortNotFound', foreign['id']),
        ({'port_id': bare}, 400, 'BadRequest', 'no fixed IPv4 addresses'),
        ({'port_id': apart}, 404, 'ExternalGatewayForFloatingIPNotFound', 'is not reachable from subnet'),
        ({'port_id': port, 'fixed_ip_address': '10.0.0.250'}, 400, 'BadRequest', 'does not have fixed ip 10.0.0.250'),
        ({'port_id': port, 'fixed_ip_address': 'fd00::1'}, 400, 'BadRequest', 'not an IPv4 address'),
        ({'port_id': port, 'fixed_ip_address': 'x'}, 400, 'HTTPBadRequest', "'x' is not a valid IP address"),
        ({'fixed_ip_address': '10.0.0.9'}, 400, 'BadRequest', 'cannot be specified without a port_id'),
        ({'router_id': NOWHERE}, 400, 'HTTPBadRequest', "Attribute 'router_id' not allowed in POST"),
        ({'colour': 'x'}, 400, 'HTTPBadRequest', "Unrecognized attribute(s) 'colour'"),
    ]


def test_what_cannot_be_is_refused_and_leaves_nothing(neutron, world):
    held = world.float()
    for told, status, kind, words in refusals(neutron, world):
        body = {'floating_network_id': world.outside['id'], **told} if told else {}
        answers = [neutron('POST', '/floatingips', {'floatingip': body})]
        if told.keys() & {'port_id', 'fixed_ip_address'}:
            answers.append(neutron('PUT', f'/floatingips/{held["id"]}', {'floatingip': told}))
        for answer in answers:
            why = answer.json['NeutronError']
            assert (answer.status, why['type']) == (status, kind), (told, why)
            assert words in why['message']
    (left,) = neutron('GET', '/floatingips').json['floatingips']
    assert left == held
    assert len(neutron('GET', '/ports?device_owner=network:floatingip', asker=ADMIN).json['ports']) == 1


def test_an_exhausted_network_gives_no_more(neutron):
    tiny = neutron.network('172.24.9.0/30', asker=ADMIN, **{'router:external': True})
    neutron.make('floatingip', floating_network_id=tiny['id'])
    assert neutron.make('floatingip', 409, floating_network_id=tiny['id'])['type'] == 'IpAddressGenerationFailure'
    sixth = neutron.network('fd00:9::/64', asker=ADMIN, **{'router:external': True})
    why = neutron.make('floatingip', 400, floating_network_id=sixth['id'])
    assert 'does not contain any IPv4 subnet' in why['message']


def test_a_quota_holds_and_is_given_back(neutron, world):
    path = f'/quotas/{MEMBER.project_id}'
    neutron('PUT', path, {'quota': {'floatingip': 1}}, ADMIN)
    held = world.float()
    why = world.float(409)
    assert why['type'] == 'OverQuota' and 'floatingip' in why['message']
    assert neutron('GET', path + '/details').json['quota']['floatingip'] == {'limit': 1, 'used': 1, 'reserved': 0}
    neutron('DELETE', f'/floatingips/{held["id"]}')
    world.float()


def test_projects_do_not_see_each_others(neutron, world):
    held = world.float()
    path = f'/floatingips/{held["id"]}'
    assert neutron('GET', '/floatingips', asker=STRANGER).json == {'floatingips': []}
    for method, body in (('GET', None), ('PUT', {'floatingip': {'port_id': None}}), ('DELETE', None)):
        assert neutron.refused(method, path, body, STRANGER) == (404, 'FloatingIPNotFound')
    assert neutron('GET', path, asker=READER).json['floatingip']['id'] == held['id']
    assert neutron.refused('DELETE', path, asker=READER)[0] == 403
    owned = {'floating_network_id': world.outside['id'], 'project_id': STRANGER.project_id}
    assert neutron.refused('POST', '/floatingips', {'floatingip': owned})[0] == 400
    given = neutron.make('floatingip', asker=ADMIN, **owned)
    assert neutron('GET', f'/floatingips/{given["id"]}', asker=STRANGER).json['floatingip'] == given
    mine = world.port()
    assert neutron.change('floatingip', given['id'], STRANGER, 404, port_id=mine['id'])['type'] == 'PortNotFound'


def test_what_it_needs_stays_while_it_is_led(neutron, world):
    port = world.port()
    held = world.float(port_id=port['id'])
    why = neutron.change('router', world.router['id'], status=409, external_gateway_info=None)
    assert why['type'] == 'RouterExternalGatewayInUseByFloatingIp'
    assert neutron.refused('PUT', f'{world.path}/remove_router_interface', world.plug) == (
        409,
        'RouterInterfaceInUseByFloatingIP',
    )
    moved = {'port': {'fixed_ips': [{'ip_address': '10.0.0.77'}]}}
    assert neutron.refused('PUT', f'/ports/{port["id"]}', moved) == (400, 'BadRequest')
    assert neutron('PUT', f'/ports/{port["id"]}', {'port': {'name': 'x'}}).status == 200
    assert neutron.refused('DELETE', f'/networks/{world.outside["id"]}', asker=ADMIN) == (409, 'NetworkInUse')
    assert neutron('DELETE', f'/ports/{port["id"]}').status == 204
    left = neutron('GET', f'/floatingips/{held["id"]}').json['floatingip']
    assert (left['port_id'], left['fixed_ip_address'], left['router_id'], left['status']) == (None, None, None, 'DOWN')
    assert neutron('PUT', f'{world.path}/remove_router_interface', world.plug).status == 200


def test_lists_are_filtered_and_paged(neutron, world):
    port = world.port()
    first, second = world.float(port_id=port['id']), world.float()

    def ids(query):
        return [one['id'] for one in neutron('GET', f'/floatingips?{query}').json['floatingips']]

    assert ids(f'port_id={port["id"]}') == [first['id']]
    assert ids(f'router_id={world.router["id"]}') == [first['id']]
    assert ids(f'floating_ip_address={second["floating_ip_address"]}') == [second['id']]
    assert ids('status=DOWN') == [first['id'], second['id']] and ids('status=ACTIVE') == []
    assert ids(f'limit=1&marker={first["id"]}') == [second['id']]
    assert ids('sort_key=id&sort_dir=desc') == sorted([first['id'], second['id']], reverse=True)
    assert neutron('GET', '/floatingips?sort_key=status&sort_dir=asc').status == 400
    assert neutron('PUT', f'/floatingips/{first["id"]}/tags', {'tags': ['a']}).json == {'tags': ['a']}
    assert ids('tags=a') == [first['id']]


def test_an_external_network_goes_with_floating_ips_that_lead_nowhere(neutron):
    outside = neutron.network('172.24.4.0/24', asker=ADMIN, **{'router:external': True})
    neutron.make('floatingip', floating_network_id=outside['id'])
    assert neutron('DELETE', f'/networks/{outside["id"]}', asker=ADMIN).status == 204
    assert neutron('GET', '/floatingips').json == {'floatingips': []}
    assert neutron('GET', f'/quotas/{MEMBER.project_id}/details').json['quota']['floatingip']['used'] == 0


def test_pools_are_told_to_everybody(neutron, world):
    (pool,) = neutron('GET', '/floatingip_pools', asker=STRANGER).json['floatingip_pools']
    assert neutron('GET', '/floatingip-pools', asker=STRANGER).json['floatingip_pools'] == [pool]
    assert pool == {
        'subnet_id': world.outside['subnets'][0],
        'subnet_name': '',
        'network_id': world.outside['id'],
        'cidr': '172.24.4.0/24',
        'project_id': STRANGER.project_id,
        'tenant_id': STRANGER.project_id,
    }
