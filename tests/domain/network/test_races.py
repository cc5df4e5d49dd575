"""Many at once: an address, a quota and a default group are given as often as there are any."""

import threading

from nimbus.common import errors
from nimbus.network import quotas
from nimbus.network.models import Address, DefaultGroup, Group, Port
from nimbus.network.networks import subnets
from nimbus.network.ports import ports
from nimbus.network.security_groups import groups, rules
from tests.conftest import MEMBER
from tests.domain.network import cloud


def race(count, work):
    """What each of `count` threads that begin together got: a result or an error."""
    gate, found = threading.Barrier(count), []

    def run(number):
        gate.wait()
        try:
            found.append(work(number))
        except errors.NimbusError as why:
            found.append(why)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_the_last_address_goes_to_one_of_many(database):
    with database.write() as tx:
        net = cloud.network(tx)
        cloud.subnet(tx, net, '10.0.0.0/24', allocation_pools=[{'start': '10.0.0.9', 'end': '10.0.0.9'}])

    def take(_):
        with database.write() as tx:
            return cloud.port(tx, net)

    found = race(12, take)
    lost = [why for why in found if isinstance(why, errors.Conflict)]
    assert len(lost) == 11
    assert {why.facts['type'] for why in lost} == {'IpAddressGenerationFailure'}
    with database.read() as tx:
        assert quotas.QUOTAS.show(tx, MEMBER.project_id)['port'].used == 1


def test_every_address_of_a_range_is_given_once(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/27')

    def take(_):
        with database.write() as tx:
            return cloud.port(tx, net)

    found = race(32, take)
    assert sum(isinstance(one, str) for one in found) == 29
    with database.read() as tx:
        ips = tx.column(cloud.sa.select(Address.ip_address))
    assert len(ips) == len(set(ips)) == 29


def test_the_last_port_of_a_quota_goes_to_one_of_many(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        quotas.QUOTAS.set(tx, MEMBER.project_id, {'port': 1})

    def take(_):
        with database.write() as tx:
            return cloud.port(tx, net)

    found = race(8, take)
    assert sum(isinstance(one, str) for one in found) == 1
    assert {type(one) for one in found if not isinstance(one, str)} == {errors.OverQuota}


def test_a_default_group_is_made_once(database):
    def use(_):
        with database.write() as tx:
            return groups.ensure_default(tx, MEMBER, MEMBER.project_id)

    assert len(set(race(8, use))) == 1
    with database.read() as tx:
        assert len(tx.rows(cloud.sa.select(Group))) == len(tx.rows(cloud.sa.select(DefaultGroup))) == 1
        used = quotas.QUOTAS.show(tx, MEMBER.project_id)
    assert (used['security_group'].used, used['security_group_rule'].used) == (1, 4)


def test_one_of_two_overlapping_subnets_wins(database):
    with database.write() as tx:
        net = cloud.network(tx)

    def make(number):
        with database.write() as tx:
            return cloud.subnet(tx, net, f'10.0.{number}.0/16' if not number else '10.0.0.0/16')

    found = race(6, make)
    assert sum(isinstance(one, str) for one in found) == 1


def test_the_same_rule_is_made_once(database):
    with database.write() as tx:
        group = groups.create(tx, MEMBER, name='g')

    def make(_):
        told = {'security_group_id': group, 'direction': 'ingress', 'ethertype': 'IPv4', 'protocol': 'tcp'}
        with database.write() as tx:
            return rules.create(tx, MEMBER, told)

    found = race(6, make)
    assert sum(isinstance(one, str) for one in found) == 1
    with database.read() as tx:
        assert quotas.QUOTAS.show(tx, MEMBER.project_id)['security_group_rule'].used == 4 + 2 + 1


def test_a_given_port_goes_to_one_of_two_servers(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        port = cloud.port(tx, net)

    def bind(number):
        with database.write() as tx:
            return ports.bind(
                tx,
                MEMBER,
                port,
                server_id=f's{number}',
                project_id=MEMBER.project_id,
                host='h1',
                zone='nova',
                hostname='vm',
            ).device_id

    found = race(4, bind)
    assert sum(isinstance(one, str) for one in found) == 1


def test_quota_equals_rows_after_everything_is_gone(database):
    with database.write() as tx:
        cloud.agent(tx)
        net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
        for _ in range(3):
            ports.drop(tx, MEMBER, cloud.port(tx, net))
        subnet = tx.scalar(cloud.sa.select(subnets.Subnet.id))
        subnets.delete(tx, MEMBER, subnet)
        used = quotas.QUOTAS.show(tx, MEMBER.project_id)
        assert tx.rows(cloud.sa.select(Port)) == []
    assert (used['port'].used, used['subnet'].used, used['network'].used) == (0, 0, 1)


def test_dhcp_comes_once_to_each_host_whoever_is_first(database):
    hosts = [f'h{number}' for number in range(4)]
    with database.write() as tx:
        for host in hosts:
            cloud.agent(tx, host)
        net = cloud.network(tx, '10.0.0.0/24', dhcp=True)

    def boot(number):
        return database.with_retries(lambda tx: cloud.server(tx, net, hosts[number % 4]).id)

    made = race(16, boot)
    assert all(isinstance(one, str) for one in made), made
    with database.read() as tx:
        standing = tx.column(cloud.sa.select(Port.host).where(Port.holder == 'dhcp').order_by(Port.host))
        assert standing == hosts

    def drop(number):
        return database.with_retries(lambda tx: ports.drop(tx, MEMBER, made[number]))

    assert race(16, drop) == [None] * 16
    with database.read() as tx:
        assert len(tx.column(cloud.sa.select(Port.host).where(Port.holder == 'dhcp'))) == 1
        assert quotas.RECOUNT.suspects(tx) == []
