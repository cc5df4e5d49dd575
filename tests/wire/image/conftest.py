"""An Image API over a fresh database and a folder of files."""

import pathlib

import pytest

from nimbus.api.image import app
from nimbus.common.parts import Parts
from nimbus.image.data.transfers import Limits, Transfers
from nimbus.image.options import CONTAINER_FORMATS, DISK_FORMATS
from nimbus.image.quotas import ImageQuotas
from nimbus.image.stores.file import FileStore
from tests.wire.client import Client

OCTETS = {'content_type': 'application/octet-stream'}
V21 = {'content_type': 'application/openstack-images-v2.1-json-patch'}
V20 = {'content_type': 'application/openstack-images-v2.0-json-patch'}


@pytest.fixture
def transfers(parts: Parts, tmp_path: pathlib.Path) -> Transfers:
    limits = Limits(tuple(DISK_FORMATS), tuple(CONTAINER_FORMATS), properties=10, tags=5, members=3)
    return Transfers(parts.db, FileStore(str(tmp_path / 'images')), limits, ImageQuotas(), 'h1')


@pytest.fixture
def client(parts: Parts, transfers: Transfers) -> Client:
    parts.extra['image'] = transfers
    return Client(app.make(parts))


@pytest.fixture
def make(client):
    """Makes an image, active when `data` is given; returns what the API shows of it."""

    def make(data: bytes | None = None, asker=None, **body):
        more = {'asker': asker} if asker else {}
        made = client('POST', '/v2/images', {'disk_format': 'raw', 'container_format': 'bare'} | body, **more)
        assert made.status == 201, made.data
        path = f'/v2/images/{made.json["id"]}'
        if data is not None:
            put = client('PUT', f'{path}/file', data, **OCTETS, **more)
            assert put.status == 204, put.data
        return client('GET', path, **more).json

    return make


@pytest.fixture
def settle(client, parts: Parts):
    """Waits until every import has come to its end."""

    def settle() -> None:
        assert parts.extra['image imports'].runner.settle()

    return settle
