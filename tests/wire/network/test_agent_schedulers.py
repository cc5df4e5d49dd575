"""Routers and DHCP servers that operators put on agents by hand."""

import pytest

from nimbus.common import ids
from nimbus.common.agents import services
from nimbus.network import rescheduling
from tests.conftest import ADMIN, MEMBER, SERVICE
from tests.domain.network import cloud


@pytest.fixture
def agents(neutron, database):
    """The L3 agents' ids by host."""
    with database.write() as tx:
        for host in ('h1', 'h2'):
            cloud.agent(tx, host)
    rows = neutron('GET', '/agents?binary=neutron-l3-agent', asker=ADMIN).json['agents']
    return {row['host']: row['id'] for row in rows}


def hosting(neutron, router):
    """The hosts where the router stands."""
    return [row['host'] for row in neutron('GET', f'/routers/{router}/l3-agents', asker=ADMIN).json['agents']]


def test_a_router_is_moved_by_hand_with_its_ports(neutron, database, agents):
    net = neutron.network('10.0.0.0/24')
    router = neutron.make('router')['id']
    neutron('PUT', f'/routers/{router}/add_router_interface', {'subnet_id': net['subnets'][0]})
    (old,) = hosting(neutron, router)
    new = {'h1': 'h2', 'h2': 'h1'}[old]
    put = {'router_id': router}
    path = '/agents/{}/l3-routers'
    refused = neutron.refused('POST', path.format(agents[new]), put, ADMIN)
    assert refused == (409, 'RouterHostedByL3Agent')
    answer = neutron('POST', path.format(agents[old]), put, ADMIN)
    assert (answer.status, answer.json) == (201, None), 'it is there'
    assert neutron('DELETE', f'{path.format(agents[old])}/{router}', asker=ADMIN).status == 204
    assert hosting(neutron, router) == []
    with database.write() as tx:
        assert ('router', router) not in rescheduling.waiting(tx, old), 'it stays away'
        assert cloud.told(tx, old).routers == ()
    assert neutron('POST', path.format(agents[new]), put, ADMIN).status == 201
    assert hosting(neutron, router) == [new]
    (port,) = neutron('GET', f'/ports?device_id={router}', asker=ADMIN).json['ports']
    assert port['binding:host_id'] == new
    with database.read() as tx:
        assert [one.id for one in cloud.told(tx, new).routers] == [router]
    listed = neutron('GET', path.format(agents[new]), asker=ADMIN).json['routers']
    assert [row['id'] for row in listed] == [router]


def test_a_router_that_was_taken_away_comes_back_with_its_next_change(neutron, agents):
    net = neutron.network('10.0.0.0/24', '10.1.0.0/24')
    router = neutron.make('router')['id']
    neutron('PUT', f'/routers/{router}/add_router_interface', {'subnet_id': net['subnets'][0]})
    (old,) = hosting(neutron, router)
    neutron('DELETE', f'/agents/{agents[old]}/l3-routers/{router}', asker=ADMIN)
    neutron('PUT', f'/routers/{router}/add_router_interface', {'subnet_id': net['subnets'][1]})
    (host,) = hosting(neutron, router)
    ports = neutron('GET', f'/ports?device_id={router}', asker=ADMIN).json['ports']
    assert {port['binding:host_id'] for port in ports} == {host}


def test_what_cannot_be_put_on_an_agent(neutron, agents):
    router = neutron.make('router')['id']
    path = f'/agents/{agents["h1"]}/l3-routers'
    (dhcp, *_) = neutron('GET', '/agents?binary=neutron-dhcp-agent', asker=ADMIN).json['agents']
    put = {'router_id': router}
    assert neutron.refused('POST', path, put, MEMBER) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('DELETE', f'{path}/{router}', asker=MEMBER) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('DELETE', f'{path}/{router}', asker=ADMIN) == (409, 'RouterNotHostedByL3Agent')
    assert neutron.refused('POST', f'/agents/{dhcp["id"]}/l3-routers', put, ADMIN) == (409, 'InvalidL3Agent')
    assert neutron.refused('POST', f'/agents/{ids.dashed()}/l3-routers', put, ADMIN) == (404, 'AgentNotFound')
    assert neutron.refused('POST', path, {'router_id': ids.dashed()}, ADMIN) == (404, 'RouterNotFound')
    for body in ({}, {'router_id': 7}, []):
        assert neutron.refused('POST', path, body, ADMIN)[0] == 400
    neutron('PUT', f'/agents/{agents["h1"]}', {'agent': {'admin_state_up': False}}, ADMIN)
    assert neutron.refused('POST', path, put, ADMIN) == (409, 'InvalidL3Agent')


def test_networks_and_routers_are_in_the_zones_asked_for(neutron, database, agents):
    with database.write() as tx:
        for row in services.find(tx, 'network'):
            if row.host == 'h2':
                tx.update(services.Service, services.Service.id == row.id, zone='far')
    for zone, host in (('far', 'h2'), ('nova', 'h1')):
        net = neutron.network('10.0.0.0/24', dhcp=True, availability_zone_hints=[zone])
        assert (net['availability_zone_hints'], net['availability_zones']) == ([zone], [zone])
        router = neutron.make('router', availability_zone_hints=[zone])
        assert (router['availability_zone_hints'], router['availability_zones']) == ([zone], [])
        neutron('PUT', f'/routers/{router["id"]}/add_router_interface', {'subnet_id': net['subnets'][0]})
        assert neutron('GET', f'/routers/{router["id"]}').json['router']['availability_zones'] == [zone]
        assert hosting(neutron, router['id']) == [host]
    for kind in ('network', 'router'):
        assert neutron.make(kind, 404, availability_zone_hints=['moon'])['type'] == 'AvailabilityZoneNotFound'
        assert neutron.make(kind, 400, availability_zone_hints='far')['type'] == 'HTTPBadRequest'
        assert neutron.make(kind, 400, availability_zone_hints=[7])['type'] == 'HTTPBadRequest'


@pytest.fixture
def servers(neutron, agents):
    """The DHCP agents' ids by host."""
    rows = neutron('GET', '/agents?binary=neutron-dhcp-agent', asker=ADMIN).json['agents']
    return {row['host']: row['id'] for row in rows}


def serving(neutron, network):
    """The hosts where the network's DHCP stands."""
    rows = neutron('GET', f'/networks/{network}/dhcp-agents', asker=ADMIN).json['agents']
    return [row['host'] for row in rows]


def test_dhcp_is_put_on_agents_and_taken_away_by_hand(neutron, database, servers):
    net = neutron.network('10.0.0.0/24', dhcp=True)
    put, path = {'network_id': net['id']}, '/agents/{}/dhcp-networks'
    (old,) = serving(neutron, net['id'])
    new = {'h1': 'h2', 'h2': 'h1'}[old]
    assert neutron.refused('POST', path.format(servers[old]), put, ADMIN) == (409, 'NetworkHostedByDHCPAgent')
    answer = neutron('POST', path.format(servers[new]), put, ADMIN)
    assert (answer.status, answer.json) == (201, None)
    assert serving(neutron, net['id']) == [new], 'nobody said that it should stay where it had been put by itself'
    answer = neutron('POST', path.format(servers[old]), put, ADMIN)
    assert serving(neutron, net['id']) == ['h1', 'h2']
    assert neutron('DELETE', f'{path.format(servers[old])}/{net["id"]}', asker=ADMIN).status == 204
    assert serving(neutron, net['id']) == [new]
    assert neutron('DELETE', f'{path.format(servers[new])}/{net["id"]}', asker=ADMIN).status == 204
    assert serving(neutron, net['id']) == []
    with database.write() as tx:
        assert ('dhcp', net['id']) not in rescheduling.waiting(tx, old), 'it stays away'
        assert not any(one.dhcp_port_id for host in servers for one in cloud.told(tx, host).networks)
    neutron.make('subnet', network_id=net['id'], cidr='10.1.0.0/24', ip_version=4)
    assert serving(neutron, net['id']) == []
    neutron('POST', path.format(servers[old]), put, ADMIN)
    assert serving(neutron, net['id']) == [old]
    listed = neutron('GET', path.format(servers[old]), asker=ADMIN).json['networks']
    assert [row['id'] for row in listed] == [net['id']]


def test_dhcp_does_not_follow_a_guest_to_where_it_was_taken_away(neutron, database, servers):
    net = neutron.network('10.0.0.0/24', dhcp=True)
    (old,) = serving(neutron, net['id'])
    neutron('DELETE', f'/agents/{servers[old]}/dhcp-networks/{net["id"]}', asker=ADMIN)
    (new,) = serving(neutron, net['id'])
    assert new != old, 'it went to the other host'
    neutron.make('port', asker=SERVICE, network_id=net['id'], **{'binding:host_id': old})
    assert serving(neutron, net['id']) == [new]
    with database.write() as tx:
        assert ('dhcp', net['id']) not in rescheduling.waiting(tx, old)


def test_what_cannot_be_put_on_a_dhcp_agent(neutron, servers, agents):
    net = neutron.network()
    path, put = f'/agents/{servers["h1"]}/dhcp-networks', {'network_id': net['id']}
    assert neutron.refused('POST', path, put, MEMBER) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('DELETE', f'{path}/{net["id"]}', asker=MEMBER) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('DELETE', f'{path}/{net["id"]}', asker=ADMIN) == (409, 'NetworkNotHostedByDhcpAgent')
    assert neutron.refused('POST', f'/agents/{agents["h1"]}/dhcp-networks', put, ADMIN) == (404, 'InvalidDHCPAgent')
    assert neutron.refused('POST', f'/agents/{ids.dashed()}/dhcp-networks', put, ADMIN) == (404, 'AgentNotFound')
    assert neutron.refused('POST', path, {'network_id': ids.dashed()}, ADMIN) == (404, 'NetworkNotFound')
    for body in ({}, {'network_id': 7}, []):
        assert neutron.refused('POST', path, body, ADMIN)[0] == 400
    neutron('PUT', f'/agents/{servers["h1"]}', {'agent': {'admin_state_up': False}}, ADMIN)
    assert neutron.refused('POST', path, put, ADMIN) == (404, 'InvalidDHCPAgent')
