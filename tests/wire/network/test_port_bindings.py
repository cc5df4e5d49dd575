"""Bindings of a port to hosts over HTTP: prepared, made active and taken away, and what is refused."""

import pytest

from nimbus.common import ids
from nimbus.network.models import Arrival
from tests.conftest import ADMIN, MEMBER, SERVICE, STRANGER
from tests.domain.network import cloud


@pytest.fixture
def port(neutron, database):
    """A port of a guest on h1; h1 and h2 have network agents."""
    with database.write() as tx:
        for host in ('h1', 'h2'):
            cloud.agent(tx, host)
    net = neutron.network('10.0.0.0/24')
    return neutron.make(
        'port', asker=SERVICE, network_id=net['id'], device_owner='compute:nova', **{'binding:host_id': 'h1'}
    )


def at(port, *more):
    return '/'.join((f'/ports/{port["id"]}/bindings', *more))


def listed(neutron, port, query=''):
    rows = neutron('GET', at(port) + query, asker=ADMIN).json['bindings']
    return [(row['host'], row['status']) for row in rows]


def test_a_port_is_prepared_for_another_host_and_made_active_there(neutron, database, port):
    asked = {'binding': {'host': 'h2', 'profile': {'os_vif_delegation': True}}}
    answer = neutron('POST', at(port), asked, SERVICE)
    details = {'port_filter': True, 'connectivity': 'l2', 'ovs_hybrid_plug': True, 'bridge_name': 'br-int'}
    made = {
        'host': 'h2',
        'status': 'INACTIVE',
        'vif_type': 'ovs',
        'vif_details': details,
        'vnic_type': 'normal',
        'profile': {'os_vif_delegation': True},
    }
    assert (answer.status, answer.json) == (201, {'binding': made})
    assert listed(neutron, port) == [('h1', 'ACTIVE'), ('h2', 'INACTIVE')]
    assert listed(neutron, port, '?status=INACTIVE') == [('h2', 'INACTIVE')]
    with database.read() as tx:
        assert [cloud.told(tx, host).ports != () for host in ('h1', 'h2')] == [True, False]
    answer = neutron('PUT', at(port, 'h2', 'activate'), asker=SERVICE)
    assert (answer.status, answer.json) == (200, {**made, 'status': 'ACTIVE'})
    assert listed(neutron, port) == [('h2', 'ACTIVE'), ('h1', 'INACTIVE')]
    shown = neutron('GET', f'/ports/{port["id"]}', asker=ADMIN).json['port']
    assert (shown['binding:host_id'], shown['binding:profile']) == ('h2', {'os_vif_delegation': True})
    with database.read() as tx:
        assert [cloud.told(tx, host).ports != () for host in ('h1', 'h2')] == [False, True]
    assert neutron('DELETE', at(port, 'h1'), asker=SERVICE).status == 204
    assert listed(neutron, port) == [('h2', 'ACTIVE')]


def test_a_binding_is_changed_where_it_is_active_and_where_it_is_not(neutron, port):
    neutron('POST', at(port), {'binding': {'host': 'h2'}}, SERVICE)
    for host in ('h1', 'h2'):
        answer = neutron('PUT', at(port, host), {'binding': {'profile': {'a': host}}}, SERVICE)
        assert answer.json['binding']['profile'] == {'a': host}
        assert neutron('GET', at(port, host), asker=ADMIN).json['binding']['profile'] == {'a': host}


def test_a_port_without_its_active_binding_is_bound_nowhere(neutron, port):
    assert neutron('DELETE', at(port, 'h1'), asker=SERVICE).status == 204
    shown = neutron('GET', f'/ports/{port["id"]}', asker=ADMIN).json['port']
    assert (shown['binding:host_id'], shown['binding:vif_type']) == ('', 'unbound')
    assert listed(neutron, port) == [('', 'ACTIVE')]


def test_what_bindings_refuse(neutron, port):
    there = {'binding': {'host': 'h1'}}
    refused = neutron.refused
    assert refused('POST', at(port), there, SERVICE) == (409, 'PortBindingAlreadyExists')
    assert refused('PUT', at(port, 'h1', 'activate'), asker=SERVICE) == (409, 'PortBindingAlreadyActive')
    assert refused('POST', at(port), {'binding': {'host': 'nowhere'}}, SERVICE) == (409, 'PortBindingError')
    for method, path in (('GET', at(port, 'h2')), ('DELETE', at(port, 'h2')), ('PUT', at(port, 'h2', 'activate'))):
        assert refused(method, path, asker=SERVICE) == (404, 'PortBindingNotFound')
    asked = {'binding': {'profile': {}}}
    assert refused('PUT', at(port, 'h2'), asked, SERVICE) == (404, 'PortBindingNotFound')
    for body in ({}, {'binding': {}}, {'binding': {'host': ''}}, {'binding': {'host': 'h2', 'vnic_type': 'direct'}},
                 {'binding': {'host': 'h2', 'status': 'ACTIVE'}}, {'bindings': [there]}):  # fmt: skip
        assert refused('POST', at(port), body, SERVICE) == (400, 'HTTPBadRequest'), body
    assert refused('PUT', at(port, 'h1'), there, SERVICE) == (400, 'HTTPBadRequest'), 'a host is not changed'
    plain = neutron.make('port', network_id=port['network_id'])
    for method, path in (('GET', at(plain)), ('POST', at(plain))):
        assert refused(method, path, there, SERVICE) == (400, 'BadRequest'), 'no guest is behind it'
    assert refused('GET', at({'id': ids.dashed()}), asker=ADMIN) == (404, 'PortNotFound')


def test_only_services_change_bindings(neutron, port):
    there = {'binding': {'host': 'h2'}}
    for asker in (MEMBER, STRANGER, ADMIN):
        assert neutron.refused('POST', at(port), there, asker) == (403, 'PolicyNotAuthorized')
        assert neutron.refused('DELETE', at(port, 'h1'), asker=asker) == (403, 'PolicyNotAuthorized')
        assert neutron.refused('PUT', at(port, 'h1', 'activate'), asker=asker) == (403, 'PolicyNotAuthorized')
    assert neutron.refused('GET', at(port), asker=MEMBER) == (403, 'PolicyNotAuthorized')


def test_a_move_of_a_running_server_is_shown_and_left_alone(neutron, database, port):
    with database.write() as tx:
        tx.insert(Arrival, port_id=port['id'], host='h2', status='DOWN', trouble=None, since=0)
    assert listed(neutron, port) == [('h1', 'ACTIVE'), ('h2', 'INACTIVE')]
    assert neutron.refused('PUT', at(port, 'h2', 'activate'), asker=SERVICE) == (409, 'PortInUse')
    assert neutron.refused('DELETE', at(port, 'h2'), asker=SERVICE) == (409, 'PortInUse')
