"""How an assertion arrives: tokens that an issuer signed, and headers of a web server that is trusted; nothing else."""

import pathlib
import threading

import jwt
import pytest

from nimbus.common import errors
from nimbus.identity.federation import bearer
from nimbus.identity.federation.front import Front
from nimbus.identity.federation.issuers import Trusted
from tests.wire.identity import idp as idps

OTHER = idps.rsa_key()
PATH = idps.AUTH.format('acme', 'openid')
HERE = '/auth' + PATH.removesuffix('auth') + 'websso'


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
    seal = hmac.HMAC(pem, hashes.SHA256())
    seal.update(body.encode())
    forged = f'{body}.{jwt.utils.base64url_encode(seal.finalize()).decode()}'
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


def test_a_trusted_front_tells_who_a_user_is(idp):
    answer = idp.front()
    assert answer.status == 201 and answer.json['token']['user']['name'] == 'alice'
    assert idp.front(oidc_name='Zoë'.encode().decode('latin-1')).json['token']['user']['name'] == 'Zoë'


@pytest.mark.parametrize('secret', ['', 'guess', idps.SECRET[:-1], idps.SECRET + 'x'])
def test_a_client_that_forges_the_headers_is_nobody(cloud, idp, secret):
    answer = idp.front(x_federation_secret=secret)
    assert answer.status == 401 and 'There is no assertion' in answer.json['error']['message']
    for method in ('GET', 'POST'):
        assert idp.front(method, f'{HERE}?origin={idps.DASHBOARD}', x_federation_secret=secret).status == 401
        path = f'/auth/OS-FEDERATION/websso/openid?origin={idps.DASHBOARD}'
        assert idp.front(method, path, x_federation_secret=secret).status == 401
    assert cloud('GET', '/users?name=alice').json['users'] == []


def test_by_default_no_header_is_an_attribute(cloud, idp):
    idp.configure(assertion_prefix='', trusted_front_secret='')
    assert idp.front().status == 401
    auth = {'identity': {'methods': ['mapped'], 'mapped': {'identity_provider': 'acme', 'protocol': 'openid'}}}
    forged = {'oidc_name': 'alice', 'oidc_sub': 'x', 'oidc_groups': 'g', 'oidc_iss': idps.ISSUER}
    assert cloud('POST', '/auth/tokens', {'auth': auth}, '', **forged, remote_user='alice').status == 401


def test_headers_beside_a_token_are_passed_over(idp):
    """Who is somebody by a token is not somebody else by the headers sent along."""
    token = idp.token(name='carol', sub='c')
    answer = idp.login(token, oidc_name='admin', oidc_sub='alice-7', x_federation_secret='wrong')
    assert answer.json['token']['user']['name'] == 'carol'


def test_a_front_is_known_by_its_address_too(idp, cloud):
    idp.configure(trusted_front_secret='', trusted_front_addresses=('192.0.2.0/24', '2001:db8::1'))
    assert idp.front().status == 401

    def known(peer, **more):
        front = Front('HTTP_OIDC_', addresses=('192.0.2.0/24', '2001:db8::1'), **more)
        return front.attributes(idps.login.Asked('POST', '', {'Oidc-Name': 'alice', 'Other': 'x'}, peer))

    assert known('192.0.2.7') == known('::ffff:192.0.2.7') == known('2001:db8::1') == {'HTTP_OIDC_NAME': 'alice'}
    assert known('198.51.100.1') is known('') is known('192.0.2.7, 10.0.0.1') is None
    assert known('192.0.2.7', secret='both') is None


def test_attributes_may_be_called_as_a_module_of_apache_calls_them():
    front = Front('MELLON_', 's')
    asked = idps.login.Asked('GET', '', {'Mellon-Name-Id': 'x', 'X-Federation-Secret': 's', 'Melon': 'y'})
    assert front.attributes(asked) == {'MELLON_NAME_ID': 'x'}


def test_a_header_with_an_underscore_is_not_the_one_with_a_hyphen(idp):
    """A front removes what clients send under the names it knows; CGI has one name for two spellings."""
    from nimbus.api.identity import tokens

    class Call:
        environ = {
            'REQUEST_METHOD': 'GET',
            'HTTP_OIDC_NAME': 'admin,alice',
            'HTTP_OIDC_SUB': 'a',
            'headers_raw': (('OIDC-Name', 'alice'), ('OIDC_NAME', 'admin'), ('OIDC-Sub', 'a')),
        }
        root_url = path = ''

    assert tokens.asked(Call()).headers == {'Oidc-Sub': 'a'}


@pytest.mark.parametrize(
    'values',
    [
        {'prefix': 'HTTP_OIDC_'},
        {'secret': 'x'},
        {'addresses': ('192.0.2.1',)},
        {'prefix': 'X', 'addresses': ('host',)},
        {'prefix': 'X', 'addresses': ('192.0.2.1/24',)},
    ],
)
def test_a_front_is_configured_whole_or_not_at_all(values):
    with pytest.raises(errors.Invalid, match='federation'):
        Front(**values)


def test_an_assertion_tells_which_provider_it_is_from(cloud, idp):
    assert idp.front(oidc_iss='https://evil.example').status == 403
    assert idp.front(oidc_iss='').status == 401
    path = '/OS-FEDERATION/identity_providers/acme/protocols/openid'
    body = {'protocol': {'mapping_id': 'acme', 'remote_id_attribute': 'HTTP_OIDC_FROM'}}
    assert cloud('PATCH', path, body).status == 200
    assert idp.front().status == 401
    assert idp.front(oidc_from=idps.ISSUER).status == 201


def page(answer):
    assert answer.status == 200, answer.data
    assert answer.headers['Content-Type'].startswith('text/html') and answer.headers['Cache-Control'] == 'no-store'
    return answer.data.decode()


@pytest.mark.parametrize('path', [HERE, '/auth/OS-FEDERATION/websso/openid'])
@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_a_browser_is_sent_to_the_dashboard_with_a_token(cloud, idp, path, method):
    text = page(idp.front(method, f'{path}?origin={idps.DASHBOARD}'))
    assert f'action="{idps.DASHBOARD}"' in text and 'method="post"' in text
    token = text.split('id="token" value="')[1].split('"')[0]
    assert cloud('GET', '/auth/tokens', x_subject_token=token).json['token']['user']['name'] == 'alice'


@pytest.mark.parametrize('path', [HERE, '/auth/OS-FEDERATION/websso/openid'])
def test_a_token_is_sent_to_no_other_dashboard(cloud, idp, path):
    for origin in ('https://evil.example/', idps.DASHBOARD + 'x', 'https://dash.example', '\'"><script>'):
        answer = idp.front('GET', f'{path}?origin={origin}')
        assert answer.status == 401 and b'<' not in answer.data.replace(b'"\'\\"><script>', b'')
    assert idp.front('GET', path).status == idp.front('GET', f'{path}?origin=').status == 400
    assert cloud('GET', '/users?name=alice').json['users'] == []


def test_a_dashboard_is_quoted_or_spelt_with_capitals(idp):
    idp.configure(trusted_dashboard=('https://Dash.Example/auth/websso/',))
    quoted = idps.DASHBOARD.replace(':', '%3A').replace('/', '%2F')
    for origin in (quoted, quoted.replace('%', '%25')):
        page(idp.front('GET', f'{HERE}?origin={origin}'))


def test_what_goes_into_the_page_is_escaped(idp, tmp_path):
    evil = 'https://dash.example/?a="><script>alert(1)</script>'
    own = tmp_path / 'page.html'
    own.write_text('<p>$host|$token|$5</p>')
    idp.configure(trusted_dashboard=(evil,), sso_callback_template=str(own))
    text = page(idp.front('GET', f'{HERE}?origin={idps_quote(evil)}'))
    assert (
        '<script>' not in text and text.startswith('<p>https://dash.example/?a=&quot;&gt;') and text.endswith('|$5</p>')
    )
    own.unlink()
    assert idp.front('GET', f'{HERE}?origin={idps_quote(evil)}').status == 503


def idps_quote(text):
    import urllib.parse

    return urllib.parse.quote(text, '')


def test_a_provider_that_nobody_knows_is_told_so(cloud, idp):
    path = f'/auth/OS-FEDERATION/websso/openid?origin={idps.DASHBOARD}'
    assert idp.front('GET', path, oidc_iss='https://unknown').status == 404
    assert idp.front('GET', path, oidc_iss='').status == 401
    assert idp.front('GET', path.replace('openid', 'none')).status == 401
    assert pathlib.Path(idp.jwks).exists()
