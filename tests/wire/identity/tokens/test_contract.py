"""What clients of Keystone may rely on, case by case: the status that each request has there."""

import dataclasses

import pytest

from nimbus.identity.settings.compliance import Compliance

LONG = 'x' * 256


@pytest.fixture
def world(cloud):
    """What the cases name in braces."""
    names = {'domain': cloud.make('domain', name='d')['id']}
    names['project'] = cloud.make('project', name='p', domain_id=names['domain'])['id']
    names['user'] = cloud.make('user', name='u', domain_id=names['domain'], password='pw')['id']
    names['group'] = cloud.make('group', name='g', domain_id=names['domain'])['id']
    names['role'] = cloud.make('role', name='r')['id']
    names['own_role'] = cloud.make('role', name='own', domain_id=names['domain'])['id']
    names['service'] = cloud.make('service', type='t')['id']
    names['endpoint'] = cloud.make('endpoint', service_id=names['service'], interface='public', url='http://x')['id']
    names['region'] = cloud.make('region', id='here')['id']
    return names


def _filled(told, names):
    if isinstance(told, str):
        return told.format(**names) if told.startswith(('{', '/')) else told
    if isinstance(told, dict):
        return {name: _filled(value, names) for name, value in told.items()}
    return [_filled(value, names) for value in told] if isinstance(told, list) else told


ENDPOINT = {'service_id': '{service}', 'interface': 'public', 'url': 'http://x'}
CASES = [
    # Beside the noun's name a body holds nothing, where upstream says so.
    ('POST', '/projects', {'project': {'name': 'n'}, 'other': 1}, 400),
    ('POST', '/users', {'user': {'name': 'n'}, 'other': 1}, 400),
    ('PATCH', '/users/{user}', {'user': {'email': 'e'}, 'other': 1}, 400),
    ('PATCH', '/groups/{group}', {'group': {'description': 'x'}, 'other': 1}, 400),
    ('PATCH', '/regions/{region}', {'region': {'description': 'x'}, 'other': 1}, 400),
    ('POST', '/regions', {'region': {'description': 'x'}, 'other': 1}, 201),
    ('POST', '/services', {'service': {'type': 'x'}, 'other': 1}, 201),
    ('POST', '/endpoints', {'endpoint': ENDPOINT, 'other': 1}, 400),
    ('PUT', '/projects/{project}/tags', {'tags': [], 'other': 1}, 400),
    # Lengths and kinds.
    ('POST', '/domains', {'domain': {'name': 'n', 'description': LONG}}, 400),
    ('POST', '/roles', {'role': {'name': 'n', 'description': LONG}}, 400),
    ('POST', '/regions', {'region': {'description': LONG}}, 400),
    ('POST', '/groups', {'group': {'name': 'x' * 64}}, 201),
    ('POST', '/groups', {'group': {'name': 'x' * 65}}, 400),
    ('POST', '/users', {'user': {'name': 'n', 'description': 7}}, 400),
    ('POST', '/users', {'user': {'name': 'n', 'description': None}}, 201),
    ('POST', '/services', {'service': {'type': 'x', 'name': ''}}, 400),
    ('POST', '/regions', {'region': {'parent_region_id': ''}}, 400),
    ('POST', '/endpoints', {'endpoint': ENDPOINT | {'url': 'http://' + 'x' * 250}}, 400),
    ('POST', '/endpoints', {'endpoint': ENDPOINT | {'region': None}}, 201),
    ('POST', '/endpoints', {'endpoint': ENDPOINT | {'name': 7}}, 400),
    ('POST', '/endpoints', {'endpoint': ENDPOINT | {'description': 7}}, 400),
    # Ids that name nothing, or something else.
    ('POST', '/users', {'user': {'name': 'n', 'domain_id': '{project}'}}, 404),
    ('POST', '/groups', {'group': {'name': 'n', 'domain_id': '{project}'}}, 404),
    ('POST', '/projects', {'project': {'name': 'n', 'domain_id': 'nothing'}}, 400),
    ('POST', '/projects', {'project': {'name': 'n', 'parent_id': 'nothing'}}, 400),
    ('POST', '/projects', {'project': {'name': 'n', 'parent_id': '{project}'}}, 400),
    ('POST', '/projects', {'project': {'name': 'n', 'domain_id': '{domain}', 'is_domain': True}}, 400),
    ('PATCH', '/projects/{project}', {'project': {'parent_id': 7}}, 403),
    ('PATCH', '/projects/{project}', {'project': {'id': None}}, 200),
    ('PATCH', '/projects/{project}', {'project': {'id': 'other'}}, 400),
    ('PATCH', '/domains/{domain}', {'domain': {'id': 'other'}}, 200),
    ('PUT', '/system/users/{user}/roles/{own_role}', None, 400),
    # Lists.
    ('GET', '/users?enabled=perhaps', None, 400),
    ('GET', '/users?name=', None, 400),
    ('GET', '/users?marker=nothing', None, 404),
    ('GET', '/users?sort_key=nothing', None, 200),
    ('GET', '/users?password_expires_at=soon', None, 400),
    ('GET', '/users?password_expires_at=lt:2030-01-01T00:00:00Z', None, 200),
    ('GET', '/endpoints?interface=side', None, 400),
    ('GET', '/role_assignments?scope.project.id={project}&scope.system=all', None, 400),
    ('GET', '/role_assignments?effective&user.id=nothing', None, 404),
    ('GET', '/role_assignments?effective=false&group.id={group}', None, 400),
    ('GET', '/role_assignments?effective=0&group.id={group}', None, 200),
    ('GET', '/OS-REVOKE/events?since=', None, 200),
]


@pytest.mark.parametrize(('method', 'path', 'body', 'status'), CASES)
def test_a_request_has_the_status_that_keystone_gives_it(cloud, world, method, path, body, status):
    assert cloud(method, _filled(path, world), _filled(body, world)).status == status


def _login(cloud, methods, scope=None, **told):
    auth = {'identity': {'methods': methods, **told}} | ({'scope': scope} if scope is not None else {})
    return cloud('POST', '/auth/tokens', {'auth': auth}, '')


LOGINS = [
    (['nothing'], {}, None, 400),
    (['nothing'], {'nothing': {}}, None, 401),
    (['password'], {}, None, 400),
    (['password'], {'password': {'user': {'id': 'x'}}}, None, 401),
    (['password'], {'password': {'user': {'id': 'x', 'name': 'y', 'password': 'z'}}}, None, 400),
    (['token'], {'token': {'id': 'bad'}}, None, 404),
    (['token'], {'token': {'id': ''}}, None, 404),
    (['application_credential'], {'application_credential': {'id': 'x'}}, None, 401),
    (['application_credential'], {'application_credential': {'id': 'x', 'secret': 'y'}}, None, 401),
]


@pytest.mark.parametrize(('methods', 'told', 'scope', 'status'), LOGINS)
def test_a_login_has_the_status_that_keystone_gives_it(cloud, methods, told, scope, status):
    assert _login(cloud, methods, scope, **told).status == status


def test_a_systems_token_is_not_turned_into_a_projects(cloud, member):
    cloud('PUT', f'/system/users/{member["user"]["id"]}/roles/{cloud.role("reader")}')
    token = {'id': cloud.token_of('bob', 'pw', {'system': {'all': True}})}
    assert _login(cloud, ['token'], member['scope'], token=token).status == 403
    assert _login(cloud, ['token'], 'unscoped', token=token).status == 201


def test_an_application_credential_asks_for_no_scope(cloud, member):
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': 'a'}}, member['token']).json
    told = {name: made['application_credential'][name] for name in ('id', 'secret')}
    assert _login(cloud, ['application_credential'], application_credential=told).status == 201
    assert _login(cloud, ['application_credential'], member['scope'], application_credential=told).status == 401
    assert _login(cloud, ['application_credential'], 'unscoped', application_credential=told).status == 401


def test_who_may_not_ask_is_not_told_that_there_is_no_token(cloud, member):
    assert cloud('GET', '/auth/tokens', token=member['token']).status == 403
    assert cloud('GET', '/auth/tokens').status == 404


def test_every_answer_says_that_it_varies_by_token(cloud):
    for path, token in (('/users', None), ('/users', ''), ('/nothing', None), ('/users/nothing', None)):
        assert cloud('GET', path, token=token).headers['Vary'] == 'X-Auth-Token'


def test_anybody_learns_the_methods_of_a_path(cloud):
    answer = cloud('OPTIONS', '/users', token='')
    assert (answer.status, answer.headers['Allow'], answer.data) == (200, 'GET, HEAD, OPTIONS, POST', b'')
    assert cloud('DELETE', '/users').headers['Allow'] == 'GET, HEAD, OPTIONS, POST'
    assert cloud('OPTIONS', '/nothing', token='').status == 404


def test_a_body_that_is_no_json_by_its_type_is_a_bad_request(cloud):
    for media in ('text/plain', 'application/xml'):
        assert cloud('POST', '/users', {'user': {'name': 'n'}}, content_type=media).status == 400


def test_passwords_are_found_by_when_they_end(cloud, member):
    issuer = cloud.parts.extra['identity']
    issuer.settings = dataclasses.replace(issuer.settings, compliance=Compliance(password_expires_days=10))
    cloud.make('user', name='soon', password='pw')
    group = cloud.make('group', name='all')
    for name in ('soon', 'bob'):
        (user,) = cloud('GET', f'/users?name={name}').json['users']
        assert cloud('PUT', f'/groups/{group["id"]}/users/{user["id"]}').status == 204
    for path in ('/users', f'/groups/{group["id"]}/users'):
        told = lambda how, path=path: [  # noqa: E731
            row['name'] for row in cloud('GET', f'{path}?password_expires_at={how}').json['users']
        ]
        assert told('gt:2000-01-01T00:00:00Z') == told('lt:2999-01-01T00:00:00Z') == ['soon']
        assert told('lt:2000-01-01T00:00:00Z') == told('2000-01-01T00:00:00Z') == []


def test_a_domains_asker_finds_nothing_of_another_domain(cloud, world):
    cloud('PUT', f'/domains/{world["domain"]}/users/{world["user"]}/roles/{cloud.role("reader")}')
    token = cloud.login('u', 'pw', {'domain': {'id': world['domain']}}, world['domain']).headers['X-Subject-Token']
    for noun in ('users', 'groups', 'projects'):
        assert len(cloud('GET', f'/{noun}?domain_id={world["domain"]}', token=token).json[noun]) == 1
        assert cloud('GET', f'/{noun}?domain_id=default', token=token).json[noun] == []


def test_keys_are_those_of_keystone(cloud, world):
    cloud('PUT', f'/groups/{world["group"]}/users/{world["user"]}')
    (group,) = cloud('GET', f'/users/{world["user"]}/groups').json['groups']
    assert group['membership_expires_at'] is None
    assert cloud('GET', f'/services/{world["service"]}').json['service']['name'] == ''
    cloud('PUT', f'/roles/{world["role"]}/implies/{cloud.role("service")}')
    inference = cloud('GET', f'/roles/{world["role"]}/implies').json['role_inference']
    assert set(inference['prior_role']) == {'id', 'name', 'links'} == set(inference['implies'][0])
    assert set(cloud('GET', '/role_inferences').json) == {'role_inferences'}
    page = cloud('GET', '/users?limit=1').json
    assert page['truncated'] is True and 'truncated' not in cloud('GET', '/users').json
    assert cloud('GET', '/users/').json['links']['self'] == 'http://cloud/users'
    made = cloud('POST', '/domains', {'domain': {'name': 'other', 'is_domain': True, 'parent_id': None}}).json['domain']
    assert not {'is_domain', 'parent_id'} & set(made)


def test_the_home_names_what_is_served(cloud):
    answer = cloud('GET', '/', token='', accept='application/json;q=0.5, application/json-home')
    assert (answer.status, answer.headers['Content-Type']) == (200, 'application/json-home')
    base = 'https://docs.openstack.org/api/openstack-identity/3'
    found = answer.json['resources']
    assert found[f'{base}/rel/auth_tokens'] == {'href': '/auth/tokens'}
    assert found[f'{base}/rel/limits'] == {'href': '/limits', 'hints': {'status': 'experimental'}}
    assert found[f'{base}/ext/OS-TRUST/1.0/rel/trust_role'] == {
        'href-template': '/OS-TRUST/trusts/{trust_id}/roles/{role_id}',
        'href-vars': {
            'trust_id': f'{base}/ext/OS-TRUST/1.0/param/trust_id',
            'role_id': f'{base}/param/role_id',
        },
    }
    assert f'{base}/ext/OS-SIMPLE-CERT/1.0/rel/ca_certificate' not in found
    for told in ('application/json', '*/*', 'text/html', 'application/json-home;q=0.1, application/json'):
        assert 'version' in cloud('GET', '/', token='', accept=told).json


def test_an_implied_role_names_the_rule_it_comes_by(cloud, world):
    path = f'/projects/{world["project"]}/users/{world["user"]}/roles/{cloud.role("manager")}'
    assert cloud('PUT', path).status == 204
    found = cloud('GET', f'/role_assignments?effective&user.id={world["user"]}').json['role_assignments']
    links = {one['role']['id']: one['links'] for one in found}
    rule = f'/prior_role/{cloud.role("member")}/implies/{cloud.role("reader")}'
    assert links[cloud.role('reader')]['prior_role'].endswith(rule)
    assert {one['assignment'] for one in links.values()} == {f'http://cloud{path}'}


def test_a_users_projects_are_listed_while_they_are_disabled(cloud, member):
    assert cloud('PATCH', f'/projects/{member["project"]["id"]}', {'project': {'enabled': False}}).status == 200
    path, token = f'/users/{member["user"]["id"]}/projects', cloud.token_of('bob', 'pw')
    assert [row['enabled'] for row in cloud('GET', path).json['projects']] == [False]
    assert cloud('GET', '/auth/projects', token=token).json['projects'] == []


def test_limits_are_told_with_a_tree_of_projects(cloud, member, world):
    cloud('PUT', f'/projects/{world["project"]}/users/{world["user"]}/roles/{cloud.role("admin")}')
    scope = {'project': {'id': world['project']}}
    token = cloud.login('u', 'pw', scope, world['domain']).headers['X-Subject-Token']
    about = {'service_id': world['service'], 'resource_name': 'r'}
    assert cloud('POST', '/registered_limits', {'registered_limits': [about | {'default_limit': 5}]}).status == 201
    limit = about | {'project_id': world['project'], 'resource_limit': 3}
    assert cloud('POST', '/limits', {'limits': [limit]}).status == 201
    path = f'/projects/{world["domain"]}?subtree_as_list'
    (plain,) = cloud('GET', path, token=token).json['project']['subtree']
    (told,) = cloud('GET', f'{path}&include_limits', token=token).json['project']['subtree']
    assert 'limits' not in plain['project']
    (shown,) = told['project']['limits']
    assert (shown['resource_limit'], shown['resource_name'], shown['domain_id']) == (3, 'r', None)
    assert 'links' not in shown
