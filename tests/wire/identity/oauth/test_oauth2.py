"""OAuth 2's token endpoint, and tokens that come as it has them."""

import base64
import datetime
import urllib.parse

import pytest

PATH = '/OS-OAUTH2/token'
FORM = 'application/x-www-form-urlencoded'
GRANT = {'grant_type': 'client_credentials'}
FAILED = (401, 'invalid_client', 'Client authentication failed.')
UNSCOPED = (401, 'invalid_client', 'The request you have made requires authentication.')


@pytest.fixture
def credential(cloud, member):
    """Bob's application credential."""
    return _credential(cloud, member)


def _credential(cloud, member, **more):
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': f'c{len(more)}', **more}}, member['token'])
    assert made.status == 201, made.data
    return made.json['application_credential']


def basic(name, secret):
    return 'Basic ' + base64.b64encode(f'{name}:{secret}'.encode()).decode()


@pytest.fixture
def ask(cloud):
    """The answer to asking with a form, and the id and secret by HTTP's Basic."""

    def post(form, name=None, secret=None, content_type=FORM):
        data = form if isinstance(form, bytes) else urllib.parse.urlencode(form).encode()
        told = {'authorization': basic(name, secret)} if name is not None else {}
        return cloud('POST', PATH, data, '', content_type=content_type, **told)

    return post


def said(answer):
    return answer.status, answer.json['error'], answer.json['error_description']


def test_a_credential_gives_a_token(cloud, member, credential, ask):
    answer = ask(GRANT, credential['id'], credential['secret'])
    assert answer.status == 200 and answer.headers['Content-Type'] == 'application/json'
    assert (answer.headers['Cache-Control'], answer.headers['Pragma']) == ('no-store', 'no-cache')
    body = answer.json
    assert sorted(body) == ['access_token', 'expires_in', 'token_type']
    assert (body['token_type'], body['expires_in']) == ('Bearer', 3600)
    token = body['access_token']
    shown = cloud('GET', '/auth/tokens', x_subject_token=token).json['token']
    assert shown['application_credential']['id'] == credential['id']
    assert shown['methods'] == ['application_credential'] and shown['project']['id'] == member['project']['id']


def test_a_form_may_hold_the_credential(credential, ask):
    told = {'client_id': credential['id'], 'client_secret': credential['secret']}
    assert ask({**GRANT, **told}).status == 200
    # What stands in the header goes before it.
    assert said(ask({**GRANT, **told}, credential['id'], 'wrong')) == UNSCOPED


def test_a_token_ends_with_its_credential(cloud, member, ask):
    ends = cloud.parts.extra['identity'].now() + datetime.timedelta(seconds=600)
    made = _credential(cloud, member, expires_at=ends.isoformat())
    assert 0 < ask(GRANT, made['id'], made['secret']).json['expires_in'] <= 600


@pytest.mark.parametrize(
    'form, expected',
    [
        ({}, (400, 'invalid_request', 'The parameter grant_type is required.')),
        (b'', (400, 'invalid_request', 'The parameter grant_type is required.')),
        (b'%', (400, 'invalid_request', 'The parameter grant_type is required.')),
        (b'\xff=\xff', (400, 'invalid_request', 'The parameter grant_type is required.')),
        (b'a=1&' * 1000, (400, 'invalid_request', 'The parameter grant_type is required.')),
        ({'grant_type': ''}, (400, 'unsupported_grant_type', 'The parameter grant_type  is not supported.')),
        (
            {'grant_type': 'password'},
            (400, 'unsupported_grant_type', 'The parameter grant_type password is not supported.'),
        ),
        (GRANT, FAILED),
        ({**GRANT, 'client_id': 'x'}, FAILED),
        ({**GRANT, 'client_secret': 'x'}, FAILED),
    ],
    ids=str,
)
def test_what_is_no_grant_is_told_so(ask, form, expected):
    answer = ask(form)
    assert said(answer) == expected
    assert answer.headers['Cache-Control'] == 'no-store'
    assert ('WWW-Authenticate' in answer.headers) == (answer.status == 401)


def test_a_body_that_is_no_form_is_none(credential, ask):
    for media in ('application/json', 'text/plain', ''):
        assert ask(GRANT, credential['id'], credential['secret'], media).status == 400


def test_a_wrong_client_gets_nothing(cloud, member, credential, ask):
    assert said(ask(GRANT, credential['id'], 'wrong')) == UNSCOPED
    assert said(ask(GRANT, 'nobody', credential['secret'])) == UNSCOPED
    assert said(ask(GRANT, '', '')) == FAILED
    for odd in ('Basic', 'Basic !', 'Basic eHg', 'Bearer x', 'OAuth x'):
        answer = cloud('POST', PATH, b'grant_type=client_credentials', '', content_type=FORM, authorization=odd)
        assert said(answer) == FAILED
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': False}})
    assert said(ask(GRANT, credential['id'], credential['secret'])) == UNSCOPED


def test_a_body_without_end_is_refused(cloud):
    assert cloud('POST', PATH, b'grant_type=' + b'x' * 200_000, '', content_type=FORM).status == 413


@pytest.mark.parametrize('method', ['GET', 'PUT', 'PATCH', 'DELETE'])
def test_other_methods_are_refused_in_oauths_words(cloud, method):
    answer = cloud(method, PATH, None, '')
    assert said(answer) == (405, 'other_error', 'The method is not allowed for the requested URL.')
    assert answer.headers['Allow'] == 'POST'


def test_a_token_may_come_as_a_bearer(cloud, member, credential, ask):
    token = ask(GRANT, credential['id'], credential['secret']).json['access_token']
    for scheme in ('Bearer', 'bearer'):
        answer = cloud('GET', '/auth/projects', None, '', authorization=f'{scheme} {token}')
        assert answer.status == 200
        assert [row['name'] for row in answer.json['projects']] == ['lab']
    for odd in (f'Basic {token}', f'Bearer{token}', 'Bearer', 'Bearer ', f'Bearer {token} x', f'Bearer {token[:-2]}'):
        assert cloud('GET', '/auth/projects', None, '', authorization=odd).status == 401
    # X-Auth-Token goes before it, be it good or bad.
    assert cloud('GET', '/auth/projects', None, 'bad', authorization=f'Bearer {token}').status == 401
    mine = cloud('GET', '/auth/projects', None, cloud.token, authorization=f'Bearer {token}').json['projects']
    assert [row['name'] for row in mine] == ['admin']
    # It ends as it would otherwise.
    path = f'/users/{member["user"]["id"]}/application_credentials/{credential["id"]}'
    assert cloud('DELETE', path, None, member['token']).status == 204
    assert cloud('GET', '/auth/projects', None, '', authorization=f'Bearer {token}').status == 401
