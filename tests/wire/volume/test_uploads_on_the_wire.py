"""Images of volumes over HTTP: what is made, shown and refused."""

import pytest

from nimbus.image.images import images
from nimbus.volume.models import Volume
from nimbus.volume.volumes import uploads
from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.wire.volume.conftest import IMAGE

NAME = 'os-volume_upload_image'


@pytest.fixture
def upload(act):
    """Asks for an image of a volume."""
    return lambda volume, asker=MEMBER, **body: act(volume, NAME, {'image_name': 'copy', **body}, asker=asker)


def test_an_image_of_a_volume_is_being_made(upload, make, show, wired):
    volume = make(name='v', imageRef=IMAGE)
    made = upload(volume, disk_format='qcow2', visibility='shared', protected='true')
    found = made.json[NAME]
    assert made.status == 202 and set(found) == {
        *('id', 'updated_at', 'status', 'display_description', 'size', 'volume_type', 'image_id', 'container_format'),
        *('disk_format', 'image_name', 'protected', 'visibility'),
    }
    assert (found['id'], found['status'], found['size'], found['image_name']) == (volume, 'uploading', 1, 'copy')
    assert (found['disk_format'], found['container_format'], found['protected']) == ('qcow2', 'bare', True)
    with wired.db.write() as tx:
        image = images.show(tx, MEMBER, found['image_id'])
        assert (image.status, image.owner, image.visibility) == ('queued', MEMBER.project_id, 'shared')
        uploads.finished(tx, volume)
    assert show(volume)['status'] == 'available'


def test_the_image_is_like_the_one_of_the_volume_but_for_what_is_of_its_bytes(upload, act, make, wired):
    """A signature is of the bytes that were signed: with it the image would be refused."""
    volume = make(imageRef=IMAGE)
    signed = {'img_signature': 'x', 'img_signature_hash_method': 'SHA-256', 'img_signature_key_type': 'RSA-PSS',
              'img_signature_certificate_uuid': IMAGE, 'os_encrypt_key_id': IMAGE}  # fmt: skip
    odd = {'status': 'active', 'owner': 'x', 'size': '1', 'image_id': IMAGE, 'os_glance_import_task': IMAGE}
    assert act(volume, 'os-set_image_metadata', {'metadata': {**signed, **odd, 'os_distro': 'debian'}}).status == 200
    made = upload(volume).json[NAME]
    with wired.db.read() as tx:
        assert images.show(tx, MEMBER, made['image_id']).properties == {'os_distro': 'debian'}


def test_before_3_1_nothing_is_told_of_who_sees_the_image(api, make):
    path = f'/volumes/{make()}/action'
    refused = api('POST', path, {NAME: {'image_name': 'copy', 'visibility': 'private'}}, asker=MEMBER)
    assert refused.status == 400
    made = api('POST', path, {NAME: {'image_name': 'copy'}}, asker=MEMBER)
    assert made.status == 202 and not {'visibility', 'protected'} & set(made.json[NAME])


def test_a_volume_that_is_not_at_rest_is_not_uploaded_by_force_either(upload, make, wired):
    volume = make()
    for status in ('in-use', 'creating', 'error', 'extending'):
        with wired.db.write() as tx:
            tx.update(Volume, Volume.id == volume, status=status)
        refused = upload(volume, force=True)
        told = refused.json['badRequest']['message']
        assert (refused.status, told) == (400, f'Invalid volume: Volume {volume} status must be available')


def test_who_may_not_and_bad_bodies_are_refused_and_leave_no_image(upload, act, make, show, wired):
    volume = make()
    assert upload(volume, asker=READER).status == 403
    assert upload(volume, asker=STRANGER).status == 404
    assert upload(volume, visibility='public').status == 403
    for body in ({}, {'image_name': ''}, {'image_name': 'x' * 256}, {'image_name': 'x', 'disk_format': 'iso'},
                 {'image_name': 'x', 'force': 'maybe'}, {'image_name': 'x', 'disk_format': 'ploop'},
                 {'image_name': 'x', 'container_format': 'compressed'}, {'image_name': 'x', 'more': 1}):  # fmt: skip
        assert act(volume, NAME, body).status == 400, body
    assert show(volume)['status'] == 'available'
    assert upload(volume, asker=ADMIN, visibility='public').status == 202


def test_what_is_uploaded_is_neither_deleted_nor_attached(upload, latest, act, make):
    volume = make()
    upload(volume)
    assert latest('DELETE', f'/volumes/{volume}').status == 400
    assert act(volume, 'os-reserve', {}).status == 400
    assert upload(volume).status == 400


def test_a_protected_image_that_could_not_be_filled_is_gone(upload, make, wired):
    made = upload(make(), protected=True).json[NAME]
    with wired.db.write() as tx:
        for _ in range(2):
            uploads.discard(tx, wired.extra['image_quotas'], made['image_id'])
