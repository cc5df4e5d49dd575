"""Subnets over HTTP."""

import pytest

from tests.conftest import ADMIN, READER, STRANGER


def test_a_new_subnet_is_completed(neutron):
    net = neutron.network()
    made = neutron.make('subnet', network_id=net['id'], cidr='10.0.0.0/24', ip_version=4, dns_nameservers=['1.1.1.1'])
    assert made['gateway_ip'] == '10.0.0.1'
    assert made['allocation_pools'] == [{'start': '10.0.0.2', 'end': '10.0.0.254'}]
    assert (made['enable_dhcp'], made['dns_nameservers'], made['host_routes']) == (True, ['1.1.1.1'], [])
    assert (made['subnetpool_id'], made['ipv6_ra_mode'], made['service_types']) == (None, None, [])
    assert neutron('GET', f'/networks/{net["id"]}').json['network']['subnets'] == [made['id']]


def test_no_gateway_leaves_its_address_in_the_pool(neutron):
    net = neutron.network()
    made = neutron.make('subnet', network_id=net['id'], cidr='10.0.0.0/29', ip_version=4, gateway_ip=None)
    assert made['gateway_ip'] is None
    assert made['allocation_pools'] == [{'start': '10.0.0.1', 'end': '10.0.0.6'}]


def test_a_gateway_in_the_middle_splits_the_pool(neutron):
    net = neutron.network()
    made = neutron.make('subnet', network_id=net['id'], cidr='10.0.0.0/29', ip_version=4, gateway_ip='10.0.0.3')
    assert made['allocation_pools'] == [
        {'start': '10.0.0.1', 'end': '10.0.0.2'},
        {'start': '10.0.0.4', 'end': '10.0.0.6'},
    ]


def test_ipv6_modes(neutron):
    net = neutron.network()
    told = {'network_id': net['id'], 'cidr': 'fd00::/64', 'ip_version': 6}
    assert neutron.make('subnet', 400, **told, ipv6_ra_mode='slaac', ipv6_address_mode='dhcpv6-stateful')
    made = neutron.make('subnet', **told, ipv6_ra_mode='slaac', ipv6_address_mode='slaac')
    assert (made['gateway_ip'], made['ipv6_ra_mode']) == ('fd00::1', 'slaac')
    port = neutron.make('port', network_id=net['id'], mac_address='fa:16:3e:00:00:01')
    assert port['fixed_ips'] == [{'subnet_id': made['id'], 'ip_address': 'fd00::f816:3eff:fe00:1'}]


@pytest.mark.parametrize(
    ('body', 'status', 'kind'),
    [
        ({'cidr': '10.0.0.0/24'}, 400, 'InvalidInput'),  # overlaps
        ({'cidr': '10.0.0.0/16'}, 400, 'InvalidInput'),
        ({'cidr': 'nonsense'}, 400, 'HTTPBadRequest'),
        ({'cidr': '0.0.0.0/0'}, 400, 'HTTPBadRequest'),
        ({'cidr': None}, 400, 'BadRequest'),
        ({'ip_version': 5}, 400, 'HTTPBadRequest'),
        ({'ip_version': 6}, 400, 'InvalidInput'),
        ({'ipv6_ra_mode': 'slaac'}, 400, 'InvalidInput'),
        ({'gateway_ip': 'fd00::1'}, 400, 'InvalidInput'),
        ({'gateway_ip': '10.1.0.0'}, 400, 'InvalidInput'),
        ({'allocation_pools': [{'start': '10.1.0.9', 'end': '10.1.0.5'}]}, 400, 'InvalidAllocationPool'),
        ({'allocation_pools': [{'start': '10.1.0.9', 'end': '10.2.0.5'}]}, 400, 'OutOfBoundsAllocationPool'),
        ({'allocation_pools': [{'start': '10.1.0.1', 'end': '10.1.0.5'}]}, 409, 'GatewayConflictWithAllocationPools'),
        (
            {
                'allocation_pools': [
                    {'start': '10.1.0.9', 'end': '10.1.0.20'},
                    {'start': '10.1.0.20', 'end': '10.1.0.30'},
                ]
            },
            409,
            'OverlappingAllocationPools',
        ),
        ({'allocation_pools': 'x'}, 400, 'HTTPBadRequest'),
        ({'allocation_pools': [{'start': '10.1.0.9'}]}, 400, 'HTTPBadRequest'),
        ({'dns_nameservers': ['x']}, 400, 'HTTPBadRequest'),
        ({'dns_nameservers': ['1.1.1.1', '1.1.1.1']}, 400, 'HTTPBadRequest'),
        ({'dns_nameservers': [f'1.1.1.{i}' for i in range(6)]}, 400, 'DNSNameServersExhausted'),
        ({'host_routes': [{'destination': '10.9.0.0/24', 'nexthop': 'fd00::1'}]}, 400, 'InvalidInput'),
        ({'subnetpool_id': 'x'}, 400, 'HTTPBadRequest'),
        ({'network_id': 'x'}, 400, 'HTTPBadRequest'),
        ({'network_id': '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'}, 404, 'NetworkNotFound'),
    ],
)
def test_what_does_not_go_together_is_refused(neutron, body, status, kind):
    net = neutron.network('10.0.0.0/24')
    told = {'network_id': net['id'], 'cidr': '10.1.0.0/24', 'ip_version': 4} | body
    assert neutron.make('subnet', status, **told)['type'] == kind if status != 201 else True


def test_required_attributes_are_named(neutron):
    net = neutron.network()
    why = neutron.make('subnet', 400, network_id=net['id'], cidr='10.0.0.0/24')
    assert why['message'] == "Failed to parse request. Required attribute 'ip_version' not specified"


def test_any_range_may_be_used_again_on_another_network(neutron):
    neutron.network('10.0.0.0/24')
    neutron.network('10.0.0.0/24')
    neutron.network('10.0.0.0/24', asker=STRANGER)


def test_only_the_networks_owner_makes_subnets(neutron):
    shared = neutron.make('network', asker=ADMIN, shared=True, project_id='c' * 32)
    told = {'network_id': shared['id'], 'cidr': '10.0.0.0/24', 'ip_version': 4}
    assert neutron.make('subnet', 403, **told)['type'] == 'PolicyNotAuthorized'
    made = neutron.make('subnet', asker=ADMIN, **told, project_id='c' * 32)
    assert neutron('GET', f'/subnets/{made["id"]}', asker=READER).status == 200
    assert neutron.refused('DELETE', f'/subnets/{made["id"]}') == (403, 'PolicyNotAuthorized')


def test_a_subnet_is_changed(neutron):
    net = neutron.network('10.0.0.0/24')
    subnet = net['subnets'][0]
    routes = [{'destination': '10.9.0.0/24', 'nexthop': '10.0.0.9'}]
    changed = neutron.change('subnet', subnet, name='s', host_routes=routes, gateway_ip=None, dns_nameservers=[])
    assert (changed['name'], changed['host_routes'], changed['gateway_ip']) == ('s', routes, None)
    assert neutron.change('subnet', subnet, status=400, cidr='10.5.0.0/24')['message'] == (
        'Cannot update read-only attribute cidr'
    )
    assert neutron.change('subnet', subnet, status=409, gateway_ip='10.0.0.5')['type'] == (
        'GatewayConflictWithAllocationPools'
    )


def test_a_subnet_in_use_stays(neutron):
    net = neutron.network('10.0.0.0/24')
    port = neutron.make('port', network_id=net['id'])
    assert neutron.refused('DELETE', f'/subnets/{net["subnets"][0]}') == (409, 'SubnetInUse')
    neutron('DELETE', f'/ports/{port["id"]}')
    assert neutron('DELETE', f'/subnets/{net["subnets"][0]}').status == 204
    assert neutron.refused('GET', f'/subnets/{net["subnets"][0]}') == (404, 'SubnetNotFound')


def test_availability_counts_addresses(neutron):
    net = neutron.network('10.0.0.0/29')
    neutron.make('port', network_id=net['id'])
    found = neutron('GET', f'/network-ip-availabilities/{net["id"]}', asker=ADMIN).json['network_ip_availability']
    assert (found['total_ips'], found['used_ips']) == (5, 1)
    assert neutron.refused('GET', '/network-ip-availabilities')[0] == 403


def test_ports_get_addresses_of_the_subnets_for_their_owners(neutron):
    net = neutron.make('network')['id']
    told = {'network_id': net, 'ip_version': 4, 'enable_dhcp': False}
    for wrong, kind in ((['x'], 'InvalidSubnetServiceType'), ([7], 'InvalidInputSubnetServiceType')):
        assert neutron.make('subnet', 400, cidr='10.0.0.0/24', service_types=wrong, **told)['type'] == kind
    guests = neutron.make('subnet', cidr='10.0.0.0/24', service_types=['compute:nova'], **told)
    assert guests['service_types'] == ['compute:nova']
    refused = neutron.make('port', 409, network_id=net)
    assert refused['type'] == 'IpAddressGenerationFailureNoMatchingSubnet'
    port = neutron.make('port', network_id=net, device_owner='compute:nova')
    assert [ip['subnet_id'] for ip in port['fixed_ips']] == [guests['id']]
    rest = neutron.make('subnet', cidr='10.1.0.0/24', **told)['id']
    port = neutron.make('port', network_id=net)
    assert [ip['subnet_id'] for ip in port['fixed_ips']] == [rest]
    port = neutron.make('port', network_id=net, fixed_ips=[{'subnet_id': guests['id']}])
    assert [ip['subnet_id'] for ip in port['fixed_ips']] == [guests['id']], 'it was asked for'
    assert neutron.change('subnet', guests['id'], service_types=[])['service_types'] == []
