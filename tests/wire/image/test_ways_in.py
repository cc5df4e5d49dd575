"""Every hostile or odd sample by every way in: what is refused is not active, and leaves no file."""

import ipaddress
import os

import pytest

from nimbus.image.downloads.rules import Rules
from nimbus.image.tasks.imports import Imports
from tests import web
from tests.hostile_images import EXPECTED, SAMPLES
from tests.wire.image.conftest import OCTETS

pytestmark = pytest.mark.skipif(not os.path.isdir(SAMPLES), reason='NIMBUS_SHARED names no folder with hostile/')


@pytest.fixture
def server():
    answers = {f'/{name}': web.data((SAMPLES / name).read_bytes()) for name in EXPECTED}
    with web.serving(answers) as serving:
        yield serving


def upload(client, path, name, _settle, _server):
    """By PUT of the file."""
    return client('PUT', f'{path}/file', (SAMPLES / name).read_bytes(), **OCTETS).status


def stage(client, path, name, settle, _server):
    """By PUT beside the image, and an import."""
    assert client('PUT', f'{path}/stage', (SAMPLES / name).read_bytes(), **OCTETS).status == 204
    status = client('POST', f'{path}/import', {'method': {'name': 'glance-direct'}}).status
    settle()
    return status


def download(client, path, name, settle, server):
    """By a URI that the cloud reads."""
    body = {'method': {'name': 'web-download', 'uri': server.url(f'/{name}')}}
    status = client('POST', f'{path}/import', body).status
    settle()
    return status


@pytest.mark.parametrize(('way', 'refused'), [(upload, (413, 415)), (stage, (202,)), (download, (202,))])
def test_every_sample_by_every_way_in_is_judged_as_its_manifest_says(
    client, make, settle, server, parts, transfers, way, refused
):
    rules = Rules(ports=(80, server.server_port), networks=(ipaddress.ip_network('127.0.0.0/8'),), pause=5)
    parts.extra['image imports'] = Imports(parts.extra['image'], rules)
    wrong, kept = [], set()
    for name, (declared, container, properties, accepted) in sorted(EXPECTED.items()):
        image = make(disk_format=declared, container_format=container, **properties)
        status = way(client, f'/v2/images/{image["id"]}', name, settle, server)
        state = client('GET', f'/v2/images/{image["id"]}').json['status']
        kept |= {image['id']} if state == 'active' else set()
        if state != ('active' if accepted else 'queued') or not accepted and status not in refused:
            wrong.append((name, status, state))
    assert wrong == []
    assert set(transfers.store.present()) == kept
    assert [file for file in transfers.store.path.rglob('*.part')] == []
