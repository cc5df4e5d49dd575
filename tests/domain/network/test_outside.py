"""What hosts are told of gateways and floating IPs, and how their agents' reports show."""

import dataclasses

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import internal
from nimbus.network import desk, holders, rescheduling
from nimbus.network.hosts import local_networks, scheduling
from nimbus.network.models import Port
from nimbus.network.ports import ports
from nimbus.network.routers import floating_ips, gateways, routers
from tests.conftest import ADMIN, MEMBER
from tests.domain.network import cloud
from tests.domain.network.test_races import race

OPERATOR = dataclasses.replace(ADMIN, project_id='f' * 32)
FLAT = {'network_type': 'flat', 'physical_network': 'public'}


class Scene:
    """A server on h1 behind a router with a gateway, and a floating IP that leads to it."""

    def __init__(self, tx, hosts=('h1',), **place):
        for host in hosts:
            cloud.agent(tx, host, bridges={'public': 'br-ex'})
        self.outside = cloud.network(tx, '172.24.4.0/24', ctx=OPERATOR, external=True)
        self.inside = cloud.network(tx, '10.0.0.0/24')
        self.port = cloud.server(tx, self.inside)
        self.router = routers.create(tx, MEMBER, gateway=gateways.Wish(self.outside.id))
        self.plug = ports.fixed.of(tx, [self.port.id])[self.port.id][0].subnet_id
        routers.add_interface(tx, MEMBER, self.router, self.plug, None)
        self.floating = self.float(tx, self.port.id)

    def float(self, tx, port_id):
        return floating_ips.create(
            tx,
            MEMBER,
            project_id=MEMBER.project_id,
            floating_network_id=self.outside.id,
            target=floating_ips.Target(port_id),
        )

    def row(self, tx):
        return floating_ips.show(tx, MEMBER, self.floating)

    def status(self, tx):
        return floating_ips.statuses(tx, [self.row(tx)])[self.floating]


@pytest.fixture
def scene(database):
    with database.write() as tx:
        return Scene(tx)


def report(database, host, wired, trouble=None):
    with database.read() as tx:
        reached = cloud.generation(tx, host)
    server = desk.NetworkDeskServer.__new__(desk.NetworkDeskServer)
    server.db = database
    server.applied(internal(), host, reached, list(wired), trouble or {}, None)


def test_the_routers_host_is_told_where_each_address_leads(database, scene):
    with database.read() as tx:
        (router,) = cloud.told(tx, 'h1').routers
        row = scene.row(tx)
    (gateway,) = router.gateways
    (led,) = router.floating
    assert (gateway.network_id, router.snat) == (scene.outside.id, True)
    assert (led.ip, led.fixed_ip, led.port_id) == (row.floating_ip_address, row.fixed_ip_address, row.floating_port_id)
    with database.read() as tx:
        assert scene.outside.id in {network.id for network in cloud.told(tx, 'h1').networks}


def test_a_floating_ip_is_in_force_once_its_host_says_so(database, scene):
    with database.read() as tx:
        assert scene.status(tx) == 'DOWN'
        floating_port = scene.row(tx).floating_port_id
    report(database, 'h1', [floating_port])
    with database.read() as tx:
        assert scene.status(tx) == 'ACTIVE'
    report(database, 'h1', [], {floating_port: 'The bridge is away.'})
    with database.read() as tx:
        assert scene.status(tx) == 'ERROR'
    with database.write() as tx:
        other = cloud.server(tx, scene.inside)
        floating_ips.update(tx, MEMBER, scene.floating, target=floating_ips.Target(other.id))
        assert scene.status(tx) == 'DOWN'


def test_a_report_of_before_a_move_does_not_count(database, scene):
    with database.read() as tx:
        floating_port, old = scene.row(tx).floating_port_id, cloud.generation(tx, 'h1')
    server = desk.NetworkDeskServer.__new__(desk.NetworkDeskServer)
    server.db = database
    with database.write() as tx:
        floating_ips.update(tx, MEMBER, scene.floating, target=floating_ips.Target(cloud.server(tx, scene.inside).id))
    server.applied(internal(), 'h1', old, [floating_port], {}, None)
    with database.read() as tx:
        assert scene.status(tx) == 'DOWN'


def test_a_server_that_goes_leaves_its_floating_ip(database, scene):
    with database.write() as tx:
        before = cloud.generation(tx, 'h1')
        ports.drop(tx, MEMBER, scene.port.id)
        row = scene.row(tx)
        assert (row.port_id, row.fixed_ip_address, row.router_id) == (None, None, None)
        assert cloud.generation(tx, 'h1') > before
        (router,) = cloud.told(tx, 'h1').routers
        assert router.floating == ()
        assert ports.get(tx, row.floating_port_id).host == ''


def test_a_given_port_keeps_its_floating_ip_when_the_server_leaves_it(database, scene):
    with database.write() as tx:
        ports.unbind(tx, MEMBER, scene.port.id)
        assert scene.row(tx).port_id == scene.port.id


def test_servers_show_their_floating_addresses(database, scene):
    with database.read() as tx:
        shown = ports.addresses(tx, [scene.port.holder_id])[scene.port.holder_id]
        row = scene.row(tx)
    assert [(one['ip'], one['type']) for one in shown] == [
        (row.fixed_ip_address, 'fixed'),
        (row.floating_ip_address, 'floating'),
    ]
    assert len({one['mac'] for one in shown}) == 1


def test_a_router_moves_with_its_gateway_and_its_floating_ips(database):
    with database.write() as tx:
        scene = Scene(tx, hosts=('h1', 'h2'))
        home = scheduling.host_of(tx, 'router', scene.router)
        other = {'h1': 'h2', 'h2': 'h1'}[home]
        agents = {agent.host: agent for agent in scheduling.services.find(tx, 'network', binary='neutron-l3-agent')}
        scheduling.services.forget(tx, agents[home].id)
        rescheduling.place(tx, MEMBER, [('router', scene.router)])
        own = (holders.ROUTER, *holders.OUTSIDE)
        rows = tx.rows(sa.select(Port.holder, Port.host).where(Port.holder.in_(own)))
        assert {(row.holder, row.host) for row in rows} == {(kind, other) for kind in own}
        (router,) = cloud.told(tx, other).routers
        assert router.gateways and router.floating
        assert cloud.told(tx, home).routers == ()


def test_what_stands_where_its_physical_network_is_not_is_moved_when_a_host_has_it(database):
    with database.write() as tx:
        cloud.agent(tx, 'h1')
        settings = routers.networks.Settings()
        segment = routers.networks.segments.asked(settings, 'flat', 'public', None)
        made = routers.networks.create(tx, OPERATOR, segment=segment, external=True)
        outside = routers.networks.show(tx, OPERATOR, made)
        cloud.subnet(tx, outside, '172.24.4.0/24', ctx=OPERATOR, enable_dhcp=False)
        router = routers.create(tx, MEMBER, gateway=gateways.Wish(outside.id))
        assert scheduling.host_of(tx, 'router', router) == 'h1'
        assert rescheduling.waiting(tx, 'h1') == []
        cloud.agent(tx, 'h2', bridges={'public': 'br-ex'})
        assert rescheduling.waiting(tx, 'h2') == [('router', router)]
        rescheduling.place(tx, MEMBER, rescheduling.waiting(tx, 'h2'))
        assert scheduling.host_of(tx, 'router', router) == 'h2'
        assert rescheduling.waiting(tx, 'h2') == []


def test_a_router_without_ports_stands_nowhere(database, scene):
    with database.write() as tx:
        floating_ips.delete(tx, MEMBER, scene.floating)
        routers.remove_interface(tx, MEMBER, scene.router, scene.plug, None)
        assert scheduling.host_of(tx, 'router', scene.router) == 'h1'
        routers.update(tx, MEMBER, scene.router, gateway=None)
        assert scheduling.host_of(tx, 'router', scene.router) == ''
        routers.update(tx, MEMBER, scene.router, gateway=None)
        assert scheduling.host_of(tx, 'router', scene.router) == ''


def test_an_address_is_never_led_twice(database, scene):
    with database.write() as tx:
        with pytest.raises(errors.Conflict, match='already has a floating IP'):
            scene.float(tx, scene.port.id)


def test_many_at_once_lead_one_address(database, scene):
    with database.write() as tx:
        other = cloud.server(tx, scene.inside)
        held = [
            floating_ips.create(tx, MEMBER, project_id=MEMBER.project_id, floating_network_id=scene.outside.id)
            for _ in range(6)
        ]

    def lead(number):
        with database.write() as tx:
            floating_ips.update(tx, MEMBER, held[number], target=floating_ips.Target(other.id))
            return number

    found = race(len(held), lead)
    lost = [why for why in found if isinstance(why, errors.NimbusError)]
    assert len(lost) == len(held) - 1
    assert {why.facts['type'] for why in lost} == {'FloatingIPPortAlreadyAssociated'}
    with database.read() as tx:
        leading = [one for one in held if floating_ips.show(tx, MEMBER, one).port_id]
    assert leading == [held[next(one for one in found if isinstance(one, int))]]


def test_a_port_that_goes_while_it_is_led_to_leaves_nothing_led(database, scene):
    with database.write() as tx:
        doomed = cloud.server(tx, scene.inside)
        held = floating_ips.create(tx, MEMBER, project_id=MEMBER.project_id, floating_network_id=scene.outside.id)

    def act(number):
        with database.write() as tx:
            if number:
                ports.drop(tx, MEMBER, doomed.id)
            else:
                floating_ips.update(tx, MEMBER, held, target=floating_ips.Target(doomed.id))

    found = race(2, act)
    assert all(why is None or isinstance(why, errors.NotFound) for why in found)
    with database.read() as tx:
        assert floating_ips.show(tx, MEMBER, held).port_id is None


def test_guests_of_a_physical_network_are_not_apart(database):
    with database.write() as tx:
        cloud.agent(tx, 'h1'), cloud.agent(tx, 'h2')
        segment = routers.networks.segments.asked(routers.networks.Settings(), 'flat', 'public', None)
        local, flat = (routers.networks.create(tx, MEMBER, segment=one) for one in (None, segment))
        for network in (routers.networks.show(tx, MEMBER, made) for made in (local, flat)):
            cloud.subnet(tx, network, '10.0.0.0/24', enable_dhcp=False)
            for host in ('h1', 'h2'):
                cloud.server(tx, network, host)
        assert local_networks.apart(tx) == {local: ['h1', 'h2']}
