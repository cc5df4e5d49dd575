"""A real directory behind TLS: whom a password is sent to."""

import socket
import subprocess

import pytest

from tests.wire.identity import pki, slapd
from tests.wire.identity.directories import by_file, domain_of, tell
from tests.wire.identity.wiretap import Wiretap

pytestmark = pytest.mark.skipif(slapd.why_not() is not None, reason=str(slapd.why_not()))
SECRETS = (b'ann-pw', slapd.ROOT_PASSWORD.encode())
HERE = ('localhost', '127.0.0.1')


@pytest.fixture
def authority(tmp_path):
    return pki.Authority(tmp_path)


@pytest.fixture
def server(tmp_path, authority):
    server = slapd.Slapd(tmp_path / 'slapd', authority.vouch(*HERE))
    server.user('ann', 'ann-pw')
    yield server
    server.stop()


@pytest.fixture
def secure_tap(server):
    """The line to the server's port that is TLS from the first byte."""
    tap = Wiretap(server.secure_port)
    yield tap
    tap.close()


def try_login(cloud, domain):
    """The status of a good login and of a bad one."""
    good, bad = (cloud.login('ann', password, 'unscoped', domain['id']) for password in ('ann-pw', 'wrong'))
    return good.status, bad.status


def said(tap):
    return [secret for secret in SECRETS if secret in bytes(tap.heard)]


@pytest.mark.parametrize('host', HERE)
def test_a_directory_that_proves_who_it_is_is_asked_over_tls(cloud, server, authority, tap, secure_tap, host):
    trusted = str(authority.file)
    first = domain_of(cloud, f'ldaps://{host}:{secure_tap.port}', 'first', tls_cacertfile=trusted)
    second = domain_of(cloud, f'ldap://{host}:{tap.port}', 'second', tls_cacertfile=trusted, use_tls=True)
    assert try_login(cloud, first) == try_login(cloud, second) == (201, 401)
    assert said(tap) == said(secure_tap) == []
    assert tap.opened and secure_tap.opened


def test_without_tls_the_line_hears_all(cloud, server, tap):
    domain = domain_of(cloud, f'ldap://127.0.0.1:{tap.port}')
    assert try_login(cloud, domain) == (201, 401)
    assert said(tap) == list(SECRETS)  # what the other tests look for can be seen


@pytest.mark.parametrize('start', [True, False], ids=['StartTLS', 'ldaps'])
def test_a_directory_that_a_stranger_vouches_for_is_sent_nothing(
    cloud, server, tmp_path, tap, secure_tap, start, caplog
):
    stranger = pki.Authority(tmp_path, 'stranger')
    line = tap if start else secure_tap
    url = f'{"ldap" if start else "ldaps"}://127.0.0.1:{line.port}'
    domain = domain_of(cloud, url, tls_cacertfile=str(stranger.file), use_tls=start)
    assert try_login(cloud, domain) == (503, 503)
    tell(cloud, domain, tls_cacertfile=None)
    assert try_login(cloud, domain) == (503, 503)  # nor do those that the host trusts vouch for it
    assert said(line) == [] and line.opened
    assert not any(secret.decode() in caplog.text for secret in SECRETS)
    for told in ('never', 'allow'):
        tell(cloud, domain, tls_req_cert=told)
        assert try_login(cloud, domain) == (201, 401)
    assert said(line) == []


@pytest.mark.parametrize('names, days', [(('ds.example.org',), (-1, 30)), (HERE, (-9, -2))], ids=['name', 'date'])
def test_a_certificate_of_another_or_of_the_past_is_refused(cloud, server, authority, tap, secure_tap, names, days):
    server.stop()
    server.configure(authority.vouch(*names, days=days))
    server.start()
    trusted = str(authority.file)
    first = domain_of(cloud, f'ldaps://127.0.0.1:{secure_tap.port}', 'first', tls_cacertfile=trusted)
    second = domain_of(cloud, f'ldap://127.0.0.1:{tap.port}', 'second', tls_cacertfile=trusted, use_tls=True)
    assert try_login(cloud, first) == try_login(cloud, second) == (503, 503)
    assert said(tap) == said(secure_tap) == []


def test_a_directory_without_tls_is_sent_nothing_where_tls_is_asked_for(cloud, server, authority, tap):
    server.stop()
    server.configure(None)
    server.start()
    for name, check in (('strict', 'demand'), ('lax', 'never')):
        url = f'ldap://127.0.0.1:{tap.port}'
        domain = domain_of(cloud, url, name, tls_cacertfile=str(authority.file), use_tls=True, tls_req_cert=check)
        assert try_login(cloud, domain) == (503, 503)
    assert said(tap) == []


def test_a_connection_that_was_cut_is_not_gone_on_with_in_the_clear(cloud, server, authority, tap):
    url = f'ldap://127.0.0.1:{tap.port}'
    domain = domain_of(cloud, url, tls_cacertfile=str(authority.file), use_tls=True)
    assert try_login(cloud, domain) == (201, 401)
    server.stop()
    server.configure(None)
    server.start()
    assert try_login(cloud, domain) == (503, 503)
    tap.cut()
    assert try_login(cloud, domain) == (503, 503)
    assert said(tap) == []
    server.stop()
    server.configure(authority.vouch('127.0.0.1'))
    server.start()
    assert try_login(cloud, domain) == (201, 401)
    assert said(tap) == []


def test_authorities_may_stand_in_a_directory(cloud, server, authority, tmp_path, secure_tap):
    asked = ['openssl', 'x509', '-hash', '-noout', '-in', str(authority.file)]
    try:
        hashed = subprocess.run(asked, check=True, capture_output=True, timeout=20).stdout.decode().strip()
    except FileNotFoundError:
        pytest.skip('openssl, which knows what a file must be called, is not installed')
    place = tmp_path / 'authorities'
    place.mkdir()
    (place / f'{hashed}.0').write_bytes(authority.file.read_bytes())
    url = f'ldaps://127.0.0.1:{secure_tap.port}'
    domain = domain_of(cloud, url, tls_cacertdir=str(place))
    assert try_login(cloud, domain) == (201, 401)


@pytest.mark.parametrize('start', [True, False], ids=['StartTLS', 'ldaps'])
def test_a_handshake_that_does_not_come_is_not_waited_for_forever(cloud, start):
    by_file(cloud, connection_timeout=1)
    with socket.create_server(('127.0.0.1', 0)) as mute:
        url = f'{"ldap" if start else "ldaps"}://127.0.0.1:{mute.getsockname()[1]}'
        domain = domain_of(cloud, url, use_tls=start)
        assert try_login(cloud, domain) == (503, 503)
