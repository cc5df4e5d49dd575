"""What a host's agent holds after differences is what it would hold had it been told everything."""

import dataclasses
import json
import random

import pytest
import sqlalchemy as sa

from nimbus.network import generations
from nimbus.network.agent.desired_state import DesiredState
from nimbus.network.agent.manager import DEPTH
from nimbus.network.hosts import desired_state
from nimbus.network.models import Change, Rule
from nimbus.network.networks import networks, subnets
from nimbus.network.ports import port_changes, ports, router_ports
from nimbus.network.routers import routers
from nimbus.network.security_groups import groups, rules
from tests.conftest import ADMIN, MEMBER
from tests.domain.network import cloud

HOSTS = ('h1', 'h2')
INGRESS = {'direction': 'ingress', 'ethertype': 'IPv4'}


@pytest.fixture
def tx(database):
    with database.write() as opened:
        for host in HOSTS:
            cloud.agent(opened, host)
        yield opened


class Follower:
    """An agent's memory of one host, told over a line that carries JSON."""

    def __init__(self, tx, host):
        self.tx, self.host, self.held, self.wholes = tx, host, DesiredState(), 0
        self.take(-1, ())

    def take(self, since, also):
        now = cloud.generation(self.tx, self.host)
        changed = generations.noted(self.tx, self.host, since, now)
        if changed is None:
            self.wholes += 1
            told = desired_state.whole(self.tx, self.host, now)
        else:
            told = desired_state.differences(self.tx, self.host, now, changed | {tuple(one) for one in also})
        self.held.take(json.loads(json.dumps(told)))
        return told

    def follow(self):
        told = self.take(self.held.generation, ())
        for _ in range(DEPTH if self.held.missing() else 0):
            self.take(self.held.generation, self.held.missing())
        assert self.held.missing() == []
        return told


def parts(value):
    """What it says, in whatever order."""
    networks = {dataclasses.replace(net, leases=()) for net in value.networks}
    leases = {(net.id, lease) for net in value.networks for lease in net.leases}
    return networks, leases, set(value.ports), set(value.groups), set(value.routers), value.generation


def test_a_second_port_is_told_alone(tx):
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    for _ in range(5):
        cloud.server(tx, net, 'h1')
    here = Follower(tx, 'h1')
    before = {port.id: port for port in here.held.desired().ports}
    new = cloud.server(tx, net, 'h1')
    told = here.follow()
    assert (set(told['ports']), here.wholes) == ({new.id}, 1)
    assert 'networks' not in told and 'rules' not in told and 'members' not in told
    assert parts(here.held.desired()) == parts(cloud.told(tx, 'h1'))
    assert all(port is before[port.id] for port in here.held.desired().ports if port.id != new.id)


def test_the_first_port_of_a_network_brings_all_that_it_names(tx):
    here = Follower(tx, 'h1')
    cloud.server(tx, cloud.network(tx, '10.0.0.0/24'), 'h1')
    here.follow()
    cloud.server(tx, cloud.network(tx, '10.1.0.0/24'), 'h1', groups=[groups.create(tx, MEMBER, name='other')])
    wholes = here.wholes
    here.follow()
    assert here.wholes == wholes and parts(here.held.desired()) == parts(cloud.told(tx, 'h1'))


def test_who_missed_an_unnamed_change_is_told_everything(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    cloud.server(tx, net, 'h1')
    here = Follower(tx, 'h1')
    cloud.server(tx, net, 'h1')
    generations.bump(tx, ['h1'])
    assert here.follow()['whole']


def test_who_is_too_far_behind_or_ahead_is_told_everything(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    cloud.server(tx, net, 'h1')
    now = cloud.generation(tx, 'h1')
    assert generations.noted(tx, 'h1', now, now) == set()
    assert generations.noted(tx, 'h1', now + 1, now) is None
    assert generations.noted(tx, 'h1', 0, now) is None
    cloud.server(tx, net, 'h1')
    later = cloud.generation(tx, 'h1')
    assert generations.noted(tx, 'h1', now, later)
    generations.forget(tx, 'h1', later)
    assert generations.noted(tx, 'h1', now, later) is None


def test_the_same_difference_twice_changes_nothing(tx):
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    cloud.server(tx, net, 'h1')
    here = Follower(tx, 'h1')
    since = here.held.generation
    cloud.server(tx, net, 'h1')
    here.follow()
    first = here.held.desired()
    here.take(since, ())
    assert here.held.desired() == first


def test_a_whole_after_differences_keeps_every_value_that_is_as_it_was(tx):
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    for _ in range(3):
        cloud.server(tx, net, 'h1')
    here = Follower(tx, 'h1')
    cloud.server(tx, net, 'h1')
    here.follow()
    before = here.held.desired()
    here.take(-1, ())
    after = here.held.desired()
    for one, other in zip(
        before.networks + before.ports + before.groups, after.networks + after.ports + after.groups, strict=True
    ):
        assert one is other


class Life:
    """Random things that users do."""

    def __init__(self, tx, seed):
        self.tx, self.pick = tx, random.Random(seed)
        self.nets = [cloud.network(tx, f'10.{n}.0.0/24', dhcp=n % 2 == 0) for n in range(3)]
        self.groups = [groups.create(tx, MEMBER, name=f'g{n}') for n in range(3)]
        self.router, self.ports, self.count = routers.create(tx, MEMBER), [], 0

    def step(self):
        getattr(self, self.pick.choice(ACTS))()

    def boot(self):
        wanted = self.pick.sample(self.groups, self.pick.randrange(3))
        net, host = self.pick.choice(self.nets), self.pick.choice(HOSTS)
        if len(self.ports) < 30:
            self.ports.append(cloud.server(self.tx, net, host, groups=wanted).id)

    def drop(self):
        if self.ports:
            ports.drop(self.tx, MEMBER, self.ports.pop(self.pick.randrange(len(self.ports))))

    def move(self):
        if self.ports:
            row = ports.get(self.tx, self.pick.choice(self.ports))
            port_changes.update(self.tx, ADMIN, row.id, {'host': self.pick.choice((*HOSTS, ''))})

    def regroup(self):
        if self.ports:
            wanted = self.pick.sample(self.groups, self.pick.randrange(3))
            port_changes.update(self.tx, ADMIN, self.pick.choice(self.ports), {'groups': wanted})

    def readdress(self):
        if self.ports:
            pairs = [{'ip_address': f'10.77.0.{self.pick.randrange(1, 200)}'}]
            port_changes.update(self.tx, ADMIN, self.pick.choice(self.ports), {'allowed_address_pairs': pairs})

    def rule(self):
        self.count += 1
        rules.create(self.tx, MEMBER, {
            'security_group_id': self.pick.choice(self.groups), 'remote_group_id': self.pick.choice(self.groups),
            'protocol': 'tcp', 'port_range_min': self.count, 'port_range_max': self.count, **INGRESS,
        })  # fmt: skip

    def unrule(self):
        found = self.tx.column(sa.select(Rule.id).where(Rule.direction == 'ingress'))
        if found:
            rules.delete(self.tx, ADMIN, self.pick.choice(found))

    def new_group(self):
        self.lose_group()
        spare = groups.create(self.tx, MEMBER, name='spare')
        rules.create(self.tx, MEMBER, {
            'security_group_id': self.pick.choice(self.groups), 'remote_group_id': spare, **INGRESS,
        })  # fmt: skip
        self.spare = spare

    def lose_group(self):
        if getattr(self, 'spare', None):
            groups.delete(self.tx, MEMBER, self.spare)
            self.spare = None

    def widen(self):
        self.count += 1
        net = self.pick.choice(self.nets)
        cloud.subnet(self.tx, net, f'10.{100 + self.count}.0.0/24', enable_dhcp=self.pick.random() < 0.5)

    def narrow(self):
        found = self.pick.choice(self.nets)
        for subnet_id in networks.subnets_of(self.tx, [found.id])[found.id][1:]:
            subnets.update(self.tx, MEMBER, subnet_id, {'enable_dhcp': self.pick.random() < 0.5})

    def resize(self):
        networks.update(self.tx, MEMBER, self.pick.choice(self.nets).id, mtu=self.pick.randrange(1300, 1500))

    def close_network(self):
        networks.update(self.tx, MEMBER, self.pick.choice(self.nets).id, admin_state_up=self.pick.random() < 0.5)

    def route(self):
        subnet_id = networks.subnets_of(self.tx, [net.id for net in self.nets])[self.pick.choice(self.nets).id][0]
        there = {s.id for s in router_ports.subnets(self.tx, self.router)}
        act = routers.remove_interface if subnet_id in there else routers.add_interface
        act(self.tx, MEMBER, self.router, subnet_id, None)


ACTS = ('boot', 'boot', 'drop', 'move', 'regroup', 'readdress', 'rule', 'unrule', 'new_group', 'lose_group', 'widen',
        'narrow', 'resize', 'close_network', 'route')  # fmt: skip


@pytest.mark.parametrize('seed', range(4))
def test_whatever_happens_differences_add_up_to_the_whole(tx, seed):
    life = Life(tx, seed)
    life.boot()
    here = [Follower(tx, host) for host in HOSTS]
    for _ in range(40):
        for _ in range(life.pick.choice((1, 1, 3))):
            life.step()
        for one in here:
            one.follow()
            assert parts(one.held.desired()) == parts(cloud.told(tx, one.host))
    assert all(one.wholes < 30 for one in here)


def test_notes_go_once_they_were_seen(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    cloud.server(tx, net, 'h1')
    assert tx.scalar(sa.select(sa.func.count()).select_from(Change).where(Change.host == 'h1'))
    generations.forget(tx, 'h1', cloud.generation(tx, 'h1'))
    assert not tx.scalar(sa.select(sa.func.count()).select_from(Change).where(Change.host == 'h1'))
