"""Networks that are carried in tunnels: which host is told of which ports of the others, and who serves them all."""

import json

import pytest
import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.context import internal
from nimbus.network import generations, rescheduling
from nimbus.network.agent.desired_state import DesiredState
from nimbus.network.desk import NetworkDeskServer
from nimbus.network.hosts import agents, desired_state, local_networks, physical_networks, scheduling
from nimbus.network.models import Address, Port
from nimbus.network.networks import networks
from nimbus.network.networks.segments import Segment
from nimbus.network.ports import arrivals, port_changes, ports, server_ports
from nimbus.network.routers import routers
from tests.conftest import ADMIN, MEMBER
from tests.domain.network import cloud

ENDS = {f'h{number}': f'192.0.2.{number}' for number in range(1, 5)}


@pytest.fixture
def tx(database):
    with database.write() as made:
        for host, end in ENDS.items():
            cloud.agent(made, host, end=end)
        yield made


def carried(tx, *cidrs, **values):
    return cloud.network(tx, *cidrs, segment=Segment('vxlan'), **values)


@pytest.fixture
def net(tx):
    return carried(tx, '10.0.0.0/24', dhcp=True)


def known(tx, host):
    """What the host is told of ports beyond its tunnels: MAC -> (addresses, far end)."""
    return {one.mac: (one.ips, one.end) for one in cloud.told(tx, host).remotes}


def seen(tx, port):
    """How another host is to know the port."""
    ips = tx.column(sa.select(Address.ip_address).where(Address.port_id == port.id).order_by(Address.seq))
    return {port.mac_address: (tuple(ips), ENDS[port.host])}


class Held:
    """A host's agent that asks for differences as they come."""

    def __init__(self, tx, host):
        self.host, self.state = host, DesiredState()
        self.take(tx, desired_state.whole(tx, host, cloud.generation(tx, host)))

    def take(self, tx, answer):
        self.state.take(json.loads(json.dumps(answer)))

    def ask(self, tx):
        """What the agent holds, once it has asked for what is new; the same as if it had asked for everything."""
        now = cloud.generation(tx, self.host)
        changed = generations.noted(tx, self.host, self.state.generation, now)
        if now != self.state.generation:
            assert changed or not self.state.generation
            news = desired_state.differences(tx, self.host, now, changed) if changed else None
            self.take(tx, news or desired_state.whole(tx, self.host, now))
            while missing := self.state.missing():
                self.take(tx, desired_state.differences(tx, self.host, now, {tuple(one) for one in missing}))
        held, whole = self.state.desired(), cloud.told(tx, self.host)
        assert set(held.remotes) == set(whole.remotes)
        return {one.mac: one.end for one in held.remotes}


def test_a_host_knows_the_ports_of_the_others_on_its_networks_alone(tx, net):
    other = carried(tx, '10.0.0.0/24')
    one, two, third = (cloud.server(tx, net, host) for host in ('h1', 'h2', 'h2'))
    cloud.server(tx, other, 'h3')
    (server,) = tx.rows(sa.select(Port).where(Port.holder == 'dhcp', Port.network_id == net.id))
    served = seen(tx, server)
    expected = {'h1': seen(tx, two) | seen(tx, third), 'h2': seen(tx, one), 'h3': {}, 'h4': {}}
    for host, others in expected.items():
        away = served if host != server.host and others else {}
        assert known(tx, host) == others | away
    local = cloud.network(tx, '10.1.0.0/24')
    for host in ('h1', 'h2'):
        cloud.server(tx, local, host)
    assert len(known(tx, 'h1')) == len(expected['h1']) + (server.host != 'h1')


def test_hosts_learn_of_ports_that_come_move_change_and_go_by_differences(tx):
    net = carried(tx, '10.0.0.0/24')
    first = cloud.server(tx, net, 'h1')
    held = {host: Held(tx, host) for host in ENDS}
    second = cloud.server(tx, net, 'h2')
    assert held['h1'].ask(tx) == {second.mac_address: ENDS['h2']}
    assert held['h2'].ask(tx) == {first.mac_address: ENDS['h1']}
    assert held['h3'].ask(tx) == {}
    port_changes.update(tx, ADMIN, second.id, {'host': 'h3'})
    assert held['h1'].ask(tx) == {second.mac_address: ENDS['h3']}
    assert (held['h2'].ask(tx), held['h3'].ask(tx)) == ({}, {first.mac_address: ENDS['h1']})
    port_changes.update(tx, MEMBER, second.id, {'fixed_ips': [{'ip_address': '10.0.0.77'}]})
    held['h1'].ask(tx)
    (remote,) = held['h1'].state.desired().remotes
    assert remote.ips == ('10.0.0.77',)
    ports.unbind(tx, MEMBER, second.id)
    assert held['h1'].ask(tx) == {}
    ports.drop(tx, MEMBER, first.id)
    assert {host: one.ask(tx) for host, one in held.items()} == dict.fromkeys(ENDS, {})


def test_the_hosts_of_a_network_are_told_and_no_other_is_nudged(tx, net):
    for host in ('h1', 'h2'):
        cloud.server(tx, net, host)
    before = {host: cloud.generation(tx, host) for host in ENDS}
    cloud.server(tx, net, 'h2')
    after = {host: cloud.generation(tx, host) for host in ENDS}
    assert {host for host in ENDS if after[host] != before[host]} == {'h1', 'h2'}


def test_a_new_port_costs_as_many_statements_with_many_hosts_as_with_two(tx):
    def cost(hosts):
        net = carried(tx, '10.0.0.0/16')
        for number in range(hosts):
            cloud.agent(tx, f'wide{number}', end=f'198.51.100.{number + 1}')
            cloud.server(tx, net, f'wide{number}')
        statements = []
        sa.event.listen(tx.connection, 'before_cursor_execute', lambda *args: statements.append(args[2]))
        cloud.server(tx, net, 'wide0')
        now = cloud.generation(tx, 'wide1')
        desired_state.differences(tx, 'wide1', now, generations.noted(tx, 'wide1', now - 1, now))
        return len(statements)

    few = cost(2)
    assert cost(40) == few


def test_a_host_whose_tunnels_end_elsewhere_now_is_told_of_to_the_others(tx, net, database):
    one = cloud.server(tx, net, 'h1')
    cloud.server(tx, net, 'h2')
    held, desk = Held(tx, 'h2'), NetworkDeskServer(database)
    facts = {'configurations': {'bridge_mappings': {}, 'tunneling_ip': '192.0.2.99'}}
    for kind in cloud.KINDS.values():
        desk._heard(tx, 'h1', kind.binary, facts)
        services.report(tx, kind, 'h1', facts)
    assert held.ask(tx)[one.mac_address] == '192.0.2.99'
    before = cloud.generation(tx, 'h2')
    desk._heard(tx, 'h1', 'neutron-openvswitch-agent', facts)
    assert cloud.generation(tx, 'h2') == before
    (agent,) = [row for row in agents.find(tx) if (row.host, row.binary) == ('h1', 'neutron-openvswitch-agent')]
    agents.delete(tx, agent.id)
    assert one.mac_address not in held.ask(tx)


def test_one_host_serves_dhcp_to_all(tx, net):
    guests = [cloud.server(tx, net, host) for host in ENDS]
    (server,) = tx.rows(sa.select(Port).where(Port.holder == 'dhcp', Port.network_id == net.id))
    (served,) = [one for one in cloud.told(tx, server.host).networks if one.dhcp_port_id]
    assert {lease.mac for lease in served.leases} == {guest.mac_address for guest in guests}
    assert server_ports.unserved(tx, [guest.id for guest in guests]) == []
    assert (local_networks.apart(tx), local_networks.unserved(tx)) == ({}, {})
    assert [rescheduling.waiting(tx, host) for host in ENDS] == [[], [], [], []]
    for guest in guests:
        ports.drop(tx, MEMBER, guest.id)
    assert scheduling.hosts_of(tx, 'dhcp', net.id) == {server.host}


def test_a_local_network_is_served_on_each_host_beside_one_that_tunnels_carry(tx, net):
    local = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    for host in ('h1', 'h2'):
        cloud.server(tx, net, host)
        cloud.server(tx, local, host)
    assert scheduling.hosts_of(tx, 'dhcp', local.id) == {'h1', 'h2'}
    assert local_networks.apart(tx) == {local.id: ['h1', 'h2']}
    (lost,) = tx.rows(sa.select(Port).where(Port.holder_id == local.id, Port.host == 'h2'))
    ports.drop(tx, MEMBER, lost.id)
    assert local_networks.unserved(tx) == {local.id: ['h2']}
    assert rescheduling.waiting(tx, 'h2') == [('dhcp', local.id)]
    guests = tx.column(sa.select(Port.id).where(Port.network_id == local.id, Port.holder == 'server'))
    assert [one.host for one in server_ports.unserved(tx, guests)] == ['h2']


def test_dhcp_leaves_a_host_whose_agent_is_gone(tx, net):
    guest = cloud.server(tx, net, 'h4')
    (old,) = scheduling.hosts_of(tx, 'dhcp', net.id)
    for row in agents.find(tx):
        if row.host == old:
            agents.delete(tx, row.id)
    other = next(host for host in ENDS if host != old)
    rescheduling.place(tx, internal(), rescheduling.waiting(tx, other))
    (new,) = scheduling.hosts_of(tx, 'dhcp', net.id)
    assert new != old and server_ports.unserved(tx, [guest.id]) == []


def test_dhcp_and_routers_stand_where_tunnels_lead(tx):
    cloud.agent(tx, 'aaa')
    for _ in range(6):
        net = carried(tx, '10.0.0.0/24', dhcp=True)
        assert scheduling.hosts_of(tx, 'dhcp', net.id) <= set(ENDS)
        (subnet_id,) = networks.subnets_of(tx, [net.id])[net.id]
        router = routers.create(tx, MEMBER, name='r')
        routers.add_interface(tx, MEMBER, router, subnet_id, None)
        assert physical_networks.fit_for(tx, router) == set(ENDS)
        assert scheduling.host_of(tx, 'router', router) in ENDS


def test_a_floating_address_is_no_port_beyond_a_tunnel(tx):
    net = carried(tx, '10.0.0.0/24')
    cloud.server(tx, net, 'h1')
    cloud.port(tx, net, host='h2', holder='floating', holder_id='f', device_owner='network:floatingip')
    gateway = cloud.port(tx, net, host='h2', holder='gateway', holder_id='r', device_owner='network:router_gateway')
    assert known(tx, 'h1') == seen(tx, ports.get(tx, gateway))


def test_a_port_whose_guest_is_on_its_way_is_reached_at_both_its_hosts(tx):
    net = carried(tx, '10.0.0.0/24')
    moving, peer = cloud.server(tx, net, 'h1'), cloud.server(tx, net, 'h2')
    held = {host: Held(tx, host) for host in ENDS}
    arrivals.expect(tx, moving.holder_id, 'h3')
    for host in ('h1', 'h2', 'h3'):
        held[host].ask(tx)
    mine = {host: _remote(held[host], moving.mac_address) for host in ('h1', 'h2', 'h3')}
    assert set(mine['h2'].ends) == {ENDS['h1'], ENDS['h3']} and len(mine['h2'].ips) == 1
    assert (mine['h1'].ends, mine['h3'].ends) == ((ENDS['h3'],), (ENDS['h1'],))
    assert mine['h1'].ips == mine['h3'].ips == (), 'a guest that asks who has its own address must hear nobody'
    assert _remote(held['h3'], peer.mac_address).ips
    arrivals.forget(tx, moving.holder_id)
    assert held['h1'].ask(tx) == {peer.mac_address: ENDS['h2']}
    held['h2'].ask(tx)
    assert _remote(held['h2'], moving.mac_address).ends == (ENDS['h1'],)
    assert held['h3'].ask(tx) == {}


def _remote(held, mac):
    (found,) = [one for one in held.state.desired().remotes if one.mac == mac]
    return found
