"""Access rules of application credentials: kept by identity, obeyed by every API."""

import pytest

from nimbus.api.identity import app
from nimbus.api.kit import access_rules, wsgi
from nimbus.common import config
from tests.wire.client import Client

SERVERS = {'service': 'compute', 'method': 'GET', 'path': '/v2.1/servers/*'}


@pytest.fixture
def path(member):
    return f'/users/{member["user"]["id"]}/application_credentials'


@pytest.fixture
def confined(cloud, member, path):
    """Makes a credential of bob's with the rules; returns it as it is shown."""

    def make(name, rules, status=201):
        answer = cloud('POST', path, {'application_credential': {'name': name, 'access_rules': rules}}, member['token'])
        assert answer.status == status, answer.data
        return answer.json.get('application_credential')

    return make


def login(cloud, made):
    told = {'id': made['id'], 'secret': made['secret']}
    identity = {'methods': ['application_credential'], 'application_credential': told}
    return cloud('POST', '/auth/tokens', {'auth': {'identity': identity}}, '')


def test_a_rule_is_kept_and_used_again(cloud, member, path, confined):
    (rule,) = confined('one', [SERVERS])['access_rules']
    assert {name: rule[name] for name in SERVERS} == SERVERS
    assert confined('two', [SERVERS])['access_rules'] == [rule]
    assert confined('three', [{'id': rule['id']}])['access_rules'] == [rule]
    confined('four', [{'id': 'f' * 32}], 404)
    confined('five', [{'service': 'compute'}], 400)
    confined('six', [{**SERVERS, 'method': 'BREW'}], 400)
    listed = cloud('GET', path.replace('application_credentials', 'access_rules'), token=member['token']).json
    assert [row['id'] for row in listed['access_rules']] == [rule['id']]
    shown = cloud('GET', path, token=member['token']).json['application_credentials'][0]
    assert shown['access_rules'] == [rule]


def test_a_rule_in_use_stays(cloud, member, path, confined):
    made = confined('one', [SERVERS])
    one = f'{path.replace("application_credentials", "access_rules")}/{made["access_rules"][0]["id"]}'
    answer = cloud('DELETE', one, token=member['token'])
    assert (answer.status, answer.json['error']['message']) == (403, 'May not delete access rule in use')
    cloud('DELETE', f'{path}/{made["id"]}', token=member['token'])
    assert cloud('GET', one, token=member['token']).json['access_rule']['path'] == SERVERS['path']
    assert cloud('DELETE', one, token=member['token']).status == 204
    assert cloud('GET', one, token=member['token']).status == 404


def test_rules_are_their_owners_alone(cloud, member, path, confined):
    rule = confined('one', [SERVERS])['access_rules'][0]
    eve = cloud.make('user', name='eve', password='pw')
    cloud.put_in(eve, member['project'], 'admin')
    token = cloud.token_of('eve', 'pw', member['scope'])
    listed = path.replace('application_credentials', 'access_rules')
    assert cloud('GET', listed, token=token).status == 403
    assert cloud('GET', f'{listed}/{rule["id"]}', token=token).status == 403
    theirs = f'/users/{eve["id"]}'
    assert cloud('GET', f'{theirs}/access_rules/{rule["id"]}', token=token).status == 404
    body = {'application_credential': {'name': 'x', 'access_rules': [{'id': rule['id']}]}}
    assert cloud('POST', f'{theirs}/application_credentials', body, token).status == 404


def test_a_token_tells_its_rules_and_they_are_obeyed(cloud, member, confined):
    own = f'/users/{member["user"]["id"]}'
    rule = {'service': 'identity', 'method': 'GET', 'path': '/v3/users/{user_id}'}
    answer = login(cloud, confined('one', [rule]))
    (shown,) = answer.json['token']['application_credential']['access_rules']
    assert shown['path'] == rule['path']
    token = answer.headers['X-Subject-Token']
    api = app.make(cloud.parts)
    mounted = wsgi.Mounts([('/v3', wsgi.Auth(api, cloud.parts, service_type='identity'))])
    client = Client(mounted)
    headers = {'x_auth_token': token}
    assert client('GET', f'/v3{own}', None, None, **headers).status == 200
    assert client('HEAD', f'/v3{own}', None, None, **headers).status == 401
    assert client('GET', f'/v3{own}/projects', None, None, **headers).status == 401
    assert client('GET', '/v3/auth/projects', None, None, **headers).status == 401
    told = headers | {'x_subject_token': token, 'openstack_identity_access_rules': '1.0'}
    assert client('GET', '/v3/auth/tokens', None, None, **told).status == 200
    service = {'methods': ['password'], 'password': {'user': {
        'name': 'nimbus', 'password': 'service', 'domain': {'id': 'default'}}}}  # fmt: skip
    scope = {'project': {'name': 'service', 'domain': {'id': 'default'}}}
    sent = cloud('POST', '/auth/tokens', {'auth': {'identity': service, 'scope': scope}}, '')
    assert sent.status == 201, sent.data
    beside = headers | {'x_service_token': sent.headers['X-Subject-Token']}
    assert client('GET', '/v3/auth/projects', None, None, **beside).status == 200


def test_a_service_that_does_not_know_its_type_refuses(cloud, confined):
    token = login(cloud, confined('one', [{**SERVERS, 'path': '/**'}])).headers['X-Subject-Token']
    for local in ({}, {'service_type': 'image'}):
        client = Client(wsgi.Auth(app.make(cloud.parts), cloud.parts, **local))
        assert client('GET', '/auth/projects', None, None, x_auth_token=token).status == 401


@pytest.mark.parametrize('told, status', [(None, 404), ('0.9', 404), ('x', 404), ('1.0', 200), ('2', 200)])
def test_a_service_that_does_not_obey_rules_is_told_of_no_such_token(cloud, confined, told, status):
    token = login(cloud, confined('one', [SERVERS])).headers['X-Subject-Token']
    headers = {'x_subject_token': token} | ({'openstack_identity_access_rules': told} if told else {})
    assert cloud('GET', '/auth/tokens', **headers).status == status
    assert cloud('HEAD', '/auth/tokens', **headers).status == status
    assert cloud('DELETE', '/auth/tokens', x_subject_token=token).status == 204


def test_no_token_is_made_from_a_confined_one(cloud, confined):
    token = login(cloud, confined('one', [SERVERS])).headers['X-Subject-Token']
    auth = {'identity': {'methods': ['token'], 'token': {'id': token}}}
    assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 403


def test_every_api_knows_its_type():
    text = config.shipped('api-paste.ini').read_text()
    guarded = [line for line in text.splitlines() if line.startswith('pipeline =') and 'auth' in line]
    assert len(guarded) >= 7
    assert all(' auth ' not in line for line in guarded)
    assert text.count('kit.wsgi:auth') == text.count('service_type = ')


@pytest.mark.parametrize(
    'pattern, path, matched',
    [
        ('/v2.1/servers', '/v2.1/servers', True),
        ('/v2.1/servers', '/v2x1/servers', False),
        ('/v2.1/servers', '/v2.1/servers/', False),
        ('/v2.1/servers', '/v2.1/server', False),
        ('/v2.1/servers/{id}', '/v2.1/servers/abc', True),
        ('/v2.1/servers/{id}', '/v2.1/servers/', False),
        ('/v2.1/servers/{id}', '/v2.1/servers/abc/ips', False),
        ('/v2.1/servers/*/ips', '/v2.1/servers/abc/ips', True),
        ('/v2.1/servers/*/ips', '/v2.1/servers/a/b/ips', False),
        ('/v2.1/**', '/v2.1/servers/a/b', True),
        ('/v2.1/**', '/v2.1/', True),
        ('/v2.1/**', '/v2.1', False),
        ('/**/ips', '/v2.1/servers/abc/ips', True),
        ('/**/ips', '/v2.1/servers/abc/ip', False),
        ('/a*c/**b', '/axxc/yyb', True),
        ('/***', '/', False),
        ('/***', '/x/y', True),
        ('/[a-z]+', '/abc', False),
        ('/{open', '/{open', True),
        ('/' + '**a' * 70, '/' + 'a' * 4000, True),
        ('/' + '**a' * 70 + 'b', '/' + 'a' * 4000, False),
        ('/**', '/' + 'a' * 5000, False),
    ],
)
def test_a_pattern_means_what_it_says(pattern, path, matched):
    assert access_rules.matches(pattern, path) is matched
