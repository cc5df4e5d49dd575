"""Application credentials, over HTTP."""

import pytest


def by_credential(**told):
    return {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': told}}}


@pytest.fixture
def mine(cloud, member):
    """Makes a credential of bob's; returns its representation with the secret."""

    def make(**body):
        path = f'/users/{member["user"]["id"]}/application_credentials'
        answer = cloud('POST', path, {'application_credential': {'name': 'ac'} | body}, member['token'])
        assert answer.status == 201, answer.data
        return answer.json['application_credential'] | {'path': f'{path}/{answer.json["application_credential"]["id"]}'}

    return make


def login(cloud, made, **more):
    return cloud('POST', '/auth/tokens', by_credential(id=made['id'], secret=made['secret'], **more), '')


def test_a_credential_logs_in_to_its_project_with_the_roles_it_lends(cloud, member, mine):
    made = mine(roles=[{'name': 'reader'}])
    token = login(cloud, made).json['token']
    assert token['project']['id'] == member['project']['id']
    assert [role['name'] for role in token['roles']] == ['reader']
    assert token['methods'] == ['application_credential']
    assert token['application_credential'] == {'id': made['id'], 'name': 'ac', 'restricted': True}


def test_a_credential_lends_every_role_where_none_is_chosen(cloud, mine):
    made = mine(roles=[])
    assert sorted(role['name'] for role in made['roles']) == ['member', 'reader']
    assert login(cloud, made).status == 201


def test_a_credential_is_found_by_name_and_user(cloud, mine):
    made = mine(secret='of my own')
    user = {'name': 'bob', 'domain': {'name': 'Default'}}
    answer = cloud('POST', '/auth/tokens', by_credential(name='ac', secret=made['secret'], user=user), '')
    assert answer.status == 201


def test_a_secret_is_shown_once(cloud, member, mine):
    made = mine()
    shown = cloud('GET', made['path'], token=member['token']).json['application_credential']
    assert 'secret' not in shown and shown['name'] == 'ac'


def test_nothing_but_the_right_secret_lets_in(cloud, mine):
    made = mine()
    for secret in ('wrong', '', made['secret'] + 'x'):
        answer = cloud('POST', '/auth/tokens', by_credential(id=made['id'], secret=secret), '')
        assert answer.status == 401
    assert cloud('POST', '/auth/tokens', by_credential(id='f' * 32, secret='x'), '').status == 401


def test_a_credential_that_ended_lets_nobody_in(cloud, member):
    path = f'/users/{member["user"]["id"]}/application_credentials'
    body = {'application_credential': {'name': 'old', 'expires_at': '2020-01-01T00:00:00'}}
    assert cloud('POST', path, body, member['token']).status == 400
    body['application_credential']['expires_at'] = 'soon'
    assert cloud('POST', path, body, member['token']).status == 400


def test_a_credential_lends_no_role_that_its_user_lacks(cloud, member):
    path = f'/users/{member["user"]["id"]}/application_credentials'
    body = {'application_credential': {'name': 'more', 'roles': [{'name': 'admin'}]}}
    assert cloud('POST', path, body, member['token']).status == 400


def test_a_restricted_credential_makes_no_other(cloud, mine):
    token = login(cloud, mine()).headers['X-Subject-Token']
    path = mine(name='second')['path'].rpartition('/')[0]
    assert cloud('POST', path, {'application_credential': {'name': 'third'}}, token).status == 403
    free = login(cloud, mine(name='free', unrestricted=True)).headers['X-Subject-Token']
    assert cloud('POST', path, {'application_credential': {'name': 'third'}}, free).status == 201


def test_a_credentials_token_gets_no_other_token(cloud, member, mine):
    other = cloud.make('project', name='other')
    cloud.put_in(member['user'], other, 'member')
    made = mine(roles=[{'name': 'reader'}])
    token = login(cloud, made).headers['X-Subject-Token']
    for scope in ({'project': {'id': other['id']}}, member['scope'], 'unscoped', None):
        auth = {'identity': {'methods': ['token'], 'token': {'id': token}}} | ({'scope': scope} if scope else {})
        assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 403


def test_a_credential_ends_with_itself_and_with_its_role(cloud, member, mine):
    token = login(cloud, made := mine()).headers['X-Subject-Token']
    assert cloud('DELETE', made['path'], token=member['token']).status == 204
    assert cloud('GET', '/auth/projects', token=token).status == 401
    made = mine(name='again')
    cloud('DELETE', member['grant'])
    cloud('PUT', member['grant'])
    assert login(cloud, made).status == 401


def test_nobody_makes_a_credential_for_another(cloud, member):
    path = f'/users/{member["user"]["id"]}/application_credentials'
    assert cloud('POST', path, {'application_credential': {'name': 'x'}}).status == 403
