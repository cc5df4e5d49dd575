"""Images filled over real HTTP: those that wait, those that are filled already, and those that cannot be."""

import http.server
import json
import threading

import pytest

from nimbus.common import errors
from nimbus.compute.agent.disks.fetch import ServiceUser
from nimbus.compute.agent.disks.upload import Upload
from nimbus.compute.agent.driver import Refused
from tests.agents import test_fetch


class Service(test_fetch.Service):
    """Enough of identity and image for one client that sends."""

    images: dict = {}  # id -> status
    put: int = 204  # how the next bytes are answered
    got: list = []

    def do_GET(self) -> None:
        name = self.path.rpartition('/')[2]
        if self.path.startswith('/v3'):
            super().do_GET()
        elif self.refuse:
            type(self).refuse -= 1
            self.answer(401, b'{}')
        elif name in self.images:
            self.answer(200, json.dumps({'status': self.images[name]}).encode())
        else:
            self.answer(404, b'{}')

    def do_PUT(self) -> None:
        sent = self.rfile.read(int(self.headers['Content-Length']))
        type(self).got.append((self.path, self.headers['X-Openstack-Image-Size'], sent))
        self.answer(self.put, b'' if self.put == 204 else b'{}')


@pytest.fixture
def upload():
    Service.seen, Service.tokens, Service.refuse, Service.got, Service.put = [], 0, 0, [], 204
    Service.images = {'waits': 'queued', 'full': 'active', 'other': 'saving'}
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    user = ServiceUser(f'http://127.0.0.1:{server.server_address[1]}/v3', 'nimbus', 'secret', 'service')
    yield Upload(user)
    user.session.session.close()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / 'disk'
    path.write_bytes(b'x' * 70_000)
    return str(path)


@pytest.mark.parametrize('refuse', [0, 1])
def test_an_image_that_waits_gets_all_bytes_with_a_token_that_counts(upload, disk, refuse):
    Service.refuse = refuse
    upload('waits', disk)
    assert Service.got == [('/v2/images/waits/file', '70000', b'x' * 70_000)]


def test_one_that_is_filled_already_is_left_alone(upload, disk):
    upload('full', disk)
    assert Service.got == []


def test_one_that_is_gone_is_not_found(upload, disk):
    with pytest.raises(errors.NotFound, match='Image gone could not be found'):
        upload('gone', disk)
    Service.put = 410
    with pytest.raises(errors.NotFound):
        upload('waits', disk)


def test_one_that_another_fills_or_whose_service_is_ill_is_tried_again(upload, disk):
    with pytest.raises(errors.Unavailable, match='Image other is saving'):
        upload('other', disk)
    for status in (409, 503):
        Service.put = status
        with pytest.raises(errors.Unavailable):
            upload('waits', disk)


def test_one_that_may_not_be_filled_is_refused(upload, disk):
    Service.put = 413
    with pytest.raises(Refused, match='Image waits cannot be filled: HTTP 413'):
        upload('waits', disk)
