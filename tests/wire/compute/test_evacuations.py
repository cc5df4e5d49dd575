"""Evacuating servers over HTTP, in each of its versions."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.models import Server
from tests.compute_world import put_in, running
from tests.conftest import ADMIN, MEMBER


@pytest.fixture
def server(parts: Any, world: Any) -> Any:
    """A server whose host is down, beside a host that is not."""
    row = running(parts.db, world)
    with parts.db.write() as tx:
        services.report(tx, services.Kind('compute', 'nova-compute'), 'h2', {}, started=True)
    force_down(parts, True)
    return row


def force_down(parts: Any, down: bool) -> None:
    with parts.db.write() as tx:
        services.change(tx, services.find(tx, host='h1', binary='nova-compute')[0].id, forced_down=down)


def evacuate(api: Any, row: Any, given: Any, version: str = '2.95', asker: Any = ADMIN) -> Any:
    return api('POST', f'/servers/{row.id}/action', {'evacuate': given}, asker=asker, version=f'compute {version}')


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


def asked(parts: Any, row: Any) -> dict[str, Any]:
    with parts.db.read() as tx:
        query = sa.select(Job.params).where(Job.subject == row.id, Job.workflow == 'evacuate_server')
        return tx.scalar(query.order_by(Job.seq.desc()))


def test_it_is_asked_for_shown_and_recorded(api, parts, server):
    answer = evacuate(api, server, {})
    assert (answer.status, answer.data) == (200, b'')
    shown = api('GET', f'/servers/{server.id}', asker=ADMIN).json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == ('REBUILD', 'rebuilding')
    assert asked(parts, server)['starts'] is False
    (move,) = api('GET', '/os-migrations?migration_type=evacuation', asker=ADMIN, version='compute 2.59').json[
        'migrations'
    ]
    assert (move['status'], move['migration_type'], move['source_compute']) == ('accepted', 'evacuation', 'h1')
    assert move['instance_uuid'] == server.id and move['dest_compute'] is None
    (action, *_) = api('GET', f'/servers/{server.id}/os-instance-actions', asker=ADMIN).json['instanceActions']
    assert action['action'] == 'evacuate'
    again = evacuate(api, server, {})
    assert again.status == 409 and 'task_state rebuilding' in told(again)


def test_until_2_13_one_says_whether_storage_is_shared_and_gets_the_password(api, parts, server):
    for wrong in ({}, {'host': 'h2'}, {'onSharedStorage': 'perhaps'}, {'onSharedStorage': False, 'force': True}, None):
        assert evacuate(api, server, wrong, '2.13').status == 400
    refused = evacuate(api, server, {'onSharedStorage': True, 'adminPass': 'x'}, '2.13')
    assert (refused.status, told(refused)) == (400, "admin password can't be changed on existing disk")
    answer = evacuate(api, server, {'onSharedStorage': 'False', 'adminPass': 'mine', 'host': 'h2'}, '2.13')
    assert (answer.status, answer.json) == (200, {'adminPass': 'mine'})
    job = asked(parts, server)
    assert (job['shared'], job['to_host'], job['forced'], job['starts']) == (False, 'h2', True, True)
    with parts.db.read() as tx:
        assert tx.scalar(sa.select(Server.admin_pass).where(Server.id == server.id)) == 'mine'


def test_a_password_is_made_where_none_is_given_and_none_for_a_disk_that_stays(api, parts, server):
    answer = evacuate(api, server, {'onSharedStorage': True}, '2.1')
    assert (answer.status, answer.json) == (200, {'adminPass': None})
    assert asked(parts, server)['shared'] is True
    with parts.db.write() as tx:
        tx.update(Server, Server.id == server.id, task_state=None)


@pytest.mark.parametrize(
    'version, given, forced',
    [
        ('2.14', {'host': 'h2'}, True),
        ('2.28', {}, False),
        ('2.29', {'host': 'h2'}, False),
        ('2.29', {'host': 'h2', 'force': True}, True),
        ('2.67', {'host': 'h2', 'force': 'no'}, False),
        ('2.68', {'host': 'h2'}, False),
    ],
)
def test_a_host_is_taken_as_it_is_or_judged(api, parts, server, version, given, forced):
    answer = evacuate(api, server, given, version)
    assert (answer.status, answer.data) == (200, b'')
    job = asked(parts, server)
    assert (job['forced'], job['to_host'], job['shared'], job['starts']) == (forced, given.get('host'), None, True)


@pytest.mark.parametrize(
    'version, given',
    [
        ('2.14', {'onSharedStorage': True}),
        ('2.28', {'force': True}),
        ('2.29', {'force': True}),
        ('2.29', {'host': 'h2', 'force': 'perhaps'}),
        ('2.68', {'host': 'h2', 'force': True}),
        ('2.95', {'host': 'h 2'}),
        ('2.95', {'host': ''}),
        ('2.95', {'adminPass': 5}),
        ('2.95', []),
    ],
)
def test_what_a_version_does_not_know_is_refused(api, parts, server, version, given):
    assert evacuate(api, server, given, version).status == 400
    assert asked(parts, server) is None


def test_hosts_that_it_cannot_leave_or_reach_are_refused_with_a_sentence(api, parts, server):
    answer = evacuate(api, server, {'host': 'h9'})
    assert (answer.status, told(answer)) == (404, 'Compute host h9 not found.')
    answer = evacuate(api, server, {'host': 'h1'})
    assert (answer.status, told(answer)) == (400, "The target host can't be the same one.")
    force_down(parts, False)
    answer = evacuate(api, server, {})
    assert (answer.status, told(answer)) == (400, 'Compute service of h1 is still in use.')
    assert api('GET', f'/servers/{server.id}').json['server']['status'] == 'ACTIVE'
    assert asked(parts, server) is None


@pytest.mark.parametrize('state', sorted(states.LIVING))
def test_only_servers_that_run_are_off_or_broken_go(api, parts, server, state):
    put_in(parts.db, server.id, state)
    answer = evacuate(api, server, {})
    if state in (states.ACTIVE, states.STOPPED, states.ERROR):
        assert answer.status == 200
    else:
        assert answer.status == 409 and f'vm_state {state}' in told(answer)


def test_only_operators_evacuate(api, parts, server):
    assert evacuate(api, server, {}, asker=MEMBER).status == 403
    missing = api('POST', f'/servers/{"0" * 8}-0000-4000-8000-{"0" * 12}/action', {'evacuate': {}}, asker=ADMIN)
    assert missing.status in (400, 404)
    assert asked(parts, server) is None
