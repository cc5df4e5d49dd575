"""Tokens bound to a certificate: no service takes one without it, nor the word on it of who is not trusted."""

import base64
import dataclasses
import datetime
import ssl
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nimbus.api.kit import wsgi
from nimbus.api.kit.certificates import TrustedProxies, thumbprint
from nimbus.common import config, errors
from nimbus.identity import bootstrap
from tests.cloud import Conf, bare_parts
from tests.wire.test_hostile import FORGED, SERVICES, send

HEADER, FRONTS = 'X-Client-Certificate', ['192.0.2.0/24', '2001:db8::7']
SENT = 'X_CLIENT_CERTIFICATE'
ASKS = {
    'identity': '/v3/auth/projects',
    'compute': '/v2.1/servers',
    'image': '/v2/images',
    'network': '/v2.0/networks',
    'volume': '/v3/volumes',
    'placement': '/resource_providers',
}


def certificate(name='client'):
    """A certificate of a client, in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1)
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=36500))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


OWN, OTHER = certificate(), certificate()
PEM = ssl.DER_cert_to_PEM_cert(OWN)
BASE64 = base64.b64encode(OWN).decode()


@dataclasses.dataclass
class Bound:
    """The APIs; tokens of the administrator's and of a service's, each free and bound."""

    apps: dict
    free: str
    bound: str
    service: str
    bound_service: str


@pytest.fixture(scope='module')
def cloud(tmp_path_factory):
    """Every API, with a token of the administrator's that is bound to a certificate, and one that is not."""
    told = {'api.client_certificate_header': HEADER, 'api.trusted_fronts': FRONTS}
    with bare_parts(tmp_path_factory.mktemp('bound'), **told) as parts:
        path = str(config.shipped('api-paste.ini'))
        apps = {name: wsgi.load(name, parts, path) for name in SERVICES}
        issuer = parts.extra['identity']
        with parts.db.write() as tx:
            bootstrap.bootstrap(
                tx, admin_password='pw', region='R', urls={}, service_password='pw', passwords=issuer.passwords
            )
        free = login(issuer, 'admin', 'admin')
        service = login(issuer, 'nimbus', 'service')
        yield Bound(apps, free, bind(parts, free), service, bind(parts, service))


def login(issuer, name, project):
    """A token by password."""
    user = {'name': name, 'domain': {'id': 'default'}, 'password': 'pw'}
    scope = {'project': {'name': project, 'domain': {'id': 'default'}}}
    return issuer.login({'methods': ['password'], 'password': {'user': user}}, scope)[0]


def bind(parts, token):
    """The same token, bound to the certificate."""
    claims = parts.tokens.read(token)
    return parts.tokens.encode(dataclasses.replace(claims, methods=('oauth2_credential',), thumbprint=thumbprint(OWN)))


def ask(cloud, service, address='192.0.2.9', token=None, **headers):
    """The status of a request to the service that comes from the address."""
    app = cloud.apps[service]

    def from_there(environ, start_response):
        return app({**environ, 'REMOTE_ADDR': address}, start_response)

    return send(from_there, 'GET', ASKS[service], b'', token, **headers)[0]


@pytest.mark.parametrize('service', ASKS)
@pytest.mark.parametrize('how', ['token', 'bearer'])
def test_a_bound_token_needs_its_certificate(cloud, service, how):
    def tried(token, **more):
        told = {'AUTHORIZATION': f'Bearer {token}'} if how == 'bearer' else {'X_AUTH_TOKEN': token}
        return ask(cloud, service, **{**told, **more})

    assert tried(cloud.free) == tried(cloud.free, **{SENT: BASE64}) == 200
    assert tried(cloud.bound, **{SENT: BASE64}) == 200
    for bad in ('', base64.b64encode(OTHER).decode(), 'nonsense', thumbprint(OWN), BASE64[:-8]):
        assert tried(cloud.bound, **{SENT: bad}) == 401
    assert tried(cloud.bound) == tried(cloud.bound, **FORGED) == 401
    # Others may write the header as well, and other headers are nobody's.
    for address in ('192.0.3.1', '127.0.0.1', '2001:db8::8', '', 'nonsense'):
        assert tried(cloud.bound, address=address, **{SENT: BASE64, 'X_FORWARDED_FOR': '192.0.2.9'}) == 401
    for name in ('SSL_CLIENT_CERT', 'X_SSL_CLIENT_CERT', 'CLIENT_CERT'):
        assert tried(cloud.bound, **{name: BASE64}) == 401


@pytest.mark.parametrize(
    'told',
    [
        BASE64,
        f':{BASE64}:',
        PEM,
        urllib.parse.quote(PEM),
        urllib.parse.quote(PEM, safe=''),
        PEM.strip().replace('\n', ' '),
        PEM.replace('\n', '\n\t'),
    ],
    ids=['base64', 'RFC 9440', 'PEM', 'escaped', 'all escaped', 'one line', 'folded'],
)
def test_a_certificate_is_read_as_fronts_write_it(cloud, told):
    for address in ('192.0.2.1', '2001:db8::7', '::ffff:192.0.2.1'):
        assert ask(cloud, 'compute', address, cloud.bound, **{SENT: told}) == 200


@pytest.mark.parametrize('told', [PEM + PEM, f'{BASE64},{BASE64}', f'{PEM},{PEM}', 'A' * 20000, '%', '\xff', ':'])
def test_what_is_no_one_certificate_is_none(cloud, told):
    assert ask(cloud, 'compute', token=cloud.bound, **{SENT: told}) == 401


def test_a_service_may_pass_a_bound_token_on(cloud):
    assert ask(cloud, 'image', token=cloud.bound, X_SERVICE_TOKEN=cloud.service) == 200
    # Only a token with the role service is a service's, and one that is bound does not speak for it.
    for beside in (cloud.free, cloud.bound, cloud.bound_service):
        assert ask(cloud, 'image', token=cloud.bound, X_SERVICE_TOKEN=beside) == 401


def test_nobody_is_believed_unless_the_operator_says_who():
    assert (
        TrustedProxies.of(Conf({})) == TrustedProxies()
        and TrustedProxies().certificate({'REMOTE_ADDR': '192.0.2.1'}) is None
    )
    with pytest.raises(errors.Invalid, match='needs trusted_fronts'):
        TrustedProxies.of(Conf({'api.client_certificate_header': HEADER}))
    with pytest.raises(errors.Invalid, match='must be addresses or networks'):
        TrustedProxies.of(Conf({'api.trusted_fronts': ['somewhere']}))
    alone = TrustedProxies.of(Conf({'api.trusted_fronts': FRONTS}))
    assert alone.certificate({'REMOTE_ADDR': '192.0.2.1', f'HTTP_{SENT}': BASE64, 'HTTP_': BASE64}) is None


def test_a_thumbprint_is_that_of_openstacks_services():
    # As keystonemiddleware has it: of the PEM, in base64 for URLs, filled up.
    known = x509.load_der_x509_certificate(OWN).public_bytes(serialization.Encoding.PEM)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(known)
    assert thumbprint(OWN) == base64.urlsafe_b64encode(digest.finalize()).decode()
