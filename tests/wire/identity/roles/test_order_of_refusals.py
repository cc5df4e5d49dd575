"""Where what is not there is told before what is forbidden, and what a domain's asker sees of other domains."""

import pytest


@pytest.fixture
def domains(cloud):
    """Two domains, a reader and a manager of the first, and in each a user, a group and a role; tokens by role."""
    found = {'tokens': {}}
    for name in ('here', 'there'):
        made = cloud.make('domain', name=name)
        kinds = {kind: cloud.make(kind, name=f'{kind}-{name}', domain_id=made['id']) for kind in ('user', 'group')}
        found[name] = {'id': made['id'], **kinds, 'role': cloud.make('role', name='own', domain_id=made['id'])}
    for role in ('reader', 'manager', 'admin'):
        user = cloud.make('user', name=role, password='pw', domain_id=found['here']['id'])
        cloud('PUT', f'/domains/{found["here"]["id"]}/users/{user["id"]}/roles/{cloud.role(role)}')
        answer = cloud.login(role, 'pw', {'domain': {'id': found['here']['id']}}, found['here']['id'])
        found['tokens'][role] = answer.headers['X-Subject-Token']
    for group in ('here', 'there'):
        for user in ('here', 'there'):
            path = f'/groups/{found[group]["group"]["id"]}/users/{found[user]["user"]["id"]}'
            assert cloud('PUT', path).status == 204
    return found


NOT_FOUND = [('GET', 'role'), ('PATCH', 'role'), ('DELETE', 'role'), ('DELETE', 'group')]
NOT_FOUND += [('PATCH', 'domain'), ('DELETE', 'domain')]


@pytest.mark.parametrize(('method', 'noun'), NOT_FOUND)
def test_anybody_is_told_that_it_is_not_there(cloud, member, method, noun):
    body = {noun: {'description': 'x'}} if method == 'PATCH' else None
    assert cloud(method, f'/{noun}s/nothing', body, member['token']).status == 404
    name = cloud('GET', f'/{noun}s').json[f'{noun}s'] or [cloud.make(noun, name='one')]
    assert cloud(method, f'/{noun}s/{name[0]["id"]}', body, member['token']).status == 403


@pytest.mark.parametrize(('method', 'noun'), [('PATCH', 'group'), ('PATCH', 'user'), ('PATCH', 'project')])
def test_who_may_not_is_not_told_what_is_wrong_with_the_body(cloud, member, method, noun):
    assert cloud(method, f'/{noun}s/nothing', {noun: {}}, member['token']).status == 403
    assert cloud(method, f'/{noun}s/nothing', {noun: {}}).status == 404


def test_a_domains_asker_sees_only_its_own_in_groups(cloud, domains):
    here, token = domains['here'], domains['tokens']['reader']
    told = cloud('GET', f'/groups/{here["group"]["id"]}/users', token=token).json['users']
    assert [row['id'] for row in told] == [here['user']['id']]
    told = cloud('GET', f'/users/{here["user"]["id"]}/groups', token=token).json['groups']
    assert [row['id'] for row in told] == [here['group']['id']]
    assert len(cloud('GET', f'/groups/{here["group"]["id"]}/users').json['users']) == 2
    there = domains['there']
    assert cloud('GET', f'/groups/{there["group"]["id"]}/users', token=token).status == 403
    assert cloud('GET', f'/users/{there["user"]["id"]}/groups', token=token).status == 403


def test_a_domains_role_is_given_on_no_project_of_another(cloud, domains):
    here, there = domains['here'], domains['there']
    project = cloud.make('project', name='p', domain_id=here['id'])
    path = f'/projects/{project["id"]}/users/{here["user"]["id"]}/roles/'
    assert cloud('PUT', path + there['role']['id']).status == 403
    assert cloud('HEAD', path + there['role']['id']).status == 404
    assert cloud('DELETE', path + there['role']['id']).status == 404
    assert cloud('PUT', path + here['role']['id']).status == 204


def test_another_domains_role_on_a_domain_gives_nothing(cloud, domains):
    here, there = domains['here'], domains['there']
    user = cloud.make('user', name='guest', password='pw', domain_id=here['id'])
    path = f'/domains/{here["id"]}/users/{user["id"]}/roles/{there["role"]["id"]}'
    assert cloud('PUT', path, token=domains['tokens']['manager']).status == 403
    assert cloud('PUT', path, token=domains['tokens']['admin']).status == 204
    assert cloud.login('guest', 'pw', {'domain': {'id': here['id']}}, here['id']).status == 401


def test_anothers_application_credential_is_forbidden_under_ones_own_path(cloud, member):
    path, told = '/users/{}/application_credentials', {'application_credential': {'name': 'ac'}}
    mine = cloud('POST', path.format(member['user']['id']), told, member['token']).json['application_credential']
    eve = cloud.make('user', name='eve', password='pw')
    cloud.put_in(eve, member['project'], 'member')
    token = cloud.token_of('eve', 'pw', member['scope'])
    for method in ('GET', 'DELETE'):
        assert cloud(method, f'{path.format(eve["id"])}/{mine["id"]}', token=token).status == 403
        assert cloud(method, f'{path.format(eve["id"])}/nothing', token=token).status == 404
        assert cloud(method, f'{path.format(member["user"]["id"])}/{mine["id"]}', token=token).status == 403
