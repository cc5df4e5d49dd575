"""Two network agents whose hosts reach each other by tunnels, on pretended hosts and with a real desk."""

import uuid

import pytest

from nimbus.common.clock import FakeClock
from nimbus.network.agent.fake import driver
from nimbus.network.agent.manager import Agent
from nimbus.network.networks.segments import Segment
from nimbus.network.ports import port_changes, ports
from nimbus.network.rpc import TUNNELS
from tests.agents.test_network_agent import Desk
from tests.conftest import ADMIN, MEMBER
from tests.domain.network import cloud

OVS = 'neutron-openvswitch-agent'


class Pair:
    """Hosts with an agent each, whose turns the test takes itself."""

    def __init__(self, database):
        self.db, self.desk, self.clock = database, Desk(database), FakeClock()
        self.agents = {}

    def host(self, end):
        """A host whose agent has reported; its name."""
        name = f'h{uuid.uuid4().hex[:6]}'
        self.agents[name] = Agent(driver.Driver(name, local_ip=end), self.desk, name, clock=self.clock)
        self.report(name)
        return name

    def report(self, name):
        for binary in cloud.KINDS:
            self.desk.alive(name, binary, self.agents[name]._facts_of(binary)(), True)

    def turn(self):
        """Every agent looks, until none has anything to do."""
        for _ in range(2):
            for agent in self.agents.values():
                agent.turn()

    def close(self):
        for name in self.agents:
            driver.HOSTS.pop(name, None)


@pytest.fixture
def pair(database):
    made = Pair(database)
    yield made
    made.close()


def network(pair, ctx=MEMBER, kind='vxlan'):
    with pair.db.write() as tx:
        net = cloud.network(tx, ctx=ctx, segment=Segment(kind))
        pool = {'start': '10.0.0.100', 'end': '10.0.0.200'}
        cloud.subnet(tx, net, '10.0.0.0/24', ctx=ctx, allocation_pools=[pool])
        return net


def guest(pair, net, host, ip):
    """A guest in the default group, whose members reach each other."""
    with pair.db.write() as tx:
        return cloud.server(tx, net, host, fixed_ip=ip)


@pytest.mark.parametrize('kind', TUNNELS)
def test_guests_of_one_network_reach_each_other_from_host_to_host_and_no_other_network(pair, kind):
    left, right = pair.host('192.0.2.1'), pair.host('192.0.2.2')
    net, equal = network(pair, kind=kind), network(pair, kind=kind)
    one, two = guest(pair, net, left, '10.0.0.5'), guest(pair, net, right, '10.0.0.6')
    guest(pair, equal, right, '10.0.0.7')
    pair.turn()
    assert driver.host(left).reaches(one.id, '10.0.0.6') and driver.host(right).reaches(two.id, '10.0.0.5')
    assert not driver.host(left).reaches(one.id, '10.0.0.7')
    with pair.db.write() as tx:
        assert set(ports.wiring(tx, [one.id, two.id]).values()) == {'ACTIVE'}
        ports.drop(tx, MEMBER, two.id)
    pair.turn()
    assert not driver.host(left).reaches(one.id, '10.0.0.6')


def test_a_guest_that_moved_is_reached_on_its_new_host(pair):
    left, right, third = (pair.host(f'192.0.2.{number}') for number in (1, 2, 3))
    net = network(pair)
    one, two = guest(pair, net, left, '10.0.0.5'), guest(pair, net, right, '10.0.0.6')
    pair.turn()
    with pair.db.write() as tx:
        port_changes.update(tx, ADMIN, two.id, {'host': third})
    pair.turn()
    assert two.id in driver.host(third).ports and driver.host(left).reaches(one.id, '10.0.0.6')


def test_every_guest_has_its_lease_from_the_one_host_that_serves(pair):
    names = [pair.host(f'192.0.2.{number}') for number in (1, 2)]
    net = network(pair)
    made = [guest(pair, net, name, f'10.0.0.{number + 5}') for number, name in enumerate(names)]
    pair.turn()
    served = [driver.host(name).networks[net.id] for name in names]
    (serving,) = [one for one in served if one.dhcp_port_id]
    assert {lease.mac for lease in serving.leases} == {port.mac_address for port in made}
    assert {one.mtu for one in served} == {1450}


def test_a_host_without_an_end_for_tunnels_says_so_at_the_port(pair):
    pair.host('192.0.2.1')
    bare = pair.host(None)
    net = network(pair)
    port = guest(pair, net, bare, '10.0.0.5')
    pair.turn()
    with pair.db.read() as tx:
        assert ports.wiring(tx, [port.id]) == {port.id: 'ERROR'}
        why = ports.trouble(tx, port.id)
    assert f'The network {net.id} is of type vxlan' in why and 'no address for the ends of tunnels' in why


def test_an_end_that_moves_is_followed_by_the_others(pair):
    left, right = pair.host('192.0.2.1'), pair.host('192.0.2.2')
    net = network(pair)
    one, _ = guest(pair, net, left, '10.0.0.5'), guest(pair, net, right, '10.0.0.6')
    pair.turn()
    driver.host(right).end = '192.0.2.99'
    pair.turn()
    assert not driver.host(left).reaches(one.id, '10.0.0.6')
    pair.report(right)
    pair.turn()
    assert driver.host(left).reaches(one.id, '10.0.0.6')


def test_a_restarted_agent_has_the_same_tunnels_and_changes_nothing(pair):
    left, right = pair.host('192.0.2.1'), pair.host('192.0.2.2')
    net = network(pair)
    one, _ = guest(pair, net, left, '10.0.0.5'), guest(pair, net, right, '10.0.0.6')
    pair.turn()
    before = driver.host(left).applied
    pair.agents[left] = Agent(driver.Driver(left, local_ip='192.0.2.1'), pair.desk, left, clock=pair.clock)
    pair.turn()
    assert driver.host(left).applied == before and driver.host(left).reaches(one.id, '10.0.0.6')


def test_an_agent_tells_which_tunnels_it_has_and_where_they_end(pair):
    with_end, bare = pair.host('192.0.2.1'), pair.host(None)
    told = {name: pair.agents[name]._facts_of(OVS)()['configurations'] for name in (with_end, bare)}
    assert (told[with_end]['tunnel_types'], told[with_end]['tunneling_ip']) == (list(TUNNELS), '192.0.2.1')
    assert (told[bare]['tunnel_types'], told[bare]['tunneling_ip']) == ([], None)
