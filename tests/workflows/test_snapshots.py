"""What images of servers do besides their steps: servers that are not running, and what goes on meanwhile."""

import pytest

from nimbus.compute import states
from nimbus.compute.servers import deletion
from nimbus.compute.servers.images import backups, snapshots
from nimbus.image.images import images
from nimbus.image.models import Image
from nimbus.image.quotas import ImageQuotas
from tests.workflows import imaging, scenarios
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path, hosts=1)
    yield made
    made.close()


@pytest.mark.parametrize(
    'arrange, state',
    [
        (scenarios.stopped_server, states.STOPPED),
        (scenarios.paused_server, states.PAUSED),
        (scenarios.suspended_server, states.SUSPENDED),
    ],
)
def test_a_server_that_does_not_run_is_as_it_was_afterwards(cloud, arrange, state):
    given = arrange(cloud)
    before = scenarios.guest_of(cloud, given['server'])
    imaging.snapshot(cloud, given)
    cloud.settle()
    assert cloud.row(given['server']).vm_state == state
    assert imaging.image_of(cloud, given['image']).status == 'active'
    assert scenarios.guest_of(cloud, given['server']) == before
    cloud.check()


def test_the_task_tells_how_far_it_is(cloud):
    server = cloud.server()
    seen = []
    agent = cloud.agents['h1']
    for verb in ('snapshot', 'upload_snapshot'):
        own = getattr(agent, verb)
        setattr(agent, verb, lambda *args, own=own: (seen.append(cloud.row(server).task_state), own(*args))[1])
    imaging.snapshot(cloud, {'server': server})
    cloud.settle()
    assert seen == [states.SNAPSHOTTING, states.UPLOADING]


def test_an_image_that_is_deleted_meanwhile_ends_it_and_the_server_is_as_it_was(cloud):
    given = scenarios.plain_server(cloud)
    imaging.snapshot(cloud, given)
    with cloud.db.write() as tx:
        images.delete(tx, imaging.image_of(cloud, given['image']), ImageQuotas())
    cloud.settle()
    scenarios.runs(cloud, given, given['server'])
    assert f'Image {given["image"]} could not be found' in cloud.row(given['server']).fault['message']
    cloud.check()


def test_a_server_that_is_deleted_meanwhile_leaves_no_image_that_waits(cloud):
    given = scenarios.plain_server(cloud)
    before = cloud.images()
    imaging.snapshot(cloud, given)
    cloud.ask(deletion.delete, given['server'])
    cloud.settle()
    assert cloud.images() == before
    cloud.check()


def test_a_backup_of_no_rotation_leaves_none_of_its_kind_and_all_of_others(cloud):
    server = cloud.server()
    kept = cloud.ask(backups.backup, server, imaging.wanted(), 'weekly', 1)
    cloud.settle()
    plain = cloud.ask(snapshots.snapshot, server, imaging.wanted())
    cloud.settle()
    cloud.ask(backups.backup, server, imaging.wanted(), 'daily', 3)
    cloud.settle()
    assert cloud.ask(backups.backup, server, imaging.wanted(), 'daily', 0) is None
    cloud.settle()
    assert [image_id for image_id, _ in cloud.images()][1:] == [kept, plain]
    cloud.check()


def test_a_protected_backup_outlives_its_rotation(cloud):
    given = imaging.backed_up_server(cloud)
    with cloud.db.write() as tx:
        tx.update(Image, Image.id == given['old'][0], protected=True)
    imaging.backup(cloud, given)
    cloud.settle()
    assert [image_id for image_id, _ in cloud.images()][1:] == [*given['old'], given['image']]
