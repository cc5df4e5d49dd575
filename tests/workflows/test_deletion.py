"""Servers that are deleted for a while: what they hold meanwhile, how they come back, and when they go for good."""

import dataclasses

import pytest

from nimbus.common import errors
from nimbus.common.quotas import QuotaLimit
from nimbus.compute import states
from nimbus.compute.quotas import QUOTAS
from nimbus.compute.servers import deletion, power, volume_attachments
from nimbus.conductor.audit import Audit
from nimbus.conductor.reclaim import Reclaim
from tests.conftest import ADMIN, MEMBER
from tests.workflows.cloud import Cloud

PROJECT = MEMBER.project_id or ''


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def put_away(cloud):
    server = cloud.server()
    cloud.ask(deletion.delete, server, later=True)
    cloud.settle()
    assert cloud.row(server).vm_state == states.SOFT_DELETED
    return server


def used(cloud):
    with cloud.db.read() as tx:
        return QUOTAS.show(tx, PROJECT)['instances'].used


def test_it_keeps_its_place_and_holds_nothing_of_the_quota(cloud):
    server = put_away(cloud)
    assert used(cloud) == 0 and cloud.held()['claims'] == [server]
    cloud.ask(deletion.delete, server, later=True)
    assert cloud.under_way() == []
    assert not [told for told in Audit(cloud.db).audit() if 'compute quota' in told]
    cloud.ask(deletion.restore, server)
    assert used(cloud) == 1
    assert not [told for told in Audit(cloud.db).audit() if 'compute quota' in told]
    cloud.settle()
    assert cloud.row(server).vm_state == states.ACTIVE
    cloud.check()


def test_it_does_not_come_back_where_there_is_no_room_left(cloud):
    server = put_away(cloud)
    with cloud.db.write() as tx:
        tx.insert(QuotaLimit, project_id=PROJECT, service='compute', resource='instances', hard_limit=0)
    with pytest.raises(errors.OverQuota, match='Requested 1, but already used 0 of 0'):
        cloud.ask(deletion.restore, server)
    assert cloud.row(server).task_state is None and used(cloud) == 0


def test_a_deletion_breaks_into_its_restoring(cloud):
    server = put_away(cloud)
    cloud.ask(deletion.restore, server)
    cloud.ask(deletion.delete, server, later=True)
    assert used(cloud) == 0
    cloud.settle()
    assert cloud.row(server).vm_state == states.SOFT_DELETED
    cloud.ask(deletion.restore, server)
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.row(server).vm_state == states.DELETED and used(cloud) == 0
    cloud.check()


def test_an_operator_s_word_counts_it_again(cloud):
    server = put_away(cloud)
    with cloud.db.write() as tx:
        power.reset_state(tx, ADMIN, server, states.ERROR)
    assert used(cloud) == 1


def test_a_server_that_never_ran_goes_at_once(cloud):
    for name in cloud.agents:
        cloud.host(name).fail('spawn', RuntimeError('no'), times=9)
    server = cloud.boot()
    cloud.settle()
    cloud.ask(deletion.delete, server, later=True)
    cloud.settle()
    assert cloud.row(server).vm_state == states.DELETED


def test_it_goes_for_good_when_its_time_is_over_and_not_before(cloud):
    server = put_away(cloud)
    reclaim = Reclaim(cloud.db, 600, cloud.clock)
    assert reclaim.reclaim() == 0
    cloud.clock.advance(601)
    with cloud.db.write() as tx:  # an operator's lock keeps nobody's servers for ever
        power.lock(tx, ADMIN, server, reason=None)
    assert (reclaim.reclaim(), reclaim.reclaim()) == (1, 0)
    cloud.settle()
    assert cloud.row(server).vm_state == states.DELETED and not cloud.held()['claims']
    cloud.check()


def test_the_time_counts_from_the_last_deletion(cloud):
    server = put_away(cloud)
    cloud.clock.advance(500)
    cloud.ask(deletion.restore, server)
    cloud.settle()
    cloud.ask(deletion.delete, server, later=True)
    cloud.settle()
    cloud.clock.advance(500)
    assert Reclaim(cloud.db, 600, cloud.clock).reclaim() == 0


def test_one_that_is_found_running_is_shut_off(cloud):
    server = put_away(cloud)
    host = cloud.host(cloud.row(server).host)
    host.put(server, dataclasses.replace(host.find(server), state='running'))
    cloud.settle()
    assert host.find(server).state == 'shutdown' and cloud.row(server).vm_state == states.SOFT_DELETED


def test_what_was_let_go_of_before_it_was_deleted_is_let_go_of(cloud):
    server, volume = cloud.server(), cloud.volume()
    cloud.ask(volume_attachments.attach, server, volume)
    cloud.settle()
    cloud.ask(volume_attachments.detach, server, volume)
    cloud.ask(deletion.delete, server, later=True)
    cloud.settle()
    assert cloud.row(server).vm_state == states.SOFT_DELETED and cloud.volume_row(volume).status == 'available'
    cloud.check()


def test_one_that_is_deleted_at_once_waits_for_no_detach(cloud):
    server, volume = cloud.server(), cloud.volume()
    cloud.ask(volume_attachments.attach, server, volume)
    cloud.settle()
    cloud.ask(volume_attachments.detach, server, volume)
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.row(server).vm_state == states.DELETED and cloud.volume_row(volume).status == 'available'
    cloud.check()
