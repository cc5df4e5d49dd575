"""A slash at a path's end means what it means upstream: nothing to identity and network, another path to the rest."""

import pytest

from nimbus.api.compute import app as compute
from nimbus.api.compute.routes import VERSION_ROUTES
from nimbus.api.identity import app as identity
from nimbus.api.image import app as image
from nimbus.api.kit import faults
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api
from nimbus.api.network import app as network
from nimbus.api.placement import app as placement
from nimbus.api.volume import app as volume
from nimbus.identity.login.auth import Authority
from nimbus.identity.tokens.tokens import Validator
from tests.conftest import ADMIN
from tests.wire.client import Client


@pytest.mark.parametrize(
    'made, path',
    [
        (compute, '/flavors'),
        (compute, '/servers/detail'),
        (volume, '/volumes'),
        (volume, f'/{ADMIN.project_id}/volumes'),
        (image, '/v2/images'),
        (placement, '/resource_providers'),
    ],
)
def test_a_list_with_a_slash_is_not_found(parts, made, path):
    parts.extra['image imports'] = None  # nobody imports here
    client = Client(made.make(parts))
    assert client('GET', path, asker=ADMIN).status == 200
    for method in ('GET', 'PUT', 'DELETE'):
        assert client(method, f'{path}/', {}, asker=ADMIN).status == 404
    assert client('GET', f'/{path}', asker=ADMIN).status == 404


@pytest.mark.parametrize('path', ['', '/'])
def test_a_root_answers_with_its_slash_and_without(parts, path):
    for made, status in ((compute, 200), (volume, 200), (placement, 200)):
        assert Client(made.make(parts))('GET', path, asker=None).status == status
    versions = Api('compute-versions', VERSION_ROUTES, parts, Policy(()), faults.named)
    assert Client(versions)('GET', path, asker=None).status == 200


def test_network_and_identity_pass_over_it(parts, tmp_path):
    client = Client(network.make(parts))
    for path in ('/networks', '/networks/', '/'):
        assert client('GET', path, asker=ADMIN).status == 200
    parts.extra['identity'] = Authority(parts.db, Validator(parts.db, str(tmp_path)))
    client = Client(identity.make(parts))
    for path in ('/projects', '/projects/', '/projects//', '/'):
        assert client('GET', path, asker=ADMIN).status == 200


@pytest.mark.parametrize(
    'path', ['/os-assisted-volume-snapshots', '/servers/1/os-interface/', '/caf\xc3\xa9', '/' + 'x' * 500]
)
def test_a_path_that_nobody_serves_is_told_from_an_id_that_is_wrong(parts, path):
    client = Client(compute.make(parts))
    answer = client('GET', path, asker=ADMIN)
    sentence = answer.json['itemNotFound']['message']
    assert answer.status == 404
    assert sentence.startswith('This cloud has nothing at /') and len(sentence) < 200
    wrong = client('GET', '/flavors/nowhere', asker=ADMIN).json['itemNotFound']['message']
    assert 'This cloud has nothing' not in wrong


def test_a_path_of_another_version_is_told_so(parts):
    client = Client(compute.make(parts))
    answer = client('GET', '/servers/1/tags', asker=ADMIN)
    sentence = 'Version 2.1 has nothing at /servers/1/tags; another has.'
    assert (answer.status, answer.json['itemNotFound']['message']) == (404, sentence)
