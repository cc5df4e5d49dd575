"""IPv6 over HTTP: addresses that guests make by themselves, and routers that advertise their prefixes."""

import ipaddress

import pytest

from tests.conftest import ADMIN

MAC = 'fa:16:3e:00:00:01'
MADE = 'f816:3eff:fe00:1'  # the interface's half of what a guest with that MAC makes
MODES = ('slaac', 'dhcpv6-stateless')


def subnet(neutron, net, prefix='fd00:0:0:1', mode='slaac', **more):
    modes = {'ipv6_ra_mode': mode, 'ipv6_address_mode': mode} if mode else {}
    return neutron.make('subnet', network_id=net['id'], cidr=f'{prefix}::/64', ip_version=6, **(modes | more))


def ips(port):
    return [one['ip_address'] for one in port['fixed_ips']]


def made_on(prefix='fd00:0:0:1', half=MADE):
    return str(ipaddress.IPv6Address(f'{prefix}:{half}'))


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('fields', [('ipv6_ra_mode',), ('ipv6_address_mode',), ('ipv6_ra_mode', 'ipv6_address_mode')])
def test_a_port_has_the_address_that_its_guest_makes(neutron, mode, fields):
    net = neutron.network('10.0.0.0/24')
    subnet(neutron, net, mode=None, **dict.fromkeys(fields, mode))
    port = neutron.make('port', network_id=net['id'], mac_address=MAC)
    assert ips(port)[0].startswith('10.0.0.') and ips(port)[1:] == [made_on()]


@pytest.mark.parametrize('fixed_ips', [[], 'of the other subnet', 'of this subnet'])
def test_a_port_has_it_whatever_else_it_asks_for(neutron, fixed_ips):
    net = neutron.network('10.0.0.0/24')
    made = subnet(neutron, net)
    asked = {'of the other subnet': [{'subnet_id': net['subnets'][0]}], 'of this subnet': [{'subnet_id': made['id']}]}
    wanted = asked.get(fixed_ips, fixed_ips) if isinstance(fixed_ips, str) else fixed_ips
    port = neutron.make('port', network_id=net['id'], mac_address=MAC, fixed_ips=wanted)
    assert ips(port)[-1] == made_on() and len(ips(port)) == (2 if fixed_ips == 'of the other subnet' else 1)


def test_no_address_is_chosen_where_guests_make_their_own(neutron):
    net = neutron.network()
    made = subnet(neutron, net)
    for place in ({'ip_address': 'fd00:0:0:1::7'}, {'subnet_id': made['id'], 'ip_address': 'fd00:0:0:1::7'}):
        why = neutron.make('port', 400, network_id=net['id'], fixed_ips=[place])
        assert why['type'] == 'AllocationOnAutoAddressSubnet' and made['id'] in why['message']
    port = neutron.make('port', network_id=net['id'])
    again = [{'subnet_id': made['id'], 'ip_address': 'fd00:0:0:1::7'}]
    assert neutron.change('port', port['id'], status=400, fixed_ips=again)['type'] == 'AllocationOnAutoAddressSubnet'
    assert neutron('GET', f'/ports/{port["id"]}').json['port']['fixed_ips'] == port['fixed_ips']


def test_what_a_guest_makes_stays_when_its_other_addresses_change(neutron):
    net = neutron.network('10.0.0.0/24')
    subnet(neutron, net)
    port = neutron.make('port', network_id=net['id'], mac_address=MAC)
    other = [{'subnet_id': net['subnets'][0], 'ip_address': '10.0.0.77'}]
    assert sorted(ips(neutron.change('port', port['id'], fixed_ips=other))) == ['10.0.0.77', made_on()]
    assert ips(neutron.change('port', port['id'], fixed_ips=[])) == [made_on()]


def test_a_guests_address_follows_its_mac(neutron):
    net = neutron.network('10.0.0.0/24')
    subnet(neutron, net)
    port = neutron.make('port', asker=ADMIN, network_id=net['id'], mac_address=MAC)
    after = neutron.change('port', port['id'], ADMIN, mac_address='fa:16:3e:00:00:02')
    assert sorted(ips(after)) == sorted([ips(port)[0], made_on(half='f816:3eff:fe00:2')])


def test_ports_that_were_there_before_get_an_address_of_a_new_prefix_and_lose_it_with_it(neutron):
    net = neutron.network('10.0.0.0/24')
    port = neutron.make('port', network_id=net['id'], mac_address=MAC)
    made = subnet(neutron, net)
    path = f'/ports/{port["id"]}'
    assert made_on() in ips(neutron('GET', path).json['port'])
    assert neutron('DELETE', f'/subnets/{made["id"]}').status == 204
    assert neutron('GET', path).json['port']['fixed_ips'] == port['fixed_ips']


# Routers


def plug(neutron, router, status=200, verb='add', **body):
    answer = neutron('PUT', f'/routers/{router["id"]}/{verb}_router_interface', body)
    assert answer.status == status, answer.data
    return answer.json if status == 200 else answer.json['NeutronError']


def test_a_router_has_one_port_for_all_ipv6_prefixes_of_a_network(neutron):
    net = neutron.network('10.0.0.0/24')
    one, two = subnet(neutron, net), subnet(neutron, net, 'fd00:0:0:2', 'dhcpv6-stateful')
    router = neutron.make('router')
    old = plug(neutron, router, subnet_id=net['subnets'][0])
    first, second = (plug(neutron, router, subnet_id=each['id']) for each in (one, two))
    assert first['port_id'] == second['port_id'] != old['port_id']
    assert (second['subnet_id'], second['subnet_ids']) == (two['id'], [two['id']])
    port = neutron('GET', f'/ports/{first["port_id"]}').json['port']
    assert ips(port) == ['fd00:0:0:1::1', 'fd00:0:0:2::1']
    gone = plug(neutron, router, verb='remove', subnet_id=one['id'])
    assert gone['subnet_ids'] == [one['id']]
    assert ips(neutron('GET', f'/ports/{first["port_id"]}').json['port']) == ['fd00:0:0:2::1']
    plug(neutron, router, verb='remove', subnet_id=two['id'])
    assert neutron('GET', f'/ports/{first["port_id"]}').status == 404


def test_a_second_ipv6_port_of_a_network_is_refused_to_a_router(neutron):
    net = neutron.network()
    one, two = (subnet(neutron, net, f'fd00:0:0:{number}', 'dhcpv6-stateful') for number in (1, 2))
    router = neutron.make('router')
    first = plug(neutron, router, subnet_id=one['id'])
    port = neutron.make('port', network_id=net['id'], fixed_ips=[{'subnet_id': two['id']}])
    why = plug(neutron, router, 400, port_id=port['id'])
    assert why['type'] == 'BadRequest' and first['port_id'] in why['message']
