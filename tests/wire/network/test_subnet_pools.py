"""Subnet pools and address scopes over HTTP, and the subnets that are allocated from them."""

import pytest

from nimbus.common import ids
from tests.conftest import ADMIN, MEMBER, STRANGER
from tests.wire.network.test_rbac_policies import listed, share


@pytest.fixture
def pool(neutron):
    """Makes a pool of 10.0.0.0/16, or of what is given."""

    def make(asker=MEMBER, status=201, **body):
        told = {'name': 'p', 'prefixes': ['10.0.0.0/16'], 'default_prefixlen': 24} | body
        return neutron.make('subnetpool', status, asker, **told)

    return make


def scope(neutron, asker=MEMBER, status=201, **body):
    """What a POST of an address scope answers."""
    answer = neutron('POST', '/address-scopes', {'address_scope': {'name': 's', 'ip_version': 4} | body}, asker)
    assert answer.status == status, answer.data
    return answer.json['address_scope'] if status == 201 else answer.json['NeutronError']


def subnet(neutron, status=201, asker=MEMBER, network=None, **body):
    """What a POST of a subnet answers, on a network of its own."""
    network = network or neutron.make('network', asker=asker)['id']
    told = {'network_id': network, 'ip_version': 4, 'enable_dhcp': False} | body
    return neutron.make('subnet', status, asker, **told)


def test_a_pool_shows_what_neutron_shows(neutron):
    made = neutron.make('subnetpool', name='p', prefixes=['10.1.0.0/17', '10.1.128.0/17', '10.3.0.0/24'])
    assert made['prefixes'] == ['10.1.0.0/16', '10.3.0.0/24'], 'as few as can be'
    bounds = {name: made[f'{name}_prefixlen'] for name in ('min', 'max', 'default')}
    assert bounds == {'min': '8', 'max': '32', 'default': '8'}
    assert (made['ip_version'], made['default_quota'], made['is_default']) == (4, None, False)
    assert (made['address_scope_id'], made['shared'], made['tags']) == (None, False, [])
    assert (made['revision_number'], made['description']) == (0, '')
    six = neutron.make('subnetpool', name='p', prefixes=['2001:db8::/32'])
    assert (six['ip_version'], six['min_prefixlen'], six['max_prefixlen']) == (6, '64', '128')
    changed = neutron.change('subnetpool', six['id'], name='q', min_prefixlen=48, default_prefixlen=56)
    assert (changed['name'], changed['min_prefixlen'], changed['default_prefixlen']) == ('q', '48', '56')
    assert listed(neutron, '/subnetpools?ip_version=6&min_prefixlen=48', MEMBER) == [six['id']]
    assert listed(neutron, '/subnetpools?sort_key=min_prefixlen&sort_dir=desc', MEMBER) == [six['id'], made['id']]
    assert neutron('PUT', f'/subnetpools/{six["id"]}/tags', {'tags': ['a']}).status == 200
    assert listed(neutron, '/subnetpools?tags=a', MEMBER) == [six['id']]
    assert neutron('DELETE', f'/subnetpools/{six["id"]}').status == 204
    assert neutron.refused('GET', f'/subnetpools/{six["id"]}') == (404, 'SubnetPoolNotFound')


@pytest.mark.parametrize(
    ('body', 'status', 'kind'),
    [
        ({'prefixes': []}, 400, 'EmptySubnetPoolPrefixList'),
        ({'prefixes': ['10.0.0.0/8', 'fd00::/8']}, 400, 'PrefixVersionMismatch'),
        ({'prefixes': ['10.0.0.0']}, 400, 'HTTPBadRequest'),
        ({'prefixes': '10.0.0.0/8'}, 400, 'HTTPBadRequest'),
        ({'prefixes': [7]}, 400, 'HTTPBadRequest'),
        ({'name': ' '}, 400, 'HTTPBadRequest'),
        ({'min_prefixlen': 33}, 400, 'IllegalSubnetPoolPrefixBounds'),
        ({'min_prefixlen': 24, 'max_prefixlen': 20}, 400, 'IllegalSubnetPoolPrefixBounds'),
        ({'max_prefixlen': 64}, 400, 'IllegalSubnetPoolPrefixBounds'),
        ({'default_prefixlen': 30, 'max_prefixlen': 28}, 400, 'IllegalSubnetPoolPrefixBounds'),
        ({'default_prefixlen': 8, 'min_prefixlen': 16}, 400, 'IllegalSubnetPoolPrefixBounds'),
        ({'min_prefixlen': -1}, 400, 'HTTPBadRequest'),
        ({'default_quota': -1}, 400, 'HTTPBadRequest'),
        ({'address_scope_id': ids.dashed()}, 404, 'AddressScopeNotFound'),
        ({'shared': True}, 403, 'PolicyNotAuthorized'),
        ({'is_default': True}, 403, 'PolicyNotAuthorized'),
    ],
)
def test_pools_that_cannot_be(neutron, pool, body, status, kind):
    assert pool(status=status, **body)['type'] == kind
    assert listed(neutron, '/subnetpools', MEMBER) == []


def test_a_subnet_gets_the_smallest_free_range_that_has_room(neutron, pool):
    made = pool(prefixes=['10.0.0.0/16', '10.9.0.0/24'])['id']
    first = subnet(neutron, subnetpool_id=made)
    assert (first['cidr'], first['gateway_ip'], first['subnetpool_id']) == ('10.9.0.0/24', '10.9.0.1', made)
    assert first['allocation_pools'] == [{'start': '10.9.0.2', 'end': '10.9.0.254'}]
    assert subnet(neutron, subnetpool_id=made)['cidr'] == '10.0.0.0/24'
    assert subnet(neutron, subnetpool_id=made, prefixlen=26)['cidr'] == '10.0.1.0/26'
    assert subnet(neutron, subnetpool_id=made, cidr='10.0.200.0/22')['cidr'] == '10.0.200.0/22'
    assert subnet(neutron, subnetpool_id=made, prefixlen=24, gateway_ip='10.0.77.9')['cidr'] == '10.0.77.0/24'
    assert 'prefixlen' not in first and 'use_default_subnetpool' not in first
    assert listed(neutron, f'/subnets?subnetpool_id={made}&cidr=10.9.0.0/24', MEMBER) == [first['id']]
    neutron('DELETE', f'/subnets/{first["id"]}')
    assert subnet(neutron, subnetpool_id=made)['cidr'] == '10.0.76.0/24', 'the lowest of those of one size'
    assert subnet(neutron, subnetpool_id=made)['cidr'] == '10.9.0.0/24', 'what is given back is given again'


@pytest.mark.parametrize(
    ('body', 'status', 'kind'),
    [
        ({'cidr': '10.0.0.0/24'}, 400, 'SubnetAllocationError'),  # allocated already
        ({'cidr': '10.0.0.0/20'}, 400, 'SubnetAllocationError'),  # in part
        ({'cidr': '10.7.0.0/24'}, 400, 'SubnetAllocationError'),  # not the pool's
        ({'prefixlen': 17}, 400, 'SubnetAllocationError'),
        ({'prefixlen': 29}, 400, 'MaxPrefixSubnetAllocationError'),
        ({'prefixlen': 15}, 400, 'MinPrefixSubnetAllocationError'),
        ({'cidr': '10.0.9.0/24', 'prefixlen': 24}, 400, 'BadRequest'),
        ({'allocation_pools': [{'start': '10.0.1.2', 'end': '10.0.1.9'}]}, 400, 'BadRequest'),
        ({'ip_version': 6}, 400, 'BadRequest'),
        ({'use_default_subnetpool': True}, 400, 'BadRequest'),
        ({'subnetpool_id': ids.dashed()}, 404, 'SubnetPoolNotFound'),
        ({'subnetpool_id': 'x'}, 400, 'HTTPBadRequest'),
        ({'subnetpool_id': None, 'use_default_subnetpool': True}, 400, 'BadRequest'),
        ({'subnetpool_id': None}, 400, 'BadRequest'),
        ({'prefixlen': 'x'}, 400, 'HTTPBadRequest'),
    ],
)
def test_subnets_that_a_pool_does_not_give(neutron, pool, body, status, kind):
    made = pool(min_prefixlen=16, max_prefixlen=28, prefixes=['10.0.0.0/17'])['id']
    taken = subnet(neutron, subnetpool_id=made)['id']
    assert subnet(neutron, status, **{'subnetpool_id': made, **body})['type'] == kind
    assert listed(neutron, '/subnets', MEMBER) == [taken]


def test_a_pool_without_room_gives_no_more(neutron, pool):
    made = pool(prefixes=['10.0.0.0/23'])['id']
    assert {subnet(neutron, subnetpool_id=made)['cidr'] for _ in range(2)} == {'10.0.0.0/24', '10.0.1.0/24'}
    assert subnet(neutron, 400, subnetpool_id=made)['type'] == 'SubnetAllocationError'
    assert neutron.refused('DELETE', f'/subnetpools/{made}') == (400, 'SubnetPoolDeleteError')


def test_a_project_has_no_more_of_a_pool_than_its_quota(neutron, pool):
    made = pool(default_quota=300, asker=ADMIN, shared=True)['id']
    subnet(neutron, subnetpool_id=made)
    assert subnet(neutron, 409, subnetpool_id=made)['type'] == 'SubnetPoolQuotaExceeded'
    subnet(neutron, subnetpool_id=made, prefixlen=27)
    subnet(neutron, asker=STRANGER, subnetpool_id=made)
    neutron.change('subnetpool', made, ADMIN, default_quota=None)
    subnet(neutron, subnetpool_id=made)


def test_the_default_pool_is_for_all_that_name_none(neutron, pool):
    made = pool(asker=ADMIN, is_default=True, shared=True)['id']
    assert pool(asker=ADMIN, status=400, is_default=True)['type'] == 'InvalidInput'
    six = pool(asker=ADMIN, is_default=True, shared=True, prefixes=['fd00::/32'], default_prefixlen=64)['id']
    assert subnet(neutron, use_default_subnetpool=True)['subnetpool_id'] == made
    assert subnet(neutron, use_default_subnetpool=True, ip_version=6)['subnetpool_id'] == six
    neutron.change('subnetpool', made, ADMIN, is_default=False)
    assert subnet(neutron, 400, use_default_subnetpool=True)['type'] == 'BadRequest'
    private = pool(asker=STRANGER, prefixes=['10.0.0.0/16'])['id']
    assert subnet(neutron, 404, subnetpool_id=private)['type'] == 'SubnetPoolNotFound'


def test_subnets_of_a_network_are_of_one_pool_or_one_scope(neutron, pool):
    net = neutron.network('10.200.0.0/24')['id']
    one = pool()['id']
    assert subnet(neutron, 400, network=net, subnetpool_id=one)['type'] == 'NetworkSubnetPoolAffinityError'
    net = neutron.make('network')['id']
    subnet(neutron, network=net, subnetpool_id=one)
    assert subnet(neutron, 400, network=net, cidr='10.210.0.0/24')['type'] == 'NetworkSubnetPoolAffinityError'
    other = pool(prefixes=['10.5.0.0/16'])['id']
    assert subnet(neutron, 400, network=net, subnetpool_id=other)['type'] == 'NetworkSubnetPoolAffinityError'
    subnet(neutron, network=net, subnetpool_id=one)
    within = scope(neutron)['id']
    for made in (one, other):
        neutron.change('subnetpool', made, address_scope_id=within)
    subnet(neutron, network=net, subnetpool_id=other)
    shown = neutron('GET', f'/networks/{net}').json['network']
    assert (shown['ipv4_address_scope'], shown['ipv6_address_scope']) == (within, None)
    outside = pool(prefixes=['10.6.0.0/16'])['id']
    assert subnet(neutron, 400, network=net, subnetpool_id=outside)['type'] == 'NetworkAddressScopeAffinityError'
    refused = neutron.change('subnetpool', one, status=400, address_scope_id=scope(neutron)['id'])
    assert refused['type'] == 'NetworkAddressScopeAffinityError'


def test_pools_of_one_scope_do_not_meet(neutron, pool):
    within = scope(neutron)['id']
    made = pool(address_scope_id=within)['id']
    assert pool(status=409, address_scope_id=within, prefixes=['10.0.7.0/24'])['type'] == 'AddressScopePrefixConflict'
    other = pool(address_scope_id=within, prefixes=['10.1.0.0/16'])['id']
    refused = neutron.change('subnetpool', other, status=409, prefixes=['10.0.0.0/15'])
    assert refused['type'] == 'AddressScopePrefixConflict'
    refused = pool(status=400, address_scope_id=within, prefixes=['fd00::/32'], default_prefixlen=64)
    assert refused['type'] == 'IllegalSubnetPoolIpVersionAssociationToAddressScope'
    assert neutron.refused('DELETE', f'/address-scopes/{within}') == (409, 'AddressScopeInUse')
    for one in (made, other):
        neutron.change('subnetpool', one, address_scope_id=None)
    assert neutron('DELETE', f'/address-scopes/{within}').status == 204
    assert neutron.refused('GET', f'/address-scopes/{within}') == (404, 'AddressScopeNotFound')


def test_a_scope_shows_what_neutron_shows(neutron):
    made = scope(neutron, name='x', ip_version='6')
    assert set(made) == {'id', 'name', 'ip_version', 'shared', 'project_id', 'tenant_id'}
    assert (made['name'], made['ip_version'], made['shared']) == ('x', 6, False)
    assert scope(neutron, status=400, ip_version=5)['type'] == 'HTTPBadRequest'
    assert scope(neutron, status=403, shared=True)['type'] == 'PolicyNotAuthorized'
    path = f'/address-scopes/{made["id"]}'
    assert neutron('PUT', path, {'address_scope': {'name': 'y'}}).json['address_scope']['name'] == 'y'
    assert neutron.refused('PUT', path, {'address_scope': {'name': 'y'}}, STRANGER) == (404, 'AddressScopeNotFound')
    shared = {'address_scope': {'shared': True}}
    assert neutron.refused('PUT', path, shared) == (403, 'PolicyNotAuthorized')
    assert neutron('PUT', path, shared, ADMIN).json['address_scope']['shared'] is True
    assert neutron('GET', path, asker=STRANGER).json['address_scope']['shared'] is True
    unshared = {'address_scope': {'shared': False}}
    assert neutron.refused('PUT', path, unshared, ADMIN) == (400, 'AddressScopeUpdateError')


def test_ranges_are_added_to_a_pool_and_taken_out(neutron, pool):
    path = f'/subnetpools/{pool()["id"]}'
    assert neutron('PUT', f'{path}/add_prefixes', {'prefixes': ['10.1.0.0/16']}).json == {'prefixes': ['10.0.0.0/15']}
    subnet(neutron, subnetpool_id=path.rpartition('/')[2])
    taken = {'prefixes': ['10.0.0.0/20']}
    assert neutron.refused('PUT', f'{path}/remove_prefixes', taken) == (400, 'IllegalSubnetPoolPrefixUpdate')
    left = neutron('PUT', f'{path}/remove_prefixes', {'prefixes': ['10.1.0.0/16', '192.168.0.0/24']}).json
    assert left == {'prefixes': ['10.0.0.0/16']}
    assert neutron.change('subnetpool', path.rpartition('/')[2], status=400, prefixes=['10.0.0.0/17'])['type'] == (
        'IllegalSubnetPoolPrefixUpdate'
    )
    for body in ({}, {'prefixes': []}, {'prefixes': 'x'}, {'prefixes': ['x']}, []):
        for action in ('add_prefixes', 'remove_prefixes'):
            assert neutron.refused('PUT', f'{path}/{action}', body)[0] == 400
    assert neutron.refused('PUT', f'{path}/add_prefixes', {'prefixes': ['fd00::/16']}) == (400, 'PrefixVersionMismatch')
    assert neutron.refused('PUT', f'{path}/add_prefixes', taken, STRANGER) == (404, 'SubnetPoolNotFound')


def test_the_subnets_of_a_network_are_taken_into_a_pool(neutron, pool):
    made = pool()['id']
    net = neutron.network('192.168.0.0/24', '192.168.1.0/24', 'fd00::/64')
    path = f'/subnetpools/{made}/onboard_network_subnets'
    answer = neutron('PUT', path, {'network_id': net['id']}).json
    assert [one['cidr'] for one in answer] == ['192.168.0.0/24', '192.168.1.0/24']
    shown = neutron('GET', f'/subnetpools/{made}').json['subnetpool']
    assert shown['prefixes'] == ['10.0.0.0/16', '192.168.0.0/23']
    assert sorted(listed(neutron, f'/subnets?subnetpool_id={made}', MEMBER)) == sorted(one['id'] for one in answer)
    assert neutron.refused('PUT', path, {'network_id': net['id']}) == (400, 'IllegalSubnetPoolUpdate')
    theirs = neutron.network('192.168.9.0/24', asker=STRANGER)['id']
    assert neutron.refused('PUT', path, {'network_id': theirs}) == (404, 'NetworkNotFound')
    share(neutron, 'network', theirs, MEMBER.project_id, asker=STRANGER)
    assert neutron.refused('PUT', path, {'network_id': theirs}) == (403, 'NotAuthorized')
    for body in ({}, {'network_id': 7}, {'network_id': None}, []):
        assert neutron.refused('PUT', path, body)[0] == 400


def test_a_pool_and_its_scope_are_shared_with_a_project(neutron, pool):
    within = scope(neutron)['id']
    made = pool(address_scope_id=within)['id']
    assert share(neutron, 'subnetpool', made, status=400)['type'] == 'InvalidInput'
    by_scope = share(neutron, 'address_scope', within)['id']
    by_pool = share(neutron, 'subnetpool', made)['id']
    assert listed(neutron, '/subnetpools?shared=True') == [made] and listed(neutron, '/address-scopes') == [within]
    subnet(neutron, asker=STRANGER, subnetpool_id=made)
    own = pool(asker=STRANGER, prefixes=['10.8.0.0/16'], address_scope_id=within)['id']
    refused = neutron.change('subnetpool', own, STRANGER, 400, name='x')
    assert refused['type'] == 'IllegalSubnetPoolUpdate', 'it is in the scope of another project'
    for policy in (by_pool, by_scope):
        assert neutron.refused('DELETE', f'/rbac-policies/{policy}') == (409, 'RbacPolicyInUse')
    for method, body in (('PUT', {'subnetpool': {'name': 'x'}}), ('DELETE', None)):
        assert neutron.refused(method, f'/subnetpools/{made}', body, STRANGER) == (403, 'PolicyNotAuthorized')


def test_pools_count_in_the_quota(neutron, pool):
    assert neutron('PUT', f'/quotas/{MEMBER.project_id}', {'quota': {'subnetpool': 1}}, ADMIN).status == 200
    made = pool()['id']
    assert pool(status=409)['type'] == 'OverQuota'
    neutron('DELETE', f'/subnetpools/{made}')
    pool()
