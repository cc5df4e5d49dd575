"""Provider attributes of networks over HTTP: operators place a network, and no two are in one place."""

import dataclasses

import pytest

from nimbus.api.network import app
from nimbus.common import errors
from nimbus.network.options import (
    LAST_ID,
    TENANT_TYPES,
    bridge_mappings,
    local_ip,
    settings,
    tunnel_ranges,
    vlan_ranges,
)
from nimbus.network.rpc import TUNNELS
from tests.conftest import ADMIN, MEMBER
from tests.wire.network.conftest import Neutron

PROVIDER = ('provider:network_type', 'provider:physical_network', 'provider:segmentation_id')


def at(*place):
    return {name: value for name, value in zip(PROVIDER, place, strict=False) if value is not None}


@pytest.fixture
def placed(parts):
    """A cloud whose projects get VLANs 100 and 101 of a physical network, which has other VLANs too."""
    parts.extra['network'] = dataclasses.replace(
        settings(None), tenant_network_types=('vlan',), vlan_ranges=vlan_ranges(['lab:100:101', 'wan'])
    )
    return Neutron(app.make(parts), prefix='/v2.0')


def place_of(network):
    return tuple(network[name] for name in PROVIDER)


def test_an_operator_places_a_network_and_reads_where_it_is(placed):
    flat = placed.make('network', asker=ADMIN, **at('flat', 'public'))
    assert place_of(flat) == ('flat', 'public', None)
    vlan = placed.make('network', asker=ADMIN, **at('vlan', 'wan', '7'))
    assert place_of(vlan) == ('vlan', 'wan', 7)
    assert place_of(placed.make('network', asker=ADMIN, **at('local'))) == ('local', None, None)
    (found,) = placed('GET', '/networks?provider:segmentation_id=7', asker=ADMIN).json['networks']
    assert found['id'] == vlan['id']
    (found,) = placed('GET', '/networks?provider:physical_network=public', asker=ADMIN).json['networks']
    assert found['id'] == flat['id']
    assert not set(PROVIDER) & set(placed('GET', f'/networks/{flat["id"]}').json['network'])


def test_projects_are_given_free_places_until_none_is_left(placed):
    made = [placed.make('network') for _ in range(2)]
    seen = {place_of(placed('GET', f'/networks/{one["id"]}', asker=ADMIN).json['network']) for one in made}
    assert seen == {('vlan', 'lab', 100), ('vlan', 'lab', 101)}
    answer = placed('POST', '/networks', {'network': {}})
    why = answer.json['NeutronError']
    assert (answer.status, why['type']) == (503, 'NoNetworkAvailable') and 'No tenant network' in why['message']
    placed('DELETE', f'/networks/{made[0]["id"]}')
    placed.make('network')
    used = placed('GET', f'/quotas/{MEMBER.project_id}/details').json['quota']['network']['used']
    assert used == 2


def test_an_operator_may_leave_the_id_open(placed):
    assert place_of(placed.make('network', asker=ADMIN, **at('vlan', 'lab'))) == ('vlan', 'lab', 100)
    assert place_of(placed.make('network', asker=ADMIN, **at('vlan'))) == ('vlan', 'lab', 101)
    assert placed.make('network', 503, ADMIN, **at('vlan'))['type'] == 'NoNetworkAvailable'


def test_a_place_is_one_networks(placed):
    placed.make('network', asker=ADMIN, **at('flat', 'public'))
    why = placed.make('network', 409, ADMIN, **at('flat', 'public'))
    assert why['type'] == 'FlatNetworkInUse' and 'Physical network public is in use' in why['message']
    vlan = placed.make('network', asker=ADMIN, **at('vlan', 'lab', 300))
    why = placed.make('network', 409, ADMIN, **at('vlan', 'lab', 300))
    assert why['type'] == 'VlanIdInUse' and 'The VLAN 300 on physical network lab is in use' in why['message']
    placed.make('network', asker=ADMIN, **at('vlan', 'wan', 300))
    placed('DELETE', f'/networks/{vlan["id"]}', asker=ADMIN)
    placed.make('network', asker=ADMIN, **at('vlan', 'lab', 300))


@pytest.mark.parametrize(
    ('place', 'words'),
    [
        ((None, 'public'), 'network_type required'),
        ((None, None, 7), 'network_type required'),
        (('stt', None, 7), "network_type value 'stt' not supported"),
        (('vxlan', 'public', 7), 'provider:physical_network specified for vxlan network'),
        (('gre', 'public'), 'provider:physical_network specified for gre network'),
        (('vxlan', None, 0), 'segmentation_id out of range (1 through 16777215)'),
        (('geneve', None, 1 << 24), 'segmentation_id out of range (1 through 16777215)'),
        (('gre', None, -1), 'segmentation_id out of range (1 through 2147483647)'),
        (('local', 'public'), 'physical_network prohibited for local provider network'),
        (('local', None, 7), 'segmentation_id prohibited for local provider network'),
        (('flat',), 'physical_network required for flat provider network'),
        (('flat', 'public', 7), 'segmentation_id prohibited for flat provider network'),
        (('vlan', 'public', 7), "physical_network 'public' unknown for VLAN provider network"),
        (('vlan', 'lab', 4095), 'segmentation_id out of range (1 through 4094)'),
        (('vlan', 'lab', 0), 'segmentation_id out of range (1 through 4094)'),
        (('vlan', None, 7), 'segmentation_id requires physical_network for VLAN provider network'),
        (('vlan', 'wan'), 'Physical network wan requires segmentation_id to be specified'),
    ],
)
def test_a_place_that_cannot_be_is_refused(placed, place, words):
    why = placed.make('network', 400, ADMIN, **at(*place))
    assert why['type'] == 'InvalidInput' and words in why['message']
    assert placed('GET', '/networks', asker=ADMIN).json == {'networks': []}


def test_members_place_nothing(placed):
    for place in (('local',), ('flat', 'public'), ('vlan', 'lab', 300)):
        assert placed.make('network', 403, **at(*place))['type'] == 'PolicyNotAuthorized'
    network = placed.make('network')
    assert placed.change('network', network['id'], status=400, **at('flat'))['type'] == 'HTTPBadRequest'
    wrong = {'network': {'provider:segmentation_id': 'x', 'provider:network_type': 'vlan'}}
    assert placed.refused('POST', '/networks', wrong, ADMIN) == (400, 'HTTPBadRequest')


@pytest.mark.parametrize('word', ['', ':1:2', 'lab:1', 'lab:0:5', 'lab:5:4', 'lab:1:4095', 'lab:a:b', 'lab:1:2:3'])
def test_a_range_that_is_none_is_told_at_the_start(word):
    with pytest.raises(errors.Invalid, match='vlan_ranges'):
        vlan_ranges([word])


@pytest.mark.parametrize(
    'words', [['lab'], [':br'], ['lab:'], ['a:br', 'b:br'], ['a:br', 'a:br2'], ['a:longer-than-11']]
)
def test_a_mapping_that_is_none_is_told_at_the_start(words):
    with pytest.raises(errors.Invalid, match='bridge_mappings'):
        bridge_mappings(words)


def test_flat_networks_may_be_forbidden_or_named(parts):
    parts.extra['network'] = dataclasses.replace(settings(None), flat_networks=())
    shut = Neutron(app.make(parts), prefix='/v2.0')
    assert 'Flat provider networks are disabled' in shut.make('network', 400, ADMIN, **at('flat', 'a'))['message']
    parts.extra['network'] = dataclasses.replace(settings(None), flat_networks=('b',))
    named = Neutron(app.make(parts), prefix='/v2.0')
    why = named.make('network', 400, ADMIN, **at('flat', 'a'))
    assert "physical_network 'a' unknown for flat provider network" in why['message']
    named.make('network', asker=ADMIN, **at('flat', 'b'))


@pytest.fixture
def tunnelled(parts):
    """A cloud whose projects get two networks of type vxlan, then one of type gre."""
    ranges = {'vxlan': ((7, 8),), 'gre': ((7, 7),), 'geneve': ()}
    given = dataclasses.replace(settings(None), tenant_network_types=('vxlan', 'gre'), tunnel_ranges=ranges)
    parts.extra['network'] = given
    return Neutron(app.make(parts), prefix='/v2.0')


def test_projects_are_given_tunnels_and_the_mtu_that_these_leave(tunnelled):
    made = [tunnelled.make('network') for _ in range(3)]
    seen = [tunnelled('GET', f'/networks/{one["id"]}', asker=ADMIN).json['network'] for one in made]
    assert [place_of(one) for one in seen] == [('vxlan', None, 7), ('vxlan', None, 8), ('gre', None, 7)]
    assert [one['mtu'] for one in made] == [1450, 1450, 1458]
    assert tunnelled.make('network', 503)['type'] == 'NoNetworkAvailable'
    assert tunnelled.make('network', 503, ADMIN, **at('geneve'))['type'] == 'NoNetworkAvailable'


def test_an_operator_may_take_any_id_of_a_tunnel_and_it_is_one_networks(tunnelled):
    for kind in TUNNELS:
        made = tunnelled.make('network', asker=ADMIN, **at(kind, None, LAST_ID[kind]))
        assert place_of(made) == (kind, None, LAST_ID[kind])
        why = tunnelled.make('network', 409, ADMIN, **at(kind, None, LAST_ID[kind]))
        assert why['type'] == 'TunnelIdInUse' and f'The tunnel ID {LAST_ID[kind]} is in use' in why['message']
    assert place_of(tunnelled.make('network', asker=ADMIN, **at('vxlan'))) == ('vxlan', None, 7)


def test_an_mtu_that_the_type_does_not_carry_is_refused(tunnelled):
    for kind, most in (('vxlan', 1450), ('geneve', 1450), ('gre', 1458), ('local', 1500)):
        segment = None if kind == 'local' else 99
        why = tunnelled.make('network', 400, ADMIN, mtu=most + 1, **at(kind, None, segment))
        assert why['type'] == 'InvalidInput' and f'Requested MTU is too big, maximum is {most}' in why['message']
        network = tunnelled.make('network', asker=ADMIN, mtu=most, **at(kind, None, segment))
        why = tunnelled.change('network', network['id'], asker=ADMIN, status=400, mtu=most + 1)
        assert f'maximum is {most}' in why['message']
        assert tunnelled.change('network', network['id'], asker=ADMIN, mtu=1300)['mtu'] == 1300


def test_each_type_of_tunnels_has_a_range_and_is_one_that_projects_may_get():
    assert set(TUNNELS) < set(TENANT_TYPES) and set(TUNNELS) < set(LAST_ID)


@pytest.mark.parametrize('word', ['', '1', '1:', '0:5', '5:4', '1:16777216', 'a:b', '1:2:3'])
def test_a_range_of_tunnels_that_is_none_is_told_at_the_start(word):
    with pytest.raises(errors.Invalid, match='vni_ranges has'):
        tunnel_ranges('vxlan', 'vni_ranges', [word])


@pytest.mark.parametrize('word', ['x', '10.0.0.300', '127.0.0.1', '0.0.0.0', '224.0.0.1', 'fd00::1', '10.0.0.1/24'])
def test_an_address_at_which_no_tunnel_can_end_is_told_at_the_start(word):
    with pytest.raises(errors.Invalid, match='local_ip is'):
        local_ip(word)
    assert local_ip(None) is None and local_ip('192.0.2.7') == '192.0.2.7'
