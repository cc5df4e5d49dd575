"""What nimbus itself plugged a port into, whatever users wrote into the port's own fields."""

import pytest

from nimbus.common import errors, ids
from nimbus.network import holders, rescheduling
from nimbus.network.networks import networks
from nimbus.network.ports import port_changes, ports
from nimbus.network.routers import routers
from tests.conftest import ADMIN, MEMBER, STRANGER
from tests.domain.network import cloud

ZONE = {'zone': 'nova', 'hostname': 'vm'}


def test_a_foreign_port_that_names_a_server_is_no_nic_of_it(database):
    with database.write() as tx:
        own = cloud.server(tx, cloud.network(tx, '10.0.0.0/24'))
        server = own.holder_id
        far = cloud.network(tx, '10.72.0.0/24', ctx=STRANGER)
        before = ports.nics(tx, server), ports.addresses(tx, [server]), ports.groups_of(tx, [server])
        cloud.port(tx, far, STRANGER, device_id=server, device_owner='compute:nova')
        bound = cloud.server(tx, far, ctx=STRANGER)
        for told in ({'device_id': server}, {'device_owner': 'network:dhcp'}):
            port_changes.update(tx, STRANGER, bound.id, told)
        assert (ports.nics(tx, server), ports.addresses(tx, [server]), ports.groups_of(tx, [server])) == before
        assert [port.id for port in ports.of_server(tx, server)] == [own.id]
        assert [port.id for port in ports.of_server(tx, bound.holder_id)] == [bound.id]


def test_a_nic_stays_one_when_its_owner_rewrites_or_empties_its_device(database):
    with database.write() as tx:
        row = cloud.server(tx, cloud.network(tx, '10.0.0.0/24'))
        told = cloud.told(tx, 'h1').ports
        for device, owner in (('', ''), ('x', 'network:dhcp'), (ids.dashed(), 'network:router_interface')):
            port_changes.update(tx, MEMBER, row.id, {'device_id': device, 'device_owner': owner})
            assert [nic['port_id'] for nic in ports.nics(tx, row.holder_id)] == [row.id]
            assert cloud.told(tx, 'h1').ports == told
        with pytest.raises(errors.Conflict, match='one or more ports'):
            networks.delete(tx, MEMBER, row.network_id)


def test_a_guest_is_told_its_own_metadata_whatever_device_its_port_names(database):
    with database.write() as tx:
        cloud.agent(tx)
        net = cloud.network(tx, '10.0.0.0/24', dhcp=True)
        one, other = cloud.server(tx, net), cloud.server(tx, net)
        port_changes.update(tx, MEMBER, one.id, {'device_id': other.holder_id})
        leases = {lease.port_id: lease.device_id for lease in cloud.told(tx, 'h1').networks[0].leases}
    assert leases == {one.id: one.holder_id, other.id: other.holder_id}


def test_a_port_of_another_project_cannot_be_bound_even_by_an_operator(database):
    with database.write() as tx:
        far = cloud.port(tx, cloud.network(tx, '10.72.0.0/24', ctx=STRANGER), STRANGER)
        with pytest.raises(errors.Invalid, match='could not be found'):
            networks.for_boot(tx, MEMBER, [{'port': far}])
        with pytest.raises(errors.Invalid, match='belongs to another project'):
            networks.for_boot(tx, ADMIN, [{'port': far}])
        told = {'server_id': ids.dashed(), 'project_id': MEMBER.project_id, 'host': 'h1', **ZONE}
        for asker in (MEMBER, ADMIN):
            with pytest.raises(errors.NotFound):
                ports.bind(tx, asker, far, **told)
        assert ports.get(tx, far).holder == ''


def test_a_held_port_is_in_use_though_its_device_is_emptied(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        given, server = cloud.port(tx, net), ids.dashed()
        told = {'project_id': MEMBER.project_id, 'host': 'h1', **ZONE}
        ports.bind(tx, MEMBER, given, server_id=server, **told)
        port_changes.update(tx, MEMBER, given, {'device_id': ''})
        with pytest.raises(errors.Conflict, match='still in use'):
            networks.for_boot(tx, MEMBER, [{'port': given}])
        with pytest.raises(errors.Conflict, match='still in use'):
            ports.bind(tx, MEMBER, given, server_id=ids.dashed(), **told)
        router = routers.create(tx, MEMBER)
        with pytest.raises(errors.Conflict, match='already has an attached device'):
            routers.add_interface(tx, MEMBER, router, None, given)
        assert ports.get(tx, given).holder_id == server


def test_an_address_on_a_shared_network_is_its_owners_to_choose(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24', ctx=STRANGER, shared=True)
        far = cloud.server(tx, net, ctx=STRANGER, fixed_ip='10.0.0.9')
        for ip in ('10.0.0.9', '10.0.0.10'):
            with pytest.raises(errors.Forbidden, match='of another project'):
                networks.for_boot(tx, MEMBER, [{'uuid': net.id, 'fixed_ip': ip}])
        own = cloud.network(tx, '10.1.0.0/24', shared=True)
        far = cloud.server(tx, own, ctx=STRANGER, fixed_ip='10.1.0.9')
        with pytest.raises(errors.Invalid) as why:
            networks.for_boot(tx, MEMBER, [{'uuid': own.id, 'fixed_ip': '10.1.0.9'}])
        assert 'already in use' in why.value.sentence and far.holder_id not in why.value.sentence
        assert networks.for_boot(tx, MEMBER, [{'uuid': own.id, 'fixed_ip': '10.1.0.10'}])


def test_a_port_that_says_it_is_a_routers_is_no_interface_of_it(database):
    with database.write() as tx:
        cloud.agent(tx)
        net = cloud.network(tx, '10.0.0.0/24')
        router = routers.create(tx, MEMBER)
        own = {'device_id': router, 'device_owner': 'network:router_interface'}
        port = cloud.port(tx, net, **own)
        assert not rescheduling.waiting(tx, 'h1')
        with pytest.raises(errors.NotFound):
            routers.remove_interface(tx, MEMBER, router, None, port)
        port_changes.delete(tx, MEMBER, port)
        cloud.port(tx, net, **own)
        routers.delete(tx, MEMBER, router)


def test_a_port_that_says_it_is_a_dhcp_servers_serves_nobody(database):
    with database.write() as tx:
        net = cloud.network(tx, '10.0.0.0/24')
        said = cloud.port(tx, net, device_owner='network:dhcp')
        cloud.agent(tx)
        cloud.subnet(tx, net, '10.0.1.0/24')
        served = cloud.told(tx, 'h1').networks[0]
        assert served.dhcp_port_id not in ('', said)
        assert ports.get(tx, served.dhcp_port_id).holder == holders.DHCP
        networks.delete(tx, MEMBER, net.id)
