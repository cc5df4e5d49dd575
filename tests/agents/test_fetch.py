"""Image bytes over real HTTP: tokens that run out, connections that break, images that are not there."""

import http.server
import json
import threading

import pytest

from nimbus.common import errors
from nimbus.compute.agent.disks.fetch import Ahead, Fetch, ServiceUser

DATA = bytes(range(256)) * 20_000


class Service(http.server.BaseHTTPRequestHandler):
    """Enough of identity and image for one client."""

    protocol_version = 'HTTP/1.0'
    seen: list = []
    tokens = 0
    refuse = 0  # requests that find their token run out
    breaks: list = []  # how many bytes each of the next answers ends after

    def do_POST(self) -> None:
        type(self).tokens += 1
        host = f'http://127.0.0.1:{self.server.server_address[1]}'
        endpoint = {'interface': 'internal', 'region': 'r', 'url': host, 'id': 'e'}
        token = {'user': {'id': 'u', 'name': 'nimbus', 'domain': {'id': 'default', 'name': 'd'}}, 'methods': []}
        token |= {'issued_at': '2030-01-01T00:00:00.000000Z', 'expires_at': '2999-01-01T00:00:00.000000Z'}
        token |= {'catalog': [{'type': 'image', 'name': 'i', 'id': 'i', 'endpoints': [endpoint]}], 'roles': []}
        self.answer(201, json.dumps({'token': token}).encode(), {'X-Subject-Token': f't{self.tokens}'})

    def refused(self) -> None:
        type(self).tokens += 1
        self.answer(401, b'{}')

    def do_GET(self) -> None:
        type(self).seen.append(dict(self.headers))
        if self.path.startswith('/v3'):
            host = f'http://127.0.0.1:{self.server.server_address[1]}/v3'
            links = [{'rel': 'self', 'href': host}]
            self.answer(200, json.dumps({'version': {'id': 'v3.14', 'status': 'stable', 'links': links}}).encode())
        elif self.refuse:
            type(self).refuse -= 1
            self.answer(401, b'{}')
        elif not self.path.endswith('/v2/images/good/file'):
            self.answer(204 if 'queued' in self.path else 404, b'')
        else:
            start = int(self.headers.get('Range', 'bytes=0-')[6:-1])
            self.answer(206 if start else 200, DATA[start:], cut=self.breaks.pop(0) if self.breaks else None)

    def answer(self, status: int, body: bytes, headers: dict | None = None, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in {'Content-Type': 'application/json', **(headers or {})}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])

    def log_message(self, *_: object) -> None:
        """Tests read nothing of it."""


@pytest.fixture
def fetch():
    Service.seen, Service.breaks, Service.tokens, Service.refuse = [], [], 0, 0
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    user = ServiceUser(f'http://127.0.0.1:{server.server_address[1]}/v3', 'nimbus', 'secret', 'service')
    yield Fetch(user)
    user.session.session.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_bytes_come_whole_with_the_user_s_and_the_service_s_token(fetch):
    assert b''.join(fetch('good')) == DATA
    assert Service.seen[-1]['X-Auth-Token'] and Service.seen[-1]['X-Service-Token']


def test_a_token_that_ran_out_is_replaced(fetch):
    b''.join(fetch('good'))
    before, Service.refuse = Service.tokens, 1
    assert b''.join(fetch('good')) == DATA
    assert Service.tokens > before


def test_a_download_that_breaks_off_is_taken_up_where_it_was(fetch):
    Service.breaks = [3_000_000, 1_500_000]
    assert b''.join(fetch('good')) == DATA
    ranges = [seen.get('Range') for seen in Service.seen if 'Range' in seen]
    assert len(ranges) == 2 and all(int(text[6:-1]) > 0 for text in ranges)


def test_an_image_that_is_not_there_or_has_no_data_is_named(fetch):
    for name in ('missing', 'queued'):
        with pytest.raises(errors.NotFound, match=name):
            b''.join(fetch(name))


def test_a_server_that_always_breaks_off_is_given_up(fetch):
    Service.breaks = [0] * 20
    with pytest.raises(errors.Unavailable, match='cannot be fetched'):
        b''.join(fetch('good'))


def test_the_service_user_is_logged_in_before_the_first_image_is_fetched(fetch):
    ahead = Ahead(fetch._user)
    ahead.start()
    ahead._thread.join(10)
    before = Service.tokens
    assert before > 0
    assert b''.join(fetch('good')) == DATA
    assert Service.tokens == before


@pytest.mark.parametrize('body', ['[]', '{}', 'no JSON'])
def test_an_answer_without_a_token_is_no_login(fetch, monkeypatch, body):
    monkeypatch.setattr(Service, 'do_POST', lambda self: self.answer(201, body.encode()))
    with pytest.raises(ValueError):
        fetch._user.log_in()
    monkeypatch.undo()
    assert b''.join(fetch('good')) == DATA


def test_a_wrong_password_is_not_tried_again_and_again(fetch, monkeypatch):
    monkeypatch.setattr(Service, 'do_POST', lambda self: Service.refused(self))
    ahead = Ahead(fetch._user)
    ahead.start()
    ahead._thread.join(10)
    assert not ahead._thread.is_alive()
    assert Service.tokens == 1


def test_identity_is_asked_again_until_it_answers_or_the_agent_stops():
    ahead = Ahead(ServiceUser('http://127.0.0.1:9/v3', 'nimbus', 'secret', 'service'))
    ahead.start()
    ahead._thread.join(0.5)
    assert ahead._thread.is_alive()
    ahead.stop()
    ahead._thread.join(10)
    assert not ahead._thread.is_alive()
