"""Volumes that come to a server and go, over HTTP."""

import sqlalchemy as sa

from nimbus.common.jobs import Job
from nimbus.compute.devices import block_devices
from nimbus.volume.volumes import attachments, snapshot_progress, snapshots, volumes
from tests.compute_world import boot, running, volume_of
from tests.conftest import MEMBER, STRANGER


def jobs_of(parts, workflow: str) -> list[Job]:
    with parts.db.read() as tx:
        return list(tx.rows(sa.select(Job).where(Job.workflow == workflow)))


def test_a_volume_is_kept_for_the_server_and_on_its_way(api, parts, world):
    row, volume_id = running(parts.db, world), volume_of(parts.db, MEMBER)
    path = f'/servers/{row.id}/os-volume_attachments'
    answer = api('POST', path, {'volumeAttachment': {'volumeId': volume_id}})
    told = {'id': volume_id, 'volumeId': volume_id, 'serverId': row.id, 'device': '/dev/vdb'}
    assert (answer.status, answer.json) == (200, {'volumeAttachment': told})
    with parts.db.read() as tx:
        device = block_devices.volume(tx, row.id, volume_id)
        assert volumes.show(tx, MEMBER, volume_id).status == 'reserved'
    (job,) = jobs_of(parts, 'attach_volume')
    assert job.subject == row.id and job.params == {
        'volume_id': volume_id,
        'attachment_id': device.attachment_id,
        'bdm_id': device.id,
        'device': '/dev/vdb',
    }
    assert api('GET', path).json['volumeAttachments'] == [told]
    newest = api('GET', f'{path}/{volume_id}', version='compute 2.89').json['volumeAttachment']
    assert 'id' not in newest and newest['bdm_uuid'] == device.id
    again = api('POST', path, {'volumeAttachment': {'volumeId': volume_id}})
    assert again.status == 400 and 'already attached' in again.json['badRequest']['message']


def test_a_volume_that_is_not_there_or_not_free_is_not_attached(api, parts, world):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/os-volume_attachments'
    theirs, taken = volume_of(parts.db, STRANGER), volume_of(parts.db, MEMBER, status='error')
    assert api('POST', path, {'volumeAttachment': {'volumeId': theirs}}).status == 404
    assert api('POST', path, {'volumeAttachment': {'volumeId': taken}}).status == 400
    free = {'volumeId': volume_of(parts.db, MEMBER)}
    assert api('POST', path, {'volumeAttachment': {**free, 'device': '/dev/vda'}}).status == 409
    building = boot(parts.db, world)
    refused = api('POST', f'/servers/{building.id}/os-volume_attachments', {'volumeAttachment': free})
    assert refused.status == 409 and "Cannot 'attach_volume'" in refused.json['conflictingRequest']['message']
    assert jobs_of(parts, 'attach_volume') == []


def test_a_volume_goes_once(api, parts, world):
    row, volume_id = running(parts.db, world), volume_of(parts.db, MEMBER)
    path = f'/servers/{row.id}/os-volume_attachments'
    api('POST', path, {'volumeAttachment': {'volumeId': volume_id}})
    assert api('DELETE', f'{path}/{volume_id}').status == 400  # it is not there yet
    with parts.db.write() as tx:
        attachment_id = block_devices.volume(tx, row.id, volume_id).attachment_id
        attachments.complete(tx, MEMBER, attachment_id, '/dev/vdb')
    assert api('DELETE', f'{path}/{volume_id}').status == 202
    assert api('DELETE', f'{path}/{volume_id}').status == 400
    assert len(jobs_of(parts, 'detach_volume')) == 1
    other = volume_of(parts.db, MEMBER)
    missing = api('DELETE', f'{path}/{other}').json['itemNotFound']['message']
    assert missing == f'Instance {row.id} is not attached to volume {other}'


def test_a_volume_that_its_owner_called_detaching_is_detached_all_the_same(api, parts, world):
    row, volume_id = running(parts.db, world), volume_of(parts.db, MEMBER)
    path = f'/servers/{row.id}/os-volume_attachments'
    api('POST', path, {'volumeAttachment': {'volumeId': volume_id}})
    with parts.db.write() as tx:
        attachments.complete(tx, MEMBER, block_devices.volume(tx, row.id, volume_id).attachment_id, '/dev/vdb')
        attachments.begin_detaching(tx, volumes.show(tx, MEMBER, volume_id))
    assert api('DELETE', f'{path}/{volume_id}').status == 202
    assert api('DELETE', f'{path}/{volume_id}').status == 400
    assert len(jobs_of(parts, 'detach_volume')) == 1


def test_whether_it_goes_with_the_server_can_be_changed(api, parts, world):
    row, volume_id = running(parts.db, world), volume_of(parts.db, MEMBER)
    path = f'/servers/{row.id}/os-volume_attachments'
    api('POST', path, {'volumeAttachment': {'volumeId': volume_id}})
    asked = {'volumeAttachment': {'volumeId': volume_id, 'delete_on_termination': True}}
    assert api('PUT', f'{path}/{volume_id}', asked, version='compute 2.84').status == 404
    assert api('PUT', f'{path}/{volume_id}', asked, version='compute 2.85').status == 202
    shown = api('GET', f'{path}/{volume_id}', version='compute 2.79').json['volumeAttachment']
    assert shown['delete_on_termination'] is True


def snapshot_of(parts, asker=MEMBER, **more) -> str:
    volume_id = volume_of(parts.db, asker, host='h1', size=2, **more)
    with parts.db.write() as tx:
        made = snapshots.create(tx, asker, volume_id).id
        snapshot_progress.made(tx, made)
    return made


def test_a_server_boots_from_a_snapshot(api, parts, world):
    disk = {'source_type': 'snapshot', 'destination_type': 'volume', 'boot_index': 0}
    asked = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': '', 'networks': 'none'}

    def ask(uuid, **more):
        body = {'server': {**asked, 'block_device_mapping_v2': [{**disk, 'uuid': uuid, **more}]}}
        return api('POST', '/servers', body, version='compute 2.37')

    snapshot = snapshot_of(parts)
    for size in (None, 3):
        made = ask(snapshot, **({'volume_size': size} if size else {}))
        assert made.status == 202, made.data
        with parts.db.read() as tx:
            (row,) = block_devices.of_server(tx, made.json['server']['id'])
        assert (row.source, row.snapshot_id, row.size) == ('snapshot', snapshot, size or 2)
    for refused, words in (
        (ask(snapshot, volume_size=1), 'needs a size of 2 GiB or more'),
        (ask(snapshot_of(parts, bootable=False)), 'is not bootable'),
        (ask(snapshot_of(parts, STRANGER)), 'failed to get snapshot'),
        (ask(world.image), 'failed to get snapshot'),
    ):
        assert refused.status == 400 and words in refused.json['badRequest']['message']
