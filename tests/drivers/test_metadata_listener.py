"""The metadata listener refuses what it must, spoken to over its unix socket."""

import getpass
import http.client
import http.server
import socket
import threading

import pytest

from nimbus.network.agent.metadata import listener as metadata
from tests.drivers.netcloud import Wishes


class Api(http.server.BaseHTTPRequestHandler):
    """A metadata API that says back what it was sent."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        said = f'{self.command} {self.path} {self.headers["X-Instance-ID"]} {len(body)}'.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(said)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(said)

    do_GET = do_HEAD = do_POST

    def log_message(self, *words):
        pass


class Line(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(self.host)


@pytest.fixture
def guest():
    wishes = Wishes()
    net = wishes.network()
    port = wishes.port(net)
    wishes.router(net)
    return wishes.desired(), port


@pytest.fixture
def api():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ask(tmp_path, guest, api):
    settings = metadata.Settings(
        str(tmp_path / 's'), 'secret', f'http://127.0.0.1:{api.server_port}', getpass.getuser(), threads=2
    )
    listener = metadata.Listener(settings, lambda: guest[0])
    listener.start()

    def send(method='GET', path='/latest', body=None, **headers):
        line = Line(settings.socket_path)
        named = {'X-Forwarded-For': guest[1].addresses[0].ip, 'X-Neutron-Network-ID': guest[1].network_id}
        line.request(method, path, body, named | {name.replace('_', '-'): value for name, value in headers.items()})
        answer = line.getresponse()
        found = answer.status, answer.read().decode()
        line.close()
        return found

    yield send
    listener.stop()


def test_a_guest_is_named_to_the_api(ask, guest):
    assert ask() == (200, f'GET /latest {guest[1].device_id} 0')
    assert ask('POST', '/password', b'x' * 100) == (200, f'POST /password {guest[1].device_id} 100')
    assert ask('HEAD')[0] == 200


def test_a_router_names_its_guest_too(ask, guest):
    router = guest[0].routers[0].id
    assert ask(X_Neutron_Network_ID='', X_Neutron_Router_ID=router)[0] == 200
    assert ask(X_Neutron_Network_ID='', X_Neutron_Router_ID='other')[0] == 404


@pytest.mark.parametrize('address', ['192.168.50.99', '', 'nonsense', '::1'])
def test_an_unknown_address_is_not_found(ask, address):
    status, words = ask(X_Forwarded_For=address)
    assert status == 404
    assert 'No server has this address.' in words


def test_an_address_of_another_network_is_not_found(ask):
    assert ask(X_Neutron_Network_ID='other')[0] == 404


def test_a_body_over_the_limit_is_refused(ask):
    status, words = ask('POST', body=b'', Content_Length='65537')
    assert status == 413
    assert 'The body may have at most 65536 bytes.' in words
    assert ask('POST', body=b'', Content_Length='-1')[0] == 400


def test_a_path_without_a_slash_is_refused(ask):
    assert ask(path='http://elsewhere/')[0] == 400


def test_an_api_that_is_away_is_said_so(ask, api):
    api.shutdown()
    api.server_close()
    status, words = ask()
    assert status == 503
    assert 'The metadata service is away.' in words


def test_more_requests_than_threads_are_all_answered(ask):
    answers = []
    askers = [threading.Thread(target=lambda: answers.append(ask()[0])) for _ in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert answers == [200] * 20
