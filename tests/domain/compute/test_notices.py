"""Each happening of a server is told in the transaction that made it so."""

import pytest

from nimbus.common import errors, log
from nimbus.common.messaging import outbox
from nimbus.compute.servers import deletion, power, servers, suspension
from tests.compute_world import boot, furnish, running, volume_of
from tests.conftest import MEMBER
from tests.domain.compute.test_boots import root


@pytest.fixture
def world(database):
    made = furnish(database)
    database.teller = 'control'
    return made


def told(database):
    with database.read() as tx:
        return outbox.waiting(tx, 100)


def kinds(database):
    return [event.event_type.removeprefix('compute.instance.') for event in told(database)]


def test_a_boot_is_told_from_its_start_to_its_end(database, world):
    with log.about(MEMBER.request_id):
        row = running(database, world)
    start, end = told(database)
    assert (start.event_type, end.event_type) == ('compute.instance.create.start', 'compute.instance.create.end')
    assert (start.publisher, end.publisher) == ('compute.control', 'compute.h1')
    assert start.payload['state'] == 'building' and start.payload['image_name'] == 'tiny'
    assert end.payload['instance_id'] == row.id and end.payload['state'] == 'active'
    assert (end.payload['memory_mb'], end.payload['disk_gb'], end.payload['host']) == (512, 1, 'h1')
    assert end.payload['message'] == 'Success' and end.payload['fixed_ips'] == []
    assert start.asker['user_id'] == end.asker['user_id'] == MEMBER.user_id
    assert not any('admin_pass' in event.payload or 'user_data' in event.payload for event in (start, end))


def test_a_boot_that_fails_is_an_error_with_its_cause(database, world):
    row = boot(database, world)
    with database.write() as tx:
        servers.failed(tx, row.id, 'build', 500, 'No valid host was found.')
    event = told(database)[-1]
    assert (event.event_type, event.priority) == ('compute.instance.create.error', 'error')
    assert event.payload['message'] == 'No valid host was found.' and event.payload['state'] == 'error'


@pytest.mark.parametrize(
    ('ask', 'verb', 'name'),
    [
        (power.stop, 'stop', 'power_off'),
        (lambda *told: power.reboot(*told, hard=False), 'reboot', 'reboot'),
        (lambda *told: power.reboot(*told, hard=True), 'reboot_hard', 'reboot'),
        (suspension.pause, 'pause', 'pause'),
        (suspension.suspend, 'suspend', 'suspend'),
    ],
)
def test_switching_is_told(database, world, ask, verb, name):
    row = running(database, world)
    with database.write() as tx:
        ask(tx, MEMBER, row.id)
        servers.finished(tx, row.id, verb)
    assert kinds(database)[2:] == [f'{name}.start', f'{name}.end']


def test_a_deletion_is_told_once(database, world):
    row = running(database, world)
    with database.write() as tx:
        deletion.delete(tx, MEMBER, row.id)
        assert servers.gone(tx, row.id) and not servers.gone(tx, row.id)
    assert kinds(database)[2:] == ['delete.start', 'delete.end']
    assert told(database)[-1].payload['deleted_at'] and told(database)[-1].payload['state'] == 'deleted'


def test_what_is_refused_is_not_told(database, world):
    row = boot(database, world)
    with pytest.raises(errors.Conflict), database.write() as tx:
        power.stop(tx, MEMBER, row.id)
    assert kinds(database) == ['create.start']


def test_a_server_on_a_volume_tells_the_properties_of_no_image_of_its_own(database, world):
    image = {'image_id': 'i', 'min_ram': 0, 'min_disk': 0, 'properties': {'os_type': 'linux'}}
    boot(database, world, image_id=None, devices=root(volume_of(database, MEMBER, image=image)))
    (start,) = [event for event in told(database) if event.event_type == 'compute.instance.create.start']
    assert (start.payload['image_ref_url'], start.payload['os_type']) == ('', 'linux')
    assert start.payload['image_meta'] == {'base_image_ref': '', 'min_disk': '0', 'min_ram': '0', 'os_type': 'linux'}
