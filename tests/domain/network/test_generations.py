"""Every change tells the hosts it concerns, and no other."""

import pytest

from nimbus.network import rescheduling
from nimbus.network.networks import networks
from nimbus.network.ports import port_changes, ports
from nimbus.network.routers import routers
from nimbus.network.security_groups import groups, rules
from tests.conftest import MEMBER
from tests.domain.network import cloud

HOSTS = ('h1', 'h2', 'h3')
INGRESS = {'direction': 'ingress', 'ethertype': 'IPv4'}


class Watch:
    """Which hosts' generations rose since the last look."""

    def __init__(self, tx):
        self.tx, self.seen = tx, {}
        self.changed()

    def changed(self):
        now = {host: cloud.generation(self.tx, host) for host in HOSTS}
        found = {host for host in HOSTS if now[host] != self.seen.get(host)}
        self.seen = now
        return found


@pytest.fixture
def tx(database):
    with database.write() as opened:
        yield opened


def test_a_port_concerns_its_host_and_the_dhcp_host(tx):
    cloud.agent(tx, 'h1')
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    watch = Watch(tx)
    group = groups.create(tx, MEMBER, name='g')
    port = cloud.server(tx, net, 'h2', groups=[group])
    assert watch.changed() == {'h1', 'h2'}
    ports.drop(tx, MEMBER, port.id)
    assert watch.changed() == {'h1', 'h2'}


def test_an_unbound_port_concerns_the_dhcp_host_alone(tx):
    cloud.agent(tx, 'h1')
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    watch = Watch(tx)
    cloud.port(tx, net)
    assert watch.changed() == {'h1'}


def test_a_port_concerns_hosts_whose_rules_name_its_group(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    far = cloud.network(tx, '10.1.0.0/24')
    web, app = groups.create(tx, MEMBER, name='web'), groups.create(tx, MEMBER, name='app')
    rules.create(tx, MEMBER, {'security_group_id': app, 'remote_group_id': web, **INGRESS})
    cloud.server(tx, far, 'h1', groups=[app])
    watch = Watch(tx)
    port = cloud.server(tx, net, 'h2', groups=[web])
    assert watch.changed() == {'h1', 'h2'}
    port_changes.update(tx, MEMBER, port.id, {'fixed_ips': [{'ip_address': '10.0.0.77'}]})
    assert watch.changed() == {'h1', 'h2'}
    port_changes.update(tx, MEMBER, port.id, {'groups': [groups.create(tx, MEMBER, name='x')]})
    assert watch.changed() == {'h1', 'h2'}
    port_changes.update(tx, MEMBER, port.id, {'name': 'x'})
    assert 'h1' not in watch.changed()


def test_a_rule_concerns_hosts_with_member_ports(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    web = groups.create(tx, MEMBER, name='web')
    cloud.server(tx, net, 'h1', groups=[web])
    cloud.server(tx, net, 'h2')
    watch = Watch(tx)
    rule = rules.create(tx, MEMBER, {'security_group_id': web, 'protocol': 'tcp', **INGRESS})
    assert watch.changed() == {'h1'}
    rules.delete(tx, MEMBER, rule)
    assert watch.changed() == {'h1'}


def test_a_deleted_group_concerns_hosts_whose_rules_named_it(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    web, app = groups.create(tx, MEMBER, name='web'), groups.create(tx, MEMBER, name='app')
    rules.create(tx, MEMBER, {'security_group_id': app, 'remote_group_id': web, **INGRESS})
    cloud.server(tx, net, 'h1', groups=[app])
    watch = Watch(tx)
    groups.delete(tx, MEMBER, web)
    assert watch.changed() == {'h1'}


def test_a_network_and_its_subnets_concern_every_host_it_is_on(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    cloud.server(tx, net, 'h1')
    cloud.server(tx, net, 'h2')
    watch = Watch(tx)
    networks.update(tx, MEMBER, net.id, mtu=1400)
    assert watch.changed() == {'h1', 'h2'}
    cloud.subnet(tx, net, '10.9.0.0/24', enable_dhcp=False)
    assert watch.changed() == {'h1', 'h2'}


def test_a_moved_port_concerns_both_hosts(tx):
    net = cloud.network(tx, '10.0.0.0/24')
    port = cloud.server(tx, net, 'h1')
    watch = Watch(tx)
    cloud.server(tx, net, 'h3', port_id=port.id, server_id=port.device_id)
    assert watch.changed() == {'h1', 'h3'}
    ports.unbind(tx, MEMBER, port.id)
    assert watch.changed() == {'h3'}


def test_services_move_only_when_their_agent_is_gone(tx):
    cloud.agent(tx, 'h1')
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    cloud.agent(tx, 'h2')
    assert rescheduling.waiting(tx, 'h1') == []
    for row in cloud.services.find(tx, 'network', host='h1'):
        cloud.services.forget(tx, row.id)
    due = rescheduling.waiting(tx, 'h1')
    assert due == [('dhcp', net.id)]
    watch = Watch(tx)
    rescheduling.place(tx, MEMBER, due)
    assert watch.changed() == {'h1', 'h2'}
    assert cloud.told(tx, 'h2').networks[0].dhcp_port_id
    assert cloud.told(tx, 'h1').networks == ()
    assert rescheduling.waiting(tx, 'h1') == []


def test_services_are_spread_over_the_agents(tx):
    for host in HOSTS:
        cloud.agent(tx, host)
    for number in range(6):
        cloud.network(tx, f'10.{number}.0.0/24', dhcp=True)
    counts = [sum(bool(n.dhcp_port_id) for n in cloud.told(tx, host).networks) for host in HOSTS]
    assert counts == [2, 2, 2]


def test_what_a_host_must_be_is_what_drivers_take(tx):
    cloud.agent(tx, 'h1')
    net = cloud.network(tx, '10.0.0.0/24', 'fd00::/64', dhcp=True)
    far = cloud.network(tx, '10.1.0.0/24')
    web = groups.create(tx, MEMBER, name='web')
    rules.create(tx, MEMBER, {'security_group_id': web, 'remote_group_id': web, 'protocol': 'tcp', **INGRESS,
                              'port_range_min': 80, 'port_range_max': 90})  # fmt: skip
    port = cloud.server(tx, net, 'h1', groups=[web], fixed_ip='10.0.0.9')
    cloud.server(tx, net, 'h2', groups=[web], fixed_ip='10.0.0.10')
    pair = [{'ip_address': '10.0.0.99'}]
    port_changes.update(tx, MEMBER, port.id, {'allowed_address_pairs': pair})
    router = routers.create(tx, MEMBER)
    for net_id in (net.id, far.id):
        subnet = networks.subnets_of(tx, [net_id])[net_id][0]
        routers.add_interface(tx, MEMBER, router, subnet, None)
    value = cloud.told(tx, 'h1')
    assert value.generation == cloud.generation(tx, 'h1')
    assert {n.id for n in value.networks} == {net.id, far.id}
    assert [p.id for p in value.ports] == [port.id]
    assert value.ports[0].allowed_pairs == (('10.0.0.99', port.mac_address),)
    group = value.groups[0]
    assert (group.id, group.members) == (web, ('10.0.0.10', '10.0.0.9', '10.0.0.99'))
    assert ('tcp', 80, 90, web) in [(r.protocol, r.port_min, r.port_max, r.remote_group) for r in group.rules]
    served = next(n for n in value.networks if n.id == net.id)
    assert {lease.ip for lease in served.leases} == {'10.0.0.9', '10.0.0.10'}
    assert {lease.device_id for lease in served.leases} >= {port.device_id}
    assert len(served.dhcp_addresses) == 2 and served.dhcp_mac
    assert {a.ip for p in value.routers[0].ports for a in p.addresses} == {'10.0.0.1', '10.1.0.1'}


def test_a_network_that_is_down_serves_nobody(tx):
    cloud.agent(tx, 'h1')
    net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
    cloud.server(tx, net, 'h1')
    networks.update(tx, MEMBER, net.id, admin_state_up=False)
    value = cloud.told(tx, 'h1')
    assert value.networks[0].dhcp_port_id is None and not value.ports[0].admin_up


def test_a_subnet_without_a_free_address_simply_has_no_dhcp_server(tx):
    cloud.agent(tx, 'h1')
    net = cloud.network(tx)
    cloud.subnet(tx, net, '10.0.0.0/24', allocation_pools=[])
    cloud.server(tx, net, 'h1', fixed_ip='10.0.0.9')
    assert cloud.told(tx, 'h1').networks[0].dhcp_addresses == ()
