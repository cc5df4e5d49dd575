"""Making images of servers and backing them up over HTTP."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import context
from nimbus.common.jobs import Job
from nimbus.compute import states
from nimbus.compute.models import BlockDevice, Server
from nimbus.compute.quotas import QUOTAS
from nimbus.image.images import images
from nimbus.image.models import Image
from tests.compute_world import add_image, put_in, running, volume_of
from tests.conftest import MEMBER, STRANGER

IMAGE: dict[str, Any] = {'createImage': {'name': 'copy', 'metadata': {'role': 'web'}}}
BACKUP: dict[str, Any] = {'createBackup': {'name': 'daily', 'backup_type': 'daily', 'rotation': 2}}
BODIES = [IMAGE, BACKUP]
TASKS = {'createImage': 'image_snapshot', 'createBackup': 'image_backup'}
by_action = pytest.mark.parametrize('body', BODIES, ids=lambda body: next(iter(body)))


def made(parts: Any, image_id: str) -> Any:
    with parts.db.read() as tx:
        return images.show(tx, context.internal(), image_id)


def action_of(body: dict[str, Any]) -> str:
    return next(iter(body))


@by_action
@pytest.mark.parametrize('state', sorted(states.SETTLED))
def test_an_image_is_made_of_a_server_whatever_it_does(latest, parts, world, body, state):
    row = running(parts.db, world)
    put_in(parts.db, row.id, state)
    answer = latest('POST', f'/servers/{row.id}/action', body)
    assert answer.status == 202 and set(answer.json) == {'image_id'}
    shown = latest('GET', f'/servers/{row.id}').json['server']
    assert (shown['status'], shown['OS-EXT-STS:task_state']) == (states.STATUS[state], TASKS[action_of(body)])
    image = made(parts, answer.json['image_id'])
    assert (image.status, image.owner, image.visibility) == ('queued', MEMBER.project_id, 'private')
    assert (image.disk_format, image.container_format, image.min_disk) == ('qcow2', 'bare', 1)
    assert image.properties['instance_uuid'] == row.id and image.properties['user_id'] == MEMBER.user_id
    assert image.properties['base_image_ref'] == world.image
    actions = latest('GET', f'/servers/{row.id}/os-instance-actions').json['instanceActions']
    assert actions[0]['action'] == action_of(body)


def test_what_it_is_of_stands_in_its_properties(latest, parts, world):
    kept, signed = (
        {'hw_disk_bus': 'virtio', 'os_distro': 'debian'},
        {'img_signature': 'x', 'img_signature_key_type': 'y'},
    )
    with parts.db.write() as tx:
        base = add_image(tx, '6c2c8f0e-8a5b-4c57-9d3c-0000000000aa', properties=kept | signed, min_ram=64)
    row = running(parts.db, world, image_id=base)
    image = made(parts, latest('POST', f'/servers/{row.id}/action', IMAGE).json['image_id'])
    assert image.min_ram == 64 and image.name == 'copy'
    assert image.properties['image_type'] == 'snapshot' and image.properties['role'] == 'web'
    assert {name: image.properties.get(name) for name in kept} == kept
    assert not set(signed) & set(image.properties)
    row = running(parts.db, world)
    image = made(parts, latest('POST', f'/servers/{row.id}/action', BACKUP).json['image_id'])
    assert (image.properties['image_type'], image.properties['backup_type']) == ('backup', 'daily')


@by_action
def test_before_2_45_it_is_named_by_its_address(api, parts, world, body):
    row = running(parts.db, world)
    answer = api('POST', f'/servers/{row.id}/action', body)
    assert (answer.status, answer.data) == (202, b'')
    head, _, image_id = answer.headers['Location'].rpartition('/')
    assert head.endswith('/images') and made(parts, image_id).name == body[action_of(body)]['name']


def test_a_backup_that_is_not_kept_is_not_named(latest, parts, world):
    row = running(parts.db, world)
    answer = latest('POST', f'/servers/{row.id}/action', {'createBackup': {**BACKUP['createBackup'], 'rotation': '0'}})
    assert (answer.status, answer.data) == (202, b'') and 'Location' not in answer.headers
    with parts.db.read() as tx:
        assert tx.row(sa.select(Job).where(Job.workflow == 'backup_server', Job.subject == row.id))


@by_action
def test_in_any_other_state_it_is_a_conflict_that_leaves_no_image(latest, parts, world, body):
    row = running(parts.db, world)
    for state in sorted(states.LIVING - states.SETTLED):
        put_in(parts.db, row.id, state)
        answer = latest('POST', f'/servers/{row.id}/action', body)
        told = f"Cannot '{action_of(body)}' instance {row.id} while it is in vm_state {state}"
        assert (answer.status, answer.json['conflictingRequest']['message']) == (409, told)
    put_in(parts.db, row.id, states.ACTIVE, 'image_uploading')
    told = latest('POST', f'/servers/{row.id}/action', body).json['conflictingRequest']['message']
    assert told.endswith('while it is in task_state image_uploading')
    assert left(parts) == [world.image]


def left(parts: Any) -> list[str]:
    with parts.db.read() as tx:
        return tx.column(sa.select(Image.id))


@by_action
def test_a_locked_server_refuses_it_and_a_strangers_is_not_found(latest, parts, world, body):
    row = running(parts.db, world)
    path = f'/servers/{row.id}/action'
    assert latest('POST', path, body, asker=STRANGER).status == 404
    latest('POST', path, {'lock': None})
    assert latest('POST', path, body).json['conflictingRequest']['message'] == f'Instance {row.id} is locked'
    assert left(parts) == [world.image]


@by_action
def test_a_server_that_boots_from_a_volume_is_refused_with_a_sentence(latest, parts, world, body):
    row = running(parts.db, world)
    device = {'source': 'volume', 'destination': 'volume', 'volume_id': volume_of(parts.db, MEMBER)}
    device |= {'boot_index': 0, 'delete_on_termination': False, 'created_at': row.created_at}
    with parts.db.write() as tx:
        tx.insert(BlockDevice, id='b1', server_id=row.id, **device)
    answer = latest('POST', f'/servers/{row.id}/action', body)
    assert answer.status == 400 and 'volume' in answer.json['badRequest']['message']
    assert left(parts) == [world.image]
    with parts.db.read() as tx:
        assert tx.scalar(sa.select(Server.task_state).where(Server.id == row.id)) is None


def test_a_property_cannot_have_the_name_of_what_every_image_has(latest, parts, world):
    row = running(parts.db, world)
    for name in ('owner', 'visibility', 'status', 'instance_uuid'):
        answer = latest('POST', f'/servers/{row.id}/action', {'createImage': {'name': 'x', 'metadata': {name: 'x'}}})
        assert answer.status == 400 and f'Image property {name} ' in answer.json['badRequest']['message']


def test_what_kind_of_image_it_is_may_be_said_of_an_image_and_not_of_a_backup(latest, parts, world):
    row = running(parts.db, world)
    more = {'metadata': {'image_type': 'test'}}
    answer = latest('POST', f'/servers/{row.id}/action', {'createImage': {'name': 'x', **more}})
    properties = made(parts, answer.json['image_id']).properties
    assert (properties['image_type'], properties['image_location']) == ('test', 'snapshot')
    put_in(parts.db, row.id, states.ACTIVE)
    answer = latest('POST', f'/servers/{row.id}/action', {'createBackup': {**BACKUP['createBackup'], **more}})
    assert answer.status == 400 and 'image_type' in answer.json['badRequest']['message']


def test_so_many_properties_as_a_server_may_have_are_enough_until_2_39(api, latest, parts, world):
    row = running(parts.db, world)
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'metadata_items': 1})
    body = {'createImage': {'name': 'x', 'metadata': {'a': '1', 'b': '2'}}}
    assert api('POST', f'/servers/{row.id}/action', body).status == 403
    assert latest('POST', f'/servers/{row.id}/action', body).status == 202


@pytest.mark.parametrize(
    'body',
    [
        {'createImage': {}},
        {'createImage': {'name': ''}},
        {'createImage': {'name': 'x', 'metadata': {'a': 1}}},
        {'createImage': {'name': 'x', 'more': 1}},
        {'createBackup': {'name': 'x', 'backup_type': 'daily'}},
        {'createBackup': {'name': 'x', 'backup_type': 'daily', 'rotation': -1}},
        {'createBackup': {'name': 'x', 'backup_type': 'daily', 'rotation': 'many'}},
        {'createBackup': {'name': 'x', 'backup_type': 3, 'rotation': 1}},
    ],
)
def test_a_body_that_is_wrong_is_refused(latest, parts, world, body):
    row = running(parts.db, world)
    assert latest('POST', f'/servers/{row.id}/action', body).status == 400
    assert left(parts) == [world.image]
