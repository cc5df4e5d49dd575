"""HTTP as it is spoken and misspoken; here because who serves imports eventlet."""

import logging
import threading
import time

import pytest

from nimbus.api.kit.bodies import MAX_BODY
from nimbus.cmd.serving import server as serving_server
from nimbus.common import log
from tests.served import served


class App:
    """Tells what it was asked; `/wait` until it is let go."""

    def __init__(self):
        self.environ, self.go, self.asked = {}, threading.Event(), threading.Event()

    def __call__(self, environ, start_response):
        self.environ = environ
        self.asked.set()
        path = environ['PATH_INFO']
        if path == '/wait':
            self.go.wait(20)
        if path == '/fail':
            raise ValueError('inner words')
        if path == '/split':
            start_response('200 OK', [('X-Name', 'a\r\nX-Forged: b')])
            return [b'']
        headers = [('X-Odd', 'ключ')] if path == '/letters' else []
        if path == '/refuse':
            start_response('413 Request Entity Too Large', [])
            return [b'no']
        body = environ['wsgi.input'].read() if path != '/unread' else b''
        start_response('200 OK', headers)
        if path == '/pieces':
            return iter([b'one', b'', b'two'])
        return [body or path.encode('latin-1')]


@pytest.fixture(scope='module')
def there():
    with served(App()) as made:
        made.app = made.server.ports[0].app
        yield made


GET = b'GET / HTTP/1.1\r\nHost: x\r\n'
POST = b'POST / HTTP/1.1\r\nHost: x\r\n'
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n'
WRONG = {
    'no HTTP': (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400),
    'no version': (b'GET /\r\n\r\n', 400),
    'another version': (b'GET / HTTP/2.0\r\n\r\n', 505),
    'no path': (b'GET x HTTP/1.1\r\n\r\n', 400),
    'a lone line feed': (b'GET / HTTP/1.1\nHost: x\n\n', 400),
    'a lone line feed among headers': (GET + b'A: b\nC: d\r\n\r\n', 400),
    'a zero byte': (GET + b'A: \0\r\n\r\n', 400),
    'a header without a name': (GET + b': b\r\n\r\n', 400),
    'a header without a colon': (GET + b'word\r\n\r\n', 400),
    'a space before the colon': (GET + b'Content-Length : 3\r\n\r\n', 400),
    'a folded header': (GET + b'A: b\r\n c\r\n\r\n', 400),
    'two hosts': (GET + b'Host: y\r\n\r\n', 400),
    'a long line': (b'GET /' + b'x' * 17_000 + b' HTTP/1.1\r\n\r\n', 414),
    'an endless line': (b'GET /' + b'x' * 70_000, 414),
    'a long header': (GET + b'A: ' + b'x' * 17_000 + b'\r\n\r\n', 431),
    'endless headers': (GET + b'A: b\r\n' * 9000, 431),
    'many headers': (GET + b'A: b\r\n' * 200 + b'\r\n', 431),
    'a negative length': (POST + b'Content-Length: -1\r\n\r\n', 400),
    'a length that is no number': (POST + b'Content-Length: x\r\n\r\n', 400),
    'a length in other digits': (POST + 'Content-Length: ²\r\n\r\n'.encode('latin-1'), 400),
    'a length with a sign': (POST + b'Content-Length: +3\r\n\r\nabc', 400),
    'an empty length': (POST + b'Content-Length: \r\n\r\n', 400),
    'a length of thirty digits': (POST + b'Content-Length: ' + b'9' * 30 + b'\r\n\r\n', 400),
    'two lengths': (POST + b'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400),
    'two lengths in one': (POST + b'Content-Length: 3, 3\r\n\r\nabc', 400),
    'a length and chunks': (CHUNKED + b'Content-Length: 3\r\n\r\n0\r\n\r\n', 400),
    'two codings': (CHUNKED + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    'another coding': (POST + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 400),
    'chunks in HTTP/1.0': (b'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    'a size that is no number': (CHUNKED + b'\r\nzz\r\n{}\r\n0\r\n\r\n', 400),
    'a negative size': (CHUNKED + b'\r\n-7\r\n{}\r\n0\r\n\r\n', 400),
    'a size with a prefix': (CHUNKED + b'\r\n0x2\r\n{}\r\n0\r\n\r\n', 400),
    'an empty size': (CHUNKED + b'\r\n\r\n{}\r\n0\r\n\r\n', 400),
    'an enormous size': (CHUNKED + b'\r\n' + b'f' * 20 + b'\r\n{}', 400),
    'an endless size': (CHUNKED + b'\r\n' + b'0' * 9000, 400),
    'a chunk longer than its size': (CHUNKED + b'\r\n2\r\n{}}\r\n0\r\n\r\n', 400),
    'more between the chunks than in them': (CHUNKED + b'\r\n' + (b'1;' + b'x' * 1000 + b'\r\na\r\n') * 1000, 413),
    'an endless trailer': (CHUNKED + b'\r\n0\r\n' + b'A: b\r\n' * 9000, 431),
    'another expectation': (POST + b'Expect: wonders\r\nContent-Length: 2\r\n\r\n{}', 417),
    'a failing application': (GET.replace(b'/', b'/fail', 1) + b'\r\n', 500),
    'a header with the end of a line': (GET.replace(b'/', b'/split', 1) + b'\r\n', 500),
}


@pytest.mark.parametrize('sent, status', WRONG.values(), ids=WRONG)
def test_what_is_no_request_is_refused_and_the_connection_closed(there, sent, status, caplog):
    with there.connect(sent) as peer:
        answer = peer.answer()
        assert answer[0] == status
        assert b'inner words' not in answer[1] and b'"message":' in answer[1]
        assert peer.is_ended()
    if status != 500:
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    'sent',
    [
        GET,
        GET[:-3],
        POST + b'Content-Length: 10\r\n\r\n{',
        CHUNKED + b'\r\nff\r\n{"x":1}',
        CHUNKED + b'\r\n2\r\n{}\r\n',
        CHUNKED + b'\r\n2\r\n{}\r\n0\r\n',
    ],
)
def test_what_is_cut_short_is_refused(there, sent):
    with there.connect(sent) as peer:
        peer.sock.shutdown(1)
        assert peer.answer()[0] == 400


def test_an_upload_that_is_cut_short_is_told_to_who_reads_it(there):
    with there.connect(POST + b'Content-Length: 900000\r\n\r\n{') as peer:
        peer.sock.shutdown(1)
        assert peer.answer()[0] == 500  # this application does not know what to make of it; nimbus's own do


@pytest.mark.parametrize(
    'sent, body',
    [
        (GET + b'\r\n', b'/'),
        (b'\r\n' + GET + b'\r\n', b'/'),
        (b'GET http://x/abc?d HTTP/1.1\r\n\r\n', b'/abc'),
        (b'GET /a%20%c3%a9 HTTP/1.1\r\n\r\n', '/a é'.encode()),
        (POST + b'Content-Length: 3\r\n\r\nabc', b'abc'),
        (POST + b'Content-Length: 0\r\n\r\n', b'/'),
        (CHUNKED + b'\r\n3\r\nabc\r\n0\r\n\r\n', b'abc'),
        (CHUNKED + b'\r\n3;name=value\r\nabc\r\n1 \r\nd\r\n0\r\nTrailer: x\r\n\r\n', b'abcd'),
        (CHUNKED + b'\r\n0\r\n\r\n', b'/'),
        (POST + b'Content-Length: 300000\r\n\r\n' + b'x' * 300_000, b'x' * 300_000),
        (CHUNKED + b'\r\n493e0\r\n' + b'x' * 300_000 + b'\r\n0\r\n\r\n', b'x' * 300_000),
    ],
)
def test_a_request_is_read_however_it_comes(there, sent, body):
    with there.connect(sent * 2) as peer:  # one behind the other
        assert peer.answer() == (200, body)
        assert peer.answer() == (200, body)
    with there.connect() as peer:
        for n in range(0, len(sent), max(1, len(sent) // 50)):
            peer.sock.sendall(sent[n : n + max(1, len(sent) // 50)])
        assert peer.answer() == (200, body)


def test_who_expects_it_is_told_to_go_on(there):
    expects = POST + b'Expect: 100-continue\r\n'
    for size in (3, MAX_BODY + 1):
        with there.connect(expects + b'Content-Length: %d\r\n\r\n' % size) as peer:
            assert peer.until(b'\r\n\r\n') == b'HTTP/1.1 100 Continue\r\n\r\n'
            peer.sock.sendall(b'x' * size)
            assert peer.answer() == (200, b'x' * size)


def test_a_large_body_that_is_refused_unread_does_not_hide_the_answer(there):
    with there.connect(POST.replace(b'/', b'/refuse', 1) + b'Content-Length: 9000000\r\n\r\n') as peer:
        peer.sock.sendall(b'x' * 4_000_000)
        head = peer.until(b'\r\n\r\n')
        assert head.startswith(b'HTTP/1.1 413') and b'Connection: close\r\n' in head
        assert peer.take(2) == b'no'
        assert peer.is_ended()


def test_head_has_the_length_and_no_body(there):
    with there.connect(b'HEAD /abc HTTP/1.1\r\n\r\n' + GET + b'\r\n') as peer:
        assert b'Content-Length: 4\r\n' in peer.until(b'\r\n\r\n')
        assert peer.answer() == (200, b'/')


def test_connections_are_kept_or_not_as_the_client_says(there):
    with there.connect(GET + b'Connection: close\r\n\r\n') as peer:
        assert peer.answer() == (200, b'/')
        assert peer.is_ended()
    with there.connect(b'GET / HTTP/1.0\r\n\r\n') as peer:
        assert peer.answer() == (200, b'/')
        assert peer.is_ended()
    with there.connect(b'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n') as peer:
        assert b'Connection: keep-alive' in peer.until(b'\r\n\r\n')
        peer.take(1)
        peer.sock.sendall(GET + b'\r\n')
        assert peer.answer() == (200, b'/')


def test_pieces_without_a_length_come_in_chunks(there):
    ask = GET.replace(b'/', b'/pieces', 1) + b'\r\n'
    with there.connect(ask * 2) as peer:
        for _ in range(2):
            assert b'Transfer-Encoding: chunked' in peer.until(b'\r\n\r\n')
            assert peer.until(b'0\r\n\r\n') == b'3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n'
    with there.connect(b'GET /pieces HTTP/1.0\r\n\r\n') as peer:
        peer.until(b'\r\n\r\n')
        assert peer.take(6) == b'onetwo'
        assert peer.sock.recv(1) == b''


def test_a_header_with_an_underscore_is_left_out(there):
    there.ask(GET + b'X_Identity: forged\r\nX-Identity: right\r\nX-A: 1\r\nX-A: 2\r\n\r\n')
    environ = there.app.environ
    assert environ['HTTP_X_IDENTITY'] == 'right' and environ['HTTP_X_A'] == '1,2'
    assert environ['REMOTE_ADDR'] == '127.0.0.1' and environ['SERVER_PORT'] == str(there.port)


def test_letters_of_any_alphabet_fit_into_a_header(there):
    with there.connect(GET.replace(b'/', b'/letters', 1) + b'\r\n') as peer:
        assert 'X-Odd: ключ\r\n'.encode() in peer.until(b'\r\n\r\n')


def test_a_stop_waits_a_moment_for_requests_under_way():
    app = App()
    with served(app) as there, there.connect(b'GET /wait HTTP/1.1\r\n\r\n') as peer, there.connect() as idle:
        assert app.asked.wait(10)
        there.server.stop()
        assert idle.is_ended()
        app.go.set()
        assert peer.answer() == (200, b'/wait')
        there.thread.join(10)


def test_a_stop_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(serving_server, 'GRACE', 0.2)
    app = App()
    with served(app) as there, there.connect(b'GET /wait HTTP/1.1\r\n\r\n'):
        assert app.asked.wait(10)
        began = time.monotonic()
        there.server.stop()
        there.thread.join(10)
        assert time.monotonic() - began < 5
        app.go.set()


def told(caplog):
    """The lines of requests, without those of an earlier test that was in no hurry."""
    lines = [record.getMessage() for record in caplog.records if record.name == 'nimbus.access']
    return [line for line in lines if '/wait' not in line]


def test_each_request_is_a_line_of_the_log_without_secrets(there, caplog):
    with caplog.at_level(logging.INFO, 'nimbus.access'):
        there.ask(b'GET /abc?a=1&password=geheim&x%54oken=geheim&sort_key=name HTTP/1.1\r\n\r\n')
        there.ask(b'nonsense\r\n\r\n')
        there.ask(b'GET /pieces HTTP/1.0\r\n\r\n')
        while len(lines := told(caplog)) < 3:  # a stream's line comes after its end
            there.app.asked.wait(0.01)
    assert lines[0].startswith(
        '127.0.0.1 "GET /abc?a=1&password=***&x%54oken=***&sort_key=name HTTP/1.1" status: 200 len: '
    )
    assert lines[0].endswith('user: - project: -') and ' ms ' in lines[0]
    assert lines[1] == '127.0.0.1 "-" status: 400'
    assert '"GET /pieces HTTP/1.0" status: 200' in lines[2]


def test_a_line_of_a_request_is_masked_once_and_by_the_names_of_its_values(there, caplog):
    with caplog.at_level(logging.INFO, 'nimbus.access'):
        there.ask(b'GET /abc?access_token=geheim&note=token:b HTTP/1.1\r\n\r\n')
    (record,) = [record for record in caplog.records if record.name == 'nimbus.access']
    assert (
        log.Formatter('%(message)s')
        .format(record)
        .startswith('127.0.0.1 "GET /abc?access_token=***&note=token:b HTTP/1.1"')
    )


def test_the_log_of_requests_can_be_switched_off(caplog):
    with served(App(), access_log=False) as there, caplog.at_level(logging.INFO, 'nimbus.access'):
        there.ask(GET + b'\r\n')
        there.ask(b'nonsense\r\n\r\n')
        there.ask(b'GET /pieces HTTP/1.0\r\n\r\n')
    assert told(caplog) == []
