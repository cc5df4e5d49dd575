"""What the options make of a real directory's entries."""

import pytest

from tests.wire.identity import slapd
from tests.wire.identity.directories import by_file, domain_of, listed, tell

pytestmark = pytest.mark.skipif(slapd.why_not() is not None, reason=str(slapd.why_not()))
GENERIC = 'The request you have made requires authentication.'


@pytest.fixture
def server(tmp_path):
    server = slapd.Slapd(tmp_path / 'slapd')
    yield server
    server.stop()


@pytest.fixture
def staff(cloud, server):
    server.user('ann', 'ann-pw', description='Head of all', title='chief', departmentNumber='7')
    server.user('ben', 'ben-pw')
    return domain_of(cloud, server.url)


def login(cloud, domain, name):
    return cloud.login(name, f'{name}-pw', 'unscoped', domain['id']).status


def posix(server, name, *members):
    lines = ''.join(f'memberUid: {member}\n' for member in members)
    dn = f'cn={name},ou=Groups,{slapd.SUFFIX}'
    server.add(f'dn: {dn}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: 7\n{lines}')
    return dn


# attributes


def test_more_attributes_are_shown_by_other_names(cloud, staff):
    tell(cloud, staff, user_additional_attribute_mapping='title:rank, departmentNumber:office,nonsense,cn:id')
    users = listed(cloud, 'users', staff)
    assert (users['ann']['rank'], users['ann']['office']) == ('chief', '7')
    assert len(users['ann']['id']) == 64 and 'rank' not in users['ben']
    tell(cloud, staff, user_additional_attribute_mapping=['title:rank'])
    assert 'office' not in listed(cloud, 'users', staff)['ann']


@pytest.mark.parametrize('name', ['enabled', 'domain_id', 'name', 'password', 'options'])
def test_no_attribute_takes_the_place_of_what_the_cloud_knows_itself(cloud, staff, name):
    tell(cloud, staff, user_additional_attribute_mapping=f'title:{name}')
    user = listed(cloud, 'users', staff)['ann']
    assert (user['enabled'], user['domain_id'], user['name'], user['options']) == (True, staff['id'], 'ann', {})
    assert 'password' not in user


def test_ignored_attributes_are_not_shown(cloud, staff):
    tell(cloud, staff, user_attribute_ignore='email,description,default_project_id')
    user = listed(cloud, 'users', staff)['ann']
    assert 'email' not in user and 'description' not in user


def test_a_default_project_may_be_told_by_the_directory(cloud, server, staff):
    project = cloud.make('project', name='desk', domain_id=staff['id'])
    ann = listed(cloud, 'users', staff)['ann']
    assert 'default_project_id' not in ann
    cloud.put_in(ann, project, 'reader')
    dn = f'uid=ann,ou=Users,{slapd.SUFFIX}'
    server.change(f'dn: {dn}\nchangetype: modify\nreplace: title\ntitle: {project["id"]}\n')
    tell(cloud, staff, user_default_project_id_attribute='title')
    assert 'default_project_id' not in listed(cloud, 'users', staff)['ann']  # it is ignored unless that is taken back
    tell(cloud, staff, user_attribute_ignore='')
    assert listed(cloud, 'users', staff)['ann']['default_project_id'] == project['id']
    token = cloud.login('ann', 'ann-pw', None, staff['id']).json['token']
    assert token['project']['id'] == project['id']


def test_groups_have_ignored_and_additional_attributes_too(cloud, server, staff):
    server.add(
        f'dn: cn=admins,ou=Groups,{slapd.SUFFIX}\nobjectClass: groupOfNames\ncn: admins\n'
        f'member: uid=ann,ou=Users,{slapd.SUFFIX}\ndescription: All of them\no: Example\n'
    )
    assert listed(cloud, 'groups', staff)['admins']['description'] == 'All of them'
    tell(cloud, staff, group_attribute_ignore='description', group_additional_attribute_mapping='o:company')
    group = listed(cloud, 'groups', staff)['admins']
    assert (group['description'], group['company']) == ('', 'Example')


def test_an_id_of_several_values_is_the_one_in_the_entrys_name(cloud, server, staff):
    server.change(f'dn: uid=ann,ou=Users,{slapd.SUFFIX}\nchangetype: modify\nadd: uid\nuid: aaa\nuid: zzz\n')
    tell(cloud, staff, user_name_attribute='cn')
    before = listed(cloud, 'users', staff)['ann']['id']
    server.change(f'dn: uid=ann,ou=Users,{slapd.SUFFIX}\nchangetype: modify\ndelete: uid\nuid: aaa\nuid: zzz\n')
    assert listed(cloud, 'users', staff)['ann']['id'] == before


# who is enabled


@pytest.mark.parametrize(
    'text, enabled',
    [
        ('TRUE', True),
        ('true', True),
        ('1', True),
        ('FALSE', False),
        ('false', False),
        ('0', False),
        ('no', False),
        ('off', False),
        ('disabled', False),
        ('yes', False),
        ('truely', False),
    ],
)
def test_enabled_is_a_plain_yes(cloud, server, staff, text, enabled):
    """OSSA-2026-007: what the directory says is a truth, and not a text that is there."""
    server.user('cid', 'cid-pw', employeeType=text)
    tell(cloud, staff, user_enabled_attribute='employeeType')
    shown = listed(cloud, 'users', staff)['cid']['enabled']
    assert shown is enabled
    assert login(cloud, staff, 'cid') == (201 if enabled else 401)
    tell(cloud, staff, user_enabled_invert=True)
    assert listed(cloud, 'users', staff)['cid']['enabled'] is not enabled


@pytest.mark.parametrize('value', ['false', 'true', 'no', 0, 1, None, []])
def test_enabled_in_a_body_is_a_truth_and_nothing_else(cloud, member, value):
    """OSSA-2026-007."""
    body = {'user': {'name': 'x', 'password': 'x', 'enabled': value}}
    assert cloud('POST', '/users', body).status == 400
    assert cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': value}}).status == 400
    assert cloud.login('bob', 'pw').status == 201


@pytest.mark.parametrize(
    'text, enabled',
    [('512', True), ('514', False), ('66048', True), ('66050', False), ('-2147483646', False), ('x', False)],
)
def test_enabled_may_be_a_bit(cloud, server, staff, text, enabled):
    server.user('cid', 'cid-pw', employeeType=text)
    tell(cloud, staff, user_enabled_attribute='employeeType', user_enabled_mask=2, user_enabled_default=512)
    tell(cloud, staff, user_enabled_invert=True)  # which a mask overrules
    users = listed(cloud, 'users', staff)
    assert (users['cid']['enabled'], users['ann']['enabled']) == (enabled, True)
    assert login(cloud, staff, 'cid') == (201 if enabled else 401)


def test_enabled_may_be_ignored(cloud, server, staff):
    server.user('cid', 'cid-pw', employeeType='FALSE')
    tell(cloud, staff, user_enabled_attribute='employeeType', user_attribute_ignore='enabled')
    assert listed(cloud, 'users', staff)['cid']['enabled'] is True


@pytest.mark.parametrize('place', [None, f'cn=may log in,ou=Groups,{slapd.SUFFIX}'])
def test_enabled_may_be_membership_of_a_group(cloud, server, staff, place):
    tell(cloud, staff, user_enabled_emulation=True, user_enabled_emulation_dn=place)
    assert [row['enabled'] for row in listed(cloud, 'users', staff).values()] == [False, False]
    dn = place or f'cn=enabled_users,ou=Users,{slapd.SUFFIX}'
    ann = f'uid=ann,ou=Users,{slapd.SUFFIX}'
    name = dn.split(',')[0].removeprefix('cn=')
    server.add(f'dn: {dn}\nobjectClass: groupOfNames\ncn: {name}\nmember: {ann}\n')
    users = listed(cloud, 'users', staff)
    assert {name: row['enabled'] for name, row in users.items()} == {'ann': True, 'ben': False}
    assert (login(cloud, staff, 'ann'), login(cloud, staff, 'ben')) == (201, 401)
    assert cloud('GET', f'/users/{users["ben"]["id"]}').json['user']['enabled'] is False
    token = cloud.login('ann', 'ann-pw', 'unscoped', staff['id']).headers['X-Subject-Token']
    server.change(f'dn: {dn}\nchangetype: modify\nreplace: member\nmember: uid=ben,ou=Users,{slapd.SUFFIX}\n')
    assert (login(cloud, staff, 'ann'), login(cloud, staff, 'ben')) == (401, 201)
    assert cloud('GET', f'/users/{users["ann"]["id"]}').json['user']['enabled'] is False
    assert cloud('GET', '/auth/projects', token=token).status == 401


def test_that_group_may_name_its_members_as_other_groups_do(cloud, server, staff):
    dn = posix(server, 'enabled', 'ben')
    options = {'user_enabled_emulation_dn': dn, 'user_enabled_emulation_use_group_config': True}
    posixly = {'group_objectclass': 'posixGroup', 'group_member_attribute': 'memberUid', 'group_members_are_ids': True}
    tell(cloud, staff, user_enabled_emulation=True, **options, **posixly)
    assert {name: row['enabled'] for name, row in listed(cloud, 'users', staff).items()} == {'ann': False, 'ben': True}


# groups


def test_members_may_be_told_by_their_ids(cloud, server, staff):
    posix(server, 'desk', 'ann', 'gone', '*', 'ben)(uid=*')
    tell(
        cloud,
        staff,
        group_objectclass='posixGroup',
        group_member_attribute='memberUid',
        group_members_are_ids=True,
    )
    group = listed(cloud, 'groups', staff)['desk']
    members = cloud('GET', f'/groups/{group["id"]}/users').json['users']
    assert [row['name'] for row in members] == ['ann']
    assert [row['name'] for row in cloud('GET', f'/users/{members[0]["id"]}/groups').json['groups']] == ['desk']


def test_members_who_are_no_users_are_passed_over(cloud, server, staff):
    other = f'ou=Elsewhere,{slapd.SUFFIX}'
    server.add(f'dn: {other}\nobjectClass: organizationalUnit\nou: Elsewhere\n')
    server.add(f'dn: uid=eve,{other}\nobjectClass: inetOrgPerson\nuid: eve\ncn: eve\nsn: eve\n')
    server.group('inner', f'uid=ben,ou=Users,{slapd.SUFFIX}')
    inner, nobody = f'cn=inner,ou=Groups,{slapd.SUFFIX}', f'uid=nobody,ou=Users,{slapd.SUFFIX}'
    server.group('outer', f'UID=Ann, OU=users,{slapd.SUFFIX}', inner, nobody, f'uid=eve,{other}')
    group = listed(cloud, 'groups', staff)['outer']
    assert [row['name'] for row in cloud('GET', f'/groups/{group["id"]}/users').json['users']] == ['ann']


def test_groups_within_groups_are_asked_for_by_active_directorys_own_rule(cloud, server, staff):
    server.group('outer', f'uid=ann,ou=Users,{slapd.SUFFIX}')
    ann, outer = listed(cloud, 'users', staff)['ann'], listed(cloud, 'groups', staff)['outer']
    assert len(cloud('GET', f'/users/{ann["id"]}/groups').json['groups']) == 1
    by_file(cloud, group_ad_nesting=True)
    # slapd does not know the rule, and finds nobody by it; it is the question that is asked.
    assert cloud('GET', f'/users/{ann["id"]}/groups').json['groups'] == []
    assert cloud('GET', f'/groups/{outer["id"]}/users').json['users'] == []


def test_removing_a_role_that_a_directorys_user_lacks_grants_nothing(cloud, staff):
    """OSSA-2013-028."""
    ann = listed(cloud, 'users', staff)['ann']
    project = cloud.make('project', name='desk', domain_id=staff['id'])
    for target in (f'/projects/{project["id"]}', f'/domains/{staff["id"]}', '/system'):
        path = f'{target}/users/{ann["id"]}/roles'
        assert cloud('DELETE', f'{path}/{cloud.role("member")}').status == 404
        assert cloud('GET', path).json['roles'] == []
    assert cloud('GET', f'/role_assignments?user.id={ann["id"]}').json['role_assignments'] == []
    assert cloud.login('ann', 'ann-pw', {'project': {'id': project['id']}}, staff['id']).status == 401


def test_a_user_and_a_group_of_one_id_do_not_share_roles(cloud, server, staff):
    """OSSA-2014-015."""
    server.group('ben', f'uid=ann,ou=Users,{slapd.SUFFIX}')
    ben, group = listed(cloud, 'users', staff)['ben'], listed(cloud, 'groups', staff)['ben']
    assert ben['id'] != group['id']
    project = cloud.make('project', name='desk', domain_id=staff['id'])
    scope = {'project': {'id': project['id']}}
    grant = f'/projects/{project["id"]}/groups/{group["id"]}/roles/{cloud.role("admin")}'
    assert cloud('PUT', grant).status == 204
    assert cloud.login('ben', 'ben-pw', scope, staff['id']).status == 401
    assert cloud.login('ann', 'ann-pw', scope, staff['id']).status == 201
    assert cloud('DELETE', grant).status == 204
    cloud.put_in(ben, project, 'admin')
    assert cloud.login('ann', 'ann-pw', scope, staff['id']).status == 401
    assert cloud('GET', f'/projects/{project["id"]}/groups/{group["id"]}/roles').json['roles'] == []


# what is searched, and how


def test_users_are_looked_for_one_level_below_or_anywhere(cloud, server, staff):
    deep = f'ou=Deep,ou=Users,{slapd.SUFFIX}'
    server.add(f'dn: {deep}\nobjectClass: organizationalUnit\nou: Deep\n')
    server.add(f'dn: uid=dan,{deep}\nobjectClass: inetOrgPerson\nuid: dan\ncn: dan\nsn: dan\nuserPassword: dan-pw\n')
    assert login(cloud, staff, 'dan') == 401
    tell(cloud, staff, query_scope='sub')
    assert login(cloud, staff, 'dan') == 201
    assert set(listed(cloud, 'users', staff)) == {'ann', 'ben', 'dan'}


def test_aliases_are_followed_only_where_that_is_asked_for(cloud, server, staff):
    other = f'ou=Elsewhere,{slapd.SUFFIX}'
    server.add(f'dn: {other}\nobjectClass: organizationalUnit\nou: Elsewhere\n')
    server.add(f'dn: uid=eve,{other}\nobjectClass: inetOrgPerson\nuid: eve\ncn: eve\nsn: eve\nuserPassword: eve-pw\n')
    server.add(
        f'dn: cn=also,ou=Users,{slapd.SUFFIX}\nobjectClass: alias\nobjectClass: extensibleObject\ncn: also\n'
        f'aliasedObjectName: uid=eve,{other}\n'
    )
    for told, seen in (('default', False), ('never', False), ('finding', False), ('searching', True), ('always', True)):
        tell(cloud, staff, alias_dereferencing=told)
        assert ('eve' in listed(cloud, 'users', staff), login(cloud, staff, 'eve')) == (seen, 201 if seen else 401), (
            told
        )


@pytest.mark.parametrize('size', [1, 3, 100])
def test_lists_are_whole_whatever_the_page(cloud, server, staff, size):
    for number in range(7):
        server.user(f'extra{number}', 'pw')
    tell(cloud, staff, page_size=size)
    assert len(listed(cloud, 'users', staff)) == 9


def test_filters_of_the_operators_own_are_kept(cloud, staff):
    tell(cloud, staff, user_filter='title=chief')
    assert set(listed(cloud, 'users', staff)) == {'ann'} and login(cloud, staff, 'ben') == 401
    tell(cloud, staff, user_filter='(|(title=chief)(uid=ben))')
    assert set(listed(cloud, 'users', staff)) == {'ann', 'ben'}


@pytest.mark.parametrize(
    'name', ['*', 'a*', 'ann)(uid=*', '*)(|(uid=*', ')(', '(', '\\', '\\2a', '&', 'ann)(objectClass=*))%00', 'ann,dc=x']
)
def test_a_name_is_never_part_of_a_filter(cloud, server, staff, name):
    server.group('desk', f'uid=ann,ou=Users,{slapd.SUFFIX}')
    for noun in ('users', 'groups'):
        assert listed(cloud, noun, staff, name=name.replace('&', '%26').replace('%00', '')) == {}


@pytest.mark.parametrize(
    'told',
    [
        {'chase_referrals': True},
        {'debug_level': 1},
        {'user_pass_attribute': 'x'},
        {'url': ['x']},
        {'user_attribute_ignore': [1]},
        {'password_hash': 'x'},
    ],
)
def test_what_cannot_be_honoured_is_refused(cloud, staff, told):
    answer = cloud('PATCH', f'/domains/{staff["id"]}/config', {'config': {'ldap': told}})
    assert answer.status == 403 and answer.json['error']['message'].startswith('Invalid domain specific configuration')
    assert login(cloud, staff, 'ann') == 201


@pytest.mark.parametrize(
    'told',
    [{'query_scope': 'all'}, {'pool_size': 0}, {'tls_req_cert': 'try'}, {'use_tls': 'perhaps'}, {'page_size': -1}],
)
def test_what_is_out_of_bounds_is_said_to_be_wrong(cloud, staff, told):
    tell(cloud, staff, **told)
    answer = cloud.login('ann', 'ann-pw', 'unscoped', staff['id'])
    assert (answer.status, 'configuration is wrong' in answer.json['error']['message']) == (503, True)


def test_a_directory_that_need_not_be_told_about_referrals(cloud, staff):
    tell(cloud, staff, chase_referrals=False)
    assert login(cloud, staff, 'ann') == 201
