"""The network agent against a pretended host, over the in-process bus and a real desk."""

import time
import uuid

import pytest

from nimbus.common import config, errors, ids, jobs
from nimbus.common.clock import FakeClock
from nimbus.common.database import db
from nimbus.common.messaging import rpc
from nimbus.common.parts import Parts
from nimbus.network.agent.fake import driver
from nimbus.network.agent.manager import Agent, Timing
from nimbus.network.desk import NetworkDeskServer
from nimbus.network.ports import ports
from nimbus.network.routers import routers
from nimbus.network.rpc import NetworkDesk
from nimbus.network.security_groups import groups, rules
from tests.conftest import MEMBER
from tests.domain.network import cloud


class Desk:
    """The desk without a bus, as an agent's client speaks to it; `away` makes it unreachable."""

    def __init__(self, database: db.Database) -> None:
        self.server, self.away, self.heard = NetworkDeskServer(database), False, []

    def __getattr__(self, name):
        def speak(*args):
            if self.away:
                raise errors.Unavailable('The desk is away.')
            if name == 'applied':
                self.heard.append(args)
            return getattr(self.server, name)(MEMBER, *args)

        return speak


class Bench:
    """One agent whose turns the test takes itself."""

    def __init__(self, database: db.Database) -> None:
        self.db, self.host = database, f'h{uuid.uuid4().hex[:6]}'
        self.desk, self.clock = Desk(database), FakeClock()
        self.there = driver.host(self.host)
        self.agent = self.fresh()
        for name in cloud.KINDS:
            self.desk.alive(self.host, name, {}, True)

    def fresh(self) -> Agent:
        return Agent(driver.Driver(self.host), self.desk, self.host, clock=self.clock)

    def status(self, port_id: str) -> tuple[str, str | None]:
        with self.db.read() as tx:
            return ports.wiring(tx, [port_id])[port_id], ports.trouble(tx, port_id)


@pytest.fixture
def bench(database):
    made = Bench(database)
    yield made
    driver.HOSTS.pop(made.host, None)


def boot(bench, **values):
    with bench.db.write() as tx:
        net = cloud.network(tx)
        # The DHCP server takes its address from the pool, and so none that a test asks for.
        pool = {'start': '10.0.0.100', 'end': '10.0.0.200'}
        cloud.subnet(tx, net, '10.0.0.0/24', allocation_pools=[pool])
        return net, cloud.server(tx, net, bench.host, **values)


def test_a_booted_port_is_wired_and_gets_its_lease(bench):
    _, port = boot(bench, fixed_ip='10.0.0.9')
    assert bench.status(port.id) == ('DOWN', None)
    bench.agent.turn()
    assert bench.status(port.id) == ('ACTIVE', None)
    assert bench.there.address_of(port.id) == '10.0.0.9'


def test_a_waiting_job_is_woken_when_its_port_is_wired(bench):
    _, port = boot(bench)
    with bench.db.write() as tx:
        job_id = jobs.start(tx, MEMBER, 'build_server', port.device_id)
    bench.agent.turn()
    with bench.db.read() as tx:
        assert jobs.show(tx, job_id).woken == 1
    bench.agent.turn()
    with bench.db.read() as tx:
        assert jobs.show(tx, job_id).woken == 1


def test_nothing_is_applied_or_reported_while_nothing_changes(bench):
    boot(bench)
    bench.agent.turn()
    heard, applied = len(bench.desk.heard), bench.there.applied
    bench.agent.turn()
    assert (len(bench.desk.heard), bench.there.applied) == (heard, applied)


def test_what_somebody_broke_is_mended_without_a_change(bench):
    _, port = boot(bench)
    bench.agent.turn()
    bench.there.ports.clear()
    bench.clock.advance(31)
    bench.agent.turn()
    assert port.id in bench.there.ports


def test_a_port_that_cannot_be_wired_says_why_and_is_tried_again(bench):
    _, port = boot(bench)
    bench.there.failures[port.id] = 'The tap cannot be made.'
    first, second = bench.agent.turn(), bench.agent.turn()
    assert bench.status(port.id) == ('ERROR', 'The tap cannot be made.')
    assert first < second
    bench.there.failures.clear()
    bench.agent.turn()
    assert bench.status(port.id) == ('ACTIVE', None)


def test_a_switch_that_is_away_for_long_is_told_only_of_ports_that_wait(bench):
    _, old = boot(bench)
    bench.agent.turn()
    bench.there.away = True
    with bench.db.write() as tx:
        net = cloud.network(tx, '10.1.0.0/24')
        new = cloud.server(tx, net, bench.host)
    bench.agent.turn()
    assert bench.status(new.id) == ('DOWN', None)
    for _ in range(3):
        bench.agent.turn()
    assert bench.status(new.id)[0] == 'ERROR' and 'does not answer' in bench.status(new.id)[1]
    assert bench.status(old.id) == ('ACTIVE', None)
    bench.there.away = False
    bench.agent.turn()
    assert bench.status(new.id) == ('ACTIVE', None)


def test_the_host_is_kept_while_the_desk_is_away(bench):
    _, port = boot(bench)
    bench.agent.turn()
    bench.desk.away = True
    bench.there.ports.clear()
    bench.clock.advance(31)
    bench.agent.turn()
    assert port.id in bench.there.ports
    bench.desk.away = False
    bench.agent.turn()
    assert bench.status(port.id) == ('ACTIVE', None)


def test_a_restarted_agent_finds_everything_again(bench):
    _, port = boot(bench)
    bench.agent.turn()
    again = bench.fresh()
    applied = bench.there.applied
    again.turn()
    assert bench.there.applied == applied and port.id in bench.there.ports


def test_a_dropped_port_leaves_the_host(bench):
    _, port = boot(bench)
    bench.agent.turn()
    with bench.db.write() as tx:
        ports.drop(tx, MEMBER, port.id)
    bench.agent.turn()
    assert bench.there.ports == {}


def test_a_rule_reaches_the_host_of_a_member(bench):
    net, one = boot(bench, fixed_ip='10.0.0.5')
    with bench.db.write() as tx:
        other = cloud.server(tx, net, bench.host, fixed_ip='10.0.0.6', groups=[groups.create(tx, MEMBER, name='open')])
    bench.agent.turn()
    assert not bench.there.reaches(one.id, '10.0.0.6')
    with bench.db.write() as tx:
        group = groups.resolve(tx, MEMBER, ['open'])[0]
        rules.create(
            tx, MEMBER, {'security_group_id': group, 'direction': 'ingress', 'ethertype': 'IPv4', 'protocol': 'icmp'}
        )
    bench.agent.turn()
    assert bench.there.reaches(one.id, '10.0.0.6')
    assert not bench.there.reaches(other.id, '10.0.0.5')


def test_a_router_joins_two_networks(bench):
    net, one = boot(bench, fixed_ip='10.0.0.5')
    with bench.db.write() as tx:
        far = cloud.network(tx, '10.9.0.0/24')
        two = cloud.server(tx, far, bench.host, fixed_ip='10.9.0.5')
        router = routers.create(tx, MEMBER)
        for subnet in (one, two):
            subnet_id = ports.of_server(tx, subnet.device_id)[0].fixed_ips[0]['subnet_id']
            interface = routers.add_interface(tx, MEMBER, router, subnet_id, None)
    bench.agent.turn()
    assert bench.there.reaches(one.id, '10.9.0.5')
    assert bench.status(interface['port_id']) == ('ACTIVE', None)
    with bench.db.write() as tx:
        routers.update(tx, MEMBER, router, admin_state_up=False)
    bench.agent.turn()
    assert not bench.there.reaches(one.id, '10.9.0.5')
    assert bench.status(interface['port_id']) == ('ACTIVE', None)


def test_a_network_made_before_any_agent_is_served_once_one_reports(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    bench = Bench(database)
    bench.agent.turn()
    assert bench.there.networks[net.id].dhcp_addresses
    driver.HOSTS.pop(bench.host)


def test_over_the_bus_a_nudge_wires_a_port_at_once(database):
    host = f'h{uuid.uuid4().hex[:6]}'
    conf = config.load([], files=[]) if not config.cfg.CONF.keys() else config.cfg.CONF
    bus = rpc.transport(f'inproc:///{host}', conf)
    parts = Parts(conf=None, db=database, bus=bus)
    database.wake = parts.wake
    agent = Agent(driver.Driver(host), parts.client(NetworkDesk), host, Timing(poll=60, resync=60, report=60))
    servers = [rpc.serve(bus, NetworkDeskServer(database), 'desk'), rpc.serve(bus, agent, host)]
    agent.start()
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with database.read() as tx:
                if len(cloud.services.find(tx, 'network')) == 4:
                    break
            time.sleep(0.02)
        with database.write() as tx:
            net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
            port = cloud.server(tx, net, host, server_id=ids.dashed())
        status = 'DOWN'
        while status != 'ACTIVE' and time.monotonic() < deadline:
            time.sleep(0.02)
            with database.read() as tx:
                status = ports.wiring(tx, [port.id])[port.id]
        assert status == 'ACTIVE'
    finally:
        agent.stop()
        for server in servers:
            server.stop()
            server.wait()
        driver.HOSTS.pop(host)


def test_a_switch_that_began_anew_gets_everything_back_at_once(bench):
    _, port = boot(bench)
    bench.agent.turn()
    bench.there.restart()
    bench.agent.turn()
    assert port.id in bench.there.ports
    assert bench.status(port.id) == ('ACTIVE', None)


def test_an_agent_is_told_and_tells_only_of_what_changed(bench):
    net, one = boot(bench)
    bench.agent.turn()
    assert bench.desk.heard[-1][-1] is None
    with bench.db.write() as tx:
        two = cloud.server(tx, net, bench.host)
    bench.agent.turn()
    assert bench.desk.heard[-1][2:] == ([two.id], {}, [two.id])
    assert set(bench.there.ports) == {one.id, two.id}


def test_a_port_plugged_anew_on_its_host_is_reported_anew(bench):
    _, port = boot(bench)
    bench.agent.turn()
    with bench.db.write() as tx:
        ports.ensure(tx, MEMBER, port_id=port.id, network_id=port.network_id, server_id=port.device_id,
                     project_id=port.project_id, host=bench.host, zone='other', hostname='vm')  # fmt: skip
    assert bench.status(port.id) == ('DOWN', None)
    bench.agent.turn()
    assert bench.status(port.id) == ('ACTIVE', None)


def test_a_report_that_was_lost_is_made_whole(bench):
    net, one = boot(bench)
    bench.agent.turn()
    with bench.db.write() as tx:
        two = cloud.server(tx, net, bench.host)

    def lost(*args):
        del bench.desk.applied
        raise errors.Unavailable('The report is lost.')

    bench.desk.applied = lost
    bench.agent.turn()
    assert bench.status(two.id) == ('DOWN', None)
    bench.agent.turn()
    assert bench.desk.heard[-1][-1] is None
    assert bench.status(two.id) == ('ACTIVE', None)
