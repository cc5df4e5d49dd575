"""Moving servers while they run over HTTP, and what is seen of that."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.rpc import Compute
from nimbus.compute.servers.moves import live, moves
from tests.compute_world import put_in, running
from tests.conftest import ADMIN, MANAGER, MEMBER, STRANGER

OLD = {'host': None, 'block_migration': False, 'disk_over_commit': False}
AUTO = {'host': None, 'block_migration': 'auto'}


@pytest.fixture
def server(parts, world):
    with parts.db.write() as tx:
        services.report(tx, services.Kind('compute', 'nova-compute'), 'h2', {}, started=True)
    return running(parts.db, world)


def at(minor: int) -> str:
    return f'compute 2.{minor}'


def migrate(api: Any, server_id: str, given: Any, version: str | None = None, asker: Any = ADMIN) -> Any:
    return api('POST', f'/servers/{server_id}/action', {'os-migrateLive': given}, asker=asker, version=version)


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


def job_of(parts: Any, server_id: str) -> Any:
    with parts.db.read() as tx:
        return tx.row(sa.select(Job).where(Job.workflow == 'live_migrate_server', Job.subject == server_id))


def move_of(parts: Any, server_id: str) -> Any:
    with parts.db.read() as tx:
        return moves.of(tx, server_id)


def come_to(parts: Any, server_id: str, status: str, **values: Any) -> Any:
    """The server's move is that far."""
    with parts.db.write() as tx:
        moves.go(tx, moves.of(tx, server_id).id, status, **values)
    return move_of(parts, server_id)


@pytest.mark.parametrize(
    ('version', 'given', 'params'),
    [
        (None, OLD, (None, False, False)),
        (at(24), {**OLD, 'host': 'h2', 'block_migration': 'yes'}, ('h2', True, False)),
        (at(25), AUTO, (None, None, False)),
        (at(29), {**AUTO, 'block_migration': True}, (None, True, False)),
        (at(30), {**AUTO, 'host': 'h2', 'force': True}, ('h2', None, True)),
        (at(67), {**AUTO, 'host': 'h2', 'force': 'False'}, ('h2', None, False)),
        (at(68), {**AUTO, 'host': 'h2'}, ('h2', None, False)),
        (at(100), AUTO, (None, None, False)),
    ],
)
def test_it_is_accepted_shown_and_becomes_a_job_in_each_version(api, parts, server, version, given, params):
    answer = migrate(api, server.id, given, version)
    assert (answer.status, answer.data) == (202, b'')
    shown = api('GET', f'/servers/{server.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == ('MIGRATING', 'migrating')
    found = job_of(parts, server.id).params
    assert (found['to_host'], found['block'], found['forced']) == params
    assert [row['id'] for row in api('GET', '/servers?status=migrating').json['servers']] == [server.id]
    listed = api('GET', f'/servers/{server.id}/os-instance-actions').json['instanceActions']
    assert listed[0]['action'] == 'live-migration'
    (row,) = api('GET', '/os-migrations?migration_type=live-migration', asker=ADMIN).json['migrations']
    assert (row['status'], row['source_compute']) == ('queued', 'h1')


@pytest.mark.parametrize(
    ('version', 'given'),
    [
        (at(24), AUTO),
        (at(24), {'host': None, 'block_migration': False}),
        (at(25), OLD),
        (at(25), {'host': 'h2'}),
        (at(25), {'block_migration': 'auto'}),
        (at(25), {**AUTO, 'block_migration': 'maybe'}),
        (at(25), {**AUTO, 'host': 'a host'}),
        (at(25), {**AUTO, 'host': ''}),
        (at(29), {**AUTO, 'host': 'h2', 'force': True}),
        (at(30), {**AUTO, 'force': True}),
        (at(30), {**AUTO, 'host': 'h2', 'force': 'perhaps'}),
        (at(68), {**AUTO, 'host': 'h2', 'force': False}),
        (at(68), None),
    ],
)
def test_what_a_version_does_not_take_is_refused_and_nothing_is_left(api, parts, server, version, given):
    assert migrate(api, server.id, given, version).status == 400
    assert api('GET', f'/servers/{server.id}').json['server']['status'] == 'ACTIVE'
    assert move_of(parts, server.id) is None


def test_a_host_that_is_not_there_is_refused_in_every_version(api, parts, server):
    for version, given in ((None, {**OLD, 'host': 'h9'}), (at(100), {**AUTO, 'host': 'h9'})):
        answer = migrate(api, server.id, given, version)
        assert (answer.status, told(answer)) == (400, 'Compute host h9 could not be found.')
    assert move_of(parts, server.id) is None


def test_before_2_34_its_own_host_and_one_that_is_down_are_refused_in_the_answer(api, parts, server):
    answer = migrate(api, server.id, {**OLD, 'host': 'h1'})
    assert answer.status == 400 and 'to current host (h1)' in told(answer)
    with parts.db.write() as tx:
        (row,) = services.find(tx, 'compute', host='h2', binary='nova-compute')
        services.change(tx, row.id, forced_down=True)
    answer = migrate(api, server.id, {**OLD, 'host': 'h2'})
    assert answer.status == 400 and 'Compute service of h2 is unavailable' in told(answer)
    assert migrate(api, server.id, {**AUTO, 'host': 'h1'}, at(34)).status == 202


@pytest.mark.parametrize('state', sorted(states.LIVING - {states.ACTIVE, states.PAUSED}))
def test_in_any_other_state_it_is_a_conflict_that_names_the_state(api, parts, server, state):
    put_in(parts.db, server.id, state)
    answer = migrate(api, server.id, OLD)
    assert (answer.status, told(answer)) == (
        409,
        f"Cannot 'os-migrateLive' instance {server.id} while it is in vm_state {state}",
    )


def test_a_paused_server_is_moved_too_and_members_and_strangers_move_nothing(api, parts, server):
    put_in(parts.db, server.id, states.PAUSED)
    assert migrate(api, server.id, OLD, asker=MEMBER).status == 403
    assert migrate(api, server.id, OLD, asker=STRANGER).status in (403, 404)
    assert migrate(api, server.id, OLD).status == 202


FIELDS = {'id', 'created_at', 'updated_at', 'status', 'server_uuid', 'source_compute', 'source_node', 'dest_compute'}
FIELDS |= {'dest_host', 'dest_node'}
FIELDS |= {f'{what}_{name}_bytes' for what in ('memory', 'disk') for name in ('total', 'processed', 'remaining')}


@pytest.mark.parametrize(('version', 'more'), [(23, set()), (59, {'uuid'}), (80, {'uuid', 'user_id', 'project_id'})])
def test_operators_see_how_far_it_is(api, parts, server, version, more):
    migrate(api, server.id, OLD)
    come_to(parts, server.id, moves.RUNNING, target_host='h2', target_node='n2', target_address='10.0.0.2')
    figures = {'memory_total': 4096, 'memory_processed': 1024, 'memory_remaining': 3072}
    with parts.db.write() as tx:
        live.progressed(tx, 'h2', server.id, {'memory_total': 1})
        live.progressed(tx, 'h1', server.id, figures)
    (found,) = api('GET', f'/servers/{server.id}/migrations', asker=ADMIN, version=at(version)).json['migrations']
    assert set(found) == FIELDS | more
    assert (found['status'], found['dest_compute'], found['dest_host']) == ('running', 'h2', '10.0.0.2')
    assert (found['memory_total_bytes'], found['memory_remaining_bytes']) == (4096, 3072)
    assert found['disk_total_bytes'] is None
    path = f'/servers/{server.id}/migrations/{found["id"]}'
    assert api('GET', path, asker=ADMIN, version=at(version)).json == {'migration': found}
    assert api('GET', path, asker=ADMIN, version=at(22)).status == 404
    assert api('GET', path, version=at(version)).status == 403


def test_what_is_over_or_no_such_move_is_not_found(api, parts, server):
    migrate(api, server.id, OLD)
    move = move_of(parts, server.id)
    for number in ('0', 'x', '9' * 30, str(move.seq + 1)):
        answer = api('GET', f'/servers/{server.id}/migrations/{number}', asker=ADMIN, version=at(23))
        assert answer.status == 404, number
    with parts.db.write() as tx:
        moves.end(tx, move, moves.COMPLETED)
    answer = api('GET', f'/servers/{server.id}/migrations/{move.seq}', asker=ADMIN, version=at(23))
    assert answer.status == 404 and 'is not in progress' in told(answer)
    assert api('GET', f'/servers/{server.id}/migrations', asker=ADMIN, version=at(23)).json == {'migrations': []}


def abort(api: Any, server_id: str, number: Any, minor: int, asker: Any = ADMIN) -> Any:
    return api('DELETE', f'/servers/{server_id}/migrations/{number}', asker=asker, version=at(minor))


def test_a_running_move_is_aborted_and_one_that_waits_from_2_65_on(api, parts, server):
    migrate(api, server.id, OLD)
    move = move_of(parts, server.id)
    assert abort(api, server.id, move.seq, 23).status == 404
    answer = abort(api, server.id, move.seq, 64)
    assert answer.status == 400 and 'is queued. Cannot abort live migration' in told(answer)
    assert abort(api, server.id, move.seq, 65).status == 202
    assert job_of(parts, server.id).cancelled
    with parts.db.write() as tx:
        tx.update(Job, Job.workflow == 'live_migrate_server', cancelled=False)
    come_to(parts, server.id, moves.RUNNING)
    assert abort(api, server.id, move.seq, 24).status == 202
    assert job_of(parts, server.id).cancelled
    assert abort(api, server.id, move.seq, 24, MEMBER).status == 403
    assert abort(api, server.id, move.seq + 1, 24).status == 404


def test_a_server_that_does_not_move_has_nothing_to_abort_or_force(api, parts, server):
    assert abort(api, server.id, 1, 24).status == 409
    path = f'/servers/{server.id}/migrations/1/action'
    assert api('POST', path, {'force_complete': None}, asker=ADMIN, version=at(22)).status == 409


def test_the_end_of_a_running_move_is_forced(api, parts, server, monkeypatch):
    forced = []

    class Host:
        def live_force(self, server_id):
            forced.append(server_id)

    def client(contract, asker, host):
        assert (contract, host) == (Compute, 'h1')
        return Host()

    monkeypatch.setattr(parts, 'client', client, raising=False)
    migrate(api, server.id, OLD)
    number = move_of(parts, server.id).seq
    path = f'/servers/{server.id}/migrations/{number}/action'

    def force(body: Any = None, **more: Any) -> Any:
        body = {'force_complete': None} if body is None else body
        return api('POST', path, body, **{'asker': ADMIN, 'version': at(22), **more})

    answer = force()
    assert answer.status == 400 and 'is queued. Cannot force complete' in told(answer)
    come_to(parts, server.id, moves.RUNNING)
    assert force({'force_complete': {}}).status == 400
    assert force(version=at(21)).status == 404
    assert force(asker=MEMBER).status == 403
    assert forced == []
    assert force().status == 202 and forced == [server.id]
    listed = api('GET', f'/servers/{server.id}/os-instance-actions').json['instanceActions']
    assert listed[0]['action'] == 'live_migration_force_complete'


def test_a_manager_of_the_project_sees_no_hosts(api, parts, server):
    migrate(api, server.id, OLD)

    (found,) = api('GET', f'/servers/{server.id}/migrations', asker=MANAGER, version=at(23)).json['migrations']
    assert found['source_compute'] is None and found['status'] == 'queued'
