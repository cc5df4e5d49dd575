"""Clients that are slow, dead or hostile cost nobody else anything; here because who serves imports eventlet."""

import contextlib
import gc
import socket
import struct
import threading
import time
import weakref

import pytest

from nimbus.api.kit.bodies import MAX_BODY
from nimbus.cmd.serving import connection, connections, uploads, waiting_room
from nimbus.cmd.serving.waiting_room import WaitingRoom
from nimbus.common import errors
from tests.served import served

HELLO = b'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n'
LARGE = 4 << 20


class App:
    """Answers a word, much, a stream, or what it was sent."""

    def __init__(self):
        self.closed, self.refused = threading.Semaphore(0), []
        self.gate, self.passed = threading.Event(), 0

    def __call__(self, environ, start_response):
        work = {'/hello': self.hello, '/much': self.much, '/stream': self.stream, '/count': self.count}
        work['/gate'] = self.stop
        return work[environ['PATH_INFO']](environ, start_response)

    def hello(self, environ, start_response):
        start_response('200 OK', [])
        return [b'hello']

    def stop(self, environ, start_response):
        self.gate.wait(20)
        self.passed += 1
        return self.hello(environ, start_response)

    def much(self, environ, start_response):
        start_response('200 OK', [])
        return [b'x' * LARGE]

    def stream(self, environ, start_response):
        start_response('200 OK', [('Content-Length', str(LARGE))])
        return self.pieces()

    def pieces(self):
        try:
            for _ in range(64):
                yield b'x' * (LARGE // 64)
        finally:
            self.closed.release()

    def count(self, environ, start_response):
        size, status = 0, '200 OK'
        try:
            while piece := environ['wsgi.input'].read(65536):
                size += len(piece)
        except errors.NimbusError as why:
            self.refused.append(why)
            status = f'{why.facts.get("status", 400)} No'
        start_response(status, [])
        return [str(size).encode()]


@pytest.fixture
def app():
    return App()


SLOW = {
    'nothing at all': b'',
    'half a head': b'GET /hello HTTP/1.1\r\nHos',
    'half a body': b'POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{',
    'half a chunk': b'POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{',
    'half a large upload': b'POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n{',
    'a large upload in chunks': b'POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n'
    + b'x' * 200_000,
    'an answer that is never read': b'GET /much HTTP/1.1\r\nHost: x\r\n\r\n',
    'a stream that is never read': b'GET /stream HTTP/1.1\r\nHost: x\r\n\r\n',
    'answers that are never read': b'GET /much HTTP/1.1\r\nHost: x\r\n\r\n' * 100,
}


@pytest.mark.parametrize('sent', SLOW.values(), ids=SLOW)
def test_others_are_answered_at_once_beside(app, sent):
    with served(app, threads=2) as there, contextlib.ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(there.connect(sent, small=True))
        began = time.monotonic()
        for _ in range(20):
            assert there.ask(HELLO) == (200, b'hello')
            assert there.ask(b'POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc') == (200, b'3')
        assert time.monotonic() - began < 10  # one of them that waited for a slow one would take longer


@pytest.mark.parametrize('sent', [SLOW['half a head'], SLOW['half a body'], SLOW['half a chunk']])
def test_a_request_must_be_there_in_time(app, sent):
    with served(app, request_timeout=0.3) as there, there.connect(sent) as peer:
        assert peer.answer()[0] == 408
        assert peer.is_ended()


def test_a_byte_now_and_then_does_not_help(app):
    with served(app, request_timeout=1) as there, there.connect(SLOW['half a body']) as peer:
        peer.sock.settimeout(0.05)
        for _ in range(200):  # each wait is far below the limit, all of them are far above it
            with contextlib.suppress(TimeoutError):
                assert peer.answer()[0] == 408
                break
            peer.sock.sendall(b' ')
        else:
            pytest.fail('it went on')


@pytest.mark.parametrize('sent', [SLOW['half a head'], SLOW['half a body'], SLOW['half a chunk']])
def test_a_request_behind_another_must_be_there_in_time_too(app, sent):
    with served(app, request_timeout=0.3) as there, there.connect(HELLO + sent) as peer:
        assert peer.answer() == (200, b'hello')
        assert peer.answer()[0] == 408
        assert peer.is_ended()


@pytest.mark.parametrize('sent', [SLOW['half a head'], SLOW['half a body'], SLOW['half a chunk']])
def test_who_is_slow_is_looked_at_rarely_whatever_he_sends(app, sent, monkeypatch):
    looks, wait = [], WaitingRoom.wait
    monkeypatch.setattr(WaitingRoom, 'wait', lambda room, sock: looks.append(sock) or wait(room, sock))
    monkeypatch.setattr(connection, 'SLOW', -1)
    with served(app) as there, there.connect(sent) as peer:
        until = time.monotonic() + 2 * waiting_room.PAUSE
        while time.monotonic() < until:
            peer.sock.sendall(b'1')
            threading.Event().wait(0.01)
        assert 1 <= len(looks) <= 4


def test_what_a_slow_client_sent_at_last_is_answered(app, monkeypatch):
    monkeypatch.setattr(connection, 'SLOW', -1)
    with served(app) as there, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(there.connect(HELLO[:9])) for _ in range(3 * waiting_room.AT_ONCE)]
        for peer in peers:
            peer.sock.sendall(HELLO[9:])
        assert [peer.answer() for peer in peers] == [(200, b'hello')] * len(peers)


def test_nothing_is_kept_of_a_connection_that_was_cut(app):
    """Without the collector of cycles, which comes late where much is held."""
    with served(app, request_timeout=0.3) as there, there.connect(SLOW['half a body']) as peer:
        there.ask(HELLO)
        gone = [weakref.ref(one) for one in there.server.connections.all]
        gc.disable()
        try:
            assert peer.answer()[0] == 408 and peer.is_ended()
            there.ask(HELLO)
            assert [one() for one in gone if one() is not None and one()._is_cut] == []
        finally:
            gc.enable()


def test_requests_of_who_has_gone_are_not_worked_on(app):
    """Of those that wait behind others, as they were sent before the answer was read."""
    with served(app, threads=2) as there:
        app.gate.clear()
        peers = [there.connect(b'GET /gate HTTP/1.1\r\nHost: x\r\n\r\n' * 2) for _ in range(5)]
        while len(there.server.workers._later) < 4:
            there.ask(HELLO)
        for peer in peers:
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))  # reset at once
            peer.sock.close()
        app.gate.set()
        while there.server.workers._later:
            there.ask(HELLO)
        assert app.passed == 1


def test_requests_that_wait_behind_others_are_bounded(app, monkeypatch):
    monkeypatch.setattr('nimbus.cmd.serving.workers.MAX_LATER', 3)
    with served(app, threads=2) as there, contextlib.ExitStack() as stack:
        app.gate.clear()
        sent = b'GET /gate HTTP/1.1\r\nHost: x\r\n\r\n' * 2
        peers = [stack.enter_context(there.connect(sent)) for _ in range(4)]
        while len(there.server.workers._later) < 3:
            there.ask(HELLO)
        late = stack.enter_context(there.connect(sent))
        assert late.answer()[0] == 503 and late.is_ended()
        app.gate.set()
        assert [peer.answer()[0] for peer in peers] == [200] * 4


def test_the_file_of_a_stream_counts_as_a_connection_does(app):
    with served(app) as there, contextlib.ExitStack() as stack:
        there.server.connections._most = 9
        oldest = stack.enter_context(there.connect(SLOW['half a head']))
        for _ in range(4):
            stack.enter_context(there.connect(SLOW['a stream that is never read'], small=True)).until(b'\r\n\r\n')
        assert there.ask(HELLO)[0] == 200
        assert oldest.answer()[0] == 503


def test_a_connection_without_a_request_is_closed(app):
    with served(app, keep_alive=0.3) as there, there.connect(HELLO) as peer:
        assert peer.answer() == (200, b'hello')
        assert peer.is_ended()


def test_an_upload_that_does_not_move_is_ended(app):
    with served(app, request_timeout=0.3) as there, there.connect(SLOW['half a large upload']) as peer:
        assert peer.answer()[0] == 408
        assert [why.sentence for why in app.refused] == ['The body of the request came too slowly.']


def test_an_upload_that_moves_may_take_longer_than_a_request(app):
    with served(app, request_timeout=0.2, slowest=1) as there:
        size = MAX_BODY + 10
        with there.connect(b'POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % size) as peer:
            began, sent = time.monotonic(), 0
            while time.monotonic() - began < 1:
                peer.sock.sendall(b'x' * 10)
                sent += 10
                threading.Event().wait(0.05)
            peer.sock.sendall(b'x' * (size - sent))
            assert peer.answer() == (200, str(size).encode())
            peer.sock.sendall(HELLO)
            assert peer.answer() == (200, b'hello')


@pytest.mark.parametrize('path', ['much', 'stream'])
def test_an_answer_that_is_not_read_is_given_up(app, path):
    with served(app, request_timeout=0.3) as there:
        with there.connect(b'GET /%b HTTP/1.1\r\nHost: x\r\n\r\n' % path.encode(), small=True) as peer:
            peer.until(b'HTTP')
            if path == 'stream':
                assert app.closed.acquire(timeout=20)
            with pytest.raises((EOFError, ConnectionResetError)):
                while there.server.connections.all:
                    threading.Event().wait(0.05)
                peer.take(LARGE)


def test_a_stream_whose_reader_left_is_closed(app):
    with served(app) as there:
        there.connect(SLOW['a stream that is never read'], small=True).sock.close()
        assert app.closed.acquire(timeout=20)


def test_a_stream_is_whole_for_who_reads_slowly(app):
    with served(app) as there, there.connect(SLOW['a stream that is never read'] + HELLO, small=True) as peer:
        assert peer.answer() == (200, b'x' * LARGE)
        assert peer.answer() == (200, b'hello')


def test_what_waits_for_slow_clients_is_bounded(app, monkeypatch):
    monkeypatch.setattr(connections, 'MAX_HELD', 500_000)
    sent = b'POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 110000\r\n\r\n' + b'x' * 100_000
    with served(app) as there, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(there.connect(sent)) for _ in range(10)]
        assert [peer.answer()[0] for peer in peers[:5]] == [503] * 5  # the oldest made room
        peers[-1].sock.sendall(b'x' * 10_000)
        assert peers[-1].answer() == (200, b'110000')


def test_too_many_connections_close_the_oldest(app):
    with served(app) as there, contextlib.ExitStack() as stack:
        there.server.connections._most = 10
        peers = [stack.enter_context(there.connect(SLOW['half a head'])) for _ in range(10)]
        for _ in range(3):
            stack.enter_context(there.connect(HELLO)).answer()
        assert [peer.answer()[0] for peer in peers[:3]] == [503] * 3
        peers[-1].sock.sendall(b't: x\r\n\r\n')
        assert peers[-1].answer() == (200, b'hello')


def test_the_slowest_upload_makes_room_for_a_new_one(app, monkeypatch):
    monkeypatch.setattr(uploads, 'MAX_UPLOADS', 3)
    monkeypatch.setattr(uploads, 'YOUNG', 0)
    with served(app) as there, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(there.connect(SLOW['half a large upload'])) for _ in range(3)]
        while len(there.server.uploads._at_work) < 3:
            there.ask(HELLO)
        for peer in peers[1:]:
            peer.sock.sendall(b'x' * 100_000)
        while sum(upload._moved > 50_000 for upload in there.server.uploads._at_work) < 2:
            there.ask(HELLO)
        size = MAX_BODY + 1
        fast = stack.enter_context(there.connect(b'POST /count HTTP/1.1\r\nContent-Length: %d\r\n\r\n' % size))
        assert peers[0].answer()[0] == 408
        fast.sock.sendall(b'x' * size)
        assert fast.answer() == (200, str(size).encode())


def test_threads_that_are_not_needed_end(app, monkeypatch):
    monkeypatch.setattr('nimbus.cmd.serving.workers.IDLE', 0)
    with served(app, threads=8) as there:
        assert there.ask(HELLO)[0] == 200
        while any(thread.name == 'request' for thread in threading.enumerate()):
            threading.Event().wait(0.05)
        assert there.ask(HELLO)[0] == 200


HUGE = b'Transfer-Encoding: chunked\r\n\r\n10000000000\r\n{"x": '  # a chunk of 1 TiB


@pytest.mark.parametrize('service', ['identity', 'compute', 'image', 'network', 'volume'])
def test_a_chunk_that_says_it_is_huge_is_refused_at_once(cloud, admin, service):
    path = {'identity': '/v3/auth/tokens', 'compute': '/v2.1/servers', 'image': '/v2/images', 'volume': '/v3/volumes',
            'network': '/v2.0/networks'}[service]  # fmt: skip
    head = f'POST {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {admin.session.get_token()}\r\n'.encode()
    with served(cloud.apps[service], request_timeout=60) as there:
        status, body = there.ask(head + b'Content-Type: application/json\r\n' + HUGE)
        assert status == 413 and b'too large' in body, body


@pytest.mark.parametrize('verb', ['file', 'stage'])
def test_a_chunk_that_is_larger_than_any_image_is_refused_at_once(cloud, admin, verb):
    body = {'name': 'large', 'disk_format': 'raw', 'container_format': 'bare'}
    made = admin.post('image', '/v2/images', body)['id']
    head = f'PUT /v2/images/{made}/{verb} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {admin.session.get_token()}\r\n'
    with served(cloud.apps['image'], request_timeout=60) as there:
        sent = head.encode() + b'Content-Type: application/octet-stream\r\n' + HUGE.replace(b'100000', b'100001')
        status, said = there.ask(sent)
        assert status == 413 and b'at most 1099511627776 bytes' in said, said
    assert admin.get('image', f'/v2/images/{made}')['status'] == 'queued'
