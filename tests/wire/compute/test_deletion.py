"""Deleting servers for a while and for good, and restoring them, over HTTP."""

import pytest
import sqlalchemy as sa

from nimbus.api.compute import app
from nimbus.common.jobs import Job
from nimbus.compute import states
from tests.compute_world import put_in, running
from tests.conftest import ADMIN, STRANGER
from tests.wire.client import Client


@pytest.fixture
def keeping(parts):
    """The API of a cloud that keeps deleted servers for a while."""
    parts.extra['compute'] = app.Settings(keep_deleted=True)
    return Client(app.make(parts), prefix='/v2.1')


def jobs_of(parts, server_id):
    with parts.db.read() as tx:
        return tx.column(sa.select(Job.workflow).where(Job.subject == server_id).order_by(Job.seq))[1:]


def test_a_deleted_server_is_kept_where_the_cloud_keeps_them(keeping, parts, world):
    row = running(parts.db, world)
    assert keeping('DELETE', f'/servers/{row.id}').status == 204
    assert keeping('DELETE', f'/servers/{row.id}').status == 204
    shown = keeping('GET', f'/servers/{row.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == ('ACTIVE', 'soft-deleting')
    assert jobs_of(parts, row.id) == ['soft_delete_server']


def test_it_is_shown_by_its_id_and_listed_only_among_the_deleted(keeping, parts, world):
    row = running(parts.db, world)
    put_in(parts.db, row.id, states.SOFT_DELETED)
    assert keeping('GET', f'/servers/{row.id}').json['server']['status'] == 'SOFT_DELETED'

    def found(query, asker=ADMIN):
        return [one['id'] for one in keeping('GET', f'/servers?all_tenants=1{query}', asker=asker).json['servers']]

    assert found('') == [] and found('&status=SOFT_DELETED') == [] and found('&status=DELETED') == []
    assert found('&deleted=true') == [row.id] and found('&deleted=true&status=SOFT_DELETED') == [row.id]
    assert found('&soft_deleted=true') == [row.id]
    assert keeping('GET', '/servers').json['servers'] == []
    assert keeping('DELETE', f'/servers/{row.id}').status == 204 and jobs_of(parts, row.id) == []


def test_it_is_restored_or_deleted_for_good(keeping, parts, world):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/action'
    put_in(parts.db, row.id, states.SOFT_DELETED)
    assert keeping('POST', path, {'restore': None}, asker=STRANGER).status == 404
    assert keeping('POST', path, {'restore': None}).status == 202
    assert keeping('GET', f'/servers/{row.id}').json['server']['OS-EXT-STS:task_state'] == 'restoring'
    assert keeping('POST', path, {'forceDelete': None}).status == 202
    assert keeping('POST', path, {'forceDelete': None}).status == 202
    assert jobs_of(parts, row.id) == ['restore_server', 'delete_server']
    told = [one['action'] for one in keeping('GET', f'/servers/{row.id}/os-instance-actions').json['instanceActions']]
    assert told == ['delete', 'restore', 'create']


def test_what_was_not_deleted_is_not_restored(api, parts, world):
    row = running(parts.db, world)
    for state in sorted(states.LIVING - {states.SOFT_DELETED}):
        put_in(parts.db, row.id, state)
        answer = api('POST', f'/servers/{row.id}/action', {'restore': None})
        told = f"Cannot 'restore' instance {row.id} while it is in vm_state {state}"
        assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)


def test_a_locked_server_is_neither_deleted_nor_restored(keeping, parts, world):
    row = running(parts.db, world)
    keeping('POST', f'/servers/{row.id}/action', {'lock': None})
    assert keeping('DELETE', f'/servers/{row.id}').status == 409
    assert keeping('POST', f'/servers/{row.id}/action', {'forceDelete': None}).status == 409
    put_in(parts.db, row.id, states.SOFT_DELETED)
    assert keeping('DELETE', f'/servers/{row.id}').status == 409
    assert keeping('POST', f'/servers/{row.id}/action', {'restore': None}).status == 409


def test_a_project_without_room_restores_nothing(keeping, parts, world):
    row = running(parts.db, world)
    put_in(parts.db, row.id, states.SOFT_DELETED)
    keeping('PUT', f'/os-quota-sets/{row.project_id}', {'quota_set': {'ram': 511, 'force': True}}, asker=ADMIN)
    answer = keeping('POST', f'/servers/{row.id}/action', {'restore': None})
    assert answer.status == 403 and 'Quota exceeded for ram' in answer.json['forbidden']['message']
    assert keeping('GET', f'/servers/{row.id}').json['server']['OS-EXT-STS:task_state'] is None


def test_a_cloud_that_keeps_none_deletes_at_once(api, parts, world):
    row = running(parts.db, world)
    assert api('DELETE', f'/servers/{row.id}').status == 204
    assert jobs_of(parts, row.id) == ['delete_server']
