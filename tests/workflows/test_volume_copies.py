"""Copies of volumes beside servers: a copy is of what nobody writes, and a server has what its snapshot kept."""

import pytest

from nimbus.compute.servers import deletion, volume_attachments
from nimbus.volume.volumes import copies, snapshots
from tests.conftest import MEMBER
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def test_a_server_gets_a_volume_that_begins_with_a_snapshot(cloud):
    volume = cloud.volume(2)
    cloud.disks[volume]['content'] = 'kept'
    snapshot = cloud.ask(snapshots.create, volume).id
    cloud.settle()
    cloud.disks[volume]['content'] = 'later'
    device = {'source': 'snapshot', 'destination': 'volume', 'snapshot_id': snapshot, 'delete_on_termination': True}
    server = cloud.server(devices=[device])
    (made,) = (volume_id for volume_id, status in cloud.held()['volumes'] if status == 'in-use')
    assert (cloud.disks[made]['content'], cloud.disks[made]['size']) == ('kept', 2)
    assert cloud.volume_row(made).snapshot_id == snapshot
    cloud.ask(deletion.delete, server)
    cloud.settle()
    assert cloud.held()['volumes'] == [(volume, 'available')]
    cloud.check()


def test_a_volume_that_is_copied_is_attached_afterwards(cloud):
    server, volume = cloud.server(), cloud.volume()
    with cloud.db.write() as tx:
        copies.hold(tx, volume, 'a copy')
    cloud.ask(volume_attachments.attach, server, volume)
    for _ in range(3):
        cloud.runner.run_due()
        cloud.clock.advance(5)
    assert cloud.disks[volume]['connected'] == set() and cloud.volume_row(volume).status == 'reserved'
    with cloud.db.write() as tx:
        copies.release(tx, volume, 'a copy')
    cloud.settle()
    assert cloud.volume_row(volume).status == 'in-use'
    cloud.check()


def test_a_volume_that_became_used_is_not_copied(cloud):
    server, volume = cloud.server(), cloud.volume()
    snapshot = cloud.ask(snapshots.create, volume).id
    cloud.ask(volume_attachments.attach, server, volume)
    cloud.settle()
    with cloud.db.read() as tx:
        row = snapshots.show(tx, MEMBER, snapshot)
    assert row.status == 'available' or 'became in-use' in row.trouble
    assert cloud.volume_row(volume).status == 'in-use'
    cloud.check()
