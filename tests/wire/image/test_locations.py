"""Locations: images whose bytes stay at a web server, which may change them, and services that look where bytes are."""

import hashlib
import ipaddress
import pathlib

import pytest

from nimbus.common.parts import Parts
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.downloads.rules import Rules
from nimbus.image.options import CONTAINER_FORMATS, DISK_FORMATS
from nimbus.image.quotas import ImageQuotas
from nimbus.image.stores.file import FileStore
from nimbus.image.stores.http import HttpStore
from nimbus.image.stores.stores import Place, Stores
from nimbus.image.tasks.imports import Imports
from tests import web
from tests.conftest import ADMIN, READER, SERVICE, STRANGER

BYTES = bytes(range(256)) * 1024
SHA = hashlib.sha512(BYTES).hexdigest()


@pytest.fixture
def server():
    with web.serving({'/good': web.data(BYTES), '/qcow2': web.data(b'QFI\xfb' + bytes(2000))}) as serving:
        yield serving


@pytest.fixture
def rules(server):
    return Rules(ports=(80, server.server_port), networks=(ipaddress.ip_network('127.0.0.0/8'),), pause=5)


@pytest.fixture
def transfers(parts: Parts, tmp_path: pathlib.Path, rules) -> Transfers:
    places = {'files': Place(FileStore(str(tmp_path / 'files'))), 'web': Place(HttpStore(rules))}
    stores = Stores(FileStore(str(tmp_path / 'staging')), places, 'files')
    limits = Limits(tuple(DISK_FORMATS), tuple(CONTAINER_FORMATS))
    made = Transfers(parts.db, stores, limits, ImageQuotas(), 'h1')
    parts.extra['image imports'] = Imports(made, rules)
    return made


def added(client, image, url, asker=None, **more):
    words = {'asker': asker} if asker else {}
    return client('POST', f'/v2/images/{image["id"]}/locations', {'url': url} | more, **words)


def shown(client, image):
    return client('GET', f'/v2/images/{image["id"]}').json


def test_an_image_is_made_of_bytes_that_stay_where_they_are(client, make, settle, server, transfers):
    image = make()
    told = {'os_hash_algo': 'sha512', 'os_hash_value': SHA}
    assert added(client, image, server.url('/good'), validation_data=told).status == 202
    settle()
    found, path = shown(client, image), f'/v2/images/{image["id"]}'
    assert (found['status'], found['size'], found['os_hash_value']) == ('active', len(BYTES), SHA)
    assert found['stores'] == 'web' and found['virtual_size'] == len(BYTES)
    assert client('GET', f'{path}/file').data == BYTES
    part = client('GET', f'{path}/file', range='bytes=1000-1999')
    assert (part.status, part.data) == (206, BYTES[1000:2000])
    assert client('GET', f'{path}/locations', asker=SERVICE).json == [
        {'url': server.url('/good'), 'metadata': {'store': 'web'}}
    ]
    (task,) = client('GET', f'{path}/tasks').json['tasks']
    assert (task['type'], task['status']) == ('location_import', 'success')
    assert client('DELETE', path).status == 204


def test_bytes_that_their_server_changed_are_not_given_out_as_the_image(client, make, settle, server):
    image = make()
    added(client, image, server.url('/good'))
    settle()
    path = f'/v2/images/{image["id"]}/file'
    server.answers['/good'] = web.data(BYTES[:-1] + b'!')
    with pytest.raises(OSError, match='another hash'):
        client('GET', path)
    server.answers['/good'] = web.data(BYTES[:1000])
    with pytest.raises(OSError, match='another'):
        client('GET', path)
    del server.answers['/good']
    assert client('GET', path).status == 503


def test_an_image_at_a_web_server_is_copied_into_a_store_of_files(client, make, settle, server):
    image = make()
    added(client, image, server.url('/good'))
    settle()
    body = {'method': {'name': 'copy-image'}, 'stores': ['files']}
    assert client('POST', f'/v2/images/{image["id"]}/import', body, asker=ADMIN).status == 202
    settle()
    assert shown(client, image)['stores'] == 'web,files'
    del server.answers['/good']
    assert client('GET', f'/v2/images/{image["id"]}/file').data == BYTES


@pytest.mark.parametrize(
    ('path', 'more'),
    [
        ('/good', {'validation_data': {'os_hash_algo': 'sha512', 'os_hash_value': 'f' * 128}}),
        ('/good', {'validation_data': {'os_hash_algo': 'sha512', 'os_hash_value': SHA, 'checksum': 'f' * 32}}),
        ('/qcow2', {}),
        ('/absent', {}),
    ],
)
def test_bytes_that_are_not_what_was_said_make_no_image(client, make, settle, server, path, more):
    image = make()
    assert added(client, image, server.url(path), **more).status == 202
    settle()
    found = shown(client, image)
    assert (found['status'], found['size'], found['checksum']) == ('queued', None, None)
    (task,) = client('GET', f'/v2/images/{image["id"]}/tasks').json['tasks']
    assert task['status'] == 'failure' and task['message']
    usage = client('GET', '/v2/info/usage').json['usage']
    assert {name: use['usage'] for name, use in usage.items() if use['usage']} == {'image_count_total': 1}


@pytest.mark.parametrize(
    'body',
    [
        *(None, [], {}, {'url': 7}, {'url': 'http://127.0.0.1:22/'}, {'url': 'http://169.254.169.254/'}),
        *({'url': 'http://8.8.8.8/', 'odd': 1}, {'url': 'http://8.8.8.8/', 'validation_data': {}}),
        {'url': 'http://8.8.8.8/', 'validation_data': {'os_hash_algo': 'md4', 'os_hash_value': 'x'}},
    ],
)
def test_a_location_that_is_none_is_refused(client, make, body):
    image = make()
    assert client('POST', f'/v2/images/{image["id"]}/locations', body).status == 400
    assert shown(client, image)['status'] == 'queued'


def test_who_may_add_and_see_locations(client, make, server):
    image = make()
    assert added(client, image, server.url('/good'), asker=STRANGER).status == 404
    assert added(client, image, server.url('/good'), asker=READER).status == 403
    assert added(client, image, 'file:///etc/passwd').status == 403
    assert added(client, make(b'abc'), server.url('/good')).status == 409
    bare = client('POST', '/v2/images', {'name': 'no formats'}).json
    assert added(client, bare, server.url('/good')).status == 409
    path = f'/v2/images/{image["id"]}/locations'
    assert client('GET', path, asker=STRANGER).status == 404
    assert client('GET', path).status == 403
    assert client('GET', path, asker=SERVICE).json == [] and server.asked == []
