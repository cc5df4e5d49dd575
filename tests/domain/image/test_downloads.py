"""Downloads: what may be fetched, from which address, and how a server can misbehave."""

import ipaddress
import socket
import threading

import pytest

from nimbus.common import errors
from nimbus.image.downloads import rules as checks
from nimbus.image.downloads.fetch import Download
from nimbus.image.downloads.rules import Rules
from nimbus.image.stores import settings
from tests import web
from tests.cloud import Conf

LOOPBACK = (ipaddress.ip_network('127.0.0.0/8'),)
MOST = 1 << 20


def allowing(server, **more):
    """Rules by which the server may be reached."""
    return Rules(**{'ports': (server.server_port,), 'networks': LOOPBACK, 'pause': 5} | more)


def fetched(rules, uri, most=MOST):
    with Download(rules, uri, most) as download:
        return b''.join(download.pieces())


@pytest.mark.parametrize(
    'uri',
    [
        *('', None, 7, 'x', 'ftp://example.org/i', 'file:///etc/passwd', 'http://', 'http:///i', '//example.org/i'),
        *(
            'http://example.org:22/i',
            'http://example.org:x/i',
            'http://example.org:99999/i',
            'http://u:p@example.org/i',
        ),
        *('http://127.0.0.1/i', 'http://127.1/i', 'http://2130706433/i', 'http://0x7f000001/i', 'http://0177.0.0.1/i'),
        *(
            'http://0.0.0.0/i',
            'http://10.0.0.1/i',
            'http://192.168.1.1/i',
            'http://172.16.0.1/i',
            'http://100.64.0.1/i',
        ),
        *('http://169.254.169.254/latest', 'http://224.0.0.1/i', 'http://255.255.255.255/i', 'http://[::1]/i'),
        *('http://[::]/i', 'http://[::ffff:127.0.0.1]/i', 'http://[::127.0.0.1]/i', 'http://[fe80::1]/i'),
        *(
            'http://[fc00::1]/i',
            'http://[fec0::1]/i',
            'http://[ff02::1]/i',
            'http://[64:ff9b::7f00:1]/i',
            'http://[2002:7f00:1::]/i',
        ),
        *('http://[2001:0:7f00:1::]/i', 'http://example.org/\r\nX: y', 'http://example.org/a b', 'http://exämple.org/'),
        *('http://example.org\\@127.0.0.1/', 'http://127.0.0.1./i', 'http://' + 'a' * 3000, 'http://[::1%25lo]/i'),
    ],
)
def test_a_uri_that_may_not_be_fetched_is_refused_by_its_text(uri):
    with pytest.raises(errors.Invalid):
        checks.target(Rules(), uri)


def test_a_public_address_passes_and_a_list_of_hosts_is_a_list():
    assert checks.target(Rules(), 'http://8.8.8.8/i?x=1').path == '/i?x=1'
    found = checks.target(Rules(), 'https://example.org')
    assert (found.host, found.port, found.path) == ('example.org', 443, '/')
    for rules in (Rules(hosts=('mirror.example.org',)), Rules(refused_hosts=('example.org',))):
        with pytest.raises(errors.Invalid):
            checks.target(rules, 'https://EXAMPLE.org./i')


def test_operators_write_names_in_any_case():
    rules = settings.rules(Conf({'image.download_refused_hosts': ['Internal.Example.ORG.', ' other.example ']}))
    for host in ('internal.example.org', 'INTERNAL.example.org.', 'other.example'):
        with pytest.raises(errors.Invalid):
            checks.target(rules, f'https://{host}/i')
    allowing = settings.rules(
        Conf({'image.download_hosts': ['Mirror.Example.org'], 'image.download_schemes': ['HTTPS']})
    )
    assert checks.target(allowing, 'https://mirror.example.org/i').host == 'mirror.example.org'


def test_an_allowed_network_is_reached_and_the_host_that_was_named_is_asked_for():
    with web.serving({'/i?a=b': web.data(b'abc')}) as server:
        assert fetched(allowing(server), server.url('/i?a=b')) == b'abc'
        ((path, headers),) = server.asked
    assert (path, headers['Host']) == ('/i?a=b', f'127.0.0.1:{server.server_port}')


def test_a_name_that_resolves_to_this_host_is_not_connected_to():
    with web.serving({'/i': web.data(b'abc')}) as server:
        rules = Rules(ports=(server.server_port,))
        with pytest.raises(errors.Invalid, match='No address of localhost'):
            fetched(rules, server.url('/i', 'localhost'))
        assert server.asked == []


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(monkeypatch):
    """A name server that tells a public address first and loopback then is asked once."""
    real, told = socket.getaddrinfo, []

    def turning(host, port, *more, **words):
        if host != 'turning.example':
            return real(host, port, *more, **words)
        if words.get('flags'):
            raise socket.gaierror('no literal')
        told.append(host)
        return real('127.0.0.2' if len(told) == 1 else '127.0.0.1', port, *more, **words)

    with web.serving({'/i': web.data(b'abc')}) as server:
        monkeypatch.setattr(socket, 'getaddrinfo', turning)
        public = (ipaddress.ip_network('127.0.0.2/32'),)
        with pytest.raises(errors.Invalid):
            fetched(Rules(ports=(server.server_port,), networks=public, pause=0.2), server.url('/i', 'turning.example'))
        assert len(told) == 1 and server.asked == []
        with pytest.raises(errors.Invalid, match='No address of turning.example'):
            fetched(Rules(ports=(server.server_port,), pause=0.2), server.url('/i', 'turning.example'))
        assert server.asked == []


def test_redirects_are_followed_so_many_times_and_no_more():
    answers = {f'/{n}': web.leads_to(f'/{n + 1}', status) for n, status in enumerate((301, 302, 303, 307, 308))}
    with web.serving({**answers, '/5': web.data(b'abc')}) as server:
        assert fetched(allowing(server), server.url('/0')) == b'abc'
        with pytest.raises(errors.Invalid, match='more than 4 redirects'):
            fetched(allowing(server, redirects=4), server.url('/0'))


@pytest.mark.parametrize(
    'location',
    ['http://169.254.169.254/', 'file:///etc/passwd', 'http://127.0.0.1:22/', 'http://[::1]/', 'gopher://x/'],
)
def test_a_redirect_to_what_may_not_be_fetched_is_refused(location):
    with web.serving({'/i': web.leads_to(location)}) as server, pytest.raises(errors.Invalid, match='filtering'):
        fetched(allowing(server), server.url('/i'))


def test_a_redirect_to_a_name_is_checked_at_its_address():
    other = (ipaddress.ip_network('127.0.0.2/32'),)
    with web.serving({}) as server:
        server.answers['/i'] = web.leads_to(server.url('/j', 'localhost'))
        server.answers['/j'] = web.data(b'abc')
        rules = Rules(ports=(server.server_port,), networks=LOOPBACK)
        assert fetched(rules, server.url('/i')) == b'abc'
        with pytest.raises(errors.Invalid, match='No address of localhost'):
            fetched(Rules(ports=(server.server_port,), networks=other), server.url('/j', 'localhost'))


def test_what_is_no_image_or_too_large_is_refused():
    answers = {
        '/large': web.data(b'', size=MOST + 1),
        '/coded': web.data(b'abc', Content_Encoding='gzip'),
        '/nowhere': web.leads_to(''),
    }
    with web.serving(answers) as server:
        for path, kind in (('/large', errors.TooLarge), ('/coded', errors.Invalid), ('/nowhere', errors.Invalid)):
            with pytest.raises(kind):
                fetched(allowing(server), server.url(path))
        with pytest.raises(errors.Invalid, match='answers 404'):
            fetched(allowing(server), server.url('/absent'))


def test_a_server_that_is_not_there_or_speaks_no_http_is_told():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
        rules = Rules(ports=(port,), networks=LOOPBACK, pause=0.2)
        with pytest.raises(errors.Invalid, match='did not answer in time'):
            fetched(rules, f'http://127.0.0.1:{port}/')
    with pytest.raises(errors.Invalid, match='the connection was refused'):
        fetched(rules, f'http://127.0.0.1:{port}/')


def test_a_server_of_a_byte_now_and_then_is_cut_off():
    over = threading.Event()

    def dribble(handler):
        handler.send_response(200)
        handler.send_header('Content-Length', '1000000')
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b'x')

    with web.serving({'/i': dribble}) as server:
        with pytest.raises(errors.Invalid, match=r'longer than 0\.5 seconds'):
            fetched(allowing(server, seconds=0.5), server.url('/i'))
        over.set()


def test_a_head_that_never_ends_is_cut_off():
    over = threading.Event()

    def dribble(handler):
        while not over.wait(0.05):
            handler.wfile.write(b'x')

    with web.serving({'/i': dribble}) as server:
        with pytest.raises(errors.Invalid, match=r'longer than 0\.5 seconds'):
            fetched(allowing(server, seconds=0.5), server.url('/i'))
        over.set()


def test_a_redirect_to_what_is_no_url_is_refused():
    with web.serving({'/i': web.leads_to('http://[::1')}) as server, pytest.raises(errors.Invalid, match='filtering'):
        fetched(allowing(server), server.url('/i'))


def test_a_name_of_many_addresses_is_tried_no_longer_than_a_download_may_take(monkeypatch):
    """Each address refuses to answer within the pause."""
    tried = []

    def resolved(rules, host, port):
        return [(socket.AF_INET, (f'127.0.1.{n}', port)) for n in range(1, 100)]

    class Silent(socket.socket):
        def connect(self, name):
            tried.append(name)
            threading.Event().wait(self.gettimeout())
            raise TimeoutError

    monkeypatch.setattr(checks, 'resolve', resolved)
    monkeypatch.setattr(socket, 'socket', Silent)
    rules = Rules(networks=LOOPBACK, pause=0.2, seconds=0.5)
    with pytest.raises(errors.Invalid, match=r'longer than 0\.5 seconds'):
        fetched(rules, 'http://many.example/i')
    assert len(tried) <= 4
