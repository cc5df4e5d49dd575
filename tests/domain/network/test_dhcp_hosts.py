"""DHCP stands on every host that has guests of a network, as each host is a segment of its own."""

import logging

import pytest

from nimbus.common.agents import services
from nimbus.network import quotas, rescheduling
from nimbus.network.hosts import local_networks, scheduling
from nimbus.network.models import Port, Service
from nimbus.network.networks import subnets
from nimbus.network.ports import port_changes, ports, server_ports
from tests.conftest import ADMIN, MEMBER
from tests.domain.network import cloud

GUESTS = {'port_id': 'a' * 32, 'server_id': 'b' * 32, 'zone': 'nova', 'hostname': 'vm'}


@pytest.fixture
def world(database):
    """A transaction in a cloud of three hosts, and a network that DHCP serves."""
    with database.write() as tx:
        for host in ('h1', 'h2', 'h3'):
            cloud.agent(tx, host)
        yield tx, cloud.network(tx, '10.0.0.0/24', 'fd00::/64', dhcp=True)


def serving(tx, net):
    """Where the network's DHCP stands, by what its ports, its agents' hosts and the hosts themselves are told."""
    found = scheduling.hosts_of(tx, 'dhcp', net.id)
    assert {host for host in ('h1', 'h2', 'h3') if net.id in scheduling.on(tx, 'dhcp', host)} == found
    assert scheduling.host_of(tx, 'dhcp', net.id) in found
    for host in ('h1', 'h2', 'h3'):
        told = {one.id: one for one in cloud.told(tx, host).networks}
        assert bool(net.id in told and told[net.id].dhcp_port_id) == (host in found)
        if host in found:
            assert len(told[net.id].dhcp_addresses) == 2
    return found


def leases(tx, net, host):
    """Whom DHCP on the host hands an address."""
    (network,) = [one for one in cloud.told(tx, host).networks if one.id == net.id]
    return {lease.port_id for lease in network.leases}


def test_each_host_with_a_guest_hands_out_every_address(world):
    tx, net = world
    assert serving(tx, net) == {'h1'}
    made = [cloud.server(tx, net, host) for host in ('h2', 'h3', 'h3')]
    assert serving(tx, net) == {'h2', 'h3'}
    assert leases(tx, net, 'h2') == leases(tx, net, 'h3') == {row.id for row in made}
    assert server_ports.unserved(tx, [row.id for row in made]) == []


def test_the_last_guest_takes_a_hosts_dhcp_along_but_for_the_last_host(world):
    tx, net = world
    one, other, third = (cloud.server(tx, net, host) for host in ('h1', 'h2', 'h2'))
    ports.drop(tx, MEMBER, other.id)
    assert serving(tx, net) == {'h1', 'h2'}
    ports.drop(tx, MEMBER, third.id)
    assert serving(tx, net) == {'h1'}
    ports.drop(tx, MEMBER, one.id)
    assert serving(tx, net) == {'h1'}


def test_a_guest_that_moves_takes_dhcp_along(world):
    tx, net = world
    given = cloud.port(tx, net)
    told = {'server_id': GUESTS['server_id'], 'project_id': MEMBER.project_id, 'zone': 'nova', 'hostname': 'vm'}
    for host in ('h1', 'h2', 'h3', 'h1'):
        ports.bind(tx, MEMBER, given, host=host, **told)
        assert serving(tx, net) == {host}
        assert leases(tx, net, host) == {given}
    ports.unbind(tx, MEMBER, given)
    assert serving(tx, net) == {'h1'}
    port_changes.update(tx, ADMIN, given, {'host': 'h2'})
    assert serving(tx, net) == {'h2'}
    bound = port_changes.create(tx, ADMIN, net, MEMBER.project_id, {'host': 'h3'})
    assert serving(tx, net) == {'h2', 'h3'}
    port_changes.delete(tx, ADMIN, bound)
    assert serving(tx, net) == {'h2'}


def test_hosts_are_told_what_changed_and_no_more(world):
    tx, net = world
    before = {host: cloud.generation(tx, host) for host in ('h1', 'h2', 'h3')}
    cloud.server(tx, net, 'h1')
    assert cloud.generation(tx, 'h2') == before['h2'] and cloud.generation(tx, 'h3') == before['h3']
    cloud.server(tx, net, 'h2')
    assert cloud.generation(tx, 'h2') > before['h2'] and cloud.generation(tx, 'h3') == before['h3']


def test_a_network_without_dhcp_has_it_nowhere(world):
    tx, _ = world
    net = cloud.network(tx, '10.5.0.0/24')
    row = cloud.server(tx, net, 'h2')
    assert scheduling.hosts_of(tx, 'dhcp', net.id) == set()
    assert server_ports.unserved(tx, [row.id]) == []
    subnet = cloud.subnet(tx, net, '10.6.0.0/24')
    assert scheduling.hosts_of(tx, 'dhcp', net.id) == {'h2'}
    cloud.server(tx, net, 'h3')
    subnets.update(tx, MEMBER, subnet, {'enable_dhcp': False})
    assert scheduling.hosts_of(tx, 'dhcp', net.id) == set() and scheduling.host_of(tx, 'dhcp', net.id) == ''


def test_ports_of_dhcp_count_for_nobody_on_any_host(world):
    tx, net = world
    for host in ('h1', 'h2', 'h3'):
        cloud.server(tx, net, host)
    assert quotas.QUOTAS.show(tx, MEMBER.project_id)['port'].used == 3
    assert quotas.RECOUNT.suspects(tx) == []


def test_a_host_whose_agent_comes_late_serves_then(world):
    tx, net = world
    row = cloud.server(tx, net, 'h4')
    assert 'no DHCP server on h4' in str(server_ports.unserved(tx, [row.id])[0])
    assert rescheduling.waiting(tx, 'h4') == []
    cloud.agent(tx, 'h4')
    assert rescheduling.waiting(tx, 'h1') == []
    assert rescheduling.waiting(tx, 'h4') == [('dhcp', net.id)]
    rescheduling.place(tx, MEMBER, rescheduling.waiting(tx, 'h4'))
    assert rescheduling.waiting(tx, 'h4') == [] and server_ports.unserved(tx, [row.id]) == []


def test_an_agent_that_takes_no_networks_gets_none(world):
    tx, net = world
    tx.update(services.Service, services.Service.host == 'h2', disabled=True)
    row = cloud.server(tx, net, 'h2')
    assert serving(tx, net) == {'h1'} and rescheduling.waiting(tx, 'h2') == []
    assert len(server_ports.unserved(tx, [row.id])) == 2
    assert tx.scalar(Service.__table__.select().with_only_columns(Service.host)) == 'h1'


def test_a_subnet_without_an_address_left_for_a_server_says_so(world):
    tx, _ = world
    net = cloud.network(tx)
    cloud.subnet(tx, net, '10.9.0.0/29', allocation_pools=[{'start': '10.9.0.2', 'end': '10.9.0.4'}])
    here, there = cloud.server(tx, net, 'h1'), cloud.server(tx, net, 'h2')
    assert server_ports.unserved(tx, [here.id]) == []
    why = ' '.join(map(str, server_ports.unserved(tx, [there.id])))
    assert 'h2' in why and net.id in why and 'no address left' in why


def test_what_is_apart_or_unserved_is_found(world):
    tx, net = world
    assert local_networks.apart(tx) == local_networks.unserved(tx) == {}
    for host in ('h2', 'h1', 'h1'):
        cloud.server(tx, net, host)
    assert (local_networks.apart(tx), local_networks.unserved(tx)) == ({net.id: ['h1', 'h2']}, {})
    other = cloud.network(tx, '10.3.0.0/24', dhcp=True)
    cloud.server(tx, other, 'h9')
    assert local_networks.unserved(tx) == {other.id: ['h9']}


def test_the_log_says_when_guests_stand_apart(world, caplog):
    tx, net = world
    with caplog.at_level(logging.WARNING):
        cloud.server(tx, net, 'h2')
        assert not caplog.records
        cloud.server(tx, net, 'h1')
        cloud.server(tx, net, 'h1')
    (record,) = caplog.records
    assert 'on h1 and on h2' in record.getMessage() and net.id in record.getMessage()


def test_dhcp_that_went_with_another_guest_of_the_same_moment_comes_back(world):
    """Each guest's transaction saw the network without the other's."""
    tx, net = world
    here, there = cloud.server(tx, net, 'h2'), cloud.server(tx, net, 'h2')
    tx.update(Port, Port.id == there.id, host='h1')
    assert scheduling.hosts_of(tx, 'dhcp', net.id) == {'h2'} and len(server_ports.unserved(tx, [there.id])) == 2
    ports.bring_missing_dhcp(tx, MEMBER, [here.id, there.id])
    assert serving(tx, net) == {'h1', 'h2'}
    assert server_ports.unserved(tx, [here.id, there.id]) == []
