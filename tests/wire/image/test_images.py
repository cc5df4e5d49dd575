"""/v2/images over HTTP: what Glance's clients rely on."""

import hashlib
import html

import pytest

from tests.conftest import ADMIN, MEMBER, OUTSIDER, READER, SERVICE, STRANGER
from tests.wire.image.conftest import OCTETS, V20, V21

UNKNOWN = '/v2/images/11111111-2222-3333-4444-555555555555'


def test_the_root_offers_its_versions_with_300_and_versions_with_200(client):
    root = client('GET', '/', asker=None)
    assert root.status == 300
    assert root.json['versions'][0] == {
        'id': 'v2.15',
        'status': 'CURRENT',
        'links': [{'rel': 'self', 'href': 'http://cloud/v2/'}],
    }
    again = client('GET', '/versions', asker=None)
    assert (again.status, again.json) == (200, root.json)


def test_a_new_image_is_queued_shared_and_its_askers(client):
    made = client('POST', '/v2/images', {'name': 'i', 'os_distro': 'debian', 'tags': ['b', 'a', 'b']})
    assert made.status == 201
    assert made.headers['Location'] == f'http://cloud/v2/images/{made.json["id"]}'
    assert made.headers['OpenStack-image-import-methods'] == 'glance-direct,web-download,copy-image'
    shown = client('GET', f'/v2/images/{made.json["id"]}').json
    stamps = {name: shown.pop(name) for name in ('created_at', 'updated_at', 'id')}
    assert stamps['created_at'].endswith('Z') and '.' not in stamps['created_at']
    assert shown == {
        'name': 'i',
        'os_distro': 'debian',
        'status': 'queued',
        'visibility': 'shared',
        'protected': False,
        'os_hidden': False,
        'checksum': None,
        'os_hash_algo': None,
        'os_hash_value': None,
        'owner': MEMBER.project_id,
        'size': None,
        'virtual_size': None,
        'container_format': None,
        'disk_format': None,
        'tags': ['a', 'b'],
        'min_ram': 0,
        'min_disk': 0,
        'self': f'/v2/images/{stamps["id"]}',
        'file': f'/v2/images/{stamps["id"]}/file',
        'schema': '/v2/schemas/image',
    }


def test_a_queued_image_has_no_content_and_an_active_one_all_of_it(client, make):
    path = f'/v2/images/{make()["id"]}'
    assert client('GET', f'{path}/file').status == 204
    data = bytes(range(256)) * 4
    assert client('PUT', f'{path}/file', data, **OCTETS).status == 204
    shown = client('GET', path).json
    assert (shown['status'], shown['size'], shown['virtual_size']) == ('active', 1024, 1024)
    assert shown['checksum'] == hashlib.md5(data).hexdigest()
    assert (shown['os_hash_algo'], shown['os_hash_value']) == ('sha512', hashlib.sha512(data).hexdigest())
    got = client('GET', f'{path}/file')
    assert (got.status, got.data) == (200, data)
    assert got.headers['Content-MD5'] == shown['checksum'] and got.headers['Content-Length'] == '1024'


def test_an_image_takes_its_bytes_once(client, make):
    path = f'/v2/images/{make(b"x")["id"]}/file'
    again = client('PUT', path, b'y', **OCTETS)
    assert again.status == 409
    assert b'Image status transition from active to saving is not allowed' in again.data


def test_bytes_need_both_formats_and_the_right_media_type(client):
    image = client('POST', '/v2/images', {'name': 'i'}).json
    path = f'/v2/images/{image["id"]}/file'
    refused = client('PUT', path, b'x', **OCTETS)
    assert refused.status == 400
    assert b'Properties disk_format, container_format must be set prior to saving data.' in refused.data
    assert client('PUT', path, b'x').status == 415
    assert client('GET', f'/v2/images/{image["id"]}').json['status'] == 'queued'


def test_an_upload_that_breaks_off_or_lies_about_its_size_leaves_the_image_queued(client, make):
    path = f'/v2/images/{make()["id"]}'
    assert client('PUT', f'{path}/file', b'abc', **OCTETS, content_length='10').status == 400
    assert client('PUT', f'{path}/file', b'abc', **OCTETS, x_openstack_image_size='4').status == 400
    assert client('GET', path).json['status'] == 'queued'
    assert client('PUT', f'{path}/file', b'abc', **OCTETS).status == 204


@pytest.mark.parametrize(
    'asked, status, data, told',
    [
        ('bytes=0-4', 206, b'01234', 'bytes 0-4/10'),
        ('bytes=7-', 206, b'789', 'bytes 7-9/10'),
        ('bytes=-2', 206, b'89', 'bytes 8-9/10'),
        ('bytes=5-99', 206, b'56789', 'bytes 5-9/10'),
        ('bytes=10-', 416, None, 'bytes */10'),
        ('bytes=4-2', 416, None, 'bytes */10'),
        ('lines=1-2', 416, None, 'bytes */10'),
        ('bytes=-0', 416, None, 'bytes */10'),
        ('bytes=-', 416, None, 'bytes */10'),
        ('bytes=--1', 416, None, 'bytes */10'),
        ('bytes=\xb2-', 416, None, 'bytes */10'),
        (f'bytes=0-{"9" * 5000}', 416, None, 'bytes */10'),
        (f'bytes={"9" * 5000}-', 416, None, 'bytes */10'),
        (f'bytes=-{"9" * 5000}', 416, None, 'bytes */10'),
        ('bytes=-99', 206, b'0123456789', 'bytes 0-9/10'),
        ('bytes=0-1,3-4', 400, None, None),
    ],
)
def test_a_range_of_the_bytes(client, make, asked, status, data, told):
    path = f'/v2/images/{make(b"0123456789")["id"]}/file'
    got = client('GET', path, range=asked)
    assert (got.status, got.headers.get('Content-Range')) == (status, told)
    if data is not None:
        assert got.data == data


@pytest.mark.parametrize('told', ['bytes 0-\xb2/*', f'bytes 0-{"9" * 5000}/*', 'bytes 9-0/*', 'bytes 0-10/*', 'x'])
def test_a_part_that_is_none_of_the_image_is_refused(client, make, told):
    path = f'/v2/images/{make(b"0123456789")["id"]}/file'
    assert client('GET', path, content_range=told).status == 416


@pytest.mark.parametrize('told', ['\xb2', '9' * 5000, '-1', '+3', ' 3', '3_0', '1e3'])
def test_a_size_that_is_no_number_is_refused(client, make, told):
    path = f'/v2/images/{make()["id"]}'
    assert client('PUT', f'{path}/file', b'abc', **OCTETS, x_openstack_image_size=told).status == 400
    assert client('GET', path).json['status'] == 'queued'


def test_another_projects_image_is_not_found_whatever_is_done_with_it(client, make):
    path = f'/v2/images/{make(b"x")["id"]}'
    # Glance shows who knows its id a *shared* image only when they are members
    for method, tail, body, more in (
        ('GET', '', None, {}),
        ('GET', '/file', None, {}),
        ('PATCH', '', [], V21),
        ('DELETE', '', None, {}),
        ('PUT', '/file', b'', OCTETS),
        ('PUT', '/tags/t', None, {}),
        ('POST', '/actions/deactivate', None, {}),
        ('GET', '/members', None, {}),
    ):
        assert client(method, path + tail, body, asker=STRANGER, **more).status == 404, (method, tail)
    assert client('GET', path).status == 200


def test_a_public_image_is_seen_by_all_and_changed_by_its_owner(client, make):
    path = f'/v2/images/{make(b"x", asker=ADMIN, visibility="public")["id"]}'
    assert client('GET', f'{path}/file', asker=STRANGER).data == b'x'
    assert client('DELETE', path, asker=STRANGER).status == 403
    assert client('PATCH', path, [{'op': 'add', 'path': '/a', 'value': 'b'}], asker=STRANGER, **V21).status == 403
    assert client('POST', '/v2/images', {'visibility': 'public'}).status == 403
    assert client('PATCH', path, [{'op': 'replace', 'path': '/visibility', 'value': 'public'}], **V21).status == 403


def test_a_reader_sees_and_changes_nothing(client, make):
    path = f'/v2/images/{make(b"x")["id"]}'
    assert client('GET', path, asker=READER).status == 200
    assert client('POST', '/v2/images', {}, asker=READER).status == 403
    assert client('DELETE', path, asker=READER).status == 403
    assert client('GET', '/v2/images', asker=OUTSIDER).status == 403
    assert client('GET', '/v2/images', asker=None).status == 401


def test_a_service_may_download_any_image(client, make):
    path = f'/v2/images/{make(b"x", visibility="private")["id"]}/file'
    assert client('GET', path, asker=SERVICE).data == b'x'


def test_nobody_makes_an_image_for_another_project(client):
    refused = client('POST', '/v2/images', {'owner': 'other'})
    assert refused.status == 403
    assert b'You are not permitted to create images owned by' in refused.data
    assert client('POST', '/v2/images', {'owner': 'other'}, asker=ADMIN).json['owner'] == 'other'


def test_an_id_is_used_once_even_after_its_image_is_gone(client, make):
    image = make(id='11111111-2222-3333-4444-555555555555')
    assert client('POST', '/v2/images', {'id': image['id']}).status == 409
    assert client('DELETE', UNKNOWN).status == 204
    assert client('GET', UNKNOWN).status == 404
    assert client('POST', '/v2/images', {'id': image['id']}).status == 409


def test_a_protected_image_is_not_deleted(client, make):
    path = f'/v2/images/{make(protected=True)["id"]}'
    refused = client('DELETE', path)
    assert refused.status == 403 and b'is protected and cannot be deleted' in refused.data
    client('PATCH', path, [{'op': 'replace', 'path': '/protected', 'value': False}], **V21)
    assert client('DELETE', path).status == 204


def test_deleting_an_image_removes_its_bytes(client, make, transfers):
    image = make(b'x')
    assert transfers.store.present() == [image['id']]
    assert client('DELETE', f'/v2/images/{image["id"]}').status == 204
    assert transfers.store.present() == []


def test_a_deactivated_image_is_kept_from_users(client, make):
    path = f'/v2/images/{make(b"x")["id"]}'
    assert client('POST', f'{path}/actions/deactivate').status == 204
    assert client('GET', path).json['status'] == 'deactivated'
    assert client('GET', f'{path}/file').status == 403
    assert client('GET', f'{path}/file', asker=ADMIN).status == 200
    assert client('POST', f'{path}/actions/reactivate').status == 204
    assert client('GET', f'{path}/file').status == 200
    queued = f'/v2/images/{make()["id"]}/actions/deactivate'
    assert client('POST', queued).status == 403


def test_patches_of_both_drafts_change_fields_and_properties(client, make):
    path = f'/v2/images/{make(color="red")["id"]}'
    done = client(
        'PATCH',
        path,
        [
            {'op': 'replace', 'path': '/name', 'value': 'new'},
            {'op': 'add', 'path': '/a~1b', 'value': 'c'},
            {'op': 'remove', 'path': '/color'},
            {'op': 'replace', 'path': '/tags', 'value': ['t']},
        ],
        **V21,
    )
    assert done.status == 200
    assert (done.json['name'], done.json['a/b'], done.json['tags']) == ('new', 'c', ['t'])
    assert 'color' not in done.json
    old = client('PATCH', path, [{'replace': '/name', 'value': 'older'}], **V20)
    assert (old.status, old.json['name']) == (200, 'older')
    assert client('PATCH', path, [{'add': '/name', 'value': 'x'}], **V20).status == 409


@pytest.mark.parametrize(
    'patch, status',
    [
        ({}, 400),
        ([1], 400),
        ([{'op': 'test', 'path': '/name', 'value': 'x'}], 400),
        ([{'op': 'replace', 'path': 'name', 'value': 'x'}], 400),
        ([{'op': 'replace', 'path': '/a/b', 'value': 'x'}], 400),
        ([{'op': 'replace', 'path': '/name'}], 400),
        ([{'op': 'replace', 'path': '/name', 'value': 'x' * 256}], 400),
        ([{'op': 'replace', 'path': '/min_ram', 'value': -1}], 400),
        ([{'op': 'replace', 'path': '/disk_format', 'value': 'floppy'}], 400),
        ([{'op': 'add', 'path': '/own', 'value': 7}], 400),
        ([{'op': 'replace', 'path': '/size', 'value': 7}], 403),
        ([{'op': 'replace', 'path': '/id', 'value': 'x'}], 403),
        ([{'op': 'add', 'path': '/os_glance_x', 'value': 'x'}], 403),
        ([{'op': 'remove', 'path': '/name'}], 403),
        ([{'op': 'replace', 'path': '/owner', 'value': 'x'}], 403),
        ([{'op': 'replace', 'path': '/none', 'value': 'x'}], 409),
        ([{'op': 'remove', 'path': '/none'}], 409),
        ([{'op': 'add', 'path': f'/p{n}', 'value': 'x'} for n in range(11)], 413),
    ],
)
def test_a_bad_patch_is_refused_and_changes_nothing(client, make, patch, status):
    path = f'/v2/images/{make()["id"]}'
    before = client('GET', path).json
    assert client('PATCH', path, patch, **V21).status == status
    assert client('GET', path).json == before


def test_a_patch_of_another_media_type_is_told_which_to_use(client, make):
    refused = client('PATCH', f'/v2/images/{make()["id"]}', [], content_type='application/json')
    assert refused.status == 415
    assert 'application/openstack-images-v2.1-json-patch' in refused.headers['Accept-Patch']


def test_formats_stay_once_there_are_bytes(client, make):
    path = f'/v2/images/{make(b"x")["id"]}'
    refused = client('PATCH', path, [{'op': 'replace', 'path': '/disk_format', 'value': 'qcow2'}], **V21)
    assert refused.status == 403
    assert b'Attribute disk_format can be only replaced for a queued image.' in refused.data


@pytest.mark.parametrize(
    'body, status',
    [
        ([], 400),
        ({'name': 5}, 400),
        ({'name': 'x' * 256}, 400),
        ({'visibility': 'mine'}, 400),
        ({'id': 'x'}, 400),
        ({'min_disk': -1}, 400),
        ({'min_ram': 2**40}, 400),
        ({'disk_format': 'floppy'}, 400),
        ({'own': {'a': 1}}, 400),
        ({'x' * 256: 'y'}, 400),
        ({'self': '/x'}, 403),
        ({'status': 'active'}, 403),
        ({'os_glance_x': 'y'}, 403),
        ({'locations': 'y'}, 403),
        ({'tags': list('abcdef')}, 413),
    ],
)
def test_a_bad_image_is_refused(client, body, status):
    assert client('POST', '/v2/images', body).status == status
    assert client('GET', '/v2/images').json['images'] == []


def test_errors_are_glances_html(client):
    missing = client('GET', UNKNOWN)
    assert missing.headers['Content-Type'].startswith('text/html')
    assert b'<title>404 Not Found</title>' in missing.data
    assert b'No image found with ID 11111111-2222-3333-4444-555555555555' in missing.data


@pytest.mark.parametrize(
    'accept, media',
    [
        ('*/*', 'text/html'),
        ('text/html, application/json', 'text/html'),
        ('application/json', 'application/json'),
        ('text/html;q=0.1, application/json', 'application/json'),
        ('text/plain', 'text/plain'),
        ('application/octet-stream', 'text/plain'),
        ('a sentence; that is no header', 'text/html'),
    ],
)
def test_errors_have_the_form_that_the_client_prefers(client, make, accept, media):
    body = {'method': {'name': "one's own"}}
    refused = client('POST', f'/v2/images/{make()["id"]}/import', body, accept=accept)
    assert (refused.status, refused.headers['Content-Type'].split(';')[0]) == (400, media)
    sentence = "Unknown import method name 'one's own'."
    if media == 'application/json':
        assert refused.json == {'message': sentence, 'code': '400 Bad Request', 'title': 'Bad Request'}
    else:
        assert (html.escape(sentence) if media == 'text/html' else sentence) in refused.data.decode()


def test_tags_come_and_go(client, make):
    path = f'/v2/images/{make()["id"]}'
    assert client('PUT', f'{path}/tags/t').status == 204
    assert 't' in client('GET', path).json['tags']
    assert client('DELETE', f'{path}/tags/t').status == 204
    assert client('DELETE', f'{path}/tags/t').status == 404
    assert client('PUT', f'{path}/tags/{"x" * 256}').status == 400


def test_staged_bytes_are_imported(client, make, settle):
    path = f'/v2/images/{make()["id"]}'
    body = {'method': {'name': 'glance-direct'}}
    assert client('POST', f'{path}/import', body).status == 409
    assert client('PUT', f'{path}/stage', b'abc', **OCTETS).status == 204
    assert client('GET', path).json['status'] == 'uploading'
    assert client('POST', f'{path}/import', {'method': {'name': 'web-download'}}).status == 409
    assert client('POST', f'{path}/import', body).status == 202
    settle()
    shown = client('GET', path).json
    assert (shown['status'], shown['size'], shown['virtual_size']) == ('active', 3, 512)
    assert client('GET', f'{path}/file').data == b'abc'
    assert client('GET', '/v2/info/import').json['import-methods']['value'] == [
        'glance-direct',
        'web-download',
        'copy-image',
    ]


def test_usage_follows_what_a_project_has(client, make):
    first = make(b'x' * (2 << 20))
    make()
    usage = client('GET', '/v2/info/usage').json['usage']
    assert usage['image_count_total'] == {'limit': -1, 'usage': 2}
    assert usage['image_size_total']['usage'] == 2
    client('DELETE', f'/v2/images/{first["id"]}')
    usage = client('GET', '/v2/info/usage').json['usage']
    assert {name: use['usage'] for name, use in usage.items()} == {
        'image_count_total': 1,
        'image_size_total': 0,
        'image_stage_total': 0,
        'image_count_uploading': 0,
    }


def test_schemas_tell_fields_from_properties(client):
    schema = client('GET', '/v2/schemas/image').json
    assert schema['additionalProperties'] == {'type': 'string'}
    assert schema['properties']['size']['readOnly'] is True
    assert 'qcow2' in schema['properties']['disk_format']['enum']
    for name in ('images', 'member', 'members'):
        assert client('GET', f'/v2/schemas/{name}').json['name'] == name
