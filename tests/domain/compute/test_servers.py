"""A server's rows led on by workflows, by its owner, and found again."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import errors, jobs, times
from nimbus.common.database import db, listing
from nimbus.common.jobs import Job
from nimbus.compute import quotas, states
from nimbus.compute.metadata import documents
from nimbus.compute.servers import deletion, metadata_and_tags, power, search, servers
from tests.compute_world import boot, furnish, put_in, running
from tests.conftest import ADMIN, MEMBER, STRANGER


@pytest.fixture
def world(database: db.Database) -> Any:
    return furnish(database)


def found(database: db.Database, asker: Any = MEMBER, **wanted: Any) -> list[str]:
    page = wanted.pop('page', listing.Page())
    with database.read() as tx:
        return [row.name for row in search.find(tx, asker, search.Wanted(page=page, **wanted))]


def test_a_delete_takes_over_from_a_build_which_then_changes_nothing(database, world):
    row = boot(database, world)
    with database.write() as tx:
        assert servers.task(tx, row.id, states.NETWORKING)
        deletion.delete(tx, MEMBER, row.id)
    with database.write() as tx:
        build, delete = reversed(jobs.history(tx, row.id))
        assert (build.workflow, build.cancelled) == ('build_server', True)
        assert (delete.workflow, delete.cancelled) == ('delete_server', False)
        assert not servers.task(tx, row.id, states.SPAWNING)
        assert not servers.built(tx, row.id)
        assert not servers.failed(tx, row.id, 'build', 500, 'gave up')
        now = servers.row_of(tx, row.id)
    assert (now.vm_state, now.task_state, now.fault) == ('building', 'deleting', None)


def test_deleting_twice_starts_one_job(database, world):
    row = running(database, world)
    for _ in range(2):
        with database.write() as tx:
            deletion.delete(tx, MEMBER, row.id)
    with database.read() as tx:
        assert tx.column(sa.select(Job.workflow).where(Job.subject == row.id)).count('delete_server') == 1


def test_a_failed_build_is_an_error_with_its_cause_and_forgets_the_password(database, world):
    row = boot(database, world, admin_pass='secret')
    with database.write() as tx:
        assert servers.failed(tx, row.id, 'build', 500, 'No valid host was found.', 'why')
        now = servers.row_of(tx, row.id)
    assert (now.vm_state, now.task_state, now.admin_pass) == ('error', None, None)
    assert now.fault['message'] == 'No valid host was found.'


def test_a_locked_server_is_changed_by_an_operator_only(database, world):
    row = running(database, world)
    with database.write() as tx:
        power.lock(tx, MEMBER, row.id, reason='busy')
    for verb in (power.stop, power.start, deletion.delete):
        with pytest.raises(errors.Conflict, match=f'Instance {row.id} is locked'), database.write() as tx:
            verb(tx, MEMBER, row.id)
    with database.write() as tx:
        power.stop(tx, ADMIN, row.id)


def test_a_server_that_never_ran_is_not_switched(database, world):
    row = boot(database, world)
    put_in(database, row.id, states.ERROR)
    with pytest.raises(errors.Conflict, match='has never been active'), database.write() as tx:
        power.reboot(tx, MEMBER, row.id, hard=True)


def test_a_guest_that_went_down_by_itself_is_stopped_unless_somebody_works_on_it(database, world):
    row = running(database, world)
    with database.write() as tx:
        servers.powered(tx, row.id, states.SHUTDOWN)
        assert servers.row_of(tx, row.id).vm_state == 'stopped'
        power.start(tx, MEMBER, row.id)
        servers.powered(tx, row.id, states.RUNNING)
        now = servers.row_of(tx, row.id)
    assert (now.vm_state, now.task_state, now.power_state) == ('stopped', 'powering-on', states.RUNNING)


def test_properties_are_changed_by_one_at_a_time_and_within_the_quota(database, world):
    row = running(database, world, properties={'a': '1'})
    with database.write() as tx:
        assert metadata_and_tags.put(tx, MEMBER, row.id, {'b': '2'}) == {'a': '1', 'b': '2'}
        metadata_and_tags.remove(tx, MEMBER, row.id, 'a')
        quotas.QUOTAS.set(tx, MEMBER.project_id, {'metadata_items': 1})
    with pytest.raises(errors.OverQuota, match='exceeds 1'), database.write() as tx:
        metadata_and_tags.put(tx, MEMBER, row.id, {'c': '3'})
    put_in(database, row.id, states.BUILDING)
    with pytest.raises(errors.WrongState, match="Cannot 'update metadata'"), database.write() as tx:
        metadata_and_tags.put(tx, MEMBER, row.id, {'c': '3'})


def test_servers_are_found_by_each_filter(database, world):
    one = running(database, world, name='one', tags=('red',), properties={})
    boot(database, world, name='two', tags=('red', 'blue'))
    running(database, world, STRANGER, name='three', key_name=None)
    with database.write() as tx:
        power.stop(tx, MEMBER, one.id)
        servers.finished(tx, one.id, 'stop')
    assert found(database) == ['two', 'one']
    assert found(database, ADMIN, every_project=True) == ['three', 'two', 'one']
    assert found(database, statuses=('SHUTOFF',)) == ['one']
    assert found(database, statuses=('build', 'nonsense')) == ['two']
    assert found(database, filters={'name': 'wo'}) == ['two']
    assert found(database, filters={'name': '^o[a-z]+$'}) == ['one']
    assert found(database, filters={'name': '(((((x+)+)+)+)+)$'}) == []
    assert found(database, filters={'name': '%'}) == []
    assert found(database, filters={'flavor': world.flavor, 'image': world.image}) == ['two', 'one']
    assert found(database, filters={'host': 'h1'}) == ['one']
    assert found(database, filters={'tags': 'red,blue'}) == ['two']
    assert found(database, filters={'tags-any': 'red,blue'}) == ['two', 'one']
    assert found(database, filters={'not-tags': 'red,blue'}) == ['one']
    assert found(database, filters={'not-tags-any': 'blue'}) == ['one']
    assert found(database, filters={'power_state': '4'}) == ['one']
    assert found(database, filters={'ip': '10.0.0'}) == []
    assert found(database, since=times.second_of(one.created_at), deleted=None) == ['two', 'one']


def test_a_list_comes_in_pages_in_any_order(database, world):
    for name in ('b', 'c', 'a'):
        boot(database, world, name=name)
    by_name = (('name', 'asc'),)
    assert found(database, page=listing.Page(sorts=by_name, limit=2)) == ['a', 'b']
    with database.read() as tx:
        marker = search.find(tx, MEMBER, search.Wanted(page=listing.Page(sorts=by_name, limit=2)))[-1].id
    assert found(database, page=listing.Page(sorts=by_name, limit=2, marker=marker)) == ['c']
    with pytest.raises(errors.Invalid, match=r'marker \[nobody\] not found'):
        found(database, page=listing.Page(marker='nobody'))


def test_a_deleted_server_is_history(database, world):
    row = running(database, world, name='gone')
    with database.write() as tx:
        servers.gone(tx, row.id)
    assert found(database) == [] and found(database, ADMIN, deleted=True) == ['gone']
    with pytest.raises(errors.NotFound, match=f'Instance {row.id} could not be found.'), database.read() as tx:
        servers.show(tx, ADMIN, row.id)
    with database.read() as tx:
        counted = search.used_by(tx, MEMBER.project_id)
        held = quotas.QUOTAS.show(tx, MEMBER.project_id)
    assert counted == {name: held[name].used for name in counted}


def test_a_forced_config_drive_is_the_server_s_own_from_then_on(database, world):
    row = running(database, world)
    with database.write() as tx:
        assert documents.config_drive(tx, row.id) is None
        assert 'openstack/latest/meta_data.json' in documents.config_drive(tx, row.id, force=True)
        assert servers.row_of(tx, row.id).config_drive is True
