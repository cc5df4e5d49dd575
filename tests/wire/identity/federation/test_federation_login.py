"""Logging in by federation, over HTTP: who is let in, as whom, and with what."""

import pytest

from nimbus.common import clock
from tests.wire.identity import idp as idps

PROVIDER = '/OS-FEDERATION/identity_providers/acme'


@pytest.fixture
def lab(cloud, idp):
    """A project where the group `devs` is a member."""
    project, group = cloud.make('project', name='lab'), cloud.make('group', name='devs')
    path = f'/projects/{project["id"]}/groups/{group["id"]}/roles/{cloud.role("member")}'
    assert cloud('PUT', path).status == 204
    return {'project': project, 'group': group, 'scope': {'project': {'id': project['id']}}}


def told(answer):
    assert answer.status == 201, answer.data
    return answer.json['token'], answer.headers['X-Subject-Token']


def rescope(cloud, token, scope, method='token'):
    auth = {'identity': {'methods': [method], method: {'id': token}}, **({'scope': scope} if scope else {})}
    return cloud('POST', '/auth/tokens', {'auth': auth}, '')


def is_good(cloud, token):
    return cloud('GET', '/auth/tokens', x_subject_token=token).status == 200


def test_a_token_of_the_provider_is_a_login(cloud, idp, lab):
    token, text = told(idp.login(idp.token()))
    domain = cloud('GET', PROVIDER).json['identity_provider']['domain_id']
    assert token['methods'] == ['openid'] and 'project' not in token and 'roles' not in token
    assert token['user'] == {
        'id': token['user']['id'],
        'name': 'alice',
        'domain': {'id': domain, 'name': domain},
        'OS-FEDERATION': {
            'groups': [{'id': lab['group']['id']}],
            'identity_provider': {'id': 'acme'},
            'protocol': {'id': 'openid'},
        },
    }
    assert cloud('GET', '/auth/tokens', x_subject_token=text).json['token']['user'] == token['user']
    user = cloud('GET', f'/users/{token["user"]["id"]}').json['user']
    assert user['name'] == 'alice' and user['domain_id'] == domain and user['password_expires_at'] is None
    assert user['federated'] == [{'idp_id': 'acme', 'protocols': [{'protocol_id': 'openid', 'unique_id': 'alice-7'}]}]


@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_either_method_logs_in_and_any_body_is_passed_over(cloud, idp, method):
    path, header = idps.AUTH.format('acme', 'openid'), f'Bearer {idp.token()}'
    assert cloud(method, path, None, '', authorization=header).status == 201
    form = {'content_type': 'application/x-www-form-urlencoded', 'authorization': header}
    assert cloud(method, path, b'SAMLResponse=x', '', **form).status == 201


@pytest.mark.parametrize('method', ['token', 'openid'])
def test_an_unscoped_token_is_rescoped(cloud, idp, lab, method):
    first, text = told(idp.login(idp.token()))
    token, scoped = told(rescope(cloud, text, lab['scope'], method))
    assert token['project']['id'] == lab['project']['id']
    assert {role['name'] for role in token['roles']} == {'member', 'reader'}
    assert token['methods'] == (['token', 'openid'] if method == 'token' else ['openid'])
    assert token['user'] == first['user'] and token['expires_at'] == first['expires_at']
    assert token['audit_ids'][1:] == first['audit_ids']
    assert cloud('GET', '/auth/projects', token=scoped).json['projects'][0]['name'] == 'lab'
    again, _ = told(rescope(cloud, scoped, None))
    assert 'project' not in again and 'OS-FEDERATION' in again['user']


def test_a_plain_token_is_not_rescoped_as_a_federated_one(cloud, idp, member):
    assert rescope(cloud, member['token'], None, 'mapped').status == 401


def test_a_login_by_the_auth_api_says_who_vouches_and_may_ask_for_a_scope(cloud, idp, lab):
    for method in ('mapped', 'openid', 'saml2'):
        told_of = {'identity_provider': 'acme', 'protocol': 'openid'}
        auth = {'identity': {'methods': [method], method: told_of}, 'scope': lab['scope']}
        answer = cloud('POST', '/auth/tokens', {'auth': auth}, '', authorization=f'Bearer {idp.token()}')
        token, _ = told(answer)
        assert token['methods'] == [method] and token['project']['name'] == 'lab'
        for name in told_of:
            bad = {'identity': {'methods': [method], method: {name: 'acme'}}}
            assert cloud('POST', '/auth/tokens', {'auth': bad}, '').status == 400
    assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 401


def test_the_same_user_comes_back_with_another_name(cloud, idp):
    first, _ = told(idp.login(idp.token()))
    again, _ = told(idp.login(idp.token(name='Alice Smith')))
    other, _ = told(idp.login(idp.token(sub='alice-8')))
    assert again['user']['id'] == first['user']['id'] != other['user']['id']
    assert cloud('GET', f'/users/{first["user"]["id"]}').json['user']['name'] == 'Alice Smith'


def test_a_name_that_is_taken_stays_its_owners(cloud, idp):
    """Whoever is called like an administrator elsewhere is somebody else here."""
    rules = [
        {'local': [{'user': {'name': '{0}', 'domain': {'id': 'default'}}}], 'remote': [{'type': 'HTTP_OIDC_NAME'}]}
    ]
    idp.rules(rules)
    token, text = told(idp.login(idp.token(name='admin')))
    admin = cloud('GET', '/users?name=admin').json['users'][0]
    assert token['user']['id'] != admin['id'] and token['user']['name'].startswith('admin#')
    assert cloud('GET', '/auth/projects', token=text).json['projects'] == []
    assert rescope(cloud, text, {'project': {'name': 'admin', 'domain': {'id': 'default'}}}).status == 401


def test_an_email_is_kept_and_changed(cloud, idp):
    idp.rules(
        [
            {
                'local': [{'user': {'name': '{0}', 'email': '{1}'}}],
                'remote': [{'type': 'HTTP_OIDC_NAME'}, {'type': 'HTTP_OIDC_EMAIL'}],
            }
        ]
    )
    for email in ('a@x', 'b@x'):
        token, _ = told(idp.login(idp.token(email=email)))
        assert cloud('GET', f'/users/{token["user"]["id"]}').json['user']['email'] == email


def test_a_local_user_is_the_clouds_own(cloud, idp, member):
    user = {'name': '{0}', 'type': 'local', 'domain': {'name': 'Default'}}
    idp.rules([{'local': [{'user': user}], 'remote': [{'type': 'HTTP_OIDC_NAME'}]}])
    token, text = told(idp.login(idp.token(name='bob')))
    assert token['user']['id'] == member['user']['id'] and 'OS-FEDERATION' not in token['user']
    assert rescope(cloud, text, member['scope']).status == 201
    assert idp.login(idp.token(name='nobody')).status == 401
    assert cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': False}}).status == 200
    assert idp.login(idp.token(name='bob')).status == 401


def test_a_disabled_shadow_stays_out(cloud, idp):
    token, text = told(idp.login(idp.token()))
    assert cloud('PATCH', f'/users/{token["user"]["id"]}', {'user': {'enabled': False}}).status == 200
    assert not is_good(cloud, text) and idp.login(idp.token()).status == 401


def test_who_fits_no_rule_is_refused(cloud, idp):
    answer = idp.login(idp.token(groups=None))
    assert answer.status == 401 and 'Could not map any federated user' in answer.json['error']['message']
    assert cloud('GET', '/users?name=alice').json['users'] == []


def test_a_group_that_is_not_there(cloud, idp, lab):
    token, _ = told(idp.login(idp.token(groups=['devs', 'unheard of'])))
    assert token['user']['OS-FEDERATION']['groups'] == [{'id': lab['group']['id']}]
    idp.rules([{'local': [{'user': {'name': 'x'}}, {'group': {'id': 'gone'}}], 'remote': [{'type': 'HTTP_OIDC_SUB'}]}])
    answer = idp.login(idp.token())
    assert answer.status == 401 and 'Group gone returned by mapping acme' in answer.json['error']['message']


@pytest.mark.parametrize('what', ['provider', 'protocol', 'mapping'])
def test_where_something_is_missing_nobody_logs_in(cloud, idp, what):
    path = {'provider': PROVIDER, 'protocol': PROVIDER + '/protocols/openid', 'mapping': '/OS-FEDERATION/mappings/acme'}
    assert cloud('DELETE', path[what]).status == 204
    assert idp.login(idp.token()).status == 404


def test_a_disabled_provider_lets_nobody_in(cloud, idp):
    idp.set(enabled=False)
    answer = idp.login(idp.token())
    assert answer.status == 403 and answer.json['error']['message'] == 'Identity Provider acme is disabled'


@pytest.mark.parametrize('how', ['disabled', 'deleted', 'protocol deleted', 'domain disabled'])
def test_what_a_provider_let_in_goes_with_it_at_once(cloud, idp, lab, how):
    token, text = told(idp.login(idp.token()))
    _, scoped = told(rescope(cloud, text, lab['scope']))
    domain = token['user']['domain']['id']
    path, body = {
        'disabled': (PROVIDER, {'identity_provider': {'enabled': False}}),
        'deleted': (PROVIDER, None),
        'protocol deleted': (PROVIDER + '/protocols/openid', None),
        'domain disabled': (f'/domains/{domain}', {'domain': {'enabled': False}}),
    }[how]
    assert is_good(cloud, text) and is_good(cloud, scoped)
    assert cloud('PATCH' if body else 'DELETE', path, body).status in (200, 204)
    assert not is_good(cloud, text) and not is_good(cloud, scoped)
    assert rescope(cloud, text, lab['scope']).status == 404
    assert cloud('GET', f'/users/{token["user"]["id"]}').status == (404 if 'deleted' in how else 200)


def test_a_user_who_was_given_a_password_outlives_the_provider(cloud, idp):
    token, _ = told(idp.login(idp.token()))
    path = f'/users/{token["user"]["id"]}'
    assert cloud('PATCH', path, {'user': {'password': 'pw'}}).status == 200
    assert cloud('DELETE', PROVIDER).status == 204
    user = cloud('GET', path).json['user']
    assert 'federated' not in user
    assert cloud.login('alice', 'pw', None, token['user']['domain']['id']).status == 201


def test_a_deleted_group_takes_its_roles_from_tokens(cloud, idp, lab):
    _, text = told(idp.login(idp.token()))
    _, scoped = told(rescope(cloud, text, lab['scope']))
    assert cloud('DELETE', f'/groups/{lab["group"]["id"]}').status == 204
    assert not is_good(cloud, scoped)
    assert cloud('GET', '/OS-FEDERATION/projects', token=text).json['projects'] == []


def test_groups_are_kept_as_long_as_the_provider_says(cloud, idp, lab):
    idp.set(authorization_ttl=10)
    token, text = told(idp.login(idp.token()))
    path = f'/users/{token["user"]["id"]}/groups'
    groups = cloud('GET', path).json['groups']
    assert [group['id'] for group in groups] == [lab['group']['id']]
    assert groups[0]['membership_expires_at'] > clock.iso_micro_z(clock.Clock().now())
    _, scoped = told(rescope(cloud, text, lab['scope']))
    credential = {'application_credential': {'name': 'robot'}}
    made = cloud('POST', f'/users/{token["user"]["id"]}/application_credentials', credential, scoped)
    assert made.status == 201, made.data
    secret = {name: made.json['application_credential'][name] for name in ('id', 'secret')}
    auth = {'identity': {'methods': ['application_credential'], 'application_credential': secret}}
    _, robot = told(cloud('POST', '/auth/tokens', {'auth': auth}, ''))
    idp.set(authorization_ttl=0)
    assert cloud('GET', path).json['groups'] == []
    assert not is_good(cloud, robot)
    assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 401
    idp.set(authorization_ttl=10)
    assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 201
    told(idp.login(idp.token(groups=['others'])))
    assert cloud('GET', path).json['groups'] == []


def test_without_a_time_to_live_groups_last_as_long_as_the_token(cloud, idp, lab):
    token, text = told(idp.login(idp.token()))
    assert cloud('GET', f'/users/{token["user"]["id"]}/groups').json['groups'] == []
    _, scoped = told(rescope(cloud, text, lab['scope']))
    assert is_good(cloud, scoped)


def test_there_is_an_end_to_the_groups_of_a_token(cloud, idp):
    names = [f'group {number}' for number in range(300)]
    with cloud.parts.db.write() as tx:
        from nimbus.identity.people import groups

        for name in names:
            groups.create(tx, {'name': name, 'domain_id': 'default'}, {})
    token, text = told(idp.login(idp.token(groups=names[:200])))
    assert len(token['user']['OS-FEDERATION']['groups']) == 200 and is_good(cloud, text)
    answer = idp.login(idp.token(groups=names))
    assert answer.status == 403
    assert 'A token for 300 groups would have' in answer.json['error']['message']


def projects_of(cloud, token):
    return sorted(project['name'] for project in cloud('GET', '/auth/projects', token=token).json['projects'])


def test_projects_are_made_with_the_roles_the_mapping_tells(cloud, idp):
    local = [
        {'user': {'name': '{0}'}},
        {
            'projects': [
                {'name': 'of {0}', 'roles': [{'name': 'member'}]},
                {'name': 'all', 'roles': [{'name': 'reader'}]},
            ]
        },
    ]
    rules = [{'local': local, 'remote': [{'type': 'HTTP_OIDC_NAME'}]}]
    idp.rules(rules)
    for _ in range(2):
        token, text = told(idp.login(idp.token()))
        assert projects_of(cloud, text) == ['all', 'of alice']
    domain = token['user']['domain']['id']
    made = cloud('GET', f'/projects?domain_id={domain}').json['projects']
    assert sorted(project['name'] for project in made) == ['all', 'of alice']
    told(idp.login(idp.token(sub='x', name='carol')))
    assert len(cloud('GET', f'/projects?domain_id={domain}').json['projects']) == 3
    local[1]['projects'].pop()
    idp.rules(rules)
    assert projects_of(cloud, told(idp.login(idp.token()))[1]) == ['all', 'of alice']
    idp.rules(rules, '3.0')
    assert projects_of(cloud, told(idp.login(idp.token()))[1]) == ['of alice']


def test_a_role_that_is_not_there_makes_nothing(cloud, idp):
    local = [{'user': {'name': '{0}'}}, {'projects': [{'name': 'p', 'roles': [{'name': 'emperor'}]}]}]
    idp.rules([{'local': local, 'remote': [{'type': 'HTTP_OIDC_NAME'}]}])
    before = len(cloud('GET', '/projects').json['projects'])
    answer = idp.login(idp.token())
    assert answer.status == 404 and 'Could not find role: emperor' in answer.json['error']['message']
    assert len(cloud('GET', '/projects').json['projects']) == before
    assert cloud('GET', '/users?name=alice').json['users'] == []


def test_an_administrator_says_who_a_user_is_elsewhere(cloud, idp, member):
    told_of = [{'idp_id': 'acme', 'protocols': [{'protocol_id': 'openid', 'unique_id': 'alice-7'}]}]
    path = f'/users/{member["user"]["id"]}'
    assert cloud('PATCH', path, {'user': {'federated': told_of}}).json['user']['federated'] == told_of
    token, text = told(idp.login(idp.token()))
    assert token['user']['id'] == member['user']['id'] and token['user']['name'] == 'bob'
    assert rescope(cloud, text, member['scope']).status == 201
    found = [
        [user['id'] for user in cloud('GET', f'/users?{query}').json['users']]
        for query in ('unique_id=alice-7', 'idp_id=acme&protocol_id=openid', 'idp_id=other')
    ]
    assert found == [[member['user']['id']], [member['user']['id']], []]
    again = cloud('POST', '/users', {'user': {'name': 'eve', 'federated': told_of}})
    assert again.status == 409 and cloud('GET', '/users?name=eve').json['users'] == []
    assert cloud('PATCH', path, {'user': {'federated': []}}).json['user']['federated'] == told_of
    assert cloud('DELETE', PROVIDER).status == 204
    assert 'federated' not in cloud('GET', path).json['user']


@pytest.mark.parametrize(
    'federated',
    [
        [{'idp_id': 'none', 'protocols': [{'protocol_id': 'openid', 'unique_id': 'x'}]}],
        [{'idp_id': 'acme', 'protocols': [{'protocol_id': 'none', 'unique_id': 'x'}]}],
        [{'idp_id': 'acme', 'protocols': [{'protocol_id': 'openid'}]}],
        [{'idp_id': 'acme', 'protocols': []}],
        [{'idp_id': 'acme'}],
        ['acme'],
        'acme',
    ],
)
def test_a_user_is_only_somebody_at_a_provider_that_is_there(cloud, idp, federated):
    assert cloud('POST', '/users', {'user': {'name': 'eve', 'federated': federated}}).status == 400
    assert cloud('GET', '/users?name=eve').json['users'] == []
