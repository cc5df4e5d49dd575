"""Auto-allocated topologies over HTTP: a network, subnets of the default pools, and a router that leads out."""

import pytest

from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.wire.network.test_rbac_policies import listed

MINE = f'/auto-allocated-topology/{STRANGER.project_id}'


@pytest.fixture
def ready(neutron):
    """The cloud has a default external network and default pools."""
    flags = {'router:external': True, 'is_default': True}
    net = neutron.network('172.24.0.0/24', asker=ADMIN, **flags)['id']
    for prefix, length in (('10.64.0.0/16', 24), ('fd00::/48', 64)):
        told = {'prefixes': [prefix], 'default_prefixlen': length, 'is_default': True, 'shared': True}
        neutron.make('subnetpool', asker=ADMIN, name='d', **told)
    return net


def test_a_project_gets_a_topology_once(neutron, ready):
    made = neutron('GET', MINE, asker=STRANGER).json['auto_allocated_topology']
    assert made['tenant_id'] == made['project_id'] == STRANGER.project_id
    assert neutron('GET', '/auto-allocated-topology/None', asker=STRANGER).json['auto_allocated_topology'] == made
    net = neutron('GET', f'/networks/{made["id"]}', asker=STRANGER).json['network']
    assert (net['name'], net['project_id'], len(net['subnets'])) == ('auto_allocated_network', STRANGER.project_id, 2)
    (router,) = neutron('GET', '/routers', asker=STRANGER).json['routers']
    assert (router['name'], router['external_gateway_info']['network_id']) == ('auto_allocated_router', ready)
    ports = neutron('GET', f'/ports?network_id={net["id"]}&device_id={router["id"]}', asker=STRANGER).json['ports']
    assert {ip['subnet_id'] for port in ports for ip in port['fixed_ips']} == set(net['subnets'])
    assert neutron('DELETE', MINE, asker=STRANGER).status == 204
    assert listed(neutron, '/routers') == [] and made['id'] not in listed(neutron, '/networks')
    assert neutron('DELETE', MINE, asker=STRANGER).status == 204, 'there is none any more'
    assert neutron('GET', MINE, asker=STRANGER).json['auto_allocated_topology']['id'] != made['id']


def test_a_topology_in_use_stays(neutron, ready):
    made = neutron('GET', MINE, asker=STRANGER).json['auto_allocated_topology']
    neutron.make('port', asker=STRANGER, network_id=made['id'])
    assert neutron.refused('DELETE', MINE, asker=STRANGER) == (409, 'NetworkInUse')
    assert len(listed(neutron, '/routers')) == 1, 'all of it'


def test_what_a_topology_needs_can_be_asked_for_beforehand(neutron):
    assert neutron.refused('GET', MINE, asker=STRANGER) == (409, 'AutoAllocationFailure')
    assert neutron.refused('GET', f'{MINE}?fields=dry-run', asker=STRANGER) == (409, 'AutoAllocationFailure')
    assert neutron.refused('GET', f'{MINE}?fields=id', asker=STRANGER) == (400, 'BadRequest')
    neutron.network('172.24.0.0/24', asker=ADMIN, **{'router:external': True, 'is_default': True})
    assert neutron.refused('GET', MINE, asker=STRANGER) == (409, 'AutoAllocationFailure')
    told = {'prefixes': ['10.64.0.0/16'], 'default_prefixlen': 24, 'is_default': True, 'shared': True}
    neutron.make('subnetpool', asker=ADMIN, name='d', **told)
    dry = neutron('GET', f'{MINE}?fields=dry-run', asker=STRANGER).json['auto_allocated_topology']
    assert dry['id'] == 'dry-run=pass' and listed(neutron, '/routers') == []


def test_a_topology_is_its_projects_and_the_operators(neutron, ready):
    assert neutron.refused('GET', MINE, asker=MEMBER) == (403, 'NotAuthorized')
    assert neutron.refused('DELETE', MINE, asker=MEMBER) == (403, 'NotAuthorized')
    made = neutron('GET', MINE, asker=ADMIN).json['auto_allocated_topology']
    assert (
        neutron('GET', f'/networks/{made["id"]}', asker=STRANGER).json['network']['project_id'] == STRANGER.project_id
    )
    assert neutron.refused('DELETE', f'/auto-allocated-topology/{READER.project_id}', asker=READER)[0] == 403
