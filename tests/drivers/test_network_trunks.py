"""Trunks: a guest's tagged frames are those of other ports, on their networks and by their groups."""

import contextlib

import pytest

from nimbus.network.agent.driver import unparented
from tests.drivers import nettrunk
from tests.drivers.netcloud import PING
from tests.drivers.netlab import RealLab, apply, sh


@pytest.fixture
def lab(either):
    return either


class World:
    """A guest on a trunk with one subport, and a neighbour on the network of each."""

    def __init__(self, driver, lab, wishes, stack, **more):
        self.driver, self.lab, self.wishes, self.stack = driver, lab, wishes, stack
        self.group, self.closed = wishes.group(PING), wishes.group()
        self.outer, self.inner = wishes.network(), wishes.network('10.20.0.0/24')
        self.parent, self.beside = (wishes.port(self.outer, groups=[self.group]) for _ in range(2))
        told = {'groups': [self.group], **more}
        self.sub = wishes.port(self.inner, parent=self.parent.id, vlan=100, **told)
        self.within = wishes.port(self.inner, groups=[self.group])
        apply(driver, wishes)
        for port in (self.parent, self.beside, self.within):
            lab.attach(port)
        nettrunk.attach(lab, stack, self.parent, self.sub)


@pytest.fixture
def stack():
    with contextlib.ExitStack() as made:
        yield made


def test_a_tagged_frame_is_the_subports_and_an_untagged_one_the_trunks(driver, lab, wishes, stack):
    world = World(driver, lab, wishes, stack)
    assert driver.wired() == {world.parent.id, world.beside.id, world.sub.id, world.within.id}
    assert lab.pings(world.parent, world.beside), 'the guest of the trunk'
    assert lab.pings(world.sub, world.within), 'its frames with the tag'
    assert lab.pings(world.within, world.sub), 'and back'
    assert not lab.pings(world.sub, world.beside)


def test_a_subport_is_filtered_by_its_own_groups(driver, lab, wishes, stack):
    world = World(driver, lab, wishes, stack)
    wishes.change(wishes.ports, world.sub.id, groups=(world.closed,))
    apply(driver, wishes)
    assert not lab.pings(world.within, world.sub)
    assert lab.pings(world.beside, world.parent), 'those of the trunk are others'
    wishes.change(wishes.ports, world.sub.id, groups=(world.group,))
    apply(driver, wishes)
    assert lab.pings(world.within, world.sub)


def test_a_subport_that_leaves_its_trunk_is_cut_off_and_nothing_of_it_stays(driver, lab, wishes, stack):
    world = World(driver, lab, wishes, stack)
    del wishes.ports[world.sub.id]
    apply(driver, wishes)
    assert driver.wired() == {world.parent.id, world.beside.id, world.within.id}
    assert not lab.pings(world.within, world.sub)
    assert lab.pings(world.parent, world.beside)
    if lab.real:
        left = [name for name in lab.snapshot()['links'] if world.sub.id[:11] in name]
        assert left == []
        assert world.sub.id not in lab.vsctl('list', 'Interface')
        assert 'dl_vlan=100' not in lab.ofctl('dump-flows', '--no-stats')


def test_a_subport_without_its_trunk_is_told(driver, lab, wishes):
    net = wishes.network()
    sub = wishes.port(net, parent='nowhere', vlan=7)
    assert driver.apply(wishes.desired()) == {sub.id: unparented(sub.id, 'nowhere')}


def test_a_new_driver_keeps_a_trunk_and_clear_leaves_nothing_of_it(lab, wishes, stack):
    driver = lab.driver()
    driver.open()
    world = World(driver, lab, wishes, stack)
    driver.close()
    again = lab.driver()
    again.open()
    apply(again, wishes)
    assert lab.pings(world.sub, world.within)
    again.clear()
    if lab.real:
        assert {name for name in lab.snapshot()['links'] if name.startswith(('qbr', 'qvo', 'spi'))} == set()
    again.close()


@pytest.mark.real
class TestReal:
    """What only packets of a real host can tell."""

    @pytest.fixture
    def either(self, machine):
        made = RealLab(machine)
        yield made
        made.close()

    def test_a_tag_that_no_subport_has_goes_nowhere(self, driver, lab, wishes, stack):
        world = World(driver, lab, wishes, stack)
        wishes.change(wishes.ports, world.sub.id, vlan=101)
        apply(driver, wishes)
        assert not lab.pings(world.sub, world.within)
        wishes.change(wishes.ports, world.sub.id, vlan=100)
        apply(driver, wishes)
        assert lab.pings(world.sub, world.within)

    def test_a_guest_forges_no_address_on_a_subport(self, driver, lab, wishes, stack):
        world = World(driver, lab, wishes, stack)
        assert lab.pings(world.sub, world.within)
        lab.inside(world.sub, 'ip', 'addr', 'flush', 'dev', 'eth0')
        lab.inside(world.sub, 'ip', 'addr', 'add', '10.20.0.200/24', 'dev', 'eth0')
        lab.inside(world.within, 'ip', 'neigh', 'replace', '10.20.0.200', 'lladdr', world.sub.mac, 'dev', 'eth0')
        there = (world.within.addresses[0].ip, 'lladdr', world.within.mac, 'dev', 'eth0')
        lab.inside(world.sub, 'ip', 'neigh', 'replace', *there)
        assert not lab.pings(world.sub, world.within)

    def test_a_subport_gets_its_address_from_the_dhcp_of_its_network(self, driver, lab, wishes, stack):
        world = World(driver, lab, wishes, stack)
        lab.inside(world.sub, 'ip', 'addr', 'flush', 'dev', 'eth0')
        assert lab.leases(world.sub) == world.sub.addresses[0].ip

    def test_links_and_flows_of_a_subport_that_somebody_took_away_come_back(self, driver, lab, wishes, stack):
        world = World(driver, lab, wishes, stack)
        sh('ip', 'link', 'del', world.sub.tap)
        lab.ofctl('del-flows')
        apply(driver, wishes)
        assert lab.pings(world.sub, world.within)
