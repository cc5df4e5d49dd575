"""Quota counters say what the rows say, after every kind of change."""

import pytest

from nimbus.common import errors, ids
from nimbus.network import quotas
from nimbus.network.networks import networks, subnets
from nimbus.network.ports import port_changes, ports
from nimbus.network.routers import routers
from nimbus.network.security_groups import groups, rules
from tests.conftest import ADMIN, MEMBER
from tests.domain.network import cloud

OWNERS = ('network:dhcp', '', 'network:router_interface', 'compute:nova', 'network:dhcp', 'x')


@pytest.fixture
def checked(database):
    """A transaction whose counters are those of its rows when asked, for every project and resource."""
    with database.write() as tx:

        def check():
            assert quotas.RECOUNT.suspects(tx) == []
            return quotas.QUOTAS.show(tx, MEMBER.project_id)['port'].used

        yield tx, check


def test_ports_count_whatever_their_owner_says(checked):
    tx, check = checked
    net = cloud.network(tx, '10.0.0.0/24')
    made = [cloud.port(tx, net, device_owner=owner) for owner in OWNERS]
    assert check() == len(OWNERS)
    for port in made:
        for owner in OWNERS:
            port_changes.update(tx, MEMBER, port, {'device_owner': owner, 'device_id': 'd'})
            assert check() == len(OWNERS)
    for number, port in enumerate(made):
        port_changes.delete(tx, MEMBER, port)
        assert check() == len(OWNERS) - number - 1


def test_a_port_that_says_it_is_a_dhcp_servers_is_refused_beyond_the_quota(checked):
    tx, check = checked
    net = cloud.network(tx, '10.0.0.0/24')
    quotas.QUOTAS.set(tx, MEMBER.project_id, {'port': 1})
    cloud.port(tx, net)
    for owner in OWNERS:
        with pytest.raises(errors.OverQuota), tx.connection.begin_nested():
            cloud.port(tx, net, device_owner=owner)
    assert check() == 1


def test_ports_of_servers_routers_and_dhcp_are_counted_and_given_back(checked):
    tx, check = checked
    cloud.agent(tx)
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    assert check() == 0
    server = cloud.server(tx, net)
    given = cloud.port(tx, net)
    ports.bind(tx, MEMBER, given, server_id=server.holder_id, project_id=MEMBER.project_id, host='h1', zone='nova',
               hostname='vm')  # fmt: skip
    for port in (server.id, given):
        port_changes.update(tx, MEMBER, port, {'device_owner': 'network:dhcp'})
    assert check() == 2
    router = routers.create(tx, MEMBER)
    told = routers.add_interface(tx, MEMBER, router, networks.subnets_of(tx, [net.id])[net.id][0], None)
    port_changes.update(tx, MEMBER, told['port_id'], {'device_owner': ''})
    assert check() == 3
    routers.remove_interface(tx, MEMBER, router, None, told['port_id'])
    ports.unbind(tx, MEMBER, given)
    ports.drop(tx, MEMBER, server.id)
    assert check() == 1
    port_changes.delete(tx, MEMBER, given)
    routers.delete(tx, MEMBER, router)
    networks.delete(tx, MEMBER, net.id)
    assert check() == 0


def test_a_network_takes_what_is_on_it_along_from_the_counters(checked):
    tx, check = checked
    net = cloud.network(tx, '10.0.0.0/24', '10.1.0.0/24')
    cloud.port(tx, net, device_owner='network:dhcp')
    cloud.port(tx, net, ADMIN, device_owner='network:dhcp')
    subnets.delete(tx, MEMBER, networks.subnets_of(tx, [net.id])[net.id][0])
    check()
    networks.delete(tx, MEMBER, net.id)
    assert check() == 0


def test_groups_and_rules_are_counted(checked):
    tx, check = checked
    one, other = (groups.create(tx, MEMBER, name=name) for name in ('a', 'b'))
    check()
    told = {'direction': 'ingress', 'ethertype': 'IPv4', 'remote_group_id': one}
    for group in (one, other):
        rules.create(tx, MEMBER, {'security_group_id': group, **told})
    check()
    groups.delete(tx, MEMBER, one)
    check()
    with pytest.raises(errors.NotFound):
        rules.create(tx, MEMBER, {'security_group_id': ids.dashed(), **told})
    check()
