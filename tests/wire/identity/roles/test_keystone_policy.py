"""Who may do what: administrators, a domain's own manager and reader, a member, and the system's reader."""

import pytest


@pytest.fixture
def domain(cloud):
    """A domain with a manager `meg` and a reader `ron` of its own, a project and a user."""
    home = cloud.make('domain', name='home')
    found = {'domain': home}
    for name, role in (('meg', 'manager'), ('ron', 'reader')):
        user = cloud.make('user', name=name, password='pw', domain_id=home['id'])
        cloud('PUT', f'/domains/{home["id"]}/users/{user["id"]}/roles/{cloud.role(role)}')
        answer = cloud.login(name, 'pw', {'domain': {'id': home['id']}}, home['id'])
        found[name] = answer.headers['X-Subject-Token']
    found['project'] = cloud.make('project', name='inside', domain_id=home['id'])
    found['user'] = cloud.make('user', name='inmate', domain_id=home['id'])
    return found


READS = ('/users', '/projects', '/groups', '/roles', '/services', '/endpoints', '/role_assignments', '/domains')


@pytest.mark.parametrize('path', READS)
def test_a_member_lists_nothing_of_others(cloud, member, path):
    assert cloud('GET', path, token=member['token']).status == 403
    assert cloud('GET', path, token='').status == 401


@pytest.mark.parametrize('path', READS)
def test_a_system_reader_reads_and_writes_nothing(cloud, member, path):
    cloud('PUT', f'/system/users/{member["user"]["id"]}/roles/{cloud.role("reader")}')
    token = cloud.token_of('bob', 'pw', {'system': {'all': True}})
    assert cloud('GET', path, token=token).status == 200
    noun = path[1:-1]
    if noun != 'role_assignment':
        body = {noun: {'name': 'x', 'type': 't', 'url': 'http://x', 'interface': 'public', 'service_id': 'x'}}
        assert cloud('POST', path, body, token).status == 403


def test_a_user_sees_itself_and_its_projects_only(cloud, member):
    me = f'/users/{member["user"]["id"]}'
    token = member['token']
    assert cloud('GET', me, token=token).status == 200
    assert [row['name'] for row in cloud('GET', f'{me}/projects', token=token).json['projects']] == ['lab']
    assert cloud('GET', f'{me}/groups', token=token).status == 200
    assert cloud('GET', f'/projects/{member["project"]["id"]}', token=token).status == 200
    admin = cloud('GET', '/users?name=admin').json['users'][0]['id']
    other = cloud('GET', '/projects?name=admin').json['projects'][0]['id']
    for path in (f'/users/{admin}', f'/users/{admin}/projects', f'/projects/{other}', '/users/nothing'):
        assert cloud('GET', path, token=token).status == 403


def test_a_domains_manager_keeps_to_the_domain(cloud, domain):
    token, home = domain['meg'], domain['domain']['id']
    assert cloud('POST', '/users', {'user': {'name': 'n', 'domain_id': home}}, token).status == 201
    assert cloud('POST', '/users', {'user': {'name': 'n2'}}, token).status == 403
    assert cloud('POST', '/projects', {'project': {'name': 'n', 'domain_id': home}}, token).status == 201
    assert cloud('POST', '/groups', {'group': {'name': 'n', 'domain_id': home}}, token).status == 201
    for noun in ('user', 'project', 'group'):
        assert cloud('POST', f'/{noun}s', {noun: {'name': 'm', 'domain_id': 'default'}}, token).status == 403
    assert {row['domain_id'] for row in cloud('GET', '/users', token=token).json['users']} == {home}
    assert {row['domain_id'] for row in cloud('GET', '/projects', token=token).json['projects']} == {home}
    assert [row['id'] for row in cloud('GET', '/domains', token=token).json['domains']] == [home]


def test_a_domains_manager_makes_no_administrator(cloud, domain):
    path = f'/projects/{domain["project"]["id"]}/users/{domain["user"]["id"]}/roles'
    assert cloud('PUT', f'{path}/{cloud.role("member")}', token=domain['meg']).status == 204
    assert cloud('PUT', f'{path}/{cloud.role("admin")}', token=domain['meg']).status == 403
    assert cloud('PUT', f'{path}/{cloud.role("member")}', token=domain['ron']).status == 403
    elsewhere = cloud('GET', '/projects?name=admin').json['projects'][0]['id']
    outside = f'/projects/{elsewhere}/users/{domain["user"]["id"]}/roles/{cloud.role("member")}'
    assert cloud('PUT', outside, token=domain['meg']).status == 403


def test_a_domains_reader_changes_nothing(cloud, domain):
    token = domain['ron']
    assert cloud('GET', f'/users/{domain["user"]["id"]}', token=token).status == 200
    assert cloud('PATCH', f'/users/{domain["user"]["id"]}', {'user': {'name': 'x'}}, token).status == 403
    assert cloud('DELETE', f'/projects/{domain["project"]["id"]}', token=token).status == 403


# OSSA-2026-001.
def test_identity_headers_give_nobody_a_role(cloud, member):
    forged = {'x_roles': 'admin', 'x_user_id': 'root', 'x_is_admin_project': 'True', 'x_project_id': 'a' * 32}
    assert cloud('GET', '/users', token=member['token'], **forged).status == 403
    assert cloud('GET', '/users', token='', **forged).status == 401
