"""Rescuing servers over HTTP."""

import pytest
import sqlalchemy as sa

from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.servers import servers
from tests.compute_world import add_image, put_in, running, volume_of
from tests.conftest import MEMBER, STRANGER
from tests.domain.compute.test_boots import root

RESCUE = '6c2c8f0e-8a5b-4c57-9d3c-000000000002'
STABLE = {'hw_rescue_device': 'cdrom', 'hw_rescue_bus': 'sata'}


def act(api, row, body, version='compute 2.1', asker=MEMBER):
    return api('POST', f'/servers/{row.id}/action', body, version=version, asker=asker)


def job_of(parts, workflow):
    with parts.db.read() as tx:
        return tx.row(sa.select(Job).where(Job.workflow == workflow))


def test_a_password_is_told_and_the_server_s_own_image_taken(api, parts, world):
    row = running(parts.db, world)
    answer = act(api, row, {'rescue': None})
    assert answer.status == 200 and len(answer.json['adminPass']) == 12
    assert api('GET', f'/servers/{row.id}').json['server']['OS-EXT-STS:task_state'] == 'rescuing'
    job = job_of(parts, 'rescue_server')
    wanted = job.params['rescue']
    assert (wanted['image']['id'], wanted['device'], job.params['running']) == (world.image, '', True)
    assert answer.json['adminPass'] not in str(tuple(job))
    with parts.db.read() as tx:
        assert servers.row_of(tx, row.id).admin_pass == answer.json['adminPass']


def test_the_image_says_where_its_disk_stands(api, parts, world):
    row = running(parts.db, world)
    with parts.db.write() as tx:
        add_image(tx, RESCUE, properties=STABLE)
    answer = act(api, row, {'rescue': {'adminPass': 'mine', 'rescue_image_ref': RESCUE}})
    assert (answer.status, answer.json) == (200, {'adminPass': 'mine'})
    wanted = job_of(parts, 'rescue_server').params['rescue']
    assert (wanted['image']['id'], wanted['device'], wanted['bus']) == (RESCUE, 'cdrom', 'sata')


@pytest.mark.parametrize(
    ('properties', 'sentence'),
    [
        ({'hw_rescue_device': 'floppy'}, 'A rescue device must be disk or cdrom, not floppy'),
        ({'hw_rescue_bus': 'xen'}, 'The bus of a rescue device must be one of virtio, scsi, sata, ide, usb, not xen'),
    ],
)
def test_a_device_that_cannot_be_is_refused(api, parts, world, properties, sentence):
    row = running(parts.db, world)
    with parts.db.write() as tx:
        add_image(tx, RESCUE, properties=properties)
    told = act(api, row, {'rescue': {'rescue_image_ref': RESCUE}}).json['badRequest']['message']
    assert told == f'Instance {row.id} cannot be rescued: {sentence}'
    assert job_of(parts, 'rescue_server') is None


def test_an_image_that_is_not_there_is_refused(api, parts, world):
    row = running(parts.db, world)
    told = act(api, row, {'rescue': {'rescue_image_ref': RESCUE}})
    assert told.status == 400
    assert told.json['badRequest']['message'] == f"Requested rescue image '{RESCUE}' is not supported"
    assert act(api, row, {'rescue': {'rescue_image_ref': 'x'}}).status == 400
    assert act(api, row, {'rescue': {'other': 'x'}}).status == 400


def test_a_server_on_a_volume_needs_a_version_and_an_image_that_says_where(api, parts, world):
    volume = volume_of(parts.db, MEMBER, image={'image_id': world.image, 'min_ram': 0, 'properties': {}})
    row = running(parts.db, world, image_id=None, devices=root(volume))
    with parts.db.write() as tx:
        add_image(tx, RESCUE, properties=STABLE)
    told = f'Instance {row.id} cannot be rescued: Cannot rescue a volume-backed instance'
    for version, body in (
        ('compute 2.86', {'rescue': {'rescue_image_ref': RESCUE}}),
        ('compute 2.87', {'rescue': {'rescue_image_ref': world.image}}),
        ('compute 2.87', {'rescue': None}),
    ):
        answer = act(api, row, body, version)
        assert (answer.status, answer.json['badRequest']['message']) == (400, told)
    assert act(api, row, {'rescue': {'rescue_image_ref': RESCUE}}, 'compute 2.87').status == 200


def test_a_rescued_server_is_only_unrescued_or_deleted(api, parts, world):
    row = running(parts.db, world)
    put_in(parts.db, row.id, states.RESCUED)
    assert api('GET', f'/servers/{row.id}').json['server']['status'] == 'RESCUE'
    assert [one['id'] for one in api('GET', '/servers?status=RESCUE').json['servers']] == [row.id]
    for body in ({'rescue': None}, {'reboot': {'type': 'HARD'}}, {'pause': None}, {'os-stop': None}, {'os-start': None},
                 {'rebuild': {'imageRef': world.image}}):  # fmt: skip
        answer = act(api, row, body)
        assert answer.status == 409 and 'vm_state rescued' in answer.json['conflictingRequest']['message']
    volume = {'volumeAttachment': {'volumeId': volume_of(parts.db, MEMBER)}}
    assert api('POST', f'/servers/{row.id}/os-volume_attachments', volume).status == 409
    assert act(api, row, {'unrescue': None}, asker=STRANGER).status == 404
    assert act(api, row, {'unrescue': None}).status == 202
    assert api('GET', f'/servers/{row.id}').json['server']['OS-EXT-STS:task_state'] == 'unrescuing'
    assert job_of(parts, 'unrescue_server')


def test_in_any_other_state_it_is_a_conflict_that_names_the_state(api, parts, world):
    row = running(parts.db, world)
    allowed = {'rescue': {states.ACTIVE, states.STOPPED, states.ERROR}, 'unrescue': {states.RESCUED}}
    for action, fine in allowed.items():
        for state in sorted(states.LIVING - fine):
            put_in(parts.db, row.id, state)
            answer = act(api, row, {action: None})
            told = f"Cannot '{action}' instance {row.id} while it is in vm_state {state}"
            assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)
