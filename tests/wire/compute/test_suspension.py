"""Pausing, suspending and the ways back over HTTP."""

import pytest
import sqlalchemy as sa

from nimbus.common.jobs import Job
from nimbus.compute import states
from tests.compute_world import put_in, running
from tests.conftest import STRANGER

# action: the state it begins in, the task state it shows
VERBS = {
    'pause': (states.ACTIVE, 'pausing'),
    'unpause': (states.PAUSED, 'unpausing'),
    'suspend': (states.ACTIVE, 'suspending'),
    'resume': (states.SUSPENDED, 'resuming'),
}


@pytest.mark.parametrize('action', VERBS)
def test_it_is_accepted_shown_and_becomes_a_job(api, parts, world, action):
    state, task = VERBS[action]
    row = running(parts.db, world)
    put_in(parts.db, row.id, state)
    answer = api('POST', f'/servers/{row.id}/action', {action: None})
    assert (answer.status, answer.data) == (202, b'')
    shown = api('GET', f'/servers/{row.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == (states.STATUS[state], task)
    with parts.db.read() as tx:
        assert tx.row(sa.select(Job).where(Job.workflow == f'{action}_server', Job.subject == row.id))
    assert api('GET', f'/servers/{row.id}/os-instance-actions').json['instanceActions'][0]['action'] == action


@pytest.mark.parametrize('action', VERBS)
def test_in_any_other_state_it_is_a_conflict_that_names_the_state(api, parts, world, action):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/action'
    for state in sorted(states.LIVING - {VERBS[action][0]}):
        put_in(parts.db, row.id, state)
        answer = api('POST', path, {action: None})
        told = f"Cannot '{action}' instance {row.id} while it is in vm_state {state}"
        assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)
    put_in(parts.db, row.id, VERBS[action][0], 'powering-off')
    told = api('POST', path, {action: None}).json['conflictingRequest']['message']
    assert told.endswith('while it is in task_state powering-off')


@pytest.mark.parametrize('action', VERBS)
def test_a_locked_server_refuses_it_and_a_strangers_is_not_found(api, parts, world, action):
    row = running(parts.db, world)
    put_in(parts.db, row.id, VERBS[action][0])
    path = f'/servers/{row.id}/action'
    assert api('POST', path, {action: None}, asker=STRANGER).status == 404
    api('POST', path, {'lock': None})
    assert api('POST', path, {action: None}).json['conflictingRequest']['message'] == f'Instance {row.id} is locked'
