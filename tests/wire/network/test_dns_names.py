"""What ports, networks and floating IPs are called in a DNS."""

import pytest

from tests.conftest import ADMIN
from tests.domain.network import cloud


def test_a_ports_addresses_are_called_by_its_name(neutron):
    net = neutron.network('10.0.0.0/24', dns_domain='Example.org.')
    assert net['dns_domain'] == 'example.org.'
    port = neutron.make('port', network_id=net['id'], dns_name='Web', dns_domain='d.org.')
    ip = port['fixed_ips'][0]['ip_address']
    assert (port['dns_name'], port['dns_domain']) == ('web', 'd.org.')
    assert port['dns_assignment'] == [{'ip_address': ip, 'hostname': 'web', 'fqdn': 'web.nimbus.'}]
    port = neutron.change('port', port['id'], dns_name='', dns_domain='')
    assert (port['dns_name'], port['dns_domain']) == ('', '')
    host = 'host-' + ip.replace('.', '-')
    assert port['dns_assignment'] == [{'ip_address': ip, 'hostname': host, 'fqdn': f'{host}.nimbus.'}]
    assert neutron.change('network', net['id'], dns_domain='')['dns_domain'] == ''


def test_the_dhcp_server_is_told_the_name(neutron, database):
    with database.write() as tx:
        cloud.agent(tx, 'h1')
    net = neutron.network('10.0.0.0/24', dhcp=True)['id']
    told = {'network_id': net, 'binding:host_id': 'h1'}
    port = neutron.make('port', asker=ADMIN, dns_name='first', **told)['id']

    def leased():
        with database.read() as tx:
            (network,) = [one for one in cloud.told(tx, 'h1').networks if one.id == net]
            return [lease.hostname for lease in network.leases]

    assert leased() == ['first']
    neutron.change('port', port, dns_name='second')
    assert leased() == ['second']


def test_a_floating_ip_keeps_its_name(neutron):
    outside = neutron.network('172.24.0.0/24', asker=ADMIN, **{'router:external': True})['id']
    made = neutron.make('floatingip', floating_network_id=outside, dns_name='www', dns_domain='example.org.')
    assert (made['dns_name'], made['dns_domain']) == ('www', 'example.org.')
    assert neutron.make('floatingip', floating_network_id=outside)['dns_name'] == ''


@pytest.mark.parametrize('name', ['-a', 'a-', 'a..b', 'a_b', 'a b', 'é', 'a\nb', 'x' * 64, 'a.' * 130, 'a.7', 7, ['a']])
def test_names_that_cannot_be(neutron, name):
    net = neutron.network('10.0.0.0/24')['id']
    assert neutron.make('port', 400, network_id=net, dns_name=name)['type'] == 'HTTPBadRequest'
    assert neutron.make('network', 400, dns_domain=name)['type'] == 'HTTPBadRequest'


def test_a_network_carries_the_ip_versions_of_its_subnets(neutron):
    for size, version, cidr in ((67, 4, '10.0.0.0/24'), (1279, 6, 'fd00::/64')):
        net = neutron.make('network', mtu=size)['id']
        told = {'network_id': net, 'ip_version': version, 'cidr': cidr}
        assert neutron.make('subnet', 409, **told)['type'] == 'NetworkMTUSubnetConflict'
        neutron.change('network', net, mtu=1280)
        neutron.make('subnet', **told)
        assert neutron.change('network', net, status=409, mtu=size)['type'] == 'NetworkMTUSubnetConflict'
