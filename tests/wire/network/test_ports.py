"""Ports over HTTP."""

import re

import pytest

from tests.conftest import ADMIN, MEMBER, READER, SERVICE, STRANGER


def test_a_new_port_shows_what_neutron_shows(neutron):
    net = neutron.network('10.0.0.0/24')
    made = neutron.make('port', network_id=net['id'], name='p')
    assert re.fullmatch(r'fa:16:3e(:[0-9a-f]{2}){3}', made['mac_address'])
    assert made['fixed_ips'][0]['subnet_id'] == net['subnets'][0]
    assert (made['status'], made['device_id'], made['device_owner']) == ('DOWN', '', '')
    assert (made['admin_state_up'], made['port_security_enabled'], made['allowed_address_pairs']) == (True, True, [])
    assert made['binding:vnic_type'] == 'normal'
    groups = neutron('GET', '/security-groups').json['security_groups']
    assert made['security_groups'] == [groups[0]['id']] and groups[0]['name'] == 'default'
    assert not {'binding:host_id', 'binding:vif_type', 'binding:profile', 'binding:vif_details'} & set(made)


def test_an_operator_binds_a_port_and_sees_how(neutron):
    net = neutron.network('10.0.0.0/24')
    made = neutron.make('port', asker=ADMIN, network_id=net['id'], project_id=MEMBER.project_id)
    assert (made['binding:vif_type'], made['binding:host_id']) == ('unbound', '')
    bound = neutron.change('port', made['id'], ADMIN, **{'binding:host_id': 'h1'})
    assert (bound['binding:vif_type'], bound['binding:host_id']) == ('ovs', 'h1')
    assert bound['binding:vif_details']['ovs_hybrid_plug'] is True
    assert neutron.change('port', made['id'], status=403, **{'binding:host_id': 'h2'})['type'] == 'PolicyNotAuthorized'
    assert neutron.change('port', made['id'], SERVICE, **{'binding:profile': {'a': 1}})['binding:profile'] == {'a': 1}


def test_fixed_addresses_are_chosen_by_subnet_and_by_address(neutron):
    net = neutron.network('10.0.0.0/24', '10.1.0.0/24')
    one, two = net['subnets']

    def ips(*wanted):
        return [ip['ip_address'] for ip in neutron.make('port', network_id=net['id'], fixed_ips=wanted)['fixed_ips']]

    assert ips({'ip_address': '10.1.0.7'}) == ['10.1.0.7']
    assert ips({'subnet_id': two})[0].startswith('10.1.0.')
    assert ips({'subnet_id': one, 'ip_address': '10.0.0.9'}, {'subnet_id': two})[0] == '10.0.0.9'
    assert ips() == []


@pytest.mark.parametrize(
    ('wanted', 'status', 'kind'),
    [
        ([{'ip_address': '10.0.0.5'}], 409, 'IpAddressAlreadyAllocated'),
        ([{'ip_address': '10.7.0.5'}], 400, 'InvalidIpForNetwork'),
        ([{'ip_address': '10.0.0.0'}], 400, 'InvalidIpForNetwork'),
        ([{'ip_address': 'x'}], 400, 'HTTPBadRequest'),
        ([{'subnet_id': '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'}], 400, 'InvalidInput'),
        ([{}], 400, 'HTTPBadRequest'),
        (['x'], 400, 'HTTPBadRequest'),
        ('x', 400, 'HTTPBadRequest'),
        ([{'ip_address': '10.0.0.9'}, {'ip_address': '10.0.0.9'}], 400, 'HTTPBadRequest'),
    ],
)
def test_addresses_that_cannot_be_had(neutron, wanted, status, kind):
    net = neutron.network('10.0.0.0/24')
    neutron.make('port', network_id=net['id'], fixed_ips=[{'ip_address': '10.0.0.5'}])
    assert neutron.make('port', status, network_id=net['id'], fixed_ips=wanted)['type'] == kind
    quota = neutron('GET', f'/quotas/{MEMBER.project_id}/details', asker=ADMIN).json['quota']
    assert quota['port']['used'] == 1


def test_a_mac_is_unique_on_its_network(neutron):
    net = neutron.network('10.0.0.0/24')
    neutron.make('port', network_id=net['id'], mac_address='FA:16:3E:00:00:01')
    assert neutron.make('port', 409, network_id=net['id'], mac_address='fa:16:3e:00:00:01')['type'] == 'MacAddressInUse'
    assert neutron.make('port', 400, network_id=net['id'], mac_address='01:00:5e:00:00:01')['type'] == 'HTTPBadRequest'
    neutron.make('port', network_id=neutron.network()['id'], mac_address='fa:16:3e:00:00:01')


def test_on_a_shared_network_a_tenant_may_have_a_port_but_not_choose_its_address(neutron):
    net = neutron.network('10.0.0.0/24', asker=ADMIN, shared=True, project_id='c' * 32)
    port = neutron.make('port', asker=STRANGER, network_id=net['id'])
    assert neutron.make('port', 403, STRANGER, network_id=net['id'], fixed_ips=[{'ip_address': '10.0.0.9'}])
    assert neutron.make('port', 403, STRANGER, network_id=net['id'], mac_address='fa:16:3e:00:00:09')
    assert neutron.make('port', 403, STRANGER, network_id=net['id'], port_security_enabled=False)
    assert neutron.make('port', 403, STRANGER, network_id=net['id'], device_owner='network:dhcp')
    assert neutron.refused('GET', f'/ports/{port["id"]}', asker=READER) == (404, 'PortNotFound')
    assert neutron.refused('GET', f'/ports/{port["id"]}') == (404, 'PortNotFound')


def test_a_networks_owner_sees_foreign_ports_and_may_delete_them(neutron):
    net = neutron.network('10.0.0.0/24')
    port = neutron.make('port', asker=ADMIN, network_id=net['id'], project_id=STRANGER.project_id)
    assert neutron('GET', f'/ports/{port["id"]}').status == 200
    assert neutron.change('port', port['id'], status=403, name='x')['type'] == 'PolicyNotAuthorized'
    assert neutron('DELETE', f'/ports/{port["id"]}').status == 204


def test_a_port_is_changed(neutron):
    net = neutron.network('10.0.0.0/24')
    port = neutron.make('port', network_id=net['id'], fixed_ips=[{'ip_address': '10.0.0.5'}])
    group = neutron.make('security_group', name='g')
    pairs = [{'ip_address': '10.0.0.99'}]
    changed = neutron.change(
        'port',
        port['id'],
        name='n',
        admin_state_up=False,
        device_id='d',
        security_groups=[group['id']],
        fixed_ips=[{'ip_address': '10.0.0.5'}, {'ip_address': '10.0.0.6'}],
        allowed_address_pairs=pairs,
    )
    assert [ip['ip_address'] for ip in changed['fixed_ips']] == ['10.0.0.5', '10.0.0.6']
    assert (changed['name'], changed['admin_state_up'], changed['device_id']) == ('n', False, 'd')
    assert changed['security_groups'] == [group['id']]
    assert changed['allowed_address_pairs'] == [{'ip_address': '10.0.0.99', 'mac_address': port['mac_address']}]
    assert neutron.change('port', port['id'], fixed_ips=[])['fixed_ips'] == []
    assert neutron.change('port', port['id'], status=403, mac_address='fa:16:3e:00:00:07')
    neutron.make('port', network_id=net['id'], fixed_ips=[{'ip_address': '10.0.0.5'}])


def test_port_security_and_groups_exclude_each_other(neutron):
    net = neutron.network('10.0.0.0/24')
    group = neutron.make('security_group', name='g')['id']
    bare = neutron.make('port', network_id=net['id'], port_security_enabled=False)
    assert bare['security_groups'] == []
    told = {'network_id': net['id'], 'port_security_enabled': False}
    why = neutron.make('port', 400, **told, security_groups=[group])
    assert why['type'] == 'PortSecurityAndIPRequiredForSecurityGroups'
    why = neutron.make('port', 409, **told, allowed_address_pairs=[{'ip_address': '10.0.0.9'}])
    assert why['type'] == 'AddressPairAndPortSecurityRequired'
    port = neutron.make('port', network_id=net['id'])
    assert neutron.change('port', port['id'], status=409, port_security_enabled=False)['type'] == (
        'PortSecurityPortHasSecurityGroup'
    )
    assert not neutron.change('port', port['id'], port_security_enabled=False, security_groups=[])['security_groups']


def test_ports_are_found_by_their_parts(neutron):
    net = neutron.network('10.0.0.0/24')
    a = neutron.make('port', network_id=net['id'], fixed_ips=[{'ip_address': '10.0.0.5'}], device_id='x')
    b = neutron.make('port', network_id=net['id'], fixed_ips=[{'ip_address': '10.0.0.6'}], device_owner='compute:nova')

    def ids(query):
        return {p['id'] for p in neutron('GET', f'/ports?{query}').json['ports']}

    assert ids('fixed_ips=ip_address%3D10.0.0.5') == {a['id']}
    assert ids('fixed_ips=ip_address_substr%3D0.0.') == {a['id'], b['id']}
    assert ids(f'fixed_ips=subnet_id%3D{net["subnets"][0]}&device_id=x') == {a['id']}
    assert ids('device_owner=compute:nova') == {b['id']}
    assert ids(f'security_groups={a["security_groups"][0]}') == {a['id'], b['id']}
    assert ids(f'mac_address={a["mac_address"].upper()}') == {a['id']}
    assert ids('status=ACTIVE') == set()


def test_groups_of_another_project_are_not_there(neutron):
    net = neutron.network('10.0.0.0/24')
    far = neutron.make('security_group', asker=STRANGER, name='far')
    why = neutron.make('port', 404, network_id=net['id'], security_groups=[far['id']])
    assert why['type'] == 'SecurityGroupNotFound'


def test_many_ports_are_made_at_once(neutron):
    net = neutron.network('10.0.0.0/24')
    made = neutron('POST', '/ports', {'ports': [{'network_id': net['id']}] * 5})
    assert made.status == 201
    assert len({p['fixed_ips'][0]['ip_address'] for p in made.json['ports']}) == 5


def test_dhcp_options_are_merged_and_taken_away_by_none(neutron):
    net = neutron.network('10.0.0.0/24')
    told = [{'opt_name': 'bootfile-name', 'opt_value': 'a.0'}, {'opt_name': '150', 'opt_value': '1.2.3.4'}]
    port = neutron.make('port', network_id=net['id'], extra_dhcp_opts=told)
    assert port['extra_dhcp_opts'] == [option | {'ip_version': 4} for option in told]
    news = [{'opt_name': 'bootfile-name', 'opt_value': None}, {'opt_name': '150', 'opt_value': 'x', 'ip_version': '6'}]
    changed = neutron.change('port', port['id'], extra_dhcp_opts=news)['extra_dhcp_opts']
    assert [(one['opt_name'], one['opt_value'], one['ip_version']) for one in changed] == [
        ('150', '1.2.3.4', 4),
        ('150', 'x', 6),
    ]
    assert neutron.change('port', port['id'], name='x')['extra_dhcp_opts'] == changed


def test_a_dhcp_option_cannot_smuggle_another_line(neutron):
    net = neutron.network('10.0.0.0/24')
    for name, value in (('150', 'x\ny'), ('15\n0', 'x'), ('a,b', 'x'), ('', 'x'), ('150', ''), ('150', 7)):
        body = {'port': {'network_id': net['id'], 'extra_dhcp_opts': [{'opt_name': name, 'opt_value': value}]}}
        assert neutron.refused('POST', '/ports', body) == (400, 'HTTPBadRequest')


def test_ports_are_tagged_as_they_are_made(neutron):
    net = neutron.network('10.0.0.0/24')['id']
    body = {'ports': [{'network_id': net, 'tags': ['b', 'a']}, {'network_id': net}]}
    made = neutron('POST', '/ports', body).json['ports']
    assert [port['tags'] for port in made] == [['a', 'b'], []]
    for wrong in ('a', [7], ['x' * 61], ['a', 'a'], {}):
        assert neutron.make('port', 400, network_id=net, tags=wrong)['type'] == 'HTTPBadRequest'
    assert neutron.refused('PUT', f'/ports/{made[0]["id"]}', {'port': {'tags': []}}) == (400, 'HTTPBadRequest')
