"""Copies of volumes beside servers: a copy is of what nobody writes, and a server has what its snapshot kept."""

import dataclasses

import pytest

from nimbus.common import errors
from nimbus.compute.servers import deletion, power, volume_attachments
from nimbus.volume.quotas import VolumeQuotas
from nimbus.volume.volumes import attachments, copies, snapshots, volumes
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


def test_a_volume_that_became_used_is_copied_all_the_same(cloud):
    server, volume = cloud.server(), cloud.volume()
    snapshot = cloud.ask(snapshots.create, volume).id
    cloud.ask(volume_attachments.attach, server, volume)
    cloud.settle()
    assert status(cloud, snapshot) == 'available'
    assert cloud.volume_row(volume).status == 'in-use'
    cloud.check()


def used(cloud):
    server, volume = cloud.server(), cloud.volume()
    cloud.ask(volume_attachments.attach, server, volume)
    cloud.settle()
    cloud.disks[volume]['content'] = 'kept'
    return server, volume


def status(cloud, snapshot):
    with cloud.db.read() as tx:
        return snapshots.show(tx, MEMBER, snapshot).status


def test_a_volume_that_its_guest_let_go_of_meanwhile_is_copied_at_rest(cloud):
    server, volume = used(cloud)
    snapshot = cloud.ask(snapshots.create, volume, in_use=True).id
    host = cloud.host(cloud.row(server).host)
    guest = host.all()[server]
    host.put(server, dataclasses.replace(guest, volumes={}))
    for _ in range(3):
        cloud.runner.run_due()
        cloud.clock.advance(5)
    assert status(cloud, snapshot) == 'creating'
    host.put(server, guest)
    cloud.settle()
    assert (status(cloud, snapshot), cloud.kept[snapshot]['content']) == ('available', 'kept')
    cloud.check()


def test_a_volume_of_a_server_that_is_off_is_copied_where_its_guest_is(cloud):
    server, volume = used(cloud)
    cloud.ask(power.stop, server)
    cloud.settle()
    snapshot = cloud.ask(snapshots.create, volume, in_use=True).id
    cloud.settle()
    assert (status(cloud, snapshot), cloud.kept[snapshot]['content']) == ('available', 'kept')


def test_a_volume_whose_server_is_deleted_while_it_grows_is_available_and_larger(cloud):
    server, volume = used(cloud)
    cloud.ask(volumes.extend, volume, 4, VolumeQuotas(), attached=True)
    with cloud.db.write() as tx:
        attachments.drop(tx, MEMBER, volumes.show(tx, MEMBER, volume).attachments[0].id)
    cloud.settle()
    row = cloud.volume_row(volume)
    assert (row.status, row.size, row.attach_status) == ('available', 4, 'detached')


def test_a_volume_that_grows_stays_so_when_its_server_arrives_elsewhere(cloud):
    _, volume = used(cloud)
    cloud.ask(volumes.extend, volume, 4, VolumeQuotas(), attached=True)
    with cloud.db.write() as tx:
        attachments.complete(tx, MEMBER, volumes.show(tx, MEMBER, volume).attachments[0].id)
    assert cloud.volume_row(volume).status == 'extending'
    cloud.settle()
    assert (cloud.volume_row(volume).status, cloud.volume_row(volume).size) == ('in-use', 4)
    cloud.check()


def test_a_snapshot_of_a_used_volume_has_to_be_asked_for_as_one(cloud):
    _, volume = used(cloud)
    with pytest.raises(errors.Invalid, match='status must be available, but current status is: in-use'):
        cloud.ask(snapshots.create, volume)


def test_a_volume_that_another_than_compute_connects_is_not_copied(cloud):
    volume = cloud.volume()
    with cloud.db.write() as tx:
        made = attachments.reserve(tx, MEMBER, volume, None, by_service=False)
        attachments.connected(tx, MEMBER, made, 'elsewhere', {'driver_volume_type': 'file', 'data': {}})
        attachments.complete(tx, MEMBER, made)
    with pytest.raises(errors.Invalid, match='connected by others'):
        cloud.ask(snapshots.create, volume, in_use=True)
