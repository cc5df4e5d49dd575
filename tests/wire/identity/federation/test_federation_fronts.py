"""How an assertion arrives through a web server that is trusted, forged as often as not, and how a browser goes on."""

import urllib.parse

import pytest

from nimbus.api.identity.tokens import tokens
from nimbus.common import errors
from nimbus.identity.federation.trusted_proxy import TrustedProxy
from tests.wire.identity import idp as idps

HERE = '/auth' + idps.AUTH.format('acme', 'openid').removesuffix('auth') + 'websso'


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


def test_a_trusted_front_may_hand_on_the_token_it_checked(idp):
    """It goes by the attributes then, and by the token where it tells none."""
    assert idp.front(authorization='Bearer opaque').json['token']['user']['name'] == 'alice'
    sent = {'x_federation_secret': idps.SECRET}
    assert idp.login(idp.token(name='carol', sub='c'), **sent).json['token']['user']['name'] == 'carol'
    assert idp.login('opaque', **sent).status == 401


def test_a_front_is_known_by_its_address_too(idp, cloud):
    idp.configure(trusted_front_secret='', trusted_front_addresses=('192.0.2.0/24', '2001:db8::1'))
    assert idp.front().status == 401

    def known(peer, **more):
        front = TrustedProxy('HTTP_OIDC_', addresses=('192.0.2.0/24', '2001:db8::1'), **more)
        return front.attributes(idps.login.Asked('POST', '', {'Oidc-Name': 'alice', 'Other': 'x'}, peer))

    assert known('192.0.2.7') == known('::ffff:192.0.2.7') == known('2001:db8::1') == {'HTTP_OIDC_NAME': 'alice'}
    assert known('198.51.100.1') is known('') is known('192.0.2.7, 10.0.0.1') is None
    assert known('192.0.2.7', secret='both') is None


def test_attributes_may_be_called_as_a_module_of_apache_calls_them():
    front = TrustedProxy('MELLON_', 's')
    asked = idps.login.Asked('GET', '', {'Mellon-Name-Id': 'x', 'X-Federation-Secret': 's', 'Melon': 'y'})
    assert front.attributes(asked) == {'MELLON_NAME_ID': 'x'}


def test_a_header_with_an_underscore_is_not_the_one_with_a_hyphen(idp):
    """A front removes what clients send under the names it knows; CGI has one name for two spellings."""

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
        TrustedProxy(**values)


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
    text = page(idp.front('GET', f'{HERE}?origin={urllib.parse.quote(evil, "")}'))
    assert (
        '<script>' not in text and text.startswith('<p>https://dash.example/?a=&quot;&gt;') and text.endswith('|$5</p>')
    )
    own.unlink()
    assert idp.front('GET', f'{HERE}?origin={urllib.parse.quote(evil, "")}').status == 503


def test_a_provider_that_nobody_knows_is_told_so(cloud, idp):
    path = f'/auth/OS-FEDERATION/websso/openid?origin={idps.DASHBOARD}'
    assert idp.front('GET', path, oidc_iss='https://unknown').status == 404
    assert idp.front('GET', path, oidc_iss='').status == 401
    assert idp.front('GET', path.replace('openid', 'none')).status == 401
