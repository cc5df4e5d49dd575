"""Shelving servers and bringing them back over HTTP."""

import pytest
import sqlalchemy as sa

from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.models import Server
from nimbus.image.models import Image
from tests.compute_world import put_in, running, volume_of
from tests.conftest import ADMIN, MEMBER, STRANGER

# action: the states it begins in, the task state it shows, who may
VERBS = {
    'shelve': (states.SETTLED, 'shelving'),
    'shelveOffload': ({states.SHELVED}, 'shelving_offloading'),
    'unshelve': ({states.SHELVED, states.OFFLOADED}, 'unshelving'),
}
JOBS = {'shelve': 'shelve_server', 'shelveOffload': 'offload_server', 'unshelve': 'unshelve_server'}
by_action = pytest.mark.parametrize('action', VERBS)


@by_action
def test_it_is_accepted_shown_and_becomes_a_job(api, parts, world, action):
    for state in sorted(VERBS[action][0]):
        row = running(parts.db, world)
        put_in(parts.db, row.id, state)
        answer = api('POST', f'/servers/{row.id}/action', {action: None}, asker=ADMIN)
        assert (answer.status, answer.data) == (202, b'')
        shown = api('GET', f'/servers/{row.id}').json['server']
        assert (shown['status'], shown['OS-EXT-STS:task_state']) == (states.STATUS[state], VERBS[action][1])
        job = 'bring_back_server' if state == states.OFFLOADED else JOBS[action]
        with parts.db.read() as tx:
            assert tx.row(sa.select(Job).where(Job.workflow == job, Job.subject == row.id))
        listed = api('GET', f'/servers/{row.id}/os-instance-actions').json['instanceActions']
        assert listed[0]['action'] == action


@by_action
def test_in_any_other_state_it_is_a_conflict_that_names_the_state(api, parts, world, action):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/action'
    for state in sorted(states.LIVING - VERBS[action][0]):
        put_in(parts.db, row.id, state)
        answer = api('POST', path, {action: None}, asker=ADMIN)
        told = f"Cannot '{action}' instance {row.id} while it is in vm_state {state}"
        assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)
    with parts.db.read() as tx:
        assert tx.column(sa.select(Image.id)) == [world.image]


@by_action
def test_a_locked_server_refuses_it_and_a_strangers_is_not_found(api, parts, world, action):
    row = running(parts.db, world)
    put_in(parts.db, row.id, sorted(VERBS[action][0])[0])
    path = f'/servers/{row.id}/action'
    api('POST', path, {'lock': None})
    if action == 'shelveOffload':
        assert api('POST', path, {action: None}).status == 403
        return
    assert api('POST', path, {action: None}, asker=STRANGER).status == 404
    assert api('POST', path, {action: None}).json['conflictingRequest']['message'] == f'Instance {row.id} is locked'


def test_servers_are_found_by_these_statuses(api, parts, world):
    row = running(parts.db, world)
    for state, status in ((states.SHELVED, 'SHELVED'), (states.OFFLOADED, 'SHELVED_OFFLOADED')):
        put_in(parts.db, row.id, state)
        assert [one['id'] for one in api('GET', f'/servers?status={status}').json['servers']] == [row.id]


def offloaded(parts, world):
    row = running(parts.db, world)
    put_in(parts.db, row.id, states.OFFLOADED)
    return row


def asked(api, row, given, version, asker=ADMIN):
    return api('POST', f'/servers/{row.id}/action', {'unshelve': given}, asker=asker, version=f'compute {version}')


def test_a_zone_counts_from_2_77_on_and_none_from_2_91(api, parts, world):
    row = offloaded(parts, world)
    assert asked(api, row, {'availability_zone': 'nowhere'}, '2.76').status == 202
    put_in(parts.db, row.id, states.OFFLOADED)
    told = asked(api, row, {'availability_zone': 'nowhere'}, '2.77')
    assert told.status == 400 and 'availability zone is not available' in told.json['badRequest']['message']
    for wrong in ({}, {'availability_zone': None}, {'host': 'h1'}, {'availability_zone': ''}, []):
        assert asked(api, row, wrong, '2.77').status == 400
    assert asked(api, row, {'availability_zone': 'nova'}, '2.77').status == 202
    assert pinned(parts, row) == 'nova'
    put_in(parts.db, row.id, states.OFFLOADED)
    assert asked(api, row, {'availability_zone': None}, '2.91').status == 202
    assert pinned(parts, row) is None


def pinned(parts, row):
    with parts.db.read() as tx:
        return tx.scalar(sa.select(Server.pinned_zone).where(Server.id == row.id))


def test_only_operators_name_a_host_and_one_that_is_there(api, parts, world):
    row = offloaded(parts, world)
    assert asked(api, row, {'host': 'h1'}, '2.91', asker=MEMBER).status == 403
    told = asked(api, row, {'host': 'h9'}, '2.91')
    assert (told.status, told.json['badRequest']['message']) == (400, 'Compute host h9 could not be found.')
    told = asked(api, row, {'host': 'h1', 'availability_zone': 'nova', 'more': 1}, '2.91')
    assert told.status == 400
    assert asked(api, row, {'host': 'h1', 'availability_zone': 'nova'}, '2.91').status == 202


def test_on_its_host_it_comes_back_nowhere_else(api, parts, world):
    row = running(parts.db, world)
    put_in(parts.db, row.id, states.SHELVED)
    told = asked(api, row, {'availability_zone': 'nova'}, '2.77')
    assert told.status == 409 and 'must be SHELVED_OFFLOADED' in told.json['conflictingRequest']['message']
    assert asked(api, row, None, '2.91').status == 202


@pytest.mark.parametrize('state', [states.SHELVED, states.OFFLOADED])
def test_its_volumes_come_and_go_from_2_20_on(api, parts, world, state):
    row = running(parts.db, world)
    put_in(parts.db, row.id, state)
    path = f'/servers/{row.id}/os-volume_attachments'
    body = {'volumeAttachment': {'volumeId': volume_of(parts.db, MEMBER)}}
    told = api('POST', path, body)
    said = f"Cannot 'attach_volume' instance {row.id} while it is in vm_state {state}"
    assert (told.status, told.json['conflictingRequest']['message']) == (409, said)
    assert api('POST', path, body, version='compute 2.20').status == 200
