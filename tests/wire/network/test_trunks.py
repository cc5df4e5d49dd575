"""Trunks over HTTP: made of a port, given and relieved of subports, moved with their guest, and what is refused."""

import pytest

from nimbus.common import ids
from nimbus.network.hosts import port_reports
from nimbus.network.models import Arrival, Network
from nimbus.network.ports import arrivals, ports
from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.domain.network import cloud


class World:
    """A network for the guest's own frames and one for each tag."""

    def __init__(self, neutron):
        self.neutron = neutron
        self.net, self.inner = neutron.network('10.0.0.0/24'), neutron.network('10.1.0.0/24')
        self.parent = self.port(self.net)

    def port(self, net=None, **told):
        return self.neutron.make('port', network_id=(net or self.inner)['id'], **told)

    def sub(self, number=100, port=None, **told):
        port = port or self.port()
        return {'port_id': port['id'], 'segmentation_type': 'vlan', 'segmentation_id': number, **told}

    def trunk(self, *subs, status=201, **told):
        told = {'port_id': self.parent['id'], 'sub_ports': list(subs), **told}
        return self.neutron.make('trunk', status, **told)

    def ask(self, trunk, verb, *subs, asker=MEMBER):
        return self.neutron('PUT', f'/trunks/{trunk["id"]}/{verb}_subports', {'sub_ports': list(subs)}, asker)

    def refused(self, trunk, verb, *subs):
        answer = self.ask(trunk, verb, *subs)
        assert answer.status >= 400, answer.data
        return answer.status, answer.json['NeutronError']['type']

    def shown(self, port_id):
        return self.neutron('GET', f'/ports/{port_id}', asker=ADMIN).json['port']


@pytest.fixture
def world(neutron):
    return World(neutron)


def test_a_trunk_is_made_shown_changed_and_deleted(neutron, world):
    one = world.sub()
    made = world.trunk(one, name='t', description='mine')
    assert made == {
        'id': made['id'],
        'name': 't',
        'description': 'mine',
        'project_id': MEMBER.project_id,
        'tenant_id': MEMBER.project_id,
        'admin_state_up': True,
        'port_id': world.parent['id'],
        'status': 'DOWN',
        'sub_ports': [one],
        'tags': [],
        'revision_number': made['revision_number'],
        'created_at': made['created_at'],
        'updated_at': made['updated_at'],
    }
    assert neutron('GET', f'/trunks/{made["id"]}').json['trunk'] == made
    for query, found in (('name=t', 1), ('status=DOWN', 1), ('status=ACTIVE', 0), (f'port_id={one["port_id"]}', 0)):
        assert len(neutron('GET', f'/trunks?{query}').json['trunks']) == found, query
    after = neutron.change('trunk', made['id'], name='u', admin_state_up=False)
    assert (after['name'], after['admin_state_up'], after['sub_ports']) == ('u', False, [one])
    assert neutron.refused('DELETE', f'/trunks/{made["id"]}') == (409, 'TrunkDisabled')
    assert world.refused(made, 'add', world.sub(7)) == (409, 'TrunkDisabled')
    neutron.change('trunk', made['id'], admin_state_up=True)
    assert neutron('PUT', f'/trunks/{made["id"]}/tags/x', {}).status == 201
    assert neutron('DELETE', f'/trunks/{made["id"]}').status == 204
    assert neutron.refused('GET', f'/trunks/{made["id"]}') == (404, 'TrunkNotFound')
    free = world.shown(one['port_id'])
    assert (free['device_owner'], free['status']) == ('', 'DOWN')
    for port_id in (one['port_id'], world.parent['id']):
        assert neutron('DELETE', f'/ports/{port_id}').status == 204


def test_subports_are_added_listed_and_removed(neutron, world):
    made, one, two = world.trunk(), world.sub(1), world.sub(4094)
    answer = world.ask(made, 'add', one, two)
    assert (answer.status, answer.json['id'], answer.json['sub_ports']) == (200, made['id'], [one, two])
    path = f'/trunks/{made["id"]}/get_subports'
    assert neutron('GET', path, asker=READER).json == {'sub_ports': [one, two]}
    assert world.shown(one['port_id'])['device_owner'] == 'trunk:subport'
    details = world.shown(world.parent['id'])['trunk_details']
    macs = [world.shown(sub['port_id'])['mac_address'] for sub in (one, two)]
    subs = [{**sub, 'mac_address': mac} for sub, mac in zip((one, two), macs, strict=True)]
    assert details == {'trunk_id': made['id'], 'sub_ports': subs}
    assert 'trunk_details' not in world.shown(one['port_id'])
    answer = world.ask(made, 'remove', {'port_id': one['port_id']})
    assert (answer.status, answer.json['sub_ports']) == (200, [two])
    assert world.refused(made, 'remove', {'port_id': one['port_id']}) == (404, 'SubPortNotFound')
    assert world.ask(made, 'add', {**one, 'segmentation_id': 4093}).status == 200, 'it is free again'


def test_a_subport_takes_its_tag_from_its_vlan(neutron, world, parts):
    tagged = neutron.make('network', asker=ADMIN)

    with parts.db.write() as tx:
        tx.update(Network, Network.id == tagged['id'], network_type='vlan', segmentation_id=77, shared=True)
    port = neutron.make('port', asker=ADMIN, network_id=tagged['id'], project_id=MEMBER.project_id)
    made = world.trunk({'port_id': port['id'], 'segmentation_type': 'inherit'})
    assert made['sub_ports'] == [{'port_id': port['id'], 'segmentation_type': 'vlan', 'segmentation_id': 77}]
    plain = {'port_id': world.port()['id'], 'segmentation_type': 'inherit'}
    answer = world.ask(made, 'add', plain)
    assert answer.status == 400 and 'Unknown segmentation_type' in answer.json['NeutronError']['message']


def test_what_a_trunk_refuses(neutron, world):
    made = world.trunk(world.sub(5))
    used = made['sub_ports'][0]['port_id']
    assert world.trunk(status=409)['type'] == 'ParentPortInUse'
    assert neutron.make('trunk', 409, port_id=used)['type'] == 'TrunkPortInUse'
    assert neutron.make('trunk', 404, port_id=ids.dashed())['type'] == 'PortNotFound'
    other = world.port(world.net)
    second = neutron.make('trunk', port_id=other['id'])
    taken = world.port(device_id='x', device_owner='compute:nova')
    small = neutron.network('10.9.0.0/24', mtu=1400)
    narrow = neutron.make('trunk', port_id=world.port(small)['id'])
    for trunk, sub, why in (
        (second, world.sub(5, port={'id': used}), (409, 'TrunkPortInUse')),
        (second, world.sub(5, port=world.parent), (409, 'ParentPortInUse')),
        (second, world.sub(5, port=other), (409, 'ParentPortInUse')),
        (second, world.sub(5, port=taken), (409, 'PortInUse')),
        (second, world.sub(5, port={'id': ids.dashed()}), (404, 'PortNotFound')),
        (made, world.sub(5), (409, 'DuplicateSubPort')),
        (narrow, world.sub(5), (409, 'SubPortMtuGreaterThanTrunkPortMtu')),
        (second, world.sub(0), (400, 'InvalidInput')),
        (second, world.sub(4095), (400, 'InvalidInput')),
        (second, world.sub('x'), (400, 'InvalidInput')),
        (second, world.sub(5, segmentation_type='vxlan'), (400, 'InvalidInput')),
        (second, {'port_id': world.port()['id']}, (400, 'InvalidInput')),
        (second, {'port_id': 'x'}, (400, 'InvalidInput')),
        (second, {}, (400, 'InvalidInput')),
        (second, world.sub(5, colour='red'), (400, 'InvalidInput')),
    ):
        assert world.refused(trunk, 'add', sub) == why, sub
    twice = world.sub(6)
    assert world.refused(second, 'add', twice, {**twice, 'segmentation_id': 7}) == (400, 'InvalidInput')
    assert world.refused(second, 'add', twice, {**twice, 'port_id': ids.dashed()}) == (400, 'InvalidInput')
    for body in ([], {}, {'sub_ports': 7}, {'sub_ports': [7]}, {'sub_ports': [], 'x': 1}):
        assert neutron.refused('PUT', f'/trunks/{second["id"]}/add_subports', body)[0] == 400, body
    for told in ({}, {'port_id': 'x'}, {'port_id': other['id'], 'sub_ports': 7}, {'port_id': None}):
        assert neutron.refused('POST', '/trunks', {'trunk': told}) == (400, 'HTTPBadRequest'), told
    assert neutron.refused('PUT', f'/trunks/{made["id"]}', {'trunk': {'port_id': other['id']}})[0] == 400
    assert neutron('GET', f'/trunks/{second["id"]}').json['trunk']['sub_ports'] == [], 'nothing is left behind'


def test_ports_of_trunks_are_not_deleted(neutron, world):
    made = world.trunk(world.sub())
    assert neutron.refused('DELETE', f'/ports/{world.parent["id"]}') == (409, 'PortInUseAsTrunkParent')
    assert neutron.refused('DELETE', f'/ports/{made["sub_ports"][0]["port_id"]}') == (409, 'PortInUseAsSubPort')


def test_others_neither_see_nor_use_a_trunk(neutron, world):
    made, own = world.trunk(world.sub()), world.sub(8)
    assert neutron('GET', '/trunks', asker=STRANGER).json['trunks'] == []
    for method, path in (('GET', ''), ('DELETE', ''), ('GET', '/get_subports')):
        assert neutron.refused(method, f'/trunks/{made["id"]}{path}', asker=STRANGER) == (404, 'TrunkNotFound')
    for verb in ('add', 'remove'):
        answer = world.ask(made, verb, own, asker=STRANGER)
        assert (answer.status, answer.json['NeutronError']['type']) == (404, 'TrunkNotFound')
        assert world.ask(made, verb, own, asker=READER).status == 403
    foreign = neutron.network('10.5.0.0/24', asker=STRANGER)
    mine = neutron.make('port', asker=STRANGER, network_id=foreign['id'])
    asked = {'trunk': {'port_id': mine['id'], 'sub_ports': [own]}}
    assert neutron.refused('POST', '/trunks', asked, STRANGER) == (404, 'PortNotFound')
    asked = {'trunk': {'port_id': world.parent['id']}}
    assert neutron.refused('POST', '/trunks', asked, STRANGER) == (404, 'PortNotFound')


def test_a_quota_limits_trunks(neutron, world):
    neutron('PUT', f'/quotas/{MEMBER.project_id}', {'quota': {'trunk': 1}}, ADMIN)
    made = world.trunk()
    other = world.port(world.net)
    assert neutron.make('trunk', 409, port_id=other['id'])['type'] == 'OverQuota'
    neutron('DELETE', f'/trunks/{made["id"]}')
    neutron.make('trunk', port_id=other['id'])


class Carried:
    """The trunk's guest is a server on h1, with a subport that was there before and one that came later."""

    def __init__(self, world, database):
        self.database, self.parent = database, world.parent['id']
        with database.write() as tx:
            for host in ('h1', 'h2'):
                cloud.agent(tx, host)
        self.one, self.later = world.sub(100), world.sub(200)
        self.trunk = world.trunk(self.one)
        self.server = {'server_id': ids.dashed(), 'project_id': MEMBER.project_id, 'zone': 'nova', 'hostname': 'vm'}
        self.go('h1')
        world.ask(self.trunk, 'add', self.later)
        self.all = [self.parent, self.one['port_id'], self.later['port_id']]

    def go(self, host):
        with self.database.write() as tx:
            ports.bind(tx, MEMBER, self.parent, host=host, **self.server)

    def report(self, **trouble):
        with self.database.write() as tx:
            port_reports.settle(tx, port_reports.Report('h1', cloud.generation(tx), self.all, trouble))

    def told(self, host):
        with self.database.read() as tx:
            return {port.id: (port.parent, port.vlan) for port in cloud.told(tx, host).ports}


@pytest.fixture
def carried(world, database):
    return Carried(world, database)


def status(neutron, carried):
    return neutron('GET', f'/trunks/{carried.trunk["id"]}').json['trunk']['status']


def test_the_hosts_agent_is_told_of_subports_with_their_tags(carried):
    parent = carried.parent
    assert carried.told('h1') == dict(zip(carried.all, [(None, 0), (parent, 100), (parent, 200)], strict=True))


def test_a_trunk_is_active_with_all_of_its_ports(neutron, world, carried):
    assert status(neutron, carried) == 'DOWN'
    carried.report()
    assert status(neutron, carried) == 'ACTIVE'
    carried.report(**{carried.all[2]: 'no room'})
    assert [row['id'] for row in neutron('GET', '/trunks?status=ERROR').json['trunks']] == [carried.trunk['id']]
    assert world.refused(carried.trunk, 'add', world.sub(300)) == (409, 'TrunkInErrorState')


def test_subports_are_wired_ahead_of_their_guest_and_go_with_it(neutron, world, carried, database):
    with database.write() as tx:
        arrivals.expect(tx, carried.server['server_id'], 'h2')
    assert set(carried.told('h2')) == set(carried.all)
    with database.write() as tx:
        tx.update(Arrival, Arrival.host == 'h2', status='ACTIVE')
    carried.go('h2')
    with database.write() as tx:
        arrivals.arrived(tx, carried.server['server_id'], 'h2')
    assert {world.shown(port_id)['binding:host_id'] for port_id in carried.all} == {'h2'}
    assert (status(neutron, carried), carried.told('h1')) == ('ACTIVE', {})


def test_subports_are_on_no_host_without_their_guest(world, carried, database):
    with database.write() as tx:
        ports.unbind(tx, MEMBER, carried.parent)
    assert {world.shown(port_id)['binding:host_id'] for port_id in carried.all} == {''}
    assert world.shown(carried.one['port_id'])['device_owner'] == 'trunk:subport'


def test_a_servers_own_port_takes_its_trunk_along(neutron, world, database):
    one = world.sub()
    made = world.trunk(one)
    with database.write() as tx:
        ports.drop(tx, MEMBER, world.parent['id'])
    assert neutron.refused('GET', f'/trunks/{made["id"]}') == (404, 'TrunkNotFound')
    with database.read() as tx:
        assert ports.get(tx, one['port_id']).holder == ''


def test_a_subport_is_given_to_no_server_and_no_router(neutron, world, database):
    one = world.sub()
    world.trunk(one)
    router = neutron.make('router')
    path = f'/routers/{router["id"]}/add_router_interface'
    assert neutron('PUT', path, {'port_id': one['port_id']}).status == 409
    with database.write() as tx, pytest.raises(Exception, match='in use'):
        ports.bind(tx, MEMBER, one['port_id'], server_id='s', project_id=MEMBER.project_id, host='h1',
                   zone='nova', hostname='vm')  # fmt: skip
