"""Consoles of fake guests through the proxy, as browsers and other clients of websockets reach them."""

import contextlib
import datetime
import http.client
import logging
import socket
import struct
import types
import urllib.parse

import pytest
import sqlalchemy as sa

from nimbus.cmd import consoles
from nimbus.cmd.serving import access_log
from nimbus.common import clock
from nimbus.compute.models import ConsoleToken
from nimbus.console import proxy as proxies
from nimbus.console.options import Settings
from nimbus.console.proxy import Proxy
from tests.browser import CLOSE, PING, PONG, Browser

SCREEN = {'protocol': 'vnc', 'type': 'novnc'}
PORT = {'protocol': 'serial', 'type': 'serial'}
UNKNOWN = '5269f111-a888-4aa5-ad5d-210663852a03'


@pytest.fixture
def serve(cloud):
    """Starts a proxy with the settings; they are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(**more):
            made = consoles.console(cloud.conf, cloud.parts)._daemons[0]
            served = Proxy(Settings(port=0, **more), made.targets)
            served.start()
            stack.callback(served.stop)
            return served

        yield start


@pytest.fixture
def server(cloud, admin, flavor, image, network):
    """Boots a server and waits for it."""

    def boot():
        body = {'name': 'web', 'flavorRef': flavor, 'imageRef': image, 'networks': [{'uuid': network}]}
        made = admin.post('compute', '/servers', {'server': body})['server']['id']
        cloud.wait(lambda: admin.get('compute', f'/servers/{made}')['server']['status'] == 'ACTIVE')
        return made

    return boot


@pytest.fixture
def token(admin):
    """Asks for a console of a server; the token of its address."""

    def ask(server_id, kind=SCREEN):
        answer = admin.post('compute', f'/servers/{server_id}/remote-consoles', {'remote_console': kind}, '2.100')
        return urllib.parse.unquote(answer['remote_console']['url']).rpartition('token=')[2]

    return ask


@pytest.fixture
def rig(serve, server, token):
    """A server, a proxy, and tokens of the server's consoles."""
    served, server_id = serve(), server()
    return types.SimpleNamespace(
        id=server_id,
        proxy=served,
        token=lambda kind=SCREEN: token(server_id, kind),
        open=lambda kind=SCREEN, *headers, **more: Browser(
            served.port, f'/?token={token(server_id, kind)}', *headers, **more
        ),
    )


def start_screen(browser):
    """The client has come as far as a screen of VNC; its size and name."""
    assert browser.hear(12) == b'RFB 003.008\n'
    browser.say(b'RFB 003.008\n')
    assert browser.hear(2) == b'\x01\x01'
    browser.say(b'\x01')
    assert browser.hear(4) == bytes(4)
    browser.say(b'\x01')
    width, height, length = struct.unpack('>HH16xI', browser.hear(24))
    return width, height, browser.hear(length)


def test_a_screen_is_shown_and_follows_the_keys(rig):
    with rig.open(SCREEN, 'Sec-WebSocket-Protocol: binary') as browser:
        assert browser.status == 101 and 'Server: WebSockify' in browser.head
        assert 'Sec-WebSocket-Protocol: binary' in browser.head
        width, height, name = start_screen(browser)
        assert name.startswith(b'instance-')
        for color in (b'\0', b'k'):
            browser.say(struct.pack('>BBHHHH', 3, color != b'\0', 0, 0, width, height))
            if color != b'\0':
                browser.say(struct.pack('>BBxxI', 4, 1, color[0]))
            assert browser.hear(16) == struct.pack('>BxHHHHHi', 0, 1, 0, 0, width, height, 0)
            assert browser.hear(width * height * 4) == color * width * height * 4


def test_a_serial_port_is_heard_and_hears(rig):
    with rig.open(PORT) as browser:
        assert browser.hear(6) == b'\r\ninst'
        browser.hear(len('ance-00000001 login: '))
        for words in (b'root\n', b'x' * 100_000):
            browser.say(words)
            assert browser.hear(len(words)) == words


def test_a_ping_is_answered(rig):
    with rig.open(PORT) as browser:
        browser.hear(27)
        browser.say(b'here?', PING)
        assert browser.frame() == (PONG, b'here?')


def test_a_token_may_come_as_a_cookie_as_older_pages_send_it(rig):
    with Browser(rig.proxy.port, '/websockify', f'Cookie: a=b; token={rig.token()}') as browser:
        assert browser.hear(12) == b'RFB 003.008\n'


@pytest.mark.parametrize('path', ['/', '/?token=', f'/?token={UNKNOWN}', '/?token=%ff%00', '/websockify?token=a'])
def test_who_has_no_token_is_refused_and_told_nothing(serve, path):
    with Browser(serve().port, path, 'Cookie: token="') as browser:
        assert (browser.status, browser.frame()) == (403, (0, b''))


def test_a_token_whose_time_is_over_is_refused(rig, cloud):
    token = rig.token()
    with cloud.parts.db.write() as tx:
        tx.update(ConsoleToken, expires_at=clock.Clock().now())
    with Browser(rig.proxy.port, f'/?token={token}') as browser:
        assert browser.status == 403


def test_a_console_ends_with_its_server(rig, admin, cloud):
    token = rig.token(PORT)
    with Browser(rig.proxy.port, f'/?token={token}') as browser:
        browser.hear(27)
        admin.delete('compute', f'/servers/{rig.id}')
        assert browser.frame()[0] == CLOSE and browser.frame() == (0, b'')
    cloud.wait(lambda: admin.request('GET', 'compute', f'/servers/{rig.id}').status_code == 404)
    with Browser(rig.proxy.port, f'/?token={token}') as browser:
        assert browser.status == 403


def test_a_guest_that_is_off_has_none_and_its_port_s_next_owner_is_not_shown(rig, admin, cloud, server, token):
    mine, other = rig.token(PORT), server()
    token(other, PORT)
    with cloud.parts.db.write() as tx:  # as where the guest was off, and another one got its port
        rows = {row.server_id: row for row in tx.rows(sa.select(ConsoleToken))}
        tx.update(ConsoleToken, ConsoleToken.server_id == rig.id, port=rows[other].port)
    with Browser(rig.proxy.port, f'/?token={mine}') as browser:
        assert browser.status == 403
    mine = rig.token(PORT)
    admin.post('compute', f'/servers/{rig.id}/action', {'os-stop': None})
    cloud.wait(lambda: admin.get('compute', f'/servers/{rig.id}')['server']['status'] == 'SHUTOFF')
    with Browser(rig.proxy.port, f'/?token={mine}') as browser:
        assert browser.status == 503  # nobody listens there


def test_a_page_of_another_host_may_not_open_a_console(rig):
    for origin, status in (('http://127.0.0.1', 101), ('http://evil.example', 403), ('https://127.0.0.1', 403)):
        with rig.open(SCREEN, f'Origin: {origin}') as browser:
            assert browser.status == status, origin


def test_no_token_is_ever_logged(rig, caplog, serve):
    caplog.set_level(logging.DEBUG)
    token = rig.token()
    for path in (f'/?token={token}', f'/vnc_lite.html?path=?token={token}'):
        with Browser(rig.proxy.port, path) as browser:
            assert browser.status in (101, 403)
    with socket.create_connection(('127.0.0.1', rig.proxy.port)) as peer:
        peer.sendall(f'NONSENSE /?token={token} MORE HTTP/9\r\n\r\n'.encode())
        while peer.recv(4096):
            pass
    said = [record.getMessage() for record in caplog.records if record.name.startswith('nimbus')]
    assert said and not [line for line in said if token in line]


def fetch(served, path, method='GET'):
    there = http.client.HTTPConnection('127.0.0.1', served.port, timeout=10)
    try:
        there.request(method, path)
        answer = there.getresponse()
        return answer.status, answer.read()
    finally:
        there.close()


def test_the_page_is_served_and_nothing_else_of_the_host(serve, tmp_path):
    folder = tmp_path / 'novnc'
    (folder / 'core').mkdir(parents=True)
    (folder / 'vnc_lite.html').write_text('<html>noVNC</html>')
    (tmp_path / 'secret').write_text('secret')
    served = serve(novnc_path=str(folder))
    assert fetch(served, '/vnc_lite.html?path=%3Ftoken%3Dx') == (200, b'<html>noVNC</html>')
    assert fetch(served, '/vnc_lite.html', 'HEAD')[0] == 200
    for path in (
        '/',
        '/core/',
        '/missing',
        '/../secret',
        '/%2e%2e/secret',
        '/core/../../secret',
        '/core',
        '//x/%2e%2e',
    ):
        assert fetch(served, path)[0] == 404, path
    assert fetch(served, '/vnc_lite.html', 'POST')[0] == 501


def test_without_the_page_websockets_are_served_alone(serve, tmp_path, caplog):
    served = serve(novnc_path=str(tmp_path / 'missing'))
    assert fetch(served, '/vnc_lite.html')[0] == 404
    assert 'nimbus-console serves websockets alone' in caplog.text


def test_as_many_consoles_are_open_as_may_be(serve, server, token):
    served, server_id = serve(max_connections=2), server()
    paths = [f'/?token={token(server_id, PORT)}' for _ in range(3)]
    with Browser(served.port, paths[0]) as first, Browser(served.port, paths[1]) as second:
        assert (first.status, second.status) == (101, 101)
        with Browser(served.port, paths[2]) as third:
            assert third.status == 503
        first.say(b'', CLOSE)
        assert first.ended()
    with Browser(served.port, paths[2]) as third:
        assert third.status == 101


def test_who_says_nothing_makes_room_for_others(serve, monkeypatch):
    monkeypatch.setattr(proxies, 'VISITORS', 3)
    served = serve()
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(('127.0.0.1', served.port))) for _ in range(3)]
        with Browser(served.port, '/?token=x') as browser:
            assert browser.status == 403
        assert silent[0].recv(1) == b''


def test_who_is_late_with_a_request_is_sent_away(serve, monkeypatch):
    monkeypatch.setattr(proxies, 'VISIT', 0.0)
    with socket.create_connection(('127.0.0.1', serve().port)) as peer:
        peer.settimeout(10)
        peer.sendall(b'GET /')
        assert peer.recv(1) == b''


def test_a_client_that_takes_nothing_is_given_up_and_costs_nobody_else(rig):
    with rig.open(PORT, small=True) as dead, rig.open(PORT) as living:
        living.hear(27)
        with contextlib.suppress(OSError):  # it is given up meanwhile
            for _ in range(200):
                dead.say(b'x' * 65536)
        living.say(b'still here')
        assert living.hear(10) == b'still here'


def test_a_message_without_end_is_refused(rig):
    with rig.open(PORT) as browser:
        browser.hear(27)
        with contextlib.suppress(OSError):
            browser.sock.sendall(bytes([130, 255]) + struct.pack('>Q', 1 << 40) + bytes(4) + bytes(3 << 20))
        assert browser.ended()


def test_a_session_ends_with_its_token_where_that_is_asked_for(serve, server, token, cloud):
    served, server_id = serve(enforce_session_timeout=True), server()
    path = f'/?token={token(server_id, PORT)}'
    with cloud.parts.db.write() as tx:
        soon = clock.Clock().now() + datetime.timedelta(seconds=1.5)
        tx.update(ConsoleToken, expires_at=soon)
    with Browser(served.port, path) as browser:
        assert browser.status == 101 and browser.ended()


def test_the_access_log_has_no_token_of_a_console_either():
    asked = '/v2.1/os-console-auth-tokens/1234-5678'
    assert access_log.masked(asked) == access_log.masked(f'{asked}/')[:-1] == '/v2.1/os-console-auth-tokens/***'
    assert access_log.masked(f'{asked}?token=1234') == '/v2.1/os-console-auth-tokens/***?token=***'
