"""OAuth 1 over HTTP: consumers, what they ask for and are given, and logging in with it."""

import re

import pytest
import sqlalchemy as sa

from nimbus.identity.models_oauth import AccessToken, Consumer, RequestToken
from tests.wire.identity.oauth_party import ASK, EXCHANGE, LOGIN, Party, consumer

CONSUMERS = '/OS-OAUTH1/consumers'
HEX = re.compile('[0-9a-f]{32}')


@pytest.fixture
def party(cloud) -> Party:
    return consumer(cloud, description='a portal')


@pytest.fixture
def project(cloud):
    return cloud('GET', '/projects?name=admin').json['projects'][0]


@pytest.fixture
def admin(cloud):
    return cloud('GET', '/users?name=admin').json['users'][0]


def message(answer):
    return answer.status, answer.json['error']['message']


def alive(cloud, token):
    return cloud('GET', '/auth/projects', token=token).status == 200


def test_a_consumers_secret_is_shown_once(cloud):
    told = {'description': 'a portal', 'home-page': 'http://x', 'a:b': 1, 'id': 'mine', 'secret': 'chosen'}
    answer = cloud('POST', CONSUMERS, {'consumer': told})
    made = answer.json['consumer']
    assert answer.status == 201 and HEX.fullmatch(made['secret']) and HEX.fullmatch(made['id'])
    assert made['links'] == {'self': f'http://cloud{CONSUMERS}/{made["id"]}'}
    del made['secret']
    assert cloud('GET', f'{CONSUMERS}/{made["id"]}').json['consumer'] == made
    assert made == {
        'id': made['id'],
        'description': 'a portal',
        'home_page': 'http://x',
        'a_b': 1,
        'links': made['links'],
    }
    listed = cloud('GET', CONSUMERS).json
    assert listed['consumers'] == [made]
    assert listed['links'] == {'self': f'http://cloud{CONSUMERS}', 'next': None, 'previous': None}


def test_a_consumer_may_be_made_of_nothing(cloud):
    for body in ({'consumer': {}}, {}, None, {'consumer': {'description': None}}):
        answer = cloud('POST', CONSUMERS, body)
        assert answer.status == 201 and answer.json['consumer']['description'] is None
    assert cloud('POST', CONSUMERS, {'consumer': {'description': 7}}).status == 400
    assert cloud('POST', CONSUMERS, {'consumer': []}).status == 400


def test_of_a_consumer_only_what_describes_it_changes(cloud):
    party = consumer(cloud, description='one', kept='k')
    path = f'{CONSUMERS}/{party.id}'
    answer = cloud('PATCH', path, {'consumer': {'description': 'two', 'more-of': 'it', 'id': party.id}})
    assert answer.status == 200
    shown = answer.json['consumer']
    assert shown == cloud('GET', path).json['consumer']
    assert (shown['description'], shown['kept'], shown['more_of']) == ('two', 'k', 'it') and 'secret' not in shown
    for bad in ({'secret': 'x'}, {}, {'description': 7}, {'id': 'other'}):
        assert cloud('PATCH', path, {'consumer': bad}).status == 400
    assert cloud('PATCH', path, {}).status == 400
    assert party.post(ASK, None, {'requested_project_id': 'nowhere'}, callback_uri='oob').status == 404


def test_a_consumer_that_is_not_there_is_not_found(cloud):
    path = f'{CONSUMERS}/{"0" * 32}'
    for method, body in (('GET', None), ('PATCH', {'consumer': {'description': 'x'}}), ('DELETE', None)):
        assert message(cloud(method, path, body)) == (404, 'Consumer not found')


def test_a_consumer_is_given_what_a_user_lends(cloud, party, project, admin):
    asked = party.ask(project)
    assert sorted(asked) == ['oauth_expires_at', 'oauth_token', 'oauth_token_secret']
    agreed = party.authorize(asked, [{'name': 'reader'}])
    assert agreed.status == 200 and list(agreed.json['token']) == ['oauth_verifier']
    verifier = agreed.json['token']['oauth_verifier']
    assert len(verifier) == 8 and not set(verifier) & set('jiIl1oO0')
    access = party.read(party.exchange(asked, verifier))
    assert sorted(access) == ['oauth_expires_at', 'oauth_token', 'oauth_token_secret']
    path = f'/users/{admin["id"]}/OS-OAUTH1/access_tokens'
    shown = cloud('GET', f'{path}/{access["oauth_token"]}').json['access_token']
    link = f'http://cloud{path}/{access["oauth_token"]}'
    assert shown == {
        'id': access['oauth_token'],
        'consumer_id': party.id,
        'authorizing_user_id': admin['id'],
        'project_id': project['id'],
        'expires_at': access['oauth_expires_at'],
        'links': {'self': link, 'roles': f'{link}/roles'},
    }
    assert cloud('GET', path).json['access_tokens'] == [shown]
    reader = cloud.role('reader')
    lent = cloud('GET', f'{path}/{shown["id"]}/roles').json['roles']
    assert [(role['id'], role['name']) for role in lent] == [(reader, 'reader')] and 'description' not in lent[0]
    assert cloud('GET', f'{path}/{shown["id"]}/roles/{reader}').json['role'] == lent[0]
    assert cloud('GET', f'{path}/{shown["id"]}/roles/{cloud.role("admin")}').status == 404
    # It is spent.
    assert message(party.exchange(asked, verifier)) == (404, 'Request token not found')
    assert message(party.authorize(asked, [])) == (404, 'Request token not found')


def test_a_login_with_an_access_token_has_its_project_and_roles(cloud, party, project, admin):
    """OSSA-2020-005: only the roles that were authorized, whatever else the user has and the login asks for."""
    access = party.access(project, 'reader')
    other = cloud.make('project', name='other')
    for scope in (None, {'project': {'id': other['id']}}, {'system': {'all': True}}, 'unscoped'):
        answer = party.login(access, {'scope': scope} if scope else {})
        assert answer.status == 201, answer.data
        body = answer.json['token']
        assert body['methods'] == ['oauth1'] and body['user']['id'] == admin['id']
        assert body['project']['id'] == project['id'] and 'system' not in body
        assert [role['name'] for role in body['roles']] == ['reader']
        assert body['OS-OAUTH1'] == {'access_token_id': access['oauth_token'], 'consumer_id': party.id}
        assert body['catalog']
        token = answer.headers['X-Subject-Token']
        assert cloud('GET', '/auth/tokens', x_subject_token=token).json['token'] == body
        assert cloud('GET', '/services', token=token).status == 403
        assert alive(cloud, token)


def test_what_a_lent_role_implies_is_lent(cloud, party, project):
    names = {role['name'] for role in party.login(party.access(project, 'member')).json['token']['roles']}
    assert names == {'member', 'reader'}


def test_roles_are_told_by_id_or_name_and_must_be_the_users_own(cloud, party, project):
    asked = party.ask(project)
    assert message(party.authorize(asked, [{'name': 'nonesuch'}])) == (404, 'Could not find role: nonesuch.')
    own = cloud.make('role', name='somebody elses')
    for told in ({'name': own['name']}, {'id': own['id']}, {'id': '0' * 32}):
        assert message(party.authorize(asked, [told])) == (401, 'authorizing user does not have role required')
    for bad in ([{'id': 'x', 'name': 'y'}], [{}], ['reader'], 'reader', [{'what': 'x'}]):
        assert party.authorize(asked, bad).status == 400
    assert party.authorize(asked, [{'id': cloud.role('member')}, {'name': 'reader'}]).status == 200
    # Who agreed to nothing lends nothing.
    verifier = party.authorize(asked, []).json['token']['oauth_verifier']
    access = party.read(party.exchange(asked, verifier))
    assert party.login(access).status == 401


def test_only_an_administrator_of_a_project_agrees(cloud, member, party, project):
    asked = party.ask(project)
    assert party.authorize(asked, [{'name': 'reader'}], member['token']).status == 403
    assert party.authorize(asked, [], '').status == 401
    # The roles are those on the project that is asked for, wherever the token is scoped to.
    asked = party.ask(member['project'])
    assert party.authorize(asked, [{'name': 'reader'}]).status == 401


def test_asking_says_what_is_missing(cloud, party, project):
    told = {'requested_project_id': project['id']}
    missing = 'Expecting to find {} in request. The server could not comply with the request since it is either'.format

    def said(path, authorization, **headers):
        sent = {'authorization': authorization} if authorization else {}
        answer = cloud('POST', path, None, '', **sent, **headers)
        assert answer.status == 400, answer.data
        return answer.json['error']['message']

    for path in (ASK, EXCHANGE):
        for none in (None, 'Basic eHg6eHg=', 'OAuth', 'OAuth nonsense', 'Bearer x'):
            assert said(path, none, **told).startswith(missing('OAuth in the Authorization header'))
        assert said(path, 'OAuth oauth_token="x"', **told).startswith(missing('oauth_consumer_key'))
    assert said(ASK, party.signed(ASK, callback_uri='oob')).startswith(missing('Requested-Project-Id'))
    assert said(EXCHANGE, party.signed(EXCHANGE)).startswith(missing('oauth_token'))
    assert said(EXCHANGE, party.signed(EXCHANGE, resource_owner_key='a' * 32)).startswith(missing('oauth_verifier'))
    assert party.post(ASK, None, {'requested_project_id': '0' * 32}, callback_uri='oob').status == 404
    stranger = Party(cloud, '0' * 32, 'x')
    assert message(stranger.post(ASK, None, told, callback_uri='oob')) == (404, 'Consumer not found')


@pytest.mark.parametrize(
    'more, why',
    [
        ({'timestamp': '1000000000'}, 'Timestamp given is invalid, differ from allowed by over 600 seconds.'),
        ({'timestamp': '1'}, 'Invalid timestamp size'),
        ({'timestamp': 'abcdefghij'}, 'Timestamp must be an integer.'),
        ({'nonce': 'not hexadecimal'}, 'Invalid nonce format.'),
        ({'callback_uri': None}, 'Missing callback URI.'),
        ({'signature_method': 'PLAINTEXT'}, "Invalid signature, PLAINTEXT not in ('HMAC-SHA1', 'HMAC-SHA256', "),
    ],
    ids=str,
)
def test_a_request_that_breaks_oauth_is_told_how(party, project, more, why):
    answer = party.post(ASK, None, {'requested_project_id': project['id']}, **{'callback_uri': 'oob', **more})
    status, said = message(answer)
    assert status == 400 and said.startswith('Validation failed with errors: inval')
    assert f'detail message is: {why}' in said


def test_a_wrong_signature_gets_nothing(cloud, party, project):
    told = {'requested_project_id': project['id']}
    liar = Party(cloud, party.id, 'wrong')
    assert message(liar.post(ASK, None, told, callback_uri='oob')) == (401, 'Invalid signature')
    # What is signed is this method, this host and this path with its query.
    for path in (EXCHANGE, f'{ASK}?more=1'):
        header = party.signed(path, callback_uri='oob')
        assert message(cloud('POST', ASK, None, '', authorization=header, **told)) == (401, 'Invalid signature')
    header = party.signed(f'{ASK}?more=1', callback_uri='oob')
    assert cloud('POST', f'{ASK}?more=1', None, '', authorization=header, **told).status == 201
    for query in ('?%', '?a b', '?\xff'):
        assert cloud('POST', ASK + query, None, '', authorization=header, **told).status == 401
    header = party.signed(ASK, callback_uri='oob')
    for host in ('elsewhere', 'cloud:x', '['):
        answer = cloud('POST', ASK, None, '', authorization=header, host=host, **told)
        assert message(answer) == (401, 'Invalid signature')


def test_an_exchange_needs_the_right_consumer_secret_and_verifier(cloud, party, project):
    asked = party.ask(project)
    agreed = party.authorize(asked, [{'name': 'reader'}]).json['token']['oauth_verifier']
    other = consumer(cloud)
    mismatch = 'Provided consumer key does not match stored consumer key.'
    assert message(other.exchange(asked, agreed)) == (401, mismatch)
    stranger = Party(cloud, '0' * 32, party.secret)
    assert message(stranger.exchange(asked, agreed)) == (401, 'Provided consumer does not exist.')
    wrong = 'Provided verifier does not match stored verifier'
    assert message(party.exchange(asked, 'AAAAAAAA' if agreed != 'AAAAAAAA' else 'BBBBBBBB')) == (401, wrong)
    assert party.exchange(asked, 'short').status == 400
    assert message(Party(cloud, party.id, 'x').exchange(asked, agreed)) == (401, 'Invalid signature')
    assert message(party.exchange({**asked, 'oauth_token_secret': 'x'}, agreed)) == (401, 'Invalid signature')
    assert message(party.exchange({**asked, 'oauth_token': '0' * 32}, agreed)) == (404, 'Request token not found')
    assert party.exchange(asked, agreed).status == 201
    # Nobody agreed to this one.
    assert message(party.exchange(party.ask(project), 'AAAAAAAA')) == (401, wrong)


def test_a_login_is_signed_by_who_was_given_the_access_token(cloud, party, project):
    access = party.access(project, 'reader')
    bad = 'Could not validate the access token'
    assert message(consumer(cloud).login(access)) == (401, bad)
    assert message(Party(cloud, party.id, 'x').login(access)) == (401, bad)
    assert message(party.login({**access, 'oauth_token_secret': 'x'})) == (401, bad)
    assert message(party.login({**access, 'oauth_token': '0' * 32})) == (404, 'Access token not found')
    assert message(party.login(access, timestamp='1000000000')) == (401, bad)
    told = {'auth': {'identity': {'methods': ['oauth1'], 'oauth1': {}}}}
    assert cloud('POST', LOGIN, told, '').status == 400
    assert party.post(LOGIN, told).status == 400
    # The query is no part of what clients sign here.
    header = party.signed(LOGIN, **party.by(access))
    assert cloud('POST', f'{LOGIN}?nocatalog', told, '', authorization=header).status == 201
    for method in ('HMAC-SHA256', 'HMAC-SHA512'):
        assert party.login(access, signature_method=method).status == 201
    for method in ('PLAINTEXT', 'RSA-SHA1'):
        header = party.signed(LOGIN, **party.by(access)).replace('HMAC-SHA1', method)
        assert cloud('POST', LOGIN, told, '', authorization=header).status == 401


def test_a_signed_request_is_taken_once(cloud, party, project):
    told = {'requested_project_id': project['id']}
    header = party.signed(ASK, callback_uri='oob')
    assert cloud('POST', ASK, None, '', authorization=header, **told).status == 201
    again = cloud('POST', ASK, None, '', authorization=header, **told)
    assert message(again) == (401, 'The nonce was used before')
    access = party.access(project, 'reader')
    header = party.signed(LOGIN, **party.by(access))
    body = {'auth': {'identity': {'methods': ['oauth1'], 'oauth1': {}}}}
    assert cloud('POST', LOGIN, body, '', authorization=header).status == 201
    assert cloud('POST', LOGIN, body, '', authorization=header).status == 401
    # The same nonce in another second, or by another, is another request.
    assert party.login(access, nonce='12', timestamp=None).status == 201
    assert party.login(party.access(project, 'reader'), nonce='12').status == 201


def test_another_users_access_token_is_not_shown_under_ones_own(cloud, party, project, member):
    access = party.access(project, 'reader')['oauth_token']
    path = f'/users/{member["user"]["id"]}/OS-OAUTH1/access_tokens'
    assert cloud('GET', path).json['access_tokens'] == []
    assert cloud('GET', f'{path}/{access}').status == cloud('GET', f'{path}/{access}/roles').status == 404
    answer = cloud('GET', f'{path}/{access}/roles/{cloud.role("reader")}')
    assert message(answer) == message(cloud('DELETE', f'{path}/{access}')) == (401, 'User IDs do not match')
    assert message(cloud('DELETE', f'{path}/{"0" * 32}')) == (404, 'Access token not found')
    for method, below in (('GET', ''), ('GET', f'/{access}'), ('DELETE', f'/{access}'), ('GET', f'/{access}/roles')):
        assert cloud(method, path + below, token=member['token']).status == 403


@pytest.fixture
def bob(cloud, member, party):
    """Bob, an administrator of his project, who lent the role member; with the login's token."""
    cloud('PUT', f'/projects/{member["project"]["id"]}/users/{member["user"]["id"]}/roles/{cloud.role("admin")}')
    member['token'] = cloud.token_of('bob', 'pw', member['scope'])
    member['access'] = party.access(member['project'], 'member', token=member['token'])
    member['lent'] = party.login(member['access']).headers['X-Subject-Token']
    assert alive(cloud, member['lent'])
    return member


ENDS = {
    'the access token goes': lambda bob, party: (
        'DELETE', f'/users/{bob["user"]["id"]}/OS-OAUTH1/access_tokens/{bob["access"]["oauth_token"]}', None
    ),
    'the consumer goes': lambda bob, party: ('DELETE', f'/OS-OAUTH1/consumers/{party.id}', None),
    'the user is disabled': lambda bob, party: ('PATCH', f'/users/{bob["user"]["id"]}', {'user': {'enabled': False}}),
    'the user goes': lambda bob, party: ('DELETE', f'/users/{bob["user"]["id"]}', None),
    'the project is disabled': lambda bob, party: (
        'PATCH', f'/projects/{bob["project"]["id"]}', {'project': {'enabled': False}}
    ),
    'the project goes': lambda bob, party: ('DELETE', f'/projects/{bob["project"]["id"]}', None),
    'the password changes': lambda bob, party: ('PATCH', f'/users/{bob["user"]["id"]}', {'user': {'password': 'n'}}),
}  # fmt: skip


@pytest.mark.parametrize('how', ENDS)
def test_a_lent_token_ends_when(cloud, party, bob, how):
    answer = cloud(*ENDS[how](bob, party))
    assert answer.status in (200, 204), answer.data
    assert not alive(cloud, bob['lent'])
    again = party.login(bob['access']).status
    # Another password leaves what was lent; the rest takes it away.
    assert again == {'the access token goes': 404, 'the consumer goes': 404, 'the user goes': 404,
                     'the project goes': 404, 'the password changes': 201}.get(how, 401)  # fmt: skip


def test_who_loses_a_role_lends_it_no_more(cloud, party, bob):
    cloud('DELETE', f'/projects/{bob["project"]["id"]}/users/{bob["user"]["id"]}/roles/{cloud.role("admin")}')
    assert alive(cloud, bob['lent'])  # bob has member of his own
    cloud('DELETE', bob['grant'])
    assert not alive(cloud, bob['lent'])
    assert party.login(bob['access']).status == 401
    cloud('PUT', bob['grant'])
    assert party.login(bob['access']).status == 201


def test_what_is_revoked_is_told(cloud, party, bob):
    cloud('DELETE', f'/users/{bob["user"]["id"]}/OS-OAUTH1/access_tokens/{bob["access"]["oauth_token"]}')
    cloud('DELETE', f'/OS-OAUTH1/consumers/{party.id}')
    told = cloud('GET', '/OS-REVOKE/events').json['events']
    assert [event.get('OS-OAUTH1:access_token_id') for event in told][-2] == bob['access']['oauth_token']
    assert told[-1]['OS-OAUTH1:consumer_id'] == party.id


def test_secrets_are_not_written_in_the_clear(cloud, party, project):
    asked, access = party.ask(project), party.access(project, 'reader')
    with cloud.parts.db.read() as tx:
        rows = [row for model in (Consumer, RequestToken, AccessToken) for row in tx.rows(sa.select(model))]
    text = ' '.join(str(vars(row) if hasattr(row, '__dict__') else row) for row in rows)
    assert len(rows) == 3
    for secret in (party.secret, asked['oauth_token_secret'], access['oauth_token_secret']):
        assert secret not in text and all(secret not in row.secret for row in rows)


def test_a_system_administrator_agrees_to_nothing(cloud, party, project):
    token = cloud.token_of('admin', 'secret', {'system': {'all': True}})
    assert party.authorize(party.ask(project), [{'name': 'reader'}], token).status == 403
    assert cloud('GET', CONSUMERS, token=token).status == 200
