"""Floating IPs in the Compute API: the proxies of old versions, the actions on servers, and what servers show."""

import types
from typing import Any

import pytest

from nimbus.api.network import app as network_app
from nimbus.network.quotas import QUOTAS
from tests.compute_world import running
from tests.conftest import ADMIN, MEMBER, OUTSIDER, READER, STRANGER
from tests.wire.network.conftest import Neutron

NOWHERE = '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


def external(neutron: Neutron, name: str, cidr: str) -> str:
    found: str = neutron.network(cidr, asker=ADMIN, name=name, **{'router:external': True})['id']
    return found


@pytest.fixture
def neutron(parts: Any) -> Neutron:
    return Neutron(network_app.make(parts), prefix='/v2.0')


@pytest.fixture
def outside(api: Any, parts: Any, world: Any, neutron: Neutron) -> Any:
    """The pool `public` with a router from the private network to it, and a server with one port."""
    pool = external(neutron, 'public', '172.24.4.0/24')
    router = neutron.make('router', external_gateway_info={'network_id': pool})
    (subnet,) = neutron('GET', f'/networks/{world.network}').json['network']['subnets']
    neutron('PUT', f'/routers/{router["id"]}/add_router_interface', {'subnet_id': subnet})
    server = running(parts.db, world)
    body = {'interfaceAttachment': {'net_id': world.network}}
    port = api('POST', f'/servers/{server.id}/os-interface', body).json['interfaceAttachment']
    return types.SimpleNamespace(pool=pool, server=server, ip=port['fixed_ips'][0]['ip_address'])


def make(api: Any, asker: Any = MEMBER, **given: Any) -> Any:
    return api('POST', '/os-floating-ips', given, asker=asker)


def act(api: Any, server_id: str, name: str, asker: Any = MEMBER, **given: Any) -> Any:
    return api('POST', f'/servers/{server_id}/action', {name: given}, asker=asker)


def test_a_floating_ip_is_made_shown_listed_and_given_back(api, outside):
    made = make(api, pool='public').json['floating_ip']
    assert set(made) == {'fixed_ip', 'id', 'instance_id', 'ip', 'pool'}
    assert (made['pool'], made['fixed_ip'], made['instance_id']) == ('public', None, None)
    path = f'/os-floating-ips/{made["id"]}'
    assert api('GET', path, asker=READER).json == {'floating_ip': made}
    assert api('GET', '/os-floating-ips', asker=READER).json == {'floating_ips': [made]}
    assert api('DELETE', path, asker=READER).status == 403
    assert api('GET', path, version='compute 2.36').status == 404
    assert api('DELETE', path).status == 202
    answer = api('GET', path)
    assert (answer.status, told(answer)) == (404, f'Floating IP not found for ID {made["id"]}')


def test_pools_are_the_external_networks_by_name_or_id(api, neutron, outside):
    nameless = external(neutron, '', '172.24.5.0/24')
    names = {pool['name'] for pool in api('GET', '/os-floating-ip-pools').json['floating_ip_pools']}
    assert names == {'public', nameless}
    assert make(api, pool=nameless).json['floating_ip']['pool'] == nameless
    for wrong in ('elsewhere', NOWHERE, 'private', None):
        answer = make(api, pool=wrong)
        assert (answer.status, told(answer)) == (404, 'Floating IP pool not found.')
    external(neutron, 'public', '172.24.6.0/24')
    assert make(api, pool='public').status == 400


def test_no_more_come_of_a_pool_or_for_a_project_than_there_are(api, parts, neutron, outside):
    external(neutron, 'small', '172.24.7.0/30')
    neutron.network(asker=ADMIN, name='empty', **{'router:external': True})
    while (answer := make(api, pool='small')).status == 200:
        pass
    assert (answer.status, told(answer)) == (404, 'No more floating IPs in pool small.')
    assert make(api, pool='empty').status == 400
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'floatingip': 0})
    answer = make(api, pool='public')
    assert (answer.status, told(answer)) == (403, 'IP allocation over quota in pool public.')


def test_a_server_shows_a_floating_ip_that_is_added_until_it_is_removed(api, latest, outside):
    made = make(api, pool='public').json['floating_ip']
    assert act(api, outside.server.id, 'addFloatingIp', address=made['ip']).status == 202
    shown = latest('GET', f'/servers/{outside.server.id}').json['server']['addresses']['private']
    assert [(one['addr'], one['OS-EXT-IPS:type']) for one in shown] == [(outside.ip, 'fixed'), (made['ip'], 'floating')]
    assert shown[0]['OS-EXT-IPS-MAC:mac_addr'] == shown[1]['OS-EXT-IPS-MAC:mac_addr']
    led = api('GET', f'/os-floating-ips/{made["id"]}').json['floating_ip']
    assert (led['fixed_ip'], led['instance_id']) == (outside.ip, outside.server.id)
    assert act(api, outside.server.id, 'removeFloatingIp', address=made['ip']).status == 202
    assert len(latest('GET', f'/servers/{outside.server.id}').json['server']['addresses']['private']) == 1
    answer = act(api, outside.server.id, 'removeFloatingIp', address=made['ip'])
    sentence = f'Floating IP {made["ip"]} is not associated with instance {outside.server.id}.'
    assert (answer.status, told(answer)) == (409, sentence)


def test_a_floating_ip_that_leads_to_a_server_is_given_back_all_the_same(api, latest, outside):
    made = make(api, pool='public').json['floating_ip']
    act(api, outside.server.id, 'addFloatingIp', address=made['ip'], fixed_address=outside.ip)
    assert api('DELETE', f'/os-floating-ips/{made["id"]}').status == 202
    assert len(latest('GET', f'/servers/{outside.server.id}').json['server']['addresses']['private']) == 1


def test_what_cannot_lead_there_is_refused_and_leads_nowhere(api, parts, world, outside):
    made, other = (make(api, pool='public').json['floating_ip'] for _ in range(2))
    for given, status, words in (
        ({'address': '172.24.4.250'}, 404, 'floating IP not found'),
        ({'address': made['ip'], 'fixed_address': '10.0.0.250'}, 400, 'Specified fixed address not assigned'),
        ({'address': 'x'}, 400, 'address'),
        ({}, 400, 'address'),
    ):
        answer = act(api, outside.server.id, 'addFloatingIp', **given)
        assert answer.status == status and words in told(answer)
    bare = running(parts.db, world)
    answer = act(api, bare.id, 'addFloatingIp', address=made['ip'])
    assert (answer.status, told(answer)) == (400, 'Instance network is not ready yet')
    act(api, outside.server.id, 'addFloatingIp', address=made['ip'])
    answer = act(api, outside.server.id, 'addFloatingIp', address=other['ip'])
    assert answer.status == 400 and 'already has a floating IP' in told(answer)
    assert api('GET', f'/os-floating-ips/{other["id"]}').json['floating_ip']['instance_id'] is None


def test_one_without_a_way_to_the_server_says_so(api, neutron, outside):
    external(neutron, 'far', '172.24.8.0/24')
    made = make(api, pool='far').json['floating_ip']
    answer = act(api, outside.server.id, 'addFloatingIp', address=made['ip'])
    assert (
        answer.status == 400 and 'Unable to associate floating IP' in told(answer) and 'not reachable' in told(answer)
    )


def test_another_tenant_reaches_neither_the_address_nor_the_server(api, outside):
    made = make(api, pool='public').json['floating_ip']
    theirs = make(api, STRANGER, pool='public').json['floating_ip']
    path = f'/os-floating-ips/{made["id"]}'
    assert [api(method, path, asker=STRANGER).status for method in ('GET', 'DELETE')] == [404, 404]
    assert api('GET', '/os-floating-ips', asker=STRANGER).json == {'floating_ips': [theirs]}
    assert act(api, outside.server.id, 'addFloatingIp', STRANGER, address=theirs['ip']).status == 404
    assert act(api, outside.server.id, 'addFloatingIp', address=theirs['ip']).status == 404
    act(api, outside.server.id, 'addFloatingIp', address=made['ip'])
    assert act(api, outside.server.id, 'removeFloatingIp', STRANGER, address=made['ip']).status == 404
    assert act(api, outside.server.id, 'removeFloatingIp', READER, address=made['ip']).status == 403
    assert make(api, OUTSIDER, pool='public').status == 403
    assert api('GET', path).json['floating_ip']['fixed_ip'] == outside.ip


def test_the_actions_end_with_2_43(api, outside):
    made = make(api, pool='public').json['floating_ip']
    path, body = f'/servers/{outside.server.id}/action', {'addFloatingIp': {'address': made['ip']}}
    assert api('POST', path, body, version='compute 2.44').status == 400
    assert api('POST', path, body, version='compute 2.43').status == 202
