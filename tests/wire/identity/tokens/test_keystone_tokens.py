"""Logging in and what a token is, over HTTP."""

import pytest

from tests.wire.identity.conftest import ADMIN_PROJECT


def by_token(token, scope=None):
    auth = {'identity': {'methods': ['token'], 'token': {'id': token}}}
    return {'auth': auth | ({'scope': scope} if scope else {})}


def test_a_project_token_tells_what_keystones_tells(cloud):
    answer = cloud.login('admin', 'secret', ADMIN_PROJECT)
    token = answer.json['token']
    assert answer.status == 201
    assert set(token) == {
        'methods', 'user', 'audit_ids', 'expires_at', 'issued_at', 'project', 'is_domain', 'roles', 'catalog'
    }  # fmt: skip
    assert token['methods'] == ['password']
    assert token['user']['domain'] == {'id': 'default', 'name': 'Default'}
    assert token['user']['password_expires_at'] is None
    assert token['project']['name'] == 'admin'
    assert token['project']['domain'] == {'id': 'default', 'name': 'Default'}
    assert [role['name'] for role in token['roles']] == ['admin', 'manager', 'member', 'reader']
    assert token['expires_at'].endswith('Z') and len(token['expires_at']) == 27
    compute = next(entry for entry in token['catalog'] if entry['type'] == 'compute')
    assert compute['name'] == 'nova'
    assert {point['interface'] for point in compute['endpoints']} == {'public', 'internal', 'admin'}
    assert compute['endpoints'][0]['url'].endswith(f'/compute/{token["project"]["id"]}')
    assert compute['endpoints'][0]['region'] == compute['endpoints'][0]['region_id'] == 'RegionOne'


def test_a_system_token_has_no_project_in_its_catalog(cloud):
    token = cloud.login('admin', 'secret', {'system': {'all': True}}).json['token']
    assert token['system'] == {'all': True}
    assert 'project' not in token and 'is_domain' not in token
    assert next(entry for entry in token['catalog'] if entry['type'] == 'compute')['endpoints'] == []


def test_a_domain_token_names_its_domain(cloud):
    token = cloud.login('admin', 'secret', {'domain': {'name': 'Default'}}).json['token']
    assert token['domain'] == {'id': 'default', 'name': 'Default'}


def test_without_a_scope_a_token_has_no_roles_unless_there_is_a_default_project(cloud, member):
    token = cloud.login('bob', 'pw').json['token']
    assert not {'roles', 'catalog', 'project'} & set(token)
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'default_project_id': member['project']['id']}})
    assert cloud.login('bob', 'pw').json['token']['project']['id'] == member['project']['id']
    assert 'project' not in cloud.login('bob', 'pw', 'unscoped').json['token']


def test_a_default_project_without_a_role_is_passed_over(cloud, member):
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'default_project_id': member['project']['id']}})
    cloud('DELETE', member['grant'])
    answer = cloud.login('bob', 'pw')
    assert answer.status == 201 and 'project' not in answer.json['token']


def test_a_token_can_be_shown_without_its_catalog(cloud):
    shown = cloud('GET', '/auth/tokens', x_subject_token=cloud.token)
    assert shown.status == 200 and shown.headers['X-Subject-Token'] == cloud.token
    assert 'catalog' in shown.json['token']
    assert 'catalog' not in cloud('GET', '/auth/tokens?nocatalog', x_subject_token=cloud.token).json['token']
    assert cloud('HEAD', '/auth/tokens', x_subject_token=cloud.token).status == 200


def test_a_token_shows_a_service_that_was_added_after_it(cloud):
    cloud('GET', '/auth/tokens', x_subject_token=cloud.token)
    service = cloud.make('service', type='late', name='later')
    cloud.make('endpoint', service_id=service['id'], interface='public', url='http://late', region_id='RegionOne')
    shown = cloud('GET', '/auth/tokens', x_subject_token=cloud.token).json['token']
    assert 'late' in [entry['type'] for entry in shown['catalog']]


def test_the_catalog_shows_a_service_without_endpoints(cloud):
    service = cloud.make('service', type='bare', name='nothing')
    shown = cloud('GET', '/auth/catalog').json['catalog']
    assert {'id': service['id'], 'type': 'bare', 'name': 'nothing', 'endpoints': []} in shown
    only = cloud.make('endpoint', service_id=service['id'], interface='public', url='http://bare', enabled=False)
    assert [
        entry['endpoints'] for entry in cloud('GET', '/auth/catalog').json['catalog'] if entry['type'] == 'bare'
    ] == [[]]
    assert cloud('PATCH', f'/endpoints/{only["id"]}', {'endpoint': {'enabled': True}}).status == 200
    (found,) = [entry for entry in cloud('GET', '/auth/catalog').json['catalog'] if entry['type'] == 'bare']
    assert [endpoint['id'] for endpoint in found['endpoints']] == [only['id']]


def test_a_rescoped_token_keeps_its_end_and_its_chain(cloud, member):
    first = cloud.login('bob', 'pw').json['token']
    unscoped = cloud.token_of('bob', 'pw')
    first = cloud('GET', '/auth/tokens', token=unscoped, x_subject_token=unscoped).json['token']
    answer = cloud('POST', '/auth/tokens', by_token(unscoped, member['scope']), '')
    second = answer.json['token']
    assert answer.status == 201
    assert second['expires_at'] == first['expires_at']
    assert second['audit_ids'][1] == first['audit_ids'][0]
    assert set(second['methods']) == {'password', 'token'}


def test_a_revoked_token_is_gone_at_once(cloud, member):
    assert cloud('DELETE', '/auth/tokens', token=member['token'], x_subject_token=member['token']).status == 204
    assert cloud('GET', '/auth/tokens', x_subject_token=member['token']).status == 404
    assert cloud('GET', '/auth/projects', token=member['token']).status == 401


def test_only_its_own_user_and_those_above_may_ask_about_a_token(cloud, member):
    assert cloud('GET', '/auth/tokens', token=member['token'], x_subject_token=member['token']).status == 200
    other = cloud('GET', '/auth/tokens', token=member['token'], x_subject_token=cloud.token)
    assert other.status == 403
    assert other.json['error']['message'].endswith('perform the requested action: identity:validate_token.')
    service = cloud.token_of('nimbus', 'service', {'project': {'name': 'service', 'domain': {'id': 'default'}}})
    assert cloud('GET', '/auth/tokens', token=service, x_subject_token=cloud.token).status == 200


@pytest.mark.parametrize('mangle', [lambda t: t[:-2], lambda t: t + 'A', lambda t: 'x' * 300, lambda t: 'é'])
def test_what_is_no_token_is_not_found(cloud, mangle):
    answer = cloud('GET', '/auth/tokens', x_subject_token=mangle(cloud.token))
    assert answer.status == 404
    assert answer.json['error']['title'] == 'Not Found'


def test_another_spelling_of_a_token_is_no_token(cloud):
    for spelt in (cloud.token + '=', cloud.token + '==', ' ' + cloud.token, cloud.token[:9] + '\n' + cloud.token[9:]):
        assert cloud('GET', '/auth/projects', token=spelt).status == 401


def test_no_login_tells_why_it_failed(cloud, member):
    unknown = cloud.login('nobody', 'pw')
    wrong = cloud.login('bob', 'wrong')
    nowhere = cloud.login('bob', 'pw', domain='nowhere')
    foreign = cloud.login('bob', 'pw', ADMIN_PROJECT)
    lost = cloud.login('bob', 'pw', {'project': {'id': 'f' * 32}})
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': False}})
    disabled = cloud.login('bob', 'pw')
    answers = [unknown, wrong, nowhere, foreign, lost, disabled]
    assert {answer.status for answer in answers} == {401}
    assert {answer.data for answer in answers} == {unknown.data}
    assert unknown.json['error']['message'] == 'The request you have made requires authentication.'
    assert all('X-Subject-Token' not in answer.headers for answer in answers)


@pytest.mark.parametrize(
    'auth',
    [
        {},
        {'identity': {}},
        {'identity': {'methods': 'password'}},
        {'identity': {'methods': ['password']}},
        {'identity': {'methods': ['password'], 'password': {}}},
        {'identity': {'methods': ['password'], 'password': {'user': {'password': 'x'}}}},
        {'identity': {'methods': ['password'], 'password': {'user': {'name': 'admin', 'password': 'x'}}}},
        {'identity': {'methods': ['password'], 'password': {'user': {'id': 'x', 'password': None}}}},
        {'identity': {'methods': ['token'], 'token': {}}},
    ],
)
def test_a_login_that_lacks_something_is_a_bad_request(cloud, auth):
    answer = cloud('POST', '/auth/tokens', {'auth': auth}, '')
    assert answer.status == 400
    assert answer.json['error']['code'] == 400 and answer.json['error']['title'] == 'Bad Request'


def test_an_empty_password_never_lets_in(cloud):
    cloud.make('user', name='blank')
    assert cloud.login('blank', '').status == 401


# OSSA-2014-013.
def test_a_method_named_a_thousand_times_is_checked_once(cloud):
    user = {'name': 'admin', 'password': 'secret', 'domain': {'id': 'default'}}
    auth = {'identity': {'methods': ['password'] * 1000, 'password': {'user': user}}}
    assert cloud('POST', '/auth/tokens', {'auth': auth}, '').json['token']['methods'] == ['password']


def test_two_scopes_at_once_are_refused(cloud):
    scope = {'project': {'name': 'admin', 'domain': {'id': 'default'}}, 'domain': {'id': 'default'}}
    answer = cloud.login('admin', 'secret', scope)
    assert answer.status == 400
    assert answer.json['error']['message'] == 'Scoping to both domain and project is not allowed'


# OSSA-2018-002.
def test_a_user_lists_what_a_token_could_be_scoped_to(cloud, member):
    token = cloud.token_of('bob', 'pw')
    assert [row['name'] for row in cloud('GET', '/auth/projects', token=token).json['projects']] == ['lab']
    assert cloud('GET', '/auth/domains', token=token).json['domains'] == []
    assert cloud('GET', '/auth/system', token=token).json['system'] == []
    assert cloud('GET', '/auth/system').json['system'] == [{'all': True}]
    assert cloud('GET', '/auth/catalog').json['catalog'][0]['type'] == 'identity'
    assert cloud('GET', '/auth/catalog', token=token).status == 403
