"""Imports by web-download, and operators' tasks that do the same: an image is filled from a URI, or left as it was."""

import ipaddress

import pytest

from nimbus.image.downloads.rules import Rules
from nimbus.image.tasks.imports import Imports
from tests import web
from tests.conftest import ADMIN, READER, STRANGER

BYTES = b'x' * 1536
QCOW = b'QFI\xfb' + bytes(2000)


@pytest.fixture
def server():
    answers = {
        '/good': web.data(BYTES),
        '/unmeasured': web.unmeasured(BYTES),
        '/short': web.data(BYTES, size=2000),
        '/onward': web.leads_to('/good'),
        '/inward': web.leads_to('http://169.254.169.254/latest/meta-data'),
        '/qcow2': web.data(QCOW),
    }
    with web.serving(answers) as serving:
        yield serving


@pytest.fixture
def client(client, parts, server):
    """The API with an operator's leave to download from this host's server."""
    rules = Rules(ports=(80, server.server_port), networks=(ipaddress.ip_network('127.0.0.0/8'),), pause=5)
    parts.extra['image imports'] = Imports(parts.extra['image'], rules)
    return client


def asked(client, image, uri, **more):
    body = {'method': {'name': 'web-download', 'uri': uri}}
    return client('POST', f'/v2/images/{image["id"]}/import', body, **more)


@pytest.mark.parametrize('path', ['/good', '/onward', '/unmeasured'])
def test_an_image_is_filled_from_a_uri(client, make, settle, server, path):
    image = make()
    assert asked(client, image, server.url(path)).status == 202
    settle()
    shown = client('GET', f'/v2/images/{image["id"]}').json
    assert (shown['status'], shown['size'], shown['virtual_size']) == ('active', 1536, 1536)
    assert client('GET', f'/v2/images/{image["id"]}/file').data == BYTES
    (task,) = client('GET', f'/v2/images/{image["id"]}/tasks').json['tasks']
    assert task['status'] == 'success' and 'os_glance_import_task' not in shown
    usage = client('GET', '/v2/info/usage').json['usage']
    assert {name: use['usage'] for name, use in usage.items() if use['usage']} == {
        'image_count_total': 1,
        'image_size_total': 1,
    }


@pytest.mark.parametrize('path', ['/short', '/inward', '/qcow2', '/absent'])
def test_a_download_that_fails_leaves_a_queued_image_and_says_why(client, make, settle, server, transfers, path):
    image = make()
    assert asked(client, image, server.url(path)).status == 202
    settle()
    shown = client('GET', f'/v2/images/{image["id"]}').json
    assert (shown['status'], shown['size'], 'os_glance_import_task' in shown) == ('queued', None, False)
    (task,) = client('GET', f'/v2/images/{image["id"]}/tasks').json['tasks']
    assert task['status'] == 'failure' and task['message']
    assert [found for found in transfers.store.path.rglob('*') if found.is_file()] == []
    usage = client('GET', '/v2/info/usage').json['usage']
    assert {name: use['usage'] for name, use in usage.items() if use['usage']} == {'image_count_total': 1}
    assert asked(client, image, server.url('/good')).status == 202
    settle()
    assert client('GET', f'/v2/images/{image["id"]}').json['status'] == 'active'


@pytest.mark.parametrize(
    'uri', [None, 7, '', 'ftp://example.org/', 'file:///etc/passwd', 'http://10.0.0.1/', 'http://example.org:22/']
)
def test_a_uri_that_may_not_be_fetched_is_a_bad_request(client, make, uri):
    image = make()
    assert asked(client, image, uri).status == 400
    shown = client('GET', f'/v2/images/{image["id"]}').json
    assert shown['status'] == 'queued' and 'os_glance_import_task' not in shown
    assert client('GET', f'/v2/images/{image["id"]}/tasks').json == {'tasks': []}


def test_a_download_is_asked_for_by_the_owner_of_a_queued_image(client, make, server):
    image = make()
    assert asked(client, image, server.url('/good'), asker=STRANGER).status == 404
    assert asked(client, image, server.url('/good'), asker=READER).status == 403
    assert asked(client, make(b'abc'), server.url('/good')).status == 409
    staged = make()
    media = {'content_type': 'application/octet-stream'}
    assert client('PUT', f'/v2/images/{staged["id"]}/stage', b'abc', **media).status == 204
    assert asked(client, staged, server.url('/good')).status == 409
    bare = client('POST', '/v2/images', {'name': 'no formats'}).json
    assert asked(client, bare, server.url('/good')).status == 409
    assert server.asked == []


def task(uri, **more):
    properties = {'name': 'made', 'disk_format': 'raw', 'container_format': 'bare', 'os_distro': 'debian'}
    given = {'import_from': uri, 'import_from_format': 'raw', 'image_properties': properties}
    return {'type': 'import', 'input': given | more}


def test_an_operators_task_makes_an_image_and_fills_it(client, settle, server):
    made = client('POST', '/v2/tasks', task(server.url('/good')), asker=ADMIN)
    assert made.status == 201 and made.headers['Location'] == f'/v2/tasks/{made.json["id"]}'
    assert made.json['type'] == 'import' and made.json['status'] in ('pending', 'processing')
    settle()
    done = client('GET', made.json['self'], asker=ADMIN).json
    assert (done['status'], done['message']) == ('success', '')
    image = client('GET', f'/v2/images/{done["result"]["image_id"]}', asker=ADMIN).json
    assert (image['status'], image['name'], image['os_distro']) == ('active', 'made', 'debian')
    assert image['owner'] == ADMIN.project_id


def test_formats_come_from_the_task_where_the_image_has_none(client, settle, server):
    made = client('POST', '/v2/tasks', task(server.url('/good'), image_properties={}), asker=ADMIN).json
    settle()
    image = client('GET', f'/v2/images/{made["image_id"]}', asker=ADMIN).json
    assert (image['disk_format'], image['container_format'], image['status']) == ('raw', 'bare', 'active')


@pytest.mark.parametrize(
    'body',
    [
        *(None, [], 'x', {}, {'type': 'import'}, {'input': {}}, {'type': 'import', 'input': None}),
        *({'type': 'import', 'input': {}}, {'type': 'odd', 'input': {}}, {'type': 'api_image_import', 'input': {}}),
        *(
            task('file:///etc/passwd'),
            task('http://127.0.0.1:22/'),
            task(7),
            task('http://8.8.8.8/', import_from_format=1),
        ),
        *(
            task('http://8.8.8.8/', image_properties=3),
            task('http://8.8.8.8/', image_properties={'disk_format': 'odd'}),
        ),
        *(task('http://8.8.8.8/', image_properties={'visibility': 'odd'}),),
    ],
)
def test_a_task_that_is_none_is_refused_and_makes_nothing(client, body):
    assert client('POST', '/v2/tasks', body, asker=ADMIN).status == 400
    assert client('GET', '/v2/images?visibility=all', asker=ADMIN).json['images'] == []
    assert client('GET', '/v2/tasks', asker=ADMIN).json['tasks'] == []


def test_a_task_is_an_operators_to_make(client, server):
    for asker in (READER, STRANGER):
        assert client('POST', '/v2/tasks', task(server.url('/good')), asker=asker).status == 403
    assert server.asked == []
