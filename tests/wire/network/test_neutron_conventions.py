"""What Neutron's clients take for granted: forms of values, of paths and of refusals."""

import datetime

import pytest

from nimbus.network.models import Network
from nimbus.network.security_groups import groups
from tests.conftest import ADMIN, MEMBER, OUTSIDER, STRANGER
from tests.domain.network import cloud


@pytest.mark.parametrize(
    ('told', 'kept'),
    [
        ('192.168.1.0/20', '192.168.0.0/20'),
        ('10.70.0.5/24', '10.70.0.0/24'),
        ('2001:db8:9::5/64', '2001:db8:9::/64'),
        ('2001:0DB8:0:0::/64', '2001:db8::/64'),
    ],
)
def test_a_subnet_loses_the_bits_beyond_its_length(neutron, told, kept):
    made = neutron.make('subnet', network_id=neutron.network()['id'], cidr=told, ip_version=6 if ':' in told else 4)
    assert made['cidr'] == kept


@pytest.mark.parametrize(('cidr', 'everywhere', 'hop'), [('10.0.0.0/24', '0.0.0.0/0', '10.0.0.9'),
                                                       ('fd00::/64', '::/0', 'fd00::9')])  # fmt: skip
def test_a_default_route_is_a_route(neutron, cidr, everywhere, hop):
    route = [{'destination': everywhere, 'nexthop': hop}]
    net, version = neutron.network()['id'], 6 if ':' in cidr else 4
    made = neutron.make('subnet', network_id=net, cidr=cidr, ip_version=version, host_routes=route)
    assert made['host_routes'] == route
    router = neutron.make('router')['id']
    assert neutron('PUT', f'/routers/{router}/add_router_interface', {'subnet_id': made['id']}).status == 200
    assert neutron.change('router', router, routes=route)['routes'] == route


@pytest.mark.parametrize('destination', ['10.9.0.5/24', '10.9.0.0', 'x', '127.0.0.0/8', '::1/128', 7, None])
def test_what_leads_nowhere_is_no_route(neutron, destination):
    subnet = neutron.network('10.0.0.0/24')['subnets'][0]
    routes = [{'destination': destination, 'nexthop': '10.0.0.9'}]
    why = neutron.change('subnet', subnet, status=400, host_routes=routes)
    assert why['type'] == 'HTTPBadRequest' and str(destination) in why['message']


def test_an_address_pair_may_be_a_range_as_it_was_told(neutron):
    net = neutron.network('10.0.0.0/24')['id']
    pairs = [{'ip_address': '10.0.0.5/28'}, {'ip_address': 'FD00::5/64'}]
    shown = neutron.make('port', network_id=net, allowed_address_pairs=pairs)['allowed_address_pairs']
    assert [pair['ip_address'] for pair in shown] == ['10.0.0.5/28', 'fd00::5/64']


@pytest.mark.parametrize('path', ['/networks', '/networks/{id}', '/ports', '/extensions', '/networks/{id}/tags',
                                  '/quotas/{project}', '/quotas/{project}/details'])  # fmt: skip
def test_a_path_may_end_in_json(neutron, path):
    path = path.format(id=neutron.network()['id'], project=MEMBER.project_id)
    assert neutron('GET', path + '.json').data == neutron('GET', path).data != b''
    assert neutron('GET', path + '.xml').status in (403, 404)


def test_a_tag_may_end_in_json_by_itself(neutron):
    path = f'/networks/{neutron.network()["id"]}/tags'
    assert neutron('PUT', f'{path}/a.json').status == 201
    assert neutron('GET', path).json == {'tags': ['a.json']}


# Rules


def rule(neutron, group, *told):
    """Status and kind of the answer to a request for rules."""
    found = [{'security_group_id': group, **one} for one in told]
    body = {'security_group_rules': found} if len(found) > 1 else {'security_group_rule': found[0]}
    answer = neutron('POST', '/security-group-rules', body)
    return answer.status, answer.json.get('NeutronError', {}).get('type')


SSH = {'direction': 'ingress', 'protocol': 'tcp', 'port_range_min': 22, 'port_range_max': 22}
TAKEN = (409, 'SecurityGroupRuleExists')


def test_a_rule_for_every_address_is_one_without_an_address(neutron):
    group = neutron.make('security_group', name='any')['id']
    for everywhere in ({'ethertype': 'IPv6', 'remote_ip_prefix': '::/0'}, {'remote_ip_prefix': '0.0.0.0/0'}):
        assert rule(neutron, group, {'direction': 'egress', **everywhere}) == TAKEN
    assert rule(neutron, group, SSH) == (201, None)
    assert rule(neutron, group, {**SSH, 'remote_ip_prefix': '0.0.0.0/0'}) == TAKEN
    assert rule(neutron, group, {**SSH, 'ethertype': 'IPv6', 'remote_ip_prefix': '::/0'}) == (201, None)
    assert rule(neutron, group, {**SSH, 'ethertype': 'IPv6'}) == TAKEN


def test_one_request_does_not_name_a_rule_twice_or_two_groups(neutron):
    one, other = (neutron.make('security_group', name=name)['id'] for name in 'ab')
    for again in (SSH, {**SSH, 'protocol': '6'}, {**SSH, 'remote_ip_prefix': '0.0.0.0/0'}):
        assert rule(neutron, one, SSH, again) == (409, 'DuplicateSecurityGroupRuleInPost')
    both = [{**SSH, 'security_group_id': group} for group in (one, other)]
    assert neutron.refused('POST', '/security-group-rules', {'security_group_rules': both}) == (
        400,
        'SecurityGroupNotSingleGroupRules',
    )
    assert rule(neutron, one, SSH, {**SSH, 'port_range_max': 23}) == (201, None)


@pytest.mark.parametrize('protocol', [41, '43', 44, '58', 59, 60, 'ipv6-route', 'icmpv6', 'ipv6-encap'])
def test_protocols_of_ipv6_alone_are_refused_over_ipv4(neutron, protocol):
    group = neutron.make('security_group', name='g')['id']
    told = {'direction': 'ingress', 'protocol': protocol}
    assert rule(neutron, group, told) == (400, 'SecurityGroupEthertypeConflictWithProtocol')
    assert rule(neutron, group, {**told, 'ethertype': 'IPv6'}) == (201, None)


def test_listing_a_projects_groups_makes_its_default_one(neutron, database):
    def default(project_id):
        with database.read() as tx:
            return groups.default_of(tx, project_id)

    neutron('GET', f'/security-groups?project_id={STRANGER.project_id}')
    assert default(STRANGER.project_id) is None
    (shown,) = neutron('GET', f'/security-groups?tenant_id={STRANGER.project_id}', asker=ADMIN).json['security_groups']
    assert shown['id'] == default(STRANGER.project_id)
    assert neutron('GET', f'/security-groups?project_id={"x" * 65}', asker=ADMIN).json == {'security_groups': []}


def test_a_list_is_not_filtered_by_what_its_rows_do_not_have(neutron):
    for path in ('/networks', '/subnets', '/ports', '/routers', '/security-groups', '/subnetpools', '/address-scopes'):
        assert neutron.refused('GET', f'{path}?unknown_filter=x') == (400, 'HTTPBadRequest')
        assert neutron('GET', f'{path}?name=x&fields=id&limit=1&sort_key=id&sort_dir=asc').status == 200
    assert neutron('GET', '/networks?status=ACTIVE&tags=a&changed_since=2026-01-01T00:00:00Z').status == 200


# Values that need no leave

PLAIN = {
    'network': {'shared': False, 'router:external': False, 'is_default': False, 'port_security_enabled': True},
    'port': {'device_id': '', 'device_owner': '', 'binding:vnic_type': 'normal'},
    'router': {'external_gateway_info': None},
}
ASKED = [
    ('network', {'shared': True}),
    ('network', {'router:external': True}),
    ('network', {'is_default': True}),
    ('network', {'provider:network_type': None}),
    ('network', {'provider:segmentation_id': None}),
    ('port', {'binding:host_id': ''}),
    ('port', {'binding:profile': {}}),
    ('router', {'distributed': False}),
    ('router', {'ha': False}),
    ('router', {'distributed': True}),
    ('router', {'ha': True}),
]
ON_SHARED = [
    {'allowed_address_pairs': []},
    {'mac_address': 'fa:16:3e:00:00:09'},
    {'port_security_enabled': True},
    {'device_owner': 'network:dhcp'},
]


@pytest.mark.parametrize('kind', PLAIN)
def test_a_member_may_say_what_is_so_anyway(neutron, kind):
    told = {'network_id': neutron.network('10.0.0.0/24')['id']} if kind == 'port' else {}
    made = neutron.make(kind, **told, **PLAIN[kind])
    assert {name: made[name] for name in PLAIN[kind]} == PLAIN[kind]


@pytest.mark.parametrize(('kind', 'body'), ASKED)
def test_a_member_may_not_say_what_only_operators_decide(neutron, kind, body):
    told = {'network_id': neutron.network('10.0.0.0/24')['id']} if kind == 'port' else {}
    assert neutron.make(kind, 403, **told, **body)['type'] == 'PolicyNotAuthorized'


@pytest.mark.parametrize('body', ON_SHARED)
def test_on_a_shared_network_what_has_no_default_is_its_owners(neutron, body):
    net = neutron.network('10.0.0.0/24', asker=ADMIN, shared=True)
    assert neutron.make('port', 403, STRANGER, network_id=net['id'], **body)['type'] == 'PolicyNotAuthorized'
    assert neutron.make('port', network_id=net['id'], **body)


def test_an_update_is_asked_about_whatever_the_value(neutron):
    net = neutron.network()['id']
    for name in ('shared', 'router:external', 'is_default'):
        assert neutron.change('network', net, status=403, **{name: False})['type'] == 'PolicyNotAuthorized'
    router = neutron.make('router')['id']
    assert neutron.change('router', router, status=403, distributed=True)['type'] == 'PolicyNotAuthorized'
    for name in ('distributed', 'ha'):
        assert neutron.change('router', router, ADMIN, 501, **{name: True})['type'] == 'NotImplemented'
        assert neutron.change('router', router, ADMIN, **{name: False})[name] is False


# Revisions, times and numbers


def test_a_revision_that_cannot_be_is_another_one(neutron):
    net = neutron.network()['id']
    for told, status in (('-1', 412), ('99', 412), ('x', 400), ('--1', 400), ('²', 400), ('9' * 5000, 400)):
        answer = neutron('PUT', f'/networks/{net}', {'network': {}}, IF_MATCH=f'revision_number={told}')
        assert answer.status == status, told


def test_what_changed_since_a_moment_is_compared_as_it_is_shown(neutron, database):
    net = neutron.network(name='n')
    with database.write() as tx:
        moment = datetime.datetime(2030, 1, 1, 12, 0, 0, 700000)
        tx.update(Network, Network.id == net['id'], updated_at=moment)

    def found(text):
        return [shown['name'] for shown in neutron('GET', f'/networks?changed_since={text}').json['networks']]

    assert found('2030-01-01T12:00:00Z') == found('2030-01-01T13:00:00%2B01:00') == ['n']
    assert found('2030-01-01T12:00:01Z') == found('2030-01-01T12:00:00.5Z') == []
    for text in ('x', '0001-01-01T00:00:00%2B14:00', '9999-12-31T23:59:59-14:00', '²', '--5', ''):
        assert neutron.refused('GET', f'/ports?changed_since={text}') == (400, 'InvalidInput')
    assert neutron('GET', '/ports?changed_since=9999-12-31T23:59:59.5Z').json == {'ports': []}


@pytest.mark.parametrize('path', ['networks?mtu=', 'networks?revision_number=', 'subnets?ip_version=',
                                  'security-group-rules?port_range_min='])  # fmt: skip
@pytest.mark.parametrize('number', ['--5', '%C2%B2', '9' * 30, '9' * 5000, '1.5', 'x', '4294967296'])
def test_a_filter_takes_only_numbers_that_can_be(neutron, path, number):
    assert neutron.refused('GET', f'/{path}{number}') == (400, 'HTTPBadRequest')


def test_subnets_are_found_by_their_network_being_shared(neutron):
    own = neutron.network('10.0.0.0/24')['subnets']
    common = neutron.network('10.1.0.0/24', asker=ADMIN, shared=True)['subnets']

    def found(text):
        return [subnet['id'] for subnet in neutron('GET', f'/subnets?shared={text}').json['subnets']]

    assert (found('True'), found('false')) == (common, own)
    assert neutron.refused('GET', '/subnets?shared=x') == (400, 'HTTPBadRequest')


@pytest.mark.parametrize('cidr', ['fd00::/64', 'fd00::/63', 'fd00::/1'])
def test_more_addresses_than_a_machine_word_counts_are_told(neutron, cidr):
    net = neutron.network(cidr)
    bits = 128 - int(cidr.partition('/')[2])
    path = f'/network-ip-availabilities/{net["id"]}'
    shown = neutron('GET', path, asker=ADMIN).json['network_ip_availability']
    assert shown['total_ips'] == 2**bits - 2 == shown['subnet_ip_availability'][0]['total_ips']
    assert neutron('GET', '/network-ip-availabilities', asker=ADMIN).json['network_ip_availabilities'] == [shown]


# What the API tells of itself


def test_ones_own_quota_needs_no_role(neutron):
    for asker in (MEMBER, OUTSIDER):
        for view in ('', '/default', '/details'):
            assert neutron('GET', f'/quotas/{asker.project_id}{view}', asker=asker).status == 200
            why = neutron.refused('GET', f'/quotas/{STRANGER.project_id}{view}', asker=asker)
            assert why == (403, 'PolicyNotAuthorized')


def test_an_agents_type_is_found_in_any_case(neutron, database):
    with database.write() as tx:
        cloud.agent(tx)
    for text in ('DHCP agent', 'dhcp AGENT'):
        (found,) = neutron('GET', f'/agents?agent_type={text.replace(" ", "%20")}', asker=ADMIN).json['agents']
        assert found['binary'] == 'neutron-dhcp-agent'


def test_every_extension_that_is_told_is_served(neutron):
    from nimbus.api.network.extensions import EXTENSIONS, served

    told = {one['alias'] for one in neutron('GET', '/extensions').json['extensions']}
    assert told == set(served(neutron.app.routes)) and 'router' in told
    assert {'ext-gw-mode', 'extraroute-atomic', 'fip-port-details', 'floatingip-pools'} <= told
    assert 'l3_agent_scheduler' in told and not told & {'metering', 'segment'}
    assert len({one.alias for one in EXTENSIONS}) == len(EXTENSIONS)
    rest = [route for route in neutron.app.routes if not route.path.startswith('/quotas')]
    assert set(served(rest)) == {alias for alias in told if not alias.startswith('quota')}
