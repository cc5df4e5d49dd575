"""A client's certificate through a real end of TLS: haproxy looks at it, and identity believes haproxy alone."""

import datetime
import http.client
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.processes import wait_until
from tests.real.identity_alone import Identity

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
FRONT = '127.0.0.2'  # whence haproxy asks; others on the loopback come from 127.0.0.1
HAPROXY = """defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend tls
    bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {folder}/ca.pem verify optional
    http-request del-header X-Client-Certificate
    http-request set-header X-Client-Certificate %[ssl_c_der,base64] if {{ ssl_c_used }} {{ ssl_c_verify 0 }}
    default_backend identity
backend identity
    source {front}
    server one 127.0.0.1:{behind}
"""
RULES = [{'local': [{'user': {'name': '{0}'}}], 'remote': [{'type': 'SSL_CLIENT_SUBJECT_DN_CN'}]}]


def _header(name: str) -> str:
    """A header as it is sent: a word's underscores are hyphens, and what stands for an underscore is one."""
    return name.replace('_', '-').replace('~', '_')


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Issuer:
    """Whoever signs certificates, its own first."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self.folder, self.name, self.key = folder, name, ec.generate_private_key(ec.SECP256R1())
        self.own = self._sign(name, self.key, True)
        (folder / f'{name}.pem').write_bytes(self.own)

    def _sign(self, name: str, key: Any, authority: bool) -> bytes:
        today = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(self.name))
        made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(today - datetime.timedelta(1)).not_valid_after(today + datetime.timedelta(1))
        made = made.add_extension(x509.BasicConstraints(authority, None), critical=True)
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def give(self, name: str, file: str) -> str:
        """The path of a new certificate with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self.folder / file
        path.write_bytes(self._sign(name, key, False) + secret)
        return str(path)


class Door:
    """A cloud's identity behind haproxy."""

    def __init__(self, folder: pathlib.Path) -> None:
        told = f'client_certificate_header = X-Client-Certificate\ntrusted_fronts = {FRONT}'
        self.folder, self.identity = folder, Identity(folder, api=told)
        self.identity.start()
        self.issuer = Issuer(folder, 'ca')
        self.issuer.give('cloud', 'server.pem')
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        conf = folder / 'haproxy.cfg'
        conf.write_text(HAPROXY.format(port=self.port, folder=folder, front=FRONT, behind=self.identity.port))
        self.process = subprocess.Popen(['haproxy', '-db', '-f', str(conf)], cwd=folder)
        assert wait_until(self._listens, 20, 0.1)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.identity.kill()

    def ask(self, method: str, path: str, body: str | None, shown: str | None, **headers: str) -> tuple[int, Any]:
        """(status, body) of a request over TLS, with a certificate or none."""
        context = ssl.create_default_context(cafile=str(self.folder / 'ca.pem'))
        context.check_hostname = False
        if shown:
            context.load_cert_chain(shown)
        connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=context, timeout=30)
        try:
            connection.request(method, f'/v3{path}', body, {_header(name): headers[name] for name in headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b'null')
        finally:
            connection.close()


@pytest.fixture
def door(tmp_path: pathlib.Path) -> Iterator[Door]:
    if not shutil.which('haproxy'):
        pytest.skip('haproxy is not installed')
    made = Door(tmp_path)
    yield made
    made.close()


def test_a_certificate_that_the_front_has_seen_is_who_it_says(door):
    identity = door.identity
    project = identity.named('projects', 'admin')[0]['id']
    user = {'name': 'portal', 'password': 'pw', 'default_project_id': project}
    portal = identity.ask('POST', '/users', {'user': user})[1]['user']['id']
    role = identity.named('roles', 'member')[0]['id']
    assert identity.ask('PUT', f'/projects/{project}/users/{portal}/roles/{role}')[0] == 204
    assert identity.ask('PUT', '/OS-FEDERATION/mappings/oauth2_mapping', {'mapping': {'rules': RULES}})[0] == 201
    form = f'grant_type=client_credentials&client_id={portal}'
    kind = {'Content_Type': 'application/x-www-form-urlencoded'}
    own, other = door.issuer.give('portal', 'own.pem'), door.issuer.give('eve', 'other.pem')
    status, body = door.ask('POST', '/OS-OAUTH2/token', form, own, **kind)
    assert (status, body['token_type']) == (200, 'Bearer'), body
    assert door.ask('POST', '/OS-OAUTH2/token', form, other, **kind)[0] == 401
    assert door.ask('POST', '/OS-OAUTH2/token', form, None, **kind)[0] == 401
    bearer = {'Authorization': f'Bearer {body["access_token"]}'}
    assert door.ask('GET', '/auth/projects', None, own, **bearer)[0] == 200
    assert door.ask('GET', '/auth/projects', None, other, **bearer)[0] == 401
    assert door.ask('GET', '/auth/projects', None, None, **bearer)[0] == 401
    # The front takes away what a client writes, and a client who goes round it is not believed.
    written = ''.join(pathlib.Path(own).read_text().split('-----END CERTIFICATE')[0].splitlines()[1:])
    forged = {**bearer, 'X_Client_Certificate': written}
    for shown in (None, other):
        # An underscore is another header to the front, which passes it on.
        status = door.ask('GET', '/auth/projects', None, shown, **bearer, **{'X~Client~Certificate': written})[0]
        assert status == 401
    assert door.ask('GET', '/auth/projects', None, None, **forged)[0] == 401
    assert door.ask('GET', '/auth/projects', None, other, **forged)[0] == 401
    round_it = http.client.HTTPConnection('127.0.0.1', identity.port, timeout=30)
    round_it.request('GET', '/v3/auth/projects', None, {n.replace('_', '-'): v for n, v in forged.items()})
    assert round_it.getresponse().status == 401
    round_it.close()


def test_a_certificate_of_another_issuer_does_not_pass_the_front(door, tmp_path):
    stranger = Issuer(tmp_path, 'stranger').give('portal', 'strange.pem')
    with pytest.raises((ssl.SSLError, OSError)):
        door.ask('GET', '', None, stranger)
