"""Bodies of any service: what is taken for JSON, letters of any alphabet in paths, numbers of any size in answers."""

import json

import pytest

from nimbus.api.compute import app as compute
from nimbus.api.identity import app as identity
from nimbus.api.image import app as image
from nimbus.api.kit import bodies, faults
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api, Route
from nimbus.api.network import app as network
from nimbus.api.volume import app as volume
from nimbus.common import errors
from nimbus.identity.login.auth import Authority
from nimbus.identity.tokens.tokens import Validator
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.quotas import ImageQuotas
from nimbus.image.stores.file import FileStore
from tests.conftest import ADMIN
from tests.wire.client import Client

FLAVOR = {'flavor': {'name': 'f', 'ram': 64, 'vcpus': 1, 'disk': 1}}
MADE = [
    (compute, '/flavors', FLAVOR),
    (network, '/networks', {'network': {'name': 'n'}}),
    (volume, '/types', {'volume_type': {'name': 't'}}),
]


@pytest.mark.parametrize('media', ['', 'text/plain', 'application/json', 'application/json; charset=UTF-8'])
@pytest.mark.parametrize('made, path, body', MADE)
def test_json_is_taken_without_being_called_so(parts, made, path, body, media):
    answer = Client(made.make(parts))('POST', path, body, ADMIN, content_type=media)
    assert answer.status in (200, 201), answer.data


@pytest.mark.parametrize('made, path, body', MADE)
def test_what_is_called_something_else_is_not(parts, made, path, body):
    assert Client(made.make(parts))('POST', path, body, ADMIN, content_type='text/xml').status == 415


def test_identity_takes_none_and_not_plain_text(parts, tmp_path):
    parts.extra['identity'] = Authority(parts.db, Validator(parts.db, str(tmp_path)))
    client, body = Client(identity.make(parts)), {'role': {'name': 'r'}}
    assert client('POST', '/roles', body, ADMIN, content_type='').status == 201
    assert client('POST', '/roles', body, ADMIN, content_type='text/plain').status == 400


def test_a_tag_in_any_alphabet_is_the_same_in_a_path_and_in_a_body(parts):
    client = Client(network.make(parts))
    net = client('POST', '/networks', {'network': {'name': 'n'}}, ADMIN).json['network']['id']
    for tag, quoted in (('ключ', '%D0%BA%D0%BB%D1%8E%D1%87'), ('a%b', 'a%25b'), ('a%25b', 'a%2525b')):
        path = f'/networks/{net}/tags/{quoted}'
        assert client('PUT', path, None, ADMIN).status == 201
        assert tag in client('GET', f'/networks/{net}/tags', None, ADMIN).json['tags']
        assert client('GET', path, None, ADMIN).status == 204
        assert client('DELETE', path, None, ADMIN).status == 204
    assert client('GET', f'/networks/{net}/tags', None, ADMIN).json['tags'] == []


def test_a_path_that_is_not_utf_8_is_refused(parts):
    app = network.make(parts)
    told = []
    environ = {'REQUEST_METHOD': 'GET', 'PATH_INFO': '/networks/\xff', 'nimbus.context': ADMIN, 'QUERY_STRING': ''}
    app(environ, lambda status, headers: told.append(status))
    assert told[0].startswith('400')


@pytest.mark.parametrize('media', ['', 'text/plain'])
def test_an_image_is_made_so_and_its_patch_is_not(parts, tmp_path, media):
    limits = Limits(('raw',), ('bare',), properties=10, tags=5, members=3)
    parts.extra['image'] = Transfers(parts.db, FileStore(str(tmp_path)), limits, ImageQuotas(), 'h1')
    client = Client(image.make(parts))
    made = client('POST', '/v2/images', {'name': 'i'}, ADMIN, content_type=media)
    assert made.status == 201
    if media:
        assert client('PATCH', f'/v2/images/{made.json["id"]}', [], ADMIN, content_type=media).status == 415


def api(parts, found):
    routes = [Route('GET', '/{id}', lambda call, id: found, None, open=True)]
    return Client(Api('numbers', routes, parts, Policy(()), faults.named))


@pytest.mark.parametrize(
    'found', [2**64, -(2**63) - 1, 2**128, [{'a': 2**70, 'b': (1, 2**90)}], {2**65: 1}, 2**64 - 1, -(2**63), 1e300, 0]
)
def test_every_number_can_be_told(parts, found):
    answer = api(parts, found)('GET', '/x')
    assert answer.status == 200
    wanted = json.loads(json.dumps(found))
    assert json.loads(answer.data) == wanted and int(answer.headers['Content-Length']) == len(answer.data)


def test_what_is_no_number_is_null(parts):
    assert api(parts, [float('nan'), float('inf'), 2**70])('GET', '/x').json == [None, None, 2**70]


def test_a_value_of_no_kind_is_still_a_fault_of_ours(parts, caplog):
    assert api(parts, object())('GET', '/x').status == 500


def test_a_path_in_an_answer_is_written_as_a_url(parts):
    routes = [Route('GET', '/{id}', lambda call, id: [id, call.path], None, open=True)]
    client = Client(Api('paths', routes, parts, Policy(()), faults.named))
    assert client('GET', '/a%20%D0%BA').json == ['a к', '/a%20%D0%BA']
    assert client('GET', '/a-b.c_d:e').json == ['a-b.c_d:e', '/a-b.c_d:e']


def test_an_action_that_is_not_there_is_told_once(parts):
    answer = Client(compute.make(parts))('POST', '/servers/x/action', {'pauze': None}, ADMIN)
    assert answer.status == 400
    assert answer.json['badRequest']['message'] == 'There is no such action: pauze.'


@pytest.mark.parametrize('length', ['²', '9' * 5000, '-1', '1_0'])
def test_a_length_that_is_no_number_is_refused(length):
    with pytest.raises(errors.Invalid, match='not a number'):
        bodies.read({'CONTENT_LENGTH': length}, ('application/json',), 415)
