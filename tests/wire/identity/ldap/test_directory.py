"""Users and groups of a real directory, over HTTP."""

import socket

import pytest

from nimbus.identity.people import shadow_users
from tests.wire.identity import slapd

pytestmark = pytest.mark.skipif(slapd.why_not() is not None, reason=str(slapd.why_not()))


@pytest.fixture
def server(tmp_path):
    place = tmp_path / 'slapd'
    place.mkdir()
    server = slapd.Slapd(place)
    yield server
    server.stop()


@pytest.fixture
def staff(cloud, server):
    """A domain whose users are the server's; ann and ben, and ann is in the group admins."""
    ann = server.user('ann', 'ann-pw', description='Head of all')
    server.user('ben', 'ben-pw')
    server.group('admins', ann)
    domain = cloud.make('domain', name='staff')
    ldap = {
        'url': server.url,
        'suffix': slapd.SUFFIX,
        'user': slapd.ROOT,
        'password': slapd.ROOT_PASSWORD,
        'group_tree_dn': f'ou=Groups,{slapd.SUFFIX}',
        'user_id_attribute': 'uid',
        'user_name_attribute': 'uid',
        'group_name_attribute': 'cn',
    }
    config = {'config': {'identity': {'driver': 'ldap'}, 'ldap': ldap}}
    assert cloud('PUT', f'/domains/{domain["id"]}/config', config).status == 201
    return domain


@pytest.fixture
def project(cloud, staff):
    return cloud.make('project', name='desk', domain_id=staff['id'])


def listed(cloud, noun, domain, **filters):
    query = ''.join(f'&{name}={value}' for name, value in filters.items())
    answer = cloud('GET', f'/{noun}?domain_id={domain["id"]}{query}')
    assert answer.status == 200, answer.data
    return {row['name']: row for row in answer.json[noun]}


def test_a_user_logs_in_with_the_directorys_password(cloud, staff):
    answer = cloud.login('ann', 'ann-pw', 'unscoped', staff['id'])
    assert answer.status == 201, answer.data
    user = answer.json['token']['user']
    assert user['id'] == shadow_users.public_id(staff['id'], 'user', 'ann') and len(user['id']) == 64
    assert user['domain'] == {'id': staff['id'], 'name': 'staff'}
    by_id = {'methods': ['password'], 'password': {'user': {'id': user['id'], 'password': 'ann-pw'}}}
    assert cloud('POST', '/auth/tokens', {'auth': {'identity': by_id}}, '').status == 201


@pytest.mark.parametrize(
    'name, password',
    [
        ('ann', 'wrong'),
        ('ann', ''),
        ('ann', 'ben-pw'),
        ('nobody', 'ann-pw'),
        ('*', 'ann-pw'),
        ('an*', 'ann-pw'),
        ('ann)(uid=*', 'ann-pw'),
        ('*)(|(uid=ann)', 'ann-pw'),
        ('ann,ou=Users', 'ann-pw'),
        ('ann\x00', 'ann-pw'),
        ('\\61nn', 'ann-pw'),
    ],
)
def test_nothing_but_the_name_and_the_password_lets_in(cloud, staff, name, password):
    """OSSA-2013-015: among them that no password is none."""
    answer = cloud.login(name, password, 'unscoped', staff['id'])
    if '\x00' in name and cloud.parts.db.writer.dialect.name == 'postgresql':
        assert answer.status == 400 and 'characters that cannot be kept' in answer.json['error']['message']
        return
    assert answer.status == 401
    assert answer.json['error']['message'] == 'The request you have made requires authentication.'


def test_a_password_that_is_none_is_refused_before_it_is_asked_about(cloud, staff):
    user = {'name': 'ann', 'password': None, 'domain': {'id': staff['id']}}
    identity = {'methods': ['password'], 'password': {'user': user}}
    assert cloud('POST', '/auth/tokens', {'auth': {'identity': identity}}, '').status == 400


def test_users_and_groups_are_listed_and_shown(cloud, staff):
    users = listed(cloud, 'users', staff)
    assert set(users) == {'ann', 'ben'}
    ann = users['ann']
    assert (ann['email'], ann['description'], ann['enabled']) == ('ann@example.org', 'Head of all', True)
    shown = cloud('GET', f'/users/{ann["id"]}').json['user']
    assert shown == ann
    assert set(listed(cloud, 'users', staff, name='ben')) == {'ben'}
    assert listed(cloud, 'users', staff, name='b*') == {}
    group = listed(cloud, 'groups', staff)['admins']
    assert [row['id'] for row in cloud('GET', f'/users/{ann["id"]}/groups').json['groups']] == [group['id']]
    assert [row['name'] for row in cloud('GET', f'/groups/{group["id"]}/users').json['users']] == ['ann']


def test_roles_are_given_to_a_directorys_users_and_groups(cloud, staff, project):
    ben, group = listed(cloud, 'users', staff)['ben'], listed(cloud, 'groups', staff)['admins']
    scope = {'project': {'id': project['id']}}
    assert cloud.login('ben', 'ben-pw', scope, staff['id']).status == 401
    cloud.put_in(ben, project, 'reader')
    token = cloud.login('ben', 'ben-pw', scope, staff['id']).json['token']
    assert [role['name'] for role in token['roles']] == ['reader']
    path = f'/projects/{project["id"]}/groups/{group["id"]}/roles/{cloud.role("member")}'
    assert cloud('PUT', path).status == 204
    token = cloud.login('ann', 'ann-pw', scope, staff['id']).json['token']
    assert 'member' in {role['name'] for role in token['roles']}


def test_who_leaves_a_group_loses_its_roles(cloud, server, staff, project):
    group = listed(cloud, 'groups', staff)['admins']
    cloud('PUT', f'/projects/{project["id"]}/groups/{group["id"]}/roles/{cloud.role("member")}')
    scope = {'project': {'id': project['id']}}
    token = cloud.login('ann', 'ann-pw', scope, staff['id']).headers['X-Subject-Token']
    ben = f'uid=ben,ou=Users,{slapd.SUFFIX}'
    server.change(f'dn: cn=admins,ou=Groups,{slapd.SUFFIX}\nchangetype: modify\nreplace: member\nmember: {ben}\n')
    assert [row['name'] for row in cloud('GET', f'/groups/{group["id"]}/users').json['users']] == ['ben']
    cloud.parts.tokens.poll()
    assert cloud('GET', '/auth/projects', token=token).status == 401
    assert cloud.login('ann', 'ann-pw', scope, staff['id']).status == 401
    assert cloud.login('ben', 'ben-pw', scope, staff['id']).status == 201


def test_who_leaves_the_directory_is_gone_and_comes_back_as_the_same(cloud, server, staff, project):
    ann = listed(cloud, 'users', staff)['ann']
    cloud.put_in(ann, project, 'reader')
    scope = {'project': {'id': project['id']}}
    token = cloud.login('ann', 'ann-pw', scope, staff['id']).headers['X-Subject-Token']
    server.change(f'dn: {(dn := f"uid=ann,ou=Users,{slapd.SUFFIX}")}\nchangetype: delete\n')
    assert set(listed(cloud, 'users', staff)) == {'ben'}
    cloud.parts.tokens.poll()
    assert cloud('GET', '/auth/projects', token=token).status == 401
    assert cloud('GET', f'/users/{ann["id"]}').status == 404
    assert server.user('ann', 'new-pw') == dn
    token = cloud.login('ann', 'new-pw', scope, staff['id']).json['token']
    assert token['user']['id'] == ann['id'] and [role['name'] for role in token['roles']] == ['reader']


def test_nothing_of_a_directory_is_written(cloud, staff):
    ann, group = listed(cloud, 'users', staff)['ann'], listed(cloud, 'groups', staff)['admins']
    user, one = f'/users/{ann["id"]}', f'/groups/{group["id"]}'
    writes = [
        ('POST', '/users', {'user': {'name': 'new', 'domain_id': staff['id'], 'password': 'x'}}),
        ('PATCH', user, {'user': {'name': 'other'}}),
        ('PATCH', user, {'user': {'password': 'other'}}),
        ('DELETE', user, None),
        ('POST', f'{user}/password', {'user': {'original_password': 'ann-pw', 'password': 'x'}}),
        ('POST', '/groups', {'group': {'name': 'new', 'domain_id': staff['id']}}),
        ('PATCH', one, {'group': {'name': 'other'}}),
        ('DELETE', one, None),
        ('PUT', f'{one}/users/{ann["id"]}', None),
        ('DELETE', f'{one}/users/{ann["id"]}', None),
    ]
    for method, path, body in writes:
        answer = cloud(method, path, body)
        assert (answer.status, answer.json['error']['message']) == (403, 'LDAP does not support write operations')
    wrong = {'user': {'original_password': 'wrong', 'password': 'x'}}
    assert cloud('POST', f'{user}/password', wrong).status == 401
    assert cloud.login('ann', 'ann-pw', 'unscoped', staff['id']).status == 201


def test_a_directory_that_is_away_stops_nobody_else(cloud, server, staff, member):
    ann = listed(cloud, 'users', staff)['ann']
    token = cloud.login('ann', 'ann-pw', 'unscoped', staff['id']).headers['X-Subject-Token']
    server.stop()
    for answer in (
        cloud.login('ann', 'ann-pw', 'unscoped', staff['id']),
        cloud('GET', f'/users/{ann["id"]}'),
        cloud('GET', f'/users?domain_id={staff["id"]}'),
    ):
        assert answer.status == 503
        assert answer.json['error']['message'] == 'The directory of this domain cannot be asked at the moment.'
    assert cloud('GET', '/auth/projects', token=token).status == 200
    assert cloud.login('bob', 'pw', member['scope']).status == 201
    assert cloud('GET', '/auth/projects', token=member['token']).status == 200
    server.start()
    assert cloud.login('ann', 'ann-pw', 'unscoped', staff['id']).status == 201


def test_a_directory_that_says_nothing_is_not_waited_for_forever(cloud, staff):
    with socket.socket() as mute:
        mute.bind(('127.0.0.1', 0))
        mute.listen()
        ldap = cloud.parts.extra['identity'].directories
        ldap._ldap = type(ldap._ldap)(connection_timeout=1)
        url = f'ldap://127.0.0.1:{mute.getsockname()[1]}'
        cloud('PATCH', f'/domains/{staff["id"]}/config/ldap/url', {'config': {'url': url}})
        assert cloud.login('ann', 'ann-pw', 'unscoped', staff['id']).status == 503


def test_a_list_is_no_longer_than_was_said(cloud, server, staff):
    for number in range(8):
        server.user(f'extra{number}', 'pw')
    cloud('PATCH', f'/domains/{staff["id"]}/config', {'config': {'identity': {'list_limit': 3}}})
    assert len(listed(cloud, 'users', staff)) == 3
    config = {'config': {'identity': {'list_limit': 100}, 'ldap': {'page_size': 4}}}
    cloud('PATCH', f'/domains/{staff["id"]}/config', config)
    assert len(listed(cloud, 'users', staff)) == 10


def test_a_driver_or_value_nobody_knows_is_said_to_be_wrong(cloud, staff):
    path = f'/domains/{staff["id"]}/config'
    cloud('PATCH', path, {'config': {'ldap': {'page_size': 'many'}}})
    answer = cloud.login('ann', 'ann-pw', 'unscoped', staff['id'])
    assert (answer.status, 'configuration is wrong' in answer.json['error']['message']) == (503, True)
    cloud('PATCH', path, {'config': {'identity': {'driver': 'papyrus'}}})
    answer = cloud.login('ann', 'ann-pw', 'unscoped', staff['id'])
    assert (answer.status, 'sql and ldap are' in answer.json['error']['message']) == (503, True)


def test_a_domain_with_a_directory_is_deleted_whole(cloud, staff):
    ann = listed(cloud, 'users', staff)['ann']
    cloud('PATCH', f'/domains/{staff["id"]}', {'domain': {'enabled': False}})
    assert cloud('DELETE', f'/domains/{staff["id"]}').status == 204
    assert cloud('GET', f'/users/{ann["id"]}').status == 404


def test_a_user_who_is_not_enabled_does_not_log_in(cloud, server, staff):
    server.user('cid', 'cid-pw', employeeType='FALSE')
    path = f'/domains/{staff["id"]}/config'
    cloud('PATCH', path, {'config': {'ldap': {'user_enabled_attribute': 'employeeType'}}})
    assert cloud.login('cid', 'cid-pw', 'unscoped', staff['id']).status == 401
    assert cloud.login('ann', 'ann-pw', 'unscoped', staff['id']).status == 201
    cloud('PATCH', path, {'config': {'ldap': {'user_enabled_invert': True, 'user_enabled_default': 'false'}}})
    assert cloud.login('cid', 'cid-pw', 'unscoped', staff['id']).status == 201
    assert listed(cloud, 'users', staff)['ann']['enabled'] is True
