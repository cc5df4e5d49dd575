"""Corners of the volume API where upstream is strict, or lenient, in a way of its own."""

import pytest

from nimbus.volume.models import Volume
from tests.compute_world import add_image
from tests.conftest import ADMIN, MEMBER
from tests.wire.volume.conftest import IMAGE, SERVER

OTHER = '6c2c8f0e-8a5b-4c57-9d3c-000000000002'


def create(client, asker=MEMBER, beside=None, **body):
    return client('POST', '/volumes', {'volume': {'size': 1, **body}, **(beside or {})}, asker=asker)


def image_of(answer, show):
    assert answer.status == 202, answer.data
    return show(answer.json['volume']['id'])['volume_image_metadata']['image_id']


@pytest.mark.parametrize('told', [IMAGE, f'http://image.example:9292/v2/images/{IMAGE}'])
def test_an_image_is_named_by_its_id_or_its_address(latest, show, told):
    assert image_of(create(latest, imageRef=told), show) == IMAGE


def test_an_image_is_named_by_its_name_while_only_one_has_it(latest, show, wired):
    name = show(create(latest, imageRef=IMAGE).json['volume']['id'])['volume_image_metadata']['image_name']
    assert image_of(create(latest, imageRef=name), show) == IMAGE
    assert create(latest, imageRef='nobody').json['badRequest']['message'].startswith('Invalid image identifier')
    with wired.db.write() as tx:
        add_image(tx, OTHER)
    refused = create(latest, imageRef=name)
    assert (refused.status, refused.json['conflictingRequest']['message'][:22]) == (409, 'Multiple matches found')


def test_hints_for_the_scheduler_are_taken_in_shape(latest):
    hints = 'OS-SCH-HNT:scheduler_hints'
    assert create(latest, beside={hints: {'same_host': [SERVER]}}).status == 202
    assert create(latest, beside={hints: 'here'}).status == 400
    assert create(latest, beside={'OS-SCH-HNT:hints': {}}).status == 400


@pytest.mark.parametrize('key, status', [('a-b_c:d. /9', 200), ('tea!', 400), ('ä', 400), ('k' * 256, 400)])
def test_keys_of_metadata_have_upstreams_letters(latest, make, key, status):
    assert latest('POST', f'/volumes/{make()}/metadata', {'metadata': {key: 'v'}}).status == status


def test_a_daemon_is_switched_by_its_host_and_its_name(latest):
    for verb in ('enable', 'disable'):
        path = f'/os-services/{verb}'
        assert latest('PUT', path, {'host': 'h1@fake'}, asker=ADMIN).status == 400
        assert latest('PUT', path, {'host': 'h 1', 'binary': 'cinder-volume'}, asker=ADMIN).status == 400
        for name in ('binary', 'service'):
            assert latest('PUT', path, {'host': 'h1@fake', name: 'cinder-volume'}, asker=ADMIN).status == 200
    reason = {'host': 'h1@fake', 'binary': 'cinder-volume', 'disabled_reason': 'broken'}
    assert latest('PUT', '/os-services/disable', reason, asker=ADMIN).status == 400
    told = latest('PUT', '/os-services/disable-log-reason', reason, asker=ADMIN)
    assert told.json['disabled_reason'] == 'broken'


def test_the_extra_specs_of_a_type_in_use_stand(latest, make):
    kind = latest('POST', '/types', {'volume_type': {'name': 'gold', 'extra_specs': {'a:b': '1'}}}, asker=ADMIN)
    path = f'/types/{kind.json["volume_type"]["id"]}/extra_specs'
    assert latest('PUT', f'{path}/a:b', {'a:b': '2'}, asker=ADMIN).status == 200
    make(volume_type='gold')
    refusals = [
        latest('POST', path, {'extra_specs': {'x:y': '1'}}, asker=ADMIN),
        latest('PUT', f'{path}/a:b', {'a:b': '3'}, asker=ADMIN),
        latest('DELETE', f'{path}/a:b', asker=ADMIN),
    ]
    for answer in refusals:
        assert (answer.status, answer.json['badRequest']['message']) == (400, 'Volume Type is currently in use.')
    assert latest('GET', path, asker=ADMIN).json == {'extra_specs': {'a:b': '2'}}


@pytest.mark.parametrize(
    'given, status',
    [
        ({'status': 'ERROR'}, 202),
        ({'status': 'retyping'}, 202),
        ({'migration_status': 'starting'}, 202),
        ({'migration_status': 'None'}, 202),
        ({'status': 'tea'}, 400),
        ({'attach_status': 'error_attaching'}, 400),
        ({'migration_status': 'tea'}, 400),
        ({'status': 'deleting'}, 400),
        ({'status': 'in-use'}, 400),
        ({'status': None}, 400),
        ({}, 400),
    ],
)
def test_an_operator_sets_the_states_that_make_sense(act, make, show, given, status):
    volume = make()
    assert act(volume, 'os-reset_status', given, asker=ADMIN).status == status
    if 'status' in given:
        assert show(volume)['status'] == (given['status'].lower() if status == 202 else 'available')


def test_a_volume_that_is_set_detached_has_no_attachments(act, make, show):
    volume = make()
    assert act(volume, 'os-attach', {'instance_uuid': SERVER, 'mountpoint': '/dev/vdb'}).status == 202
    assert act(volume, 'os-reset_status', {'status': 'in-use'}, asker=ADMIN).status == 202
    reset = {'status': 'available', 'attach_status': 'detached'}
    assert act(volume, 'os-reset_status', reset, asker=ADMIN).status == 202
    assert (show(volume)['status'], show(volume)['attachments']) == ('available', [])


def test_a_mode_that_nobody_said_is_null_on_the_wire(latest, make, wired):
    volume = make()
    given = {'volume_uuid': volume, 'instance_uuid': SERVER}
    assert latest('POST', '/attachments', {'attachment': given}).json['attachment']['attach_mode'] == 'null'
    volume = make()
    given = {'volume_uuid': volume, 'instance_uuid': SERVER, 'mode': 'ro'}
    assert latest('POST', '/attachments', {'attachment': given}).json['attachment']['attach_mode'] == 'ro'
    volume = make()
    with wired.db.write() as tx:
        tx.update(Volume, Volume.id == volume, readonly=True)
    given = {'volume_uuid': volume, 'instance_uuid': SERVER}
    assert latest('POST', '/attachments', {'attachment': given}).json['attachment']['attach_mode'] == 'ro'


def test_a_volume_to_be_read_only_is_not_attached_to_be_written(act, make, show):
    volume = make()
    assert act(volume, 'os-update_readonly_flag', {'readonly': True}).status == 202
    attach = {'instance_uuid': SERVER, 'mountpoint': '/dev/vdb', 'mode': 'rw'}
    refused = act(volume, 'os-attach', attach)
    assert (refused.status, show(volume)['status']) == (400, 'available')
    assert "Invalid attaching mode 'rw'" in refused.json['badRequest']['message']
    assert act(volume, 'os-attach', {**attach, 'mode': 'ro'}).status == 202


@pytest.mark.parametrize('name', ['volume', 'volumev3', 'volumev2', 'block-storage', 'block-store', 'VolumeV3'])
@pytest.mark.parametrize('around', ['{} 3.27', 'compute 2.90, {} 3.27', '{} 3.27,identity 3.5'])
def test_a_version_is_asked_for_by_any_type_that_the_service_has(latest, name, around):
    answer = latest('GET', '/attachments', version=around.format(name))
    assert (answer.status, answer.headers['OpenStack-API-Version']) == (200, 'volume 3.27')


def test_a_version_of_another_service_is_not_for_this_one(latest):
    answer = latest('GET', '/attachments', version='compute 2.27, volumes 3.27')
    assert (answer.status, answer.headers['OpenStack-API-Version']) == (404, 'volume 3.0')
