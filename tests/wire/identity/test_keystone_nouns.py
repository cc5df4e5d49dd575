"""Projects, domains, users, groups, roles, assignments and the catalog, over HTTP."""

import pytest


def test_a_project_is_shown_as_it_was_made_with_what_nobody_knows(cloud):
    made = cloud.make('project', name='p', description='d', tags=['a', 'b'], colour='red')
    shown = cloud('GET', f'/projects/{made["id"]}').json['project']
    assert shown == made
    assert shown['links'] == {'self': f'http://cloud/projects/{made["id"]}'}
    assert (shown['domain_id'], shown['parent_id'], shown['is_domain']) == ('default', 'default', False)
    assert (shown['tags'], shown['colour'], shown['enabled'], shown['options']) == (['a', 'b'], 'red', True, {})


def test_a_name_is_free_once_in_each_domain(cloud):
    other = cloud.make('domain', name='other')
    for noun in ('project', 'user', 'group'):
        cloud.make(noun, name='same')
        cloud.make(noun, name='same', domain_id=other['id'])
        again = cloud('POST', f'/{noun}s', {noun: {'name': 'same'}})
        assert again.status == 409
        assert again.json['error']['message'].startswith(f'Conflict occurred attempting to store {noun} - ')
    cloud.make('role', name='same')
    assert cloud('POST', '/roles', {'role': {'name': 'same'}}).status == 409
    assert cloud('POST', '/domains', {'domain': {'name': 'other'}}).status == 409


@pytest.mark.parametrize('noun', ['project', 'user', 'group', 'role', 'service', 'endpoint', 'region', 'domain'])
def test_what_is_not_there_is_named(cloud, noun):
    for method, body in (('GET', None), ('PATCH', {noun: {'description': 'x'}}), ('DELETE', None)):
        answer = cloud(method, f'/{noun}s/nothing', body)
        assert answer.status == 404
        assert answer.json['error']['message'] == f'Could not find {noun}: nothing.'


@pytest.mark.parametrize(
    ('noun', 'body'),
    [
        ('project', {}),
        ('project', {'name': ''}),
        ('project', {'name': 'x' * 65}),
        ('project', {'name': 'x', 'enabled': 'false'}),
        ('project', {'name': 'x', 'tags': ['a,b']}),
        ('user', {'name': 7}),
        ('user', {'name': 'x', 'password': 7}),
        ('user', {'name': 'x', 'enabled': 'yes'}),
        ('user', {'name': 'x', 'options': {'nonsense': True}}),
        ('endpoint', {'interface': 'side', 'service_id': 'x', 'url': 'http://x'}),
        ('endpoint', {'interface': 'public', 'service_id': 'x', 'url': 'http://x'}),
        ('service', {'name': 'x'}),
        ('role', {'name': None}),
    ],
)
def test_a_bad_body_is_refused(cloud, noun, body):
    answer = cloud('POST', f'/{noun}s', {noun: body})
    assert answer.status == 400 and answer.json['error']['code'] == 400


def test_no_url_of_an_endpoint_asks_for_secrets(cloud):
    service = cloud.make('service', type='t')
    body = {'service_id': service['id'], 'interface': 'public', 'url': 'http://x/$(admin_token)s'}
    answer = cloud('POST', '/endpoints', {'endpoint': body})
    assert answer.status == 400 and 'invalid URL' in answer.json['error']['message']


def test_lists_are_filtered(cloud):
    cloud.make('project', name='one', enabled=False)
    cloud.make('project', name='two', tags=['x'])
    names = lambda query: [row['name'] for row in cloud('GET', f'/projects?{query}').json['projects']]  # noqa: E731
    assert names('name=two') == ['two']
    assert names('enabled=false') == ['one']
    assert names('enabled=0') == ['one']
    assert names('name__icontains=W') == ['two']
    assert names('name__startswith=on') == ['one']
    assert names('tags=x') == ['two']
    assert 'two' not in names('not-tags=x')
    assert names('is_domain=true') == ['Default']
    assert names('domain_id=nothing') == []


def test_lists_come_in_pages(cloud):
    made = [cloud.make('user', name=f'u{i}')['id'] for i in range(5)]
    found, path = [], '/users?limit=2&name__startswith=u'
    while path:
        page = cloud('GET', path).json
        found += [row['id'] for row in page['users']]
        path = (page['links']['next'] or '').removeprefix('http://cloud')
    assert found == made
    whole = cloud('GET', '/users').json['links']
    assert whole == {'next': None, 'self': 'http://cloud/users', 'previous': None}


def test_a_tree_of_projects_is_kept_whole(cloud):
    top = cloud.make('project', name='top')
    low = cloud.make('project', name='low', parent_id=top['id'])
    parents = cloud('GET', f'/projects/{low["id"]}?parents_as_ids').json['project']['parents']
    assert parents == {top['id']: {'default': None}}
    assert cloud('GET', f'/projects/{top["id"]}?subtree_as_ids').json['project']['subtree'] == {low['id']: None}
    assert cloud('DELETE', f'/projects/{top["id"]}').status == 403
    assert cloud('PATCH', f'/projects/{top["id"]}', {'project': {'enabled': False}}).status == 403
    assert cloud('DELETE', f'/projects/{low["id"]}').status == 204
    assert cloud('DELETE', f'/projects/{top["id"]}').status == 204


def test_a_domain_goes_with_all_that_is_in_it_once_it_is_disabled(cloud):
    domain = cloud.make('domain', name='d')
    nouns = ('project', 'user', 'group', 'role')
    inside = [(noun, cloud.make(noun, name='in', domain_id=domain['id'])['id']) for noun in nouns]
    path = f'/domains/{domain["id"]}'
    refused = cloud('DELETE', path)
    assert refused.status == 403
    assert refused.json['error']['message'] == 'Cannot delete a domain that is enabled, please disable it first.'
    assert cloud('PATCH', path, {'domain': {'enabled': False}}).status == 200
    assert cloud('DELETE', path).status == 204
    assert [cloud('GET', f'/{noun}s/{row_id}').status for noun, row_id in inside] == [404] * 4


def test_no_answer_shows_a_password(cloud):
    made = cloud('POST', '/users', {'user': {'name': 'u', 'password': 'hush', 'email': 'u@x'}})
    assert b'hush' not in made.data and made.json['user']['email'] == 'u@x'
    assert 'password' not in cloud('GET', f'/users/{made.json["user"]["id"]}').json['user']


@pytest.mark.parametrize('actor', ['users', 'groups'])
@pytest.mark.parametrize('target', ['projects', 'domains', 'system'])
def test_a_role_is_granted_checked_listed_and_taken_back(cloud, actor, target):
    who = cloud.make(actor[:-1], name='who')['id']
    where = {'projects': 'projects/' + cloud.make('project', name='p')['id'], 'domains': 'domains/default'}
    roles = f'/{where.get(target, "system")}/{actor}/{who}/roles'
    role = cloud.role('reader')
    assert cloud('HEAD', f'{roles}/{role}').status == 404
    assert [cloud('PUT', f'{roles}/{role}').status for _ in range(2)] == [204, 204]
    assert cloud('HEAD', f'{roles}/{role}').status == cloud('GET', f'{roles}/{role}').status == 204
    assert [row['name'] for row in cloud('GET', roles).json['roles']] == ['reader']
    assert cloud('DELETE', f'{roles}/{role}').status == 204
    gone = cloud('DELETE', f'{roles}/{role}')
    assert gone.status == 404 and gone.json['error']['message'].startswith('Could not find role assignment with role: ')
    assert cloud('GET', roles).json['roles'] == []


def test_assignments_are_listed_as_granted_and_as_they_take_effect(cloud, member):
    query = f'user.id={member["user"]["id"]}&scope.project.id={member["project"]["id"]}'
    (plain,) = cloud('GET', f'/role_assignments?{query}').json['role_assignments']
    assert plain == {
        'role': {'id': cloud.role('member')},
        'user': {'id': member['user']['id']},
        'scope': {'project': {'id': member['project']['id']}},
        'links': {'assignment': 'http://cloud' + member['grant']},
    }
    found = cloud('GET', f'/role_assignments?{query}&effective&include_names').json['role_assignments']
    assert [one['role']['name'] for one in found] == ['member', 'reader']
    assert found[0]['user'] == {
        'id': member['user']['id'], 'name': 'bob', 'domain': {'id': 'default', 'name': 'Default'}
    }  # fmt: skip


def test_an_inherited_role_reaches_every_project_below(cloud, member):
    path = (
        f'/OS-INHERIT/domains/default/users/{member["user"]["id"]}/roles/{cloud.role("reader")}/inherited_to_projects'
    )
    assert cloud('PUT', path).status == 204
    other = cloud.make('project', name='other')
    low = cloud.make('project', name='low', parent_id=other['id'])
    for project in (other, low):
        token = cloud.login('bob', 'pw', {'project': {'id': project['id']}}).json['token']
        assert [role['name'] for role in token['roles']] == ['reader']
    assert cloud.login('bob', 'pw', {'domain': {'id': 'default'}}).status == 401
    token = cloud.token_of('bob', 'pw')
    assert len(cloud('GET', '/auth/projects', token=token).json['projects']) == 5
    query = f'user.id={member["user"]["id"]}&effective&scope.project.id={low["id"]}'
    (found,) = cloud('GET', f'/role_assignments?{query}').json['role_assignments']
    assert found['scope'] == {'project': {'id': low['id']}, 'OS-INHERIT:inherited_to': 'projects'}
    assert found['links']['assignment'] == 'http://cloud' + path


def test_one_role_implies_another_until_told_otherwise(cloud, member):
    auditor = cloud.make('role', name='auditor')
    path = f'/roles/{cloud.role("member")}/implies/{auditor["id"]}'
    roles = lambda: [  # noqa: E731
        role['name'] for role in cloud('GET', '/auth/tokens', x_subject_token=member['token']).json['token']['roles']
    ]
    made = cloud('PUT', path)
    assert made.status == 201 and made.json['role_inference']['implies']['id'] == auditor['id']
    assert cloud('PUT', path).status == 409
    assert roles() == ['member', 'reader', 'auditor']
    assert cloud('HEAD', path).status == 204 and cloud('GET', path).status == 200
    assert cloud('DELETE', path).status == 204
    assert roles() == ['member', 'reader'] and cloud('GET', path).status == 404
    forbidden = cloud('PUT', f'/roles/{cloud.role("member")}/implies/{cloud.role("admin")}')
    assert forbidden.status == 403


def test_the_first_roles_cannot_be_lost(cloud):
    answer = cloud('DELETE', f'/roles/{cloud.role("admin")}')
    assert answer.status == 403 and 'immutable' in answer.json['error']['message']


def test_a_region_stays_while_endpoints_stand_in_it(cloud):
    cloud.make('region', id='north', parent_region_id='RegionOne')
    assert cloud('PATCH', '/regions/RegionOne', {'region': {'parent_region_id': 'north'}}).status == 400
    refused = cloud('DELETE', '/regions/RegionOne')
    assert refused.status == 403 and 'associated endpoints' in refused.json['error']['message']
    assert cloud('DELETE', '/regions/north').status == 204
    assert cloud('PUT', '/regions/south', {'region': {'description': 's'}}).json['region']['id'] == 'south'
