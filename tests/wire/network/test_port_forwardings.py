"""Port forwarding of floating IPs over HTTP: made, changed and taken away, and what is refused."""

import pytest

from tests.conftest import ADMIN as OWN_ADMIN
from tests.conftest import MEMBER, READER, STRANGER
from tests.wire.network.test_floatingips import ADMIN, NOWHERE, World

SSH = {'protocol': 'tcp', 'external_port': 2222, 'internal_port': 22}


class Forwarding(World):
    """The world of floating IPs, with one that leads nowhere and a port inside."""

    def __init__(self, neutron):
        super().__init__(neutron)
        self.floating, self.inner = self.float(), self.port()
        self.ip = self.inner['fixed_ips'][0]['ip_address']
        self.at = f'/floatingips/{self.floating["id"]}/port_forwardings'

    def forward(self, status=201, asker=MEMBER, at=None, **told):
        told = {**SSH, 'internal_port_id': self.inner['id'], **told}
        told = {name: value for name, value in told.items() if value != 'nothing'}
        answer = self.neutron('POST', at or self.at, {'port_forwarding': told}, asker)
        assert answer.status == status, answer.data
        return answer.json['port_forwarding'] if status == 201 else answer.json['NeutronError']

    def amend(self, forwarding, status=200, **told):
        answer = self.neutron('PUT', f'{self.at}/{forwarding["id"]}', {'port_forwarding': told})
        assert answer.status == status, answer.data
        return answer.json['port_forwarding'] if status == 200 else answer.json['NeutronError']

    def now(self):
        return self.neutron('GET', f'/floatingips/{self.floating["id"]}').json['floatingip']


@pytest.fixture
def world(neutron):
    return Forwarding(neutron)


def test_a_forwarding_is_made_shown_changed_and_taken_away(neutron, world):
    made = world.forward(description='mine')
    assert made == {
        'id': made['id'],
        'protocol': 'tcp',
        'external_port': 2222,
        'external_port_range': '2222:2222',
        'internal_port': 22,
        'internal_port_range': '22:22',
        'internal_ip_address': world.ip,
        'internal_port_id': world.inner['id'],
        'description': 'mine',
    }
    assert neutron('GET', world.at).json['port_forwardings'] == [made]
    assert neutron('GET', f'{world.at}?protocol=udp').json['port_forwardings'] == []
    assert neutron('GET', f'{world.at}/{made["id"]}').json['port_forwarding'] == made
    floating = world.now()
    assert (floating['router_id'], floating['port_id']) == (world.router['id'], None)
    told = {name: value for name, value in made.items() if name != 'description'}
    assert floating['port_forwardings'] == [told]
    after = world.amend(made, external_port=2223, description='yours')
    assert after == {**made, 'external_port': 2223, 'external_port_range': '2223:2223', 'description': 'yours'}
    assert neutron('DELETE', f'{world.at}/{made["id"]}').status == 204
    assert neutron.refused('GET', f'{world.at}/{made["id"]}') == (404, 'PortForwardingNotFound')
    floating = world.now()
    assert (floating['router_id'], floating['port_forwardings'], floating['status']) == (None, [], 'DOWN')


def test_ranges_are_forwarded_port_by_port(world):
    nothing = {'external_port': 'nothing', 'internal_port': 'nothing'}
    made = world.forward(**nothing, external_port_range='8000:8009', internal_port_range='80:89')
    assert (made['external_port'], made['internal_port_range']) == (None, '80:89')
    why = world.forward(400, **nothing, external_port_range='9000:9009', internal_port_range='90:98')
    assert '9000:9009' in why['message'] and '90:98' in why['message']
    for external, internal in (('8005:8005', '200:200'), ('7999:8000', '300:301'), ('9000:9000', '85:85')):
        why = world.forward(400, **nothing, external_port_range=external, internal_port_range=internal)
        assert why['type'] == 'BadRequest' and made['id'] in why['message']
    world.forward(**nothing, external_port_range='8010', internal_port_range='90')
    world.forward(protocol='udp', **nothing, external_port_range='8000:8009', internal_port_range='80:89')


def test_one_outside_is_forwarded_once_and_another_address_inside_may_have_the_same_port(world):
    made = world.forward()
    other = world.port()
    assert made['id'] in world.forward(400, internal_port=23)['message']
    assert made['id'] in world.forward(400, external_port=2223)['message']
    second = world.forward(external_port=2223, internal_port_id=other['id'])
    assert second['internal_ip_address'] == other['fixed_ips'][0]['ip_address']
    assert world.amend(second, 400, external_port=2222)['type'] == 'BadRequest'
    moved = world.amend(made, internal_port_id=other['id'], internal_port=2200)
    assert moved['internal_ip_address'] == second['internal_ip_address']


def test_a_floating_ip_leads_or_forwards_and_not_both(neutron, world):
    world.forward()
    assert world.change(world.floating, 409, port_id=world.port()['id'])['type'] == 'FipInUseByPortForwarding'
    gone = neutron.refused('DELETE', f'/floatingips/{world.floating["id"]}')
    assert gone == (409, 'FipInUseByPortForwarding')
    led = world.float(port_id=world.port()['id'])
    at = f'/floatingips/{led["id"]}/port_forwardings'
    assert world.forward(409, at=at)['type'] == 'FloatingIPPortAlreadyAssociated'
    bound = neutron('GET', f'/ports/{led["port_id"]}').json['port']
    why = world.forward(409, external_port=99, internal_port_id=bound['id'])
    assert why['type'] == 'PortHasBindingFloatingIP' and led['floating_ip_address'] in why['message']


def test_forwardings_keep_the_routers_gateway_and_interface(neutron, world):
    made = world.forward()
    bare = {'router': {'external_gateway_info': {}}}
    assert neutron.refused('PUT', world.path, bare) == (409, 'RouterExternalGatewayInUseByFloatingIp')
    away = neutron.refused('PUT', f'{world.path}/remove_router_interface', world.plug)
    assert away == (409, 'RouterInterfaceInUseByFloatingIP')
    neutron('DELETE', f'{world.at}/{made["id"]}')
    assert neutron('PUT', f'{world.path}/remove_router_interface', world.plug).status == 200


def test_a_forwarding_ends_with_the_port_and_with_its_address(neutron, world):
    kept = world.port(fixed_ips=[{'ip_address': '10.0.0.51'}, {'ip_address': '10.0.0.52'}])
    first = world.forward(internal_port_id=kept['id'], internal_ip_address='10.0.0.51')
    second = world.forward(external_port=99, internal_port_id=kept['id'], internal_ip_address='10.0.0.52')
    assert neutron.change('port', kept['id'], fixed_ips=[{'ip_address': '10.0.0.52'}])
    assert [one['id'] for one in world.now()['port_forwardings']] == [second['id']] != [first['id']]
    assert neutron('DELETE', f'/ports/{kept["id"]}').status == 204
    floating = world.now()
    assert (floating['port_forwardings'], floating['router_id']) == ([], None)


def test_a_member_who_deletes_a_port_leaves_an_operators_floating_ip_where_it_is(neutron, world):
    floating = world.float(asker=ADMIN, port_id=world.inner['id'])
    assert floating['project_id'] == ADMIN.project_id
    path = f'/ports/{world.inner["id"]}'
    assert neutron.refused('DELETE', path) == (409, 'FipAssociated')
    there = neutron('GET', f'/floatingips/{floating["id"]}', asker=ADMIN).json['floatingip']
    assert there['port_id'] == world.inner['id']
    assert neutron('DELETE', path, asker=ADMIN).status == 204
    there = neutron('GET', f'/floatingips/{floating["id"]}', asker=ADMIN).json['floatingip']
    assert there['port_id'] is None


def refusals(neutron, world):
    """What a member is refused: a request, its status, its type, and a part of its sentence."""
    bare = neutron.make('port', network_id=world.inside['id'], fixed_ips=[])['id']
    apart = neutron.make('port', network_id=neutron.network('10.5.0.0/24')['id'])['id']
    foreign = neutron.make('port', asker=STRANGER, network_id=neutron.network('10.6.0.0/24', asker=STRANGER)['id'])
    return [
        ({'protocol': 'nothing'}, 400, 'HTTPBadRequest', "'protocol' not specified"),
        ({'protocol': 'icmp'}, 400, 'HTTPBadRequest', "'icmp' is not in"),
        ({'protocol': ['tcp']}, 400, 'HTTPBadRequest', 'is not in'),
        ({'external_port': 0}, 400, 'HTTPBadRequest', 'too small'),
        ({'external_port': 65536}, 400, 'HTTPBadRequest', 'too large'),
        ({'external_port': 'nothing'}, 400, 'HTTPBadRequest', 'external_port_range'),
        ({'external_port_range': '5:9'}, 400, 'HTTPBadRequest', 'both given'),
        ({'external_port': None, 'external_port_range': '9:5'}, 400, 'HTTPBadRequest', 'ends before it begins'),
        ({'external_port': None, 'external_port_range': '5:'}, 400, 'HTTPBadRequest', 'is not an integer'),
        ({'internal_ip_address': '10.0.0.99'}, 400, 'BadRequest', '10.0.0.99'),
        ({'internal_ip_address': 'x'}, 400, 'HTTPBadRequest', "'x' is not a valid IP address"),
        ({'internal_port_id': NOWHERE}, 404, 'PortNotFound', NOWHERE),
        ({'internal_port_id': foreign['id']}, 404, 'PortNotFound', foreign['id']),
        ({'internal_port_id': bare}, 400, 'BadRequest', 'no IPv4 address'),
        ({'internal_port_id': apart}, 400, 'BadRequest', 'is not reachable from subnet'),
        ({'project_id': STRANGER.project_id}, 400, 'HTTPBadRequest', 'Unrecognized attribute'),
    ]


def test_what_cannot_be_is_refused_and_leaves_nothing(neutron, world):
    for told, status, kind, part in refusals(neutron, world):
        why = world.forward(status, **told)
        assert why['type'] == kind and part in why['message'], (told, why)
    assert world.now()['port_forwardings'] == []


def test_only_their_own_project_sees_and_makes_forwardings(neutron, world):
    made = world.forward()
    each = f'{world.at}/{made["id"]}'
    body = {'port_forwarding': {**SSH, 'external_port': 5, 'internal_port_id': world.inner['id']}}
    for method, path, told in (
        ('GET', world.at, None),
        ('GET', each, None),
        ('POST', world.at, body),
        ('PUT', each, {'port_forwarding': {'description': 'x'}}),
        ('DELETE', each, None),
    ):
        assert neutron.refused(method, path, told, STRANGER) == (404, 'FloatingIPNotFound')
    assert neutron('GET', each, asker=READER).status == 200
    assert neutron.refused('POST', world.at, body, READER)[0] == 403
    assert neutron.refused('DELETE', each, asker=READER)[0] == 403
    assert neutron('GET', each, asker=OWN_ADMIN).status == 200


# Conntrack helpers


def test_a_router_follows_protocols_that_it_is_told(neutron, world):
    at = f'{world.path}/conntrack_helpers'
    ftp = {'protocol': 'tcp', 'port': 21, 'helper': 'ftp'}
    made = neutron('POST', at, {'conntrack_helper': ftp}).json['conntrack_helper']
    assert made == {'id': made['id'], **ftp}
    assert neutron('GET', world.path).json['router']['conntrack_helpers'] == [ftp]
    assert neutron('PUT', f'{at}/{made["id"]}', {'conntrack_helper': {'port': 2121}}).json == {
        'conntrack_helper': {**made, 'port': 2121}
    }
    assert neutron('GET', at).json['conntrack_helpers'] == [{**made, 'port': 2121}]
    for told, kind in (
        ({**ftp, 'port': 2121}, 'BadRequest'),
        ({**ftp, 'helper': 'x'}, 'ConntrackHelperNotAllowed'),
        ({**ftp, 'protocol': 'udp'}, 'InvalidProtocolForHelper'),
        ({**ftp, 'port': 0}, 'HTTPBadRequest'),
    ):
        assert neutron.refused('POST', at, {'conntrack_helper': told}) == (400, kind)
    assert neutron.refused('GET', at, asker=STRANGER) == (404, 'RouterNotFound')
    assert neutron('DELETE', f'{at}/{made["id"]}').status == 204
    assert neutron.refused('GET', f'{at}/{made["id"]}') == (404, 'ConntrackHelperNotFound')
    assert neutron('DELETE', f'{at}/{NOWHERE}').status == 404
