"""Ports that come to an existing server and go, and its further addresses, over HTTP."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import ids
from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.network.models import Port
from nimbus.network.networks import networks, subnets
from nimbus.network.ports import ports
from nimbus.network.quotas import QUOTAS
from tests.compute_world import SUBNET, boot, put_in, running
from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.domain.network import cloud


def jobs_of(parts: Any, workflow: str) -> list[Any]:
    with parts.db.read() as tx:
        return list(tx.rows(sa.select(Job).where(Job.workflow == workflow)))


def port_of(parts: Any, network_id: str, asker: Any = MEMBER) -> str:
    """A free port of the asker's."""
    with parts.db.write() as tx:
        network = networks.show(tx, ADMIN, network_id)
        return ports.insert(tx, asker, ports.Draft(network=network, project_id=asker.project_id))


def attach(api: Any, server_id: str, asker: Any = MEMBER, version: str | None = None, **given: Any) -> Any:
    body = {'interfaceAttachment': given}
    return api('POST', f'/servers/{server_id}/os-interface', body, asker=asker, version=version)


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


@pytest.fixture
def server(parts: Any, world: Any) -> Any:
    return running(parts.db, world)


def test_a_port_made_on_the_network_named_is_the_servers_at_once_and_on_its_way(api, parts, world, server):
    answer = attach(api, server.id, net_id=world.network)
    found = answer.json['interfaceAttachment']
    assert answer.status == 200 and set(found) == {'net_id', 'port_id', 'mac_addr', 'port_state', 'fixed_ips'}
    assert (found['net_id'], found['port_state']) == (world.network, 'DOWN')
    assert found['fixed_ips'][0]['ip_address'].startswith('10.0.0.')
    (job,) = jobs_of(parts, 'attach_interface')
    assert (job.subject, job.params['port_id'], job.params['nic']['mac']) == (
        server.id,
        found['port_id'],
        found['mac_addr'],
    )
    assert api('GET', f'/servers/{server.id}/os-interface').json['interfaceAttachments'] == [found]
    with parts.db.read() as tx:
        port = ports.get(tx, found['port_id'])
        assert (port.host, port.device_id, port.device_owner) == ('h1', server.id, 'compute:nova')


def test_the_one_network_there_is_need_not_be_named(api, parts, world, server):
    answer = api('POST', f'/servers/{server.id}/os-interface', {})
    assert answer.json['interfaceAttachment']['net_id'] == world.network
    with parts.db.write() as tx:
        networks.create(tx, MEMBER, mtu=1500, name='second')
    refused = attach(api, server.id)
    assert refused.status == 400 and 'Multiple possible networks' in told(refused)


def test_a_given_port_is_taken_and_a_tag_is_told_since_2_70(latest, world, parts, server):
    port = port_of(parts, world.network)
    answer = attach(latest, server.id, port_id=port, tag='wan')
    assert answer.status == 200
    assert answer.json['interfaceAttachment']['tag'] == 'wan'
    assert attach(latest, server.id, port_id=port).status == 409
    assert attach(latest, server.id, version='compute 2.48', net_id=world.network, tag='x').status == 400


def test_an_address_can_be_chosen_once(api, parts, world, server):
    chosen = [{'ip_address': '10.0.0.77'}]
    assert attach(api, server.id, net_id=world.network, fixed_ips=chosen).status == 200
    refused = attach(api, server.id, net_id=world.network, fixed_ips=chosen)
    assert refused.status == 409 and '10.0.0.77' in told(refused)
    assert attach(api, server.id, net_id=world.network, fixed_ips=[{'ip_address': '9.9.9.9'}]).status == 400
    assert len(jobs_of(parts, 'attach_interface')) == 1


def test_what_contradicts_itself_is_refused(api, parts, world, server):
    port = port_of(parts, world.network)
    both = attach(api, server.id, net_id=world.network, port_id=port)
    assert (both.status, told(both)) == (400, 'Must not input both network_id and port_id')
    alone = attach(api, server.id, fixed_ips=[{'ip_address': '10.0.0.9'}])
    assert (alone.status, told(alone)) == (400, 'Must input network_id when request IP address')


def test_what_is_anothers_is_not_found_or_refused(api, parts, world, server):
    with parts.db.write() as tx:
        theirs = networks.create(tx, STRANGER, mtu=1500, name='theirs')
        subnets.create(tx, STRANGER, networks.show(tx, STRANGER, theirs), SUBNET)
    port = port_of(parts, theirs, STRANGER)
    assert attach(api, server.id, net_id=theirs).status == 404
    assert attach(api, server.id, port_id=port).status == 404
    assert attach(api, server.id, asker=STRANGER, net_id=theirs).status == 404
    assert attach(api, server.id, asker=READER, net_id=world.network).status == 403
    with parts.db.read() as tx:
        assert not ports.get(tx, port).holder_id
        assert tx.rows(sa.select(Port).where(Port.device_id == server.id)) == []


def test_an_operator_finds_for_a_server_what_its_owner_could(api, parts, world, server):
    with parts.db.write() as tx:
        other = networks.create(tx, STRANGER, mtu=1500, name='theirs')
        subnets.create(tx, STRANGER, networks.show(tx, STRANGER, other), SUBNET)
    refused = attach(api, server.id, asker=ADMIN, port_id=port_of(parts, other, STRANGER))
    assert refused.status == 400 and 'belongs to another project' in told(refused)
    answer = attach(api, server.id, asker=ADMIN, net_id=world.network)
    with parts.db.read() as tx:
        assert ports.get(tx, answer.json['interfaceAttachment']['port_id']).project_id == MEMBER.project_id


@pytest.mark.parametrize('state', [states.SUSPENDED, states.ERROR])
def test_a_server_in_another_state_is_left_alone_and_the_state_is_named(api, parts, world, server, state):
    put_in(parts.db, server.id, state)
    for answer in (
        attach(api, server.id, net_id=world.network),
        api('DELETE', f'/servers/{server.id}/os-interface/{server.id}'),
    ):
        assert answer.status == 409 and f'vm_state {state}' in told(answer)
    with parts.db.read() as tx:
        assert tx.rows(sa.select(Port).where(Port.device_id == server.id)) == []


def test_a_server_that_never_ran_gets_no_port(api, parts, world):
    row = boot(parts.db, world)
    put_in(parts.db, row.id, states.ACTIVE)
    assert 'never been active' in told(attach(api, row.id, net_id=world.network))


def test_a_port_goes_and_asking_again_meanwhile_is_fine(api, parts, world, server):
    port = attach(api, server.id, net_id=world.network).json['interfaceAttachment']['port_id']
    path = f'/servers/{server.id}/os-interface/{port}'
    assert [api('DELETE', path).status for _ in range(2)] == [202, 202]
    assert len(jobs_of(parts, 'detach_interface')) == 1
    other = port_of(parts, world.network)
    missing = api('DELETE', f'/servers/{server.id}/os-interface/{other}')
    assert missing.status == 404 and other in told(missing)


def test_a_locked_server_keeps_its_ports(api, parts, world, server):
    port = attach(api, server.id, net_id=world.network).json['interfaceAttachment']['port_id']
    api('POST', f'/servers/{server.id}/action', {'lock': None})
    assert attach(api, server.id, net_id=world.network).status == 409
    assert api('DELETE', f'/servers/{server.id}/os-interface/{port}').status == 409


def act(api: Any, server_id: str, name: str, **given: Any) -> Any:
    return api('POST', f'/servers/{server_id}/action', {name: given})


def test_a_server_gets_one_more_address_on_a_network_of_its_and_loses_it(api, latest, parts, world, server):
    refused = act(api, server.id, 'addFixedIp', networkId=world.network)
    assert refused.status == 404 and server.id in told(refused)
    attach(api, server.id, net_id=world.network)
    assert act(api, server.id, 'addFixedIp', networkId=world.network).status == 202
    (port,) = api('GET', f'/servers/{server.id}/os-interface').json['interfaceAttachments']
    first, second = (address['ip_address'] for address in port['fixed_ips'])
    assert act(api, server.id, 'removeFixedIp', address=first).status == 202
    (port,) = api('GET', f'/servers/{server.id}/os-interface').json['interfaceAttachments']
    assert [address['ip_address'] for address in port['fixed_ips']] == [second]
    missing = act(api, server.id, 'removeFixedIp', address=first)
    assert missing.status == 400 and first in told(missing)
    assert act(latest, server.id, 'addFixedIp', networkId=world.network).status in (400, 404)


def test_a_project_without_room_for_a_port_is_refused(api, parts, world, server):
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'port': 0})
    refused = attach(api, server.id, net_id=world.network)
    assert (refused.status, refused.json['forbidden']['message']) == (403, 'Maximum number of ports exceeded')
    assert jobs_of(parts, 'attach_interface') == []


def test_a_network_without_a_free_address_gives_none(api, parts, world, server):
    with parts.db.write() as tx:
        full = networks.create(tx, MEMBER, mtu=1500, name='full')
        small = {**SUBNET, 'cidr': '10.9.0.0/30'}
        subnets.create(tx, MEMBER, networks.show(tx, MEMBER, full), small)
    assert attach(api, server.id, net_id=full).status == 200
    refused = attach(api, server.id, net_id=full)
    assert refused.status == 400 and 'No more IP addresses' in told(refused)
    refused = act(api, server.id, 'addFixedIp', networkId=full)
    assert refused.status == 400 and full in told(refused)


def test_the_host_is_told_of_a_servers_ports_again_when_an_operator_asks(api, parts, world, server):
    attach(api, server.id, net_id=world.network)
    for value in (None, {}, 'any'):
        with parts.db.read() as tx:
            before = cloud.generation(tx, 'h1')
        answer = api('POST', f'/servers/{server.id}/action', {'injectNetworkInfo': value}, asker=ADMIN)
        assert (answer.status, answer.data) == (202, b'')
        with parts.db.read() as tx:
            assert cloud.generation(tx, 'h1') > before


def test_who_may_have_the_host_told_of_a_servers_ports_again(api, server):
    body = {'injectNetworkInfo': None}
    assert api('POST', f'/servers/{server.id}/action', body).status == 403
    assert api('POST', f'/servers/{ids.dashed()}/action', body, asker=ADMIN).status == 404
    assert api('POST', f'/servers/{server.id}/action', {**body, 'more': 1}, asker=ADMIN).status == 400
    api('POST', f'/servers/{server.id}/action', {'lock': None})
    assert api('POST', f'/servers/{server.id}/action', body, asker=ADMIN).status == 202
