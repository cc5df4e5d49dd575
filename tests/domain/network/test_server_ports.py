"""What compute asks of networks, ports and groups."""

import pytest

from nimbus.common import errors, ids
from nimbus.network import quotas
from nimbus.network.hosts import port_reports
from nimbus.network.networks import networks
from nimbus.network.ports import ports
from nimbus.network.security_groups import groups
from tests.conftest import ADMIN, MEMBER, STRANGER
from tests.domain.network import cloud

ZONE = {'zone': 'nova', 'hostname': 'vm'}


def test_a_server_without_a_wish_gets_the_single_network(database):
    with database.write() as tx:
        assert networks.for_boot(tx, MEMBER, None) == []
        net = cloud.network(tx, '10.0.0.0/24')
        found = networks.for_boot(tx, MEMBER, None)
    assert found == [{'network_id': net.id, 'port_id': None, 'fixed_ip': None, 'tag': None}]


def test_a_server_without_a_wish_is_refused_between_two_networks(database):
    with database.write() as tx:
        cloud.network(tx, '10.0.0.0/24')
        cloud.network(tx, '10.0.0.0/24')
        with pytest.raises(errors.Conflict, match='Multiple possible networks found'):
            networks.for_boot(tx, MEMBER, 'auto')
        assert networks.for_boot(tx, MEMBER, 'none') == []


def test_auto_needs_a_network(database):
    with database.write() as tx, pytest.raises(errors.Invalid, match='automatically allocate'):
        networks.for_boot(tx, MEMBER, 'auto')


def test_another_projects_network_is_not_there(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24', ctx=STRANGER)
        with pytest.raises(errors.Invalid, match='could not be found'):
            networks.for_boot(tx, MEMBER, [{'uuid': net.id}])


def test_an_external_network_is_forbidden_to_a_member(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24', ctx=ADMIN, external=True, project_id=STRANGER.project_id)
        with pytest.raises(errors.Forbidden):
            networks.for_boot(tx, MEMBER, [{'uuid': net.id}])


def test_a_network_without_subnet_cannot_be_booted_on(database):
    with database.write() as tx:
        net = cloud.network(tx)
        with pytest.raises(errors.Invalid, match='requires a subnet'):
            networks.for_boot(tx, MEMBER, [{'uuid': net.id}])


def test_a_port_in_use_is_refused(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        free, bare = cloud.port(tx, net), cloud.port(tx, net, fixed_ips=())
        taken = cloud.server(tx, net)
        assert networks.for_boot(tx, MEMBER, [{'port': free}])[0]['port_id'] == free
        with pytest.raises(errors.Conflict, match='still in use'):
            networks.for_boot(tx, MEMBER, [{'port': taken.id}])
        with pytest.raises(errors.Conflict, match='still in use'):
            networks.for_boot(tx, MEMBER, [{'port': free}, {'port': free}])
        with pytest.raises(errors.Invalid, match='requires a FixedIP'):
            networks.for_boot(tx, MEMBER, [{'port': bare}])


def test_ensuring_a_port_twice_makes_one_and_moves_it_where_told(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        port_id, server = ids.dashed(), ids.dashed()
        first = cloud.server(tx, net, port_id=port_id, server_id=server)
        again = cloud.server(tx, net, port_id=port_id, server_id=server)
        moved = cloud.server(tx, net, 'h2', port_id=port_id, server_id=server)
        used = quotas.QUOTAS.show(tx, MEMBER.project_id)['port'].used
    assert (first.mac_address, first.host) == (again.mac_address, 'h1')
    assert (moved.host, moved.device_owner, used) == ('h2', 'compute:nova', 1)


def test_a_servers_port_is_in_the_default_group_and_shown_with_its_server(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24', name='blue')
        row = cloud.server(tx, net, fixed_ip='10.0.0.77')
        default = groups.ensure_default(tx, MEMBER, MEMBER.project_id)
        assert ports.groups_of(tx, [row.device_id]) == {row.device_id: [{'name': 'default', 'id': default}]}
        shown = ports.addresses(tx, [row.device_id])
        nic = ports.nics(tx, row.device_id)[0]
        own = ports.of_server(tx, row.device_id)[0]
    assert shown == {
        row.device_id: [{'network': 'blue', 'mac': row.mac_address, 'ip': '10.0.0.77', 'version': 4, 'type': 'fixed'}]
    }
    assert (nic['tap'], nic['mtu'], nic['addresses'][0]['cidr']) == ('tap' + row.id[:11], 1500, '10.0.0.0/24')
    assert own.created_for_server and own.fixed_ips[0]['ip_address'] == '10.0.0.77'


def test_a_given_port_is_bound_once_and_set_free_again(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        port_id, server = cloud.port(tx, net), ids.dashed()
        told = {'project_id': MEMBER.project_id, 'host': 'h1', **ZONE}
        bound = ports.bind(tx, MEMBER, port_id, server_id=server, **told)
        ports.bind(tx, MEMBER, port_id, server_id=server, **told)
        with pytest.raises(errors.Conflict, match='still in use'):
            ports.bind(tx, MEMBER, port_id, server_id=ids.dashed(), **told)
        ports.unbind(tx, MEMBER, port_id)
        ports.unbind(tx, MEMBER, port_id)
        free = ports.get(tx, port_id)
    assert (bound.device_id, bound.device_owner, bound.host) == (server, 'compute:nova', 'h1')
    assert (free.device_id, free.device_owner, free.host, free.created_for_server) == ('', '', '', False)


def test_a_dropped_port_gives_back_its_address_and_its_quota(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        row = cloud.server(tx, net, fixed_ip='10.0.0.5')
        ports.drop(tx, MEMBER, row.id)
        ports.drop(tx, MEMBER, row.id)
        cloud.port(tx, net, fixed_ips=[{'ip_address': '10.0.0.5'}])
        assert quotas.QUOTAS.show(tx, MEMBER.project_id)['port'].used == 1


def test_groups_are_found_by_name_and_by_id(database):
    with database.write() as tx:
        web = groups.create(tx, MEMBER, name='web')
        assert groups.resolve(tx, MEMBER, ['web', web]) == [web]
        assert groups.resolve(tx, MEMBER, []) == groups.resolve(tx, MEMBER, ['default'])
        groups.create(tx, MEMBER, name='web')
        with pytest.raises(errors.Conflict, match='Multiple security groups'):
            groups.resolve(tx, MEMBER, ['web'])
        with pytest.raises(errors.Invalid, match='not found'):
            groups.resolve(tx, STRANGER, [web])


def test_a_report_of_the_right_generation_makes_a_port_active(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        row = cloud.server(tx, net)
        assert ports.wiring(tx, [row.id]) == {row.id: 'DOWN'}
        assert port_reports.settle(tx, port_reports.Report('h1', row.since - 1, [row.id], {})) == set()
        assert port_reports.settle(tx, port_reports.Report('h2', row.since, [row.id], {})) == set()
        assert port_reports.settle(tx, port_reports.Report('h1', row.since, [], {row.id: 'No tap.'})) == {row.device_id}
        assert (ports.wiring(tx, [row.id]), ports.trouble(tx, row.id)) == ({row.id: 'ERROR'}, 'No tap.')
        assert port_reports.settle(tx, port_reports.Report('h1', row.since, [row.id], {})) == {row.device_id}
        assert (ports.wiring(tx, [row.id]), ports.trouble(tx, row.id)) == ({row.id: 'ACTIVE'}, None)
