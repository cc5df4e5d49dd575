"""Taking servers to another host over HTTP, off."""

import pytest
import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.quotas import RECOUNT
from nimbus.compute.servers.moves import moves
from tests.compute_world import put_in, running
from tests.conftest import ADMIN, MEMBER, STRANGER

TO_HOST = 'compute 2.56'


@pytest.fixture
def server(parts, world):
    with parts.db.write() as tx:
        services.report(tx, services.Kind('compute', 'nova-compute'), 'h2', {}, started=True)
    return running(parts.db, world)


def migrate(api, server_id, given=None, asker=ADMIN, version=None):
    return api('POST', f'/servers/{server_id}/action', {'migrate': given}, asker=asker, version=version)


def told(answer):
    (fault,) = answer.json.values()
    return fault['message']


def job_of(parts, server_id):
    with parts.db.read() as tx:
        return tx.row(sa.select(Job).where(Job.workflow == 'migrate_server', Job.subject == server_id))


def test_it_is_accepted_shown_and_becomes_a_job(api, parts, server):
    answer = migrate(api, server.id)
    assert (answer.status, answer.data) == (202, b'')
    shown = api('GET', f'/servers/{server.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == ('RESIZE', 'resize_prep')
    assert job_of(parts, server.id).params['to_host'] is None
    listed = api('GET', f'/servers/{server.id}/os-instance-actions').json['instanceActions']
    assert listed[0]['action'] == 'migrate'
    (found,) = api('GET', '/os-migrations?migration_type=migration', asker=ADMIN, version='compute 2.80').json[
        'migrations'
    ]
    assert (found['migration_type'], found['status'], found['instance_uuid']) == (
        'migration',
        'pre-migrating',
        server.id,
    )
    assert found['old_instance_type_id'] == found['new_instance_type_id']
    with parts.db.write() as tx:
        assert RECOUNT.suspects(tx) == []


def test_an_operator_names_the_host_from_2_56_on(api, parts, server):
    assert migrate(api, server.id, {'host': 'h2'}, version=TO_HOST).status == 202
    assert job_of(parts, server.id).params['to_host'] == 'h2'


def test_before_2_56_what_stands_beside_the_name_is_passed_over(api, parts, server):
    assert migrate(api, server.id, {'host': 'h2'}).status == 202
    assert job_of(parts, server.id).params['to_host'] is None


def test_a_host_that_is_not_there_or_its_own_is_refused_and_nothing_is_left(api, parts, server):
    answer = migrate(api, server.id, {'host': 'h9'}, version=TO_HOST)
    assert (answer.status, told(answer)) == (400, 'Compute host h9 could not be found.')
    answer = migrate(api, server.id, {'host': 'h1'}, version=TO_HOST)
    assert (answer.status, told(answer)) == (400, 'Cannot migrate to the host where the server exists.')
    for given in ({'host': ''}, {'host': 'a b'}, {'host': 'h' * 256}, {'host': 3}, {'to': 'h2'}, []):
        assert migrate(api, server.id, given, version=TO_HOST).status == 400, given
    assert api('GET', f'/servers/{server.id}').json['server']['status'] == 'ACTIVE'
    with parts.db.read() as tx:
        assert moves.of(tx, server.id) is None


@pytest.mark.parametrize('given', [None, {}, {'host': None}])
def test_any_host_is_asked_for_in_three_ways(api, parts, server, given):
    assert migrate(api, server.id, given, version=TO_HOST).status == 202


@pytest.mark.parametrize('state', sorted(states.LIVING - {states.ACTIVE, states.STOPPED}))
def test_in_any_other_state_it_is_a_conflict_that_names_the_state(api, parts, server, state):
    put_in(parts.db, server.id, state)
    answer = migrate(api, server.id)
    assert answer.status == 409 and told(answer).endswith(f'while it is in vm_state {state}')


def test_a_server_that_still_holds_what_it_had_before_a_move_is_not_moved_again(api, parts, server):
    assert migrate(api, server.id).status == 202
    put_in(parts.db, server.id, states.ACTIVE)
    assert migrate(api, server.id).status == 409


def test_members_migrate_nothing_and_strangers_see_nothing(api, server):
    assert migrate(api, server.id, asker=MEMBER).status == 403
    assert migrate(api, server.id, asker=STRANGER).status in (403, 404)
