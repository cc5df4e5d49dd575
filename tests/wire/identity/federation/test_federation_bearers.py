"""How an assertion arrives as a token: whose signature counts, for whom and until when."""

import threading

import jwt
import pytest

from nimbus.common import errors
from nimbus.identity.federation import bearer
from nimbus.identity.settings.issuers import Trusted
from tests.wire.identity import idp as idps

OTHER = idps.rsa_key()


def test_tokens_are_signed_with_either_kind_of_key(idp):
    assert idp.login(idp.token()).status == 201
    assert idp.login(idp.token(idps.EC, 'ES256', {'kid': 'two'})).status == 201
    assert idp.login(idp.token(headers={})).status == 201  # no key id: whichever fits


def test_a_token_may_be_for_several(idp):
    assert idp.login(idp.token(aud=['others', idps.AUDIENCE])).status == 201


@pytest.mark.parametrize(
    'claims',
    [
        {'iss': 'https://evil.example'},
        {'iss': None},
        {'iss': [idps.ISSUER]},
        {'aud': 'another'},
        {'aud': None},
        {'aud': []},
        {'exp': 1},
        {'exp': None},
        {'exp': 'soon'},
        {'exp': True},
        {'nbf': 32503680000},
        {'iat': 32503680000},
    ],
)
def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(cloud, idp, claims):
    answer = idp.login(idp.token(**claims) if 'iss' not in claims or not isinstance(claims['iss'], list) else 'x.y.z')
    assert answer.status == 401
    assert 'not one that this identity provider signed' in answer.json['error']['message']
    assert cloud('GET', '/users?name=alice').json['users'] == []


def test_clocks_may_be_a_little_apart(idp):
    now = idp.claims()['iat']
    assert idp.login(idp.token(exp=now - 20)).status == idp.login(idp.token(nbf=now + 20)).status == 201
    assert idp.login(idp.token(exp=now - 31)).status == idp.login(idp.token(nbf=now + 35)).status == 401


def test_nobody_else_signs(idp):
    assert idp.login(idp.token(OTHER)).status == 401
    assert idp.login(idp.token(OTHER, headers={})).status == 401
    assert idp.login(idps.unsigned(idp.claims())).status == 401
    good = idp.token()
    head, body, signature = good.split('.')
    other = idp.token(name='admin').split('.')[1]
    for text in (f'{head}.{other}.{signature}', f'{head}.{body}.', f'{head}.{body}', good[:-4], good + 'A' * 20000, ''):
        assert idp.login(text).status == 401


@pytest.mark.parametrize('algorithm', ['HS256', 'RS384', 'PS256'])
def test_only_the_algorithms_of_the_configuration_count(idp, algorithm):
    """A public key is no shared secret, whatever a header says."""
    key = idps.RSA
    if algorithm == 'HS256':
        key = 'x' * 64
    assert idp.login(idp.token(key, algorithm)).status == 401


def test_a_public_key_is_not_taken_for_a_secret(idp):
    from cryptography.hazmat.primitives import hashes, hmac, serialization

    pem = idps.RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    body = '.'.join(idp.token(headers={'kid': 'one', 'alg': 'HS256'}, key='k' * 64, algorithm='HS256').split('.')[:2])
    signature = hmac.HMAC(pem, hashes.SHA256())
    signature.update(body.encode())
    forged = f'{body}.{jwt.utils.base64url_encode(signature.finalize()).decode()}'
    assert idp.login(forged).status == 401


def test_a_token_decides_nothing_about_keys(idp):
    """Not where they are, nor which."""
    for headers in (
        {'jku': 'http://127.0.0.1:1/keys'},
        {'jwk': idps.jwk(OTHER)},
        {'x5u': 'http://127.0.0.1:1/cert'},
        {'kid': '../../etc/passwd'},
        {'kid': 'one', 'crit': ['exp']},
    ):
        assert idp.login(idp.token(OTHER, headers=headers)).status == 401
    assert idp.login(idp.token(headers={'kid': 'one', 'crit': ['exp']})).status == 401


def test_weak_and_private_keys_are_no_keys(idp):
    weak = idps.rsa_key(1024)
    idp.keys(idps.jwk(weak, kid='one'), idps.jwk(OTHER, kid='spare'))
    idp.configure()
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = idp.token(weak)
    assert idp.login(token).status == 401
    private = jwt.algorithms.RSAAlgorithm.to_jwk(idps.RSA, as_dict=True)
    idp.keys({**private, 'kid': 'one'}, idps.jwk(OTHER, kid='spare'))
    idp.configure()
    assert idp.login(idp.token()).status == 401
    idp.keys(idps.jwk(idps.RSA, kid='one', use='enc'), idps.jwk(OTHER, kid='spare'))
    idp.configure()
    assert idp.login(idp.token()).status == 401


def test_the_issuer_must_be_one_of_the_providers_names(cloud, idp):
    body = {'identity_provider': {'enabled': True, 'remote_ids': ['https://other']}}
    assert cloud('PUT', '/OS-FEDERATION/identity_providers/other', body).status == 201
    path = '/OS-FEDERATION/identity_providers/other/protocols/openid'
    assert cloud('PUT', path, {'protocol': {'mapping_id': 'acme'}}).status == 201
    assert idp.login(idp.token(), 'other').status == 401
    idp.set(remote_ids=[])
    assert idp.login(idp.token()).status == 401


def test_without_a_configured_issuer_no_token_is_believed(idp):
    idp.configure(issuers=())
    assert idp.login(idp.token()).status == 401


def test_a_semicolon_in_a_claim_separates_nothing(cloud, idp):
    """A user who may choose a claim's value must not choose its neighbours with it."""
    cloud.make('group', name='admins')
    answer = idp.login(idp.token(groups=['devs;admins']))
    assert answer.json['token']['user']['OS-FEDERATION']['groups'] == []


def test_claims_have_the_names_that_mappings_know():
    told = {'given-name': 'a', 'n': 7, 'yes': True, 'no': False, 'o': {'b': [1]}, 'l': ['x', 2, None], 'nil': None}
    assert bearer.assertion({**told, 'a b': 'x', 'a_b': 'y'}) == {
        'HTTP_OIDC_GIVEN_NAME': ['a'],
        'HTTP_OIDC_N': ['7'],
        'HTTP_OIDC_YES': ['1'],
        'HTTP_OIDC_NO': ['0'],
        'HTTP_OIDC_O': ['{"b":[1]}'],
        'HTTP_OIDC_L': ['x', '2'],
    }


@pytest.mark.parametrize(
    'values',
    [
        {'issuer': ''},
        {'audience': ()},
        {'jwks_file': ''},
        {'jwks_url': 'https://x'},
        {'jwks_file': '', 'jwks_url': 'http://idp.example/keys'},
        {'jwks_file': '', 'jwks_url': 'file:///etc/passwd'},
        {'algorithms': ('none',)},
        {'algorithms': ('HS256',)},
        {'algorithms': ()},
    ],
)
def test_an_issuer_is_configured_whole_or_not_at_all(values):
    good = {'name': 'x', 'issuer': 'https://idp', 'audience': ('us',), 'jwks_file': '/keys'}
    Trusted(**good)
    with pytest.raises(errors.Invalid, match=r'\[openid:x\]'):
        Trusted(**{**good, **values})


class Stopped:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.at = 1000.0

    def monotonic(self):
        return self.at


def test_keys_are_asked_for_again_only_now_and_then():
    clock, asked, published = Stopped(), [], [idps.jwk(idps.RSA, kid='one')]

    def ask():
        asked.append(clock.at)
        if published is None:
            raise OSError('away')
        return idps.json.dumps({'keys': published}).encode()

    keys = bearer.Keys(ask, 'x', clock)
    assert len(keys.fitting('one', 'RS256')) == 1 and len(asked) == 1
    for number in range(100):
        assert keys.fitting(f'made up {number}', 'RS256') == []
    assert len(asked) == 1
    clock.at += bearer.AGAIN
    published.append(idps.jwk(OTHER, kid='new'))
    assert len(keys.fitting('new', 'RS256')) == 1 and len(asked) == 2
    assert keys.fitting('one', 'ES256') == []
    clock.at += bearer.LIFE
    published = None
    assert len(keys.fitting('one', 'RS256')) == 1 and len(asked) == 3  # what was known serves on


@pytest.mark.parametrize('told', [b'', b'{}', b'[]', b'{"keys": 7}', b'{"keys": [{}]}', b'x' * (bearer.MAX_SET + 1)])
def test_what_is_no_set_of_keys_is_none(told):
    assert bearer.Keys(lambda: told, 'x', Stopped()).fitting(None, 'RS256') == []


def test_keys_are_fetched_where_the_configuration_says_and_nowhere_else(tmp_path):
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == '/moved':
                self.send_response(302)
                self.send_header('Location', '/keys')
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(idps.json.dumps({'keys': [idps.jwk(idps.RSA, kid='one')]}).encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(('127.0.0.1', 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            at = f'http://127.0.0.1:{server.server_port}'
            found = [
                bearer.Keys(lambda u=url: bearer.fetch(u), 'x').fitting('one', 'RS256')
                for url in (f'{at}/keys', f'{at}/moved')
            ]
        finally:
            server.shutdown()
            thread.join()
    assert [len(keys) for keys in found] == [1, 0]
