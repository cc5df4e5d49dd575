"""The old view of images in the Compute API."""

import urllib.parse
from typing import Any

import pytest

from nimbus.compute.quotas import QUOTAS
from tests.compute_world import add_image
from tests.conftest import ADMIN, MEMBER, OUTSIDER, READER, STRANGER

NOWHERE = '7a9fd0ec-15b1-44e6-a2dd-4d8d2a0cfa0f'
SERVER = 'b3b5cc32-9ab2-4b9d-9c5a-6c4d4e1f0a77'


def told(answer: Any) -> str:
    (fault,) = answer.json.values()
    return fault['message']


@pytest.fixture
def image(parts: Any) -> str:
    """An image of the member's own, made of a server of his."""
    more = {'name': 'mine', 'visibility': 'private', 'min_disk': 2, 'min_ram': 64}
    properties = {'instance_uuid': SERVER, 'image_type': 'snapshot', 'auto_disk_config': 'True'}
    with parts.db.write() as tx:
        return add_image(tx, '6c2c8f0e-8a5b-4c57-9d3c-000000000009', properties=properties, **more)


def test_an_image_is_shown_with_the_names_that_its_fields_had(api, image):
    shown = api('GET', f'/images/{image}', asker=READER).json['image']
    links = shown.pop('links')
    assert [link['rel'] for link in links] == ['self', 'bookmark', 'alternate']
    assert links[0]['href'] == f'http://cloud/v2.1/images/{image}'
    assert links[2]['type'] == 'application/vnd.openstack.image' and links[2]['href'].endswith(f'/images/{image}')
    assert shown.pop('server')['id'] == SERVER
    assert shown.pop('created').endswith('Z') and shown.pop('updated').endswith('Z')
    assert shown == {
        'id': image,
        'name': 'mine',
        'minRam': 64,
        'minDisk': 2,
        'metadata': {'instance_uuid': SERVER, 'image_type': 'snapshot', 'auto_disk_config': 'True'},
        'status': 'ACTIVE',
        'progress': 100,
        'OS-EXT-IMG-SIZE:size': 1024,
        'OS-DCF:diskConfig': 'AUTO',
    }


def test_lists_are_short_or_detailed_and_end_with_2_35(api, world, image):
    found = api('GET', '/images').json['images']
    assert {one['id'] for one in found} == {image, world.image} and set(found[0]) == {'id', 'name', 'links'}
    whole = api('GET', '/images/detail', version='compute 2.35').json['images']
    assert api('GET', f'/images/{image}').json['image'] in whole
    for path in ('/images', '/images/detail', f'/images/{image}'):
        assert api('GET', path, version='compute 2.36').status == 404


@pytest.mark.parametrize(
    ('query', 'count'),
    [
        ('name=mine', 1),
        ('status=ACTIVE', 2),
        ('status=saving', 0),
        (f'server={SERVER}', 1),
        (f'server=http://cloud/v2.1/servers/{SERVER}', 1),
        ('type=snapshot', 1),
        ('minRam=64', 1),
        ('minDisk=3', 0),
        ('property-image_type=snapshot', 1),
        ('property-os_hidden=true', 2),
        ('changes-since=2100-01-01T00:00:00Z', 0),
        ('colour=red', 2),
    ],
)
def test_lists_are_filtered(api, world, image, query, count):
    assert len(api('GET', f'/images?{query}').json['images']) == count
    assert len(api('GET', f'/images/detail?{query}').json['images']) == count


def test_lists_come_in_pages(api, world, image):
    page = api('GET', '/images?limit=1').json
    assert len(page['images']) == 1 and page['images_links'][0]['rel'] == 'next'
    path, _, query = page['images_links'][0]['href'].removeprefix('http://cloud/v2.1').partition('?')
    assert path == '/images' and urllib.parse.parse_qs(query)['limit'] == ['1']
    rest = api('GET', f'{path}?{query}').json['images']
    assert {page['images'][0]['id'], rest[0]['id']} == {image, world.image}
    for wrong in ('limit=0', 'limit=-1', 'limit=x', f'marker={NOWHERE}', 'minRam=x', 'changes-since=x'):
        assert api('GET', f'/images?{wrong}').status == 400, wrong


def test_an_image_is_deleted_by_who_may_delete_it(api, parts, world, image):
    for asker, status in ((STRANGER, 404), (OUTSIDER, 404), (READER, 403), (MEMBER, 204), (MEMBER, 404)):
        answer = api('DELETE', f'/images/{image}', asker=asker)
        assert answer.status == status, asker.user_name
    answer = api('DELETE', f'/images/{world.image}', asker=STRANGER)
    assert (answer.status, told(answer)) == (403, 'You are not allowed to delete the image.')
    with parts.db.write() as tx:
        kept = add_image(tx, NOWHERE, protected=True)
    assert api('DELETE', f'/images/{kept}', asker=ADMIN).status == 403
    assert api('GET', f'/images/{kept}').status == 200


def test_metadata_is_read_written_and_removed(api, image):
    path = f'/images/{image}/metadata'
    had = api('GET', path, asker=READER).json['metadata']
    assert api('POST', path, {'metadata': {'k': 'v'}}).json == {'metadata': {**had, 'k': 'v'}}
    assert api('GET', f'{path}/k').json == {'meta': {'k': 'v'}}
    assert api('PUT', f'{path}/k', {'meta': {'k': 'w'}}).json == {'meta': {'k': 'w'}}
    assert api('PUT', path, {'metadata': {'k': 'x', 'm': 'y'}}).json == {'metadata': {'k': 'x', 'm': 'y'}}
    assert api('DELETE', f'{path}/k').status == 204
    assert api('GET', path, version='compute 2.38').json == {'metadata': {'m': 'y'}}
    assert api('GET', path, version='compute 2.39').status == 404
    assert api('GET', f'{path}/k').status == 404
    answer = api('DELETE', f'{path}/k')
    assert (answer.status, told(answer)) == (404, 'Invalid metadata key')


def test_metadata_that_cannot_be_is_refused_and_changes_nothing(api, parts, image):
    path = f'/images/{image}/metadata'
    had = api('GET', path).json
    for method, at, body, status in (
        ('POST', path, {'metadata': {'name': 'x'}}, 400),
        ('POST', path, {'metadata': {'os_hidden': 'true'}}, 400),
        ('POST', path, {'metadata': {'os_glance_x': 'true'}}, 403),
        ('POST', path, {'metadata': {'k': 7}}, 400),
        ('POST', path, {'metadata': {'k' * 256: 'v'}}, 400),
        ('POST', path, {'metadata': {'k': 'v' * 256}}, 400),
        ('PUT', f'{path}/k', {'meta': {'m': 'v'}}, 400),
        ('PUT', f'{path}/k', {'meta': {'k': 'v', 'm': 'v'}}, 400),
        ('PUT', path, {}, 400),
    ):
        assert api(method, at, body).status == status, body
    with parts.db.write() as tx:
        QUOTAS.set(tx, MEMBER.project_id, {'metadata_items': 2})
    answer = api('POST', path, {'metadata': {'k': 'v'}})
    assert (answer.status, told(answer)) == (403, 'Image metadata limit exceeded')
    assert api('GET', path).json == had


def test_metadata_is_changed_by_who_may_change_the_image(api, world, image):
    path = f'/images/{image}/metadata'
    for asker, status in ((STRANGER, 404), (READER, 403)):
        for method, at, body in (
            ('POST', path, {'metadata': {'k': 'v'}}),
            ('PUT', path, {'metadata': {}}),
            ('PUT', f'{path}/k', {'meta': {'k': 'v'}}),
            ('DELETE', f'{path}/image_type', None),
        ):
            assert api(method, at, body, asker=asker).status == status
    answer = api('PUT', f'/images/{world.image}/metadata', {'metadata': {}}, asker=STRANGER)
    assert (answer.status, told(answer)) == (403, f'Not authorized for image {world.image}.')
