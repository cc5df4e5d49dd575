"""Trusts, over HTTP: lending, passing on, using up and taking back."""

import pytest

from nimbus.identity.tokens import payload

PATH = '/OS-TRUST/trusts'


@pytest.fixture
def carol(cloud):
    """A user who is given trusts; with a token of no scope."""
    user = cloud.make('user', name='carol', password='pw')
    return {'user': user, 'token': cloud.token_of('carol', 'pw', 'unscoped')}


@pytest.fixture
def lend(cloud, member, carol):
    """Bob lends what is told to carol; the trust as it is shown."""

    def make(token=None, status=201, **more):
        body = {
            'trustor_user_id': member['user']['id'],
            'trustee_user_id': carol['user']['id'],
            'project_id': member['project']['id'],
            'impersonation': True,
            'roles': [{'name': 'member'}],
        } | more
        answer = cloud('POST', PATH, {'trust': body}, token or member['token'])
        assert answer.status == status, answer.data
        return answer.json.get('trust') or answer.json['error']['message']

    return make


def use(cloud, carol, trust, token=None):
    identity = {'methods': ['token'], 'token': {'id': token or carol['token']}}
    return cloud(
        'POST', '/auth/tokens', {'auth': {'identity': identity, 'scope': {'OS-TRUST:trust': {'id': trust['id']}}}}, ''
    )


def alive(cloud, token):
    return cloud('GET', '/auth/projects', token=token).status == 200


def test_a_trust_is_shown_as_it_was_made(cloud, member, carol, lend):
    made = lend(expires_at='2099-01-01T00:00:00.000000Z', remaining_uses=3)
    shown = cloud('GET', f'{PATH}/{made["id"]}', token=member['token']).json['trust']
    assert shown == made and shown['expires_at'] == '2099-01-01T00:00:00.000000Z'
    assert (shown['remaining_uses'], shown['redelegation_count'], shown['redelegated_trust_id']) == (3, 0, None)
    assert shown['deleted_at'] is None and [role['name'] for role in shown['roles']] == ['member']
    assert shown['links']['self'].endswith(f'/OS-TRUST/trusts/{made["id"]}')


def test_the_trustee_acts_as_the_trustor_with_the_roles_lent(cloud, member, carol, lend):
    trust = lend(roles=[{'name': 'reader'}])
    token = use(cloud, carol, trust).json['token']
    assert token['user']['name'] == 'bob' and token['project']['id'] == member['project']['id']
    assert [role['name'] for role in token['roles']] == ['reader']
    assert token['OS-TRUST:trust'] == {
        'id': trust['id'],
        'trustor_user': {'id': member['user']['id']},
        'trustee_user': {'id': carol['user']['id']},
        'impersonation': True,
    }
    token = use(cloud, carol, lend(impersonation=False)).json['token']
    assert token['user']['name'] == 'carol'
    assert sorted(role['name'] for role in token['roles']) == ['member', 'reader']


def test_a_trust_token_ends_with_the_trust(cloud, carol, lend):
    trust = lend(expires_at='2099-01-01T00:00:00Z')
    assert use(cloud, carol, trust).json['token']['expires_at'] < '2099'
    assert lend(status=400, expires_at='2001-01-01T00:00:00Z').startswith("The 'expires_at' must not be before now.")
    assert lend(status=400, expires_at='soon').startswith('Timestamp not in expected format.')


def test_only_the_trustee_uses_a_trust(cloud, member, carol, lend):
    trust = lend()
    cloud.make('user', name='mallory', password='pw')
    answer = use(cloud, carol, trust, cloud.token_of('mallory', 'pw', 'unscoped'))
    assert (answer.status, answer.json['error']['message']) == (403, 'User is not a trustee.')
    assert use(cloud, carol, {'id': 'f' * 32}).status == 401


def test_a_trust_is_used_as_often_as_was_said(cloud, member, carol, lend):
    trust = lend(remaining_uses=2)
    tokens = [use(cloud, carol, trust).headers['X-Subject-Token'] for _ in range(2)]
    assert use(cloud, carol, trust).status == 401
    assert all(alive(cloud, token) for token in tokens)
    assert cloud('GET', f'{PATH}/{trust["id"]}', token=member['token']).status == 404


def test_a_login_that_fails_uses_nothing_up(cloud, member, carol, lend):
    trust = lend(remaining_uses=1)
    cloud('DELETE', member['grant'])
    assert use(cloud, carol, trust).status == 403
    cloud('PUT', member['grant'])
    assert use(cloud, carol, trust).status == 201


# OSSA-2014-022.
def test_a_trust_reaches_no_other_project(cloud, member, carol, lend):
    other = cloud.make('project', name='other')
    cloud.put_in(member['user'], other, 'member')
    scope = {'OS-TRUST:trust': {'id': lend()['id']}, 'project': {'id': other['id']}}
    identity = {'methods': ['token'], 'token': {'id': carol['token']}}
    assert cloud('POST', '/auth/tokens', {'auth': {'identity': identity, 'scope': scope}}, '').status == 400
    scope = {'OS-TRUST:trust': {}}
    assert cloud('POST', '/auth/tokens', {'auth': {'identity': identity, 'scope': scope}}, '').status in (400, 401)


# OSSA-2014-006.
@pytest.mark.parametrize('how', ['trust', 'grant', 'trustor', 'trustee', 'password', 'their password', 'gone'])
def test_a_token_of_a_trust_ends_with_what_it_stands_on(cloud, member, carol, lend, how):
    trust = lend()
    token = use(cloud, carol, trust).headers['X-Subject-Token']
    assert alive(cloud, token)
    bob, away = f'/users/{member["user"]["id"]}', {'user': {'enabled': False}}
    done = {
        'trust': lambda: cloud('DELETE', f'{PATH}/{trust["id"]}', token=member['token']),
        'grant': lambda: cloud('DELETE', member['grant']),
        'trustor': lambda: cloud('PATCH', bob, away),
        'trustee': lambda: cloud('PATCH', f'/users/{carol["user"]["id"]}', away),
        'password': lambda: cloud('PATCH', bob, {'user': {'password': 'new'}}),
        'their password': lambda: cloud('PATCH', f'/users/{carol["user"]["id"]}', {'user': {'password': 'new'}}),
        'gone': lambda: cloud('DELETE', bob),
    }[how]()
    assert done.status in (200, 204)
    assert not alive(cloud, token)
    assert cloud('GET', '/auth/tokens', x_subject_token=token).status == 404


def test_who_is_behind_a_trust_is_told_apart_at_login(cloud, member, carol, lend):
    trust = lend()
    bob = f'/users/{member["user"]["id"]}'
    cloud('PATCH', bob, {'user': {'enabled': False}})
    answer = use(cloud, carol, trust)
    assert (answer.status, answer.json['error']['message']) == (403, 'Trustor is disabled.')


# OSSA-2013-032 and OSSA-2014-018.
def test_a_trust_token_makes_no_more_of_itself(cloud, member, carol, lend):
    token = use(cloud, carol, lend()).headers['X-Subject-Token']
    for scope in (None, {'project': {'id': member['project']['id']}}, 'unscoped'):
        auth = {'identity': {'methods': ['token'], 'token': {'id': token}}} | ({'scope': scope} if scope else {})
        assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 403
    own = f'/users/{member["user"]["id"]}'
    answer = cloud('POST', f'{own}/application_credentials', {'application_credential': {'name': 'x'}}, token)
    assert answer.status == 403
    assert 'via delegation' in answer.json['error']['message']
    assert cloud('GET', f'{own}/application_credentials', token=token).status == 403
    assert cloud('GET', f'{own}/access_rules', token=token).status == 403
    ec2 = {'tenant_id': member['project']['id']}
    assert cloud('POST', f'{own}/credentials/OS-EC2', ec2, token).status == 403
    lend(token=token, status=403)


def test_a_trust_is_passed_on_as_far_as_was_allowed(cloud, member, carol, lend):
    first = lend(allow_redelegation=True, redelegation_count=2, roles=[{'name': 'member'}, {'name': 'reader'}])
    assert first['redelegation_count'] == 2
    dave = cloud.make('user', name='dave', password='pw')
    token = use(cloud, carol, first).headers['X-Subject-Token']
    second = lend(token=token, trustee_user_id=dave['id'], allow_redelegation=True)
    assert (second['redelegation_count'], second['redelegated_trust_id']) == (1, first['id'])
    token = use(cloud, carol, second, cloud.token_of('dave', 'pw', 'unscoped')).headers['X-Subject-Token']
    third = lend(token=token, allow_redelegation=True)
    assert third['redelegation_count'] == 0
    last = use(cloud, carol, third).headers['X-Subject-Token']
    lend(token=last, status=403)
    assert cloud('DELETE', f'{PATH}/{first["id"]}', token=member['token']).status == 204
    assert not alive(cloud, token) and not alive(cloud, last)
    assert cloud('GET', f'{PATH}/{third["id"]}', token=member['token']).status == 404


def test_a_trust_that_is_passed_on_gives_no_more(cloud, member, carol, lend):
    other = cloud.make('project', name='other')
    cloud.put_in(member['user'], other, 'member')
    first = lend(allow_redelegation=True, roles=[{'name': 'reader'}], expires_at='2099-01-01T00:00:00Z')
    assert first['redelegation_count'] == 3
    token = use(cloud, carol, first).headers['X-Subject-Token']
    assert 'not in redelegated trust' in lend(token=token, status=403)
    reader = {'token': token, 'roles': [{'name': 'reader'}]}
    assert 'not in redelegated trust' in lend(**reader, status=403, project_id=other['id'])
    assert 'expiration time' in lend(**reader, status=403, expires_at='2100-01-01T00:00:00Z')
    assert 'remaining_uses' in lend(**reader, status=403, remaining_uses=1)
    assert lend(**reader)['expires_at'] == first['expires_at']


def test_what_cannot_be_lent_is_refused(cloud, member, carol, lend):
    assert lend(status=404, roles=[{'name': 'admin'}]).startswith('Could not find role')
    assert lend(status=404, roles=[{'name': 'nobody'}]).startswith('Could not find role')
    assert lend(status=404, trustee_user_id='f' * 32).startswith('Could not find user')
    assert 'At least one role' in lend(status=403, roles=[])
    lend(status=403, trustor_user_id=carol['user']['id'])
    lend(status=400, remaining_uses=0)
    lend(status=400, allow_redelegation=True, remaining_uses=1)
    assert 'greater than allowed 3' in lend(status=403, allow_redelegation=True, redelegation_count=4)
    lend(status=400, impersonation='yes')


def test_trusts_are_known_to_those_they_join(cloud, member, carol, lend):
    trust = lend()
    dave = cloud.make('user', name='dave', password='pw')
    cloud.put_in(dave, member['project'], 'admin')
    stranger = cloud.make('user', name='eve', password='pw')
    cloud.put_in(stranger, member['project'], 'member')
    eve = cloud.token_of('eve', 'pw', member['scope'])
    one = f'{PATH}/{trust["id"]}'
    for method, path in (('GET', one), ('DELETE', one), ('GET', f'{one}/roles'), ('GET', PATH)):
        assert cloud(method, path, token=eve).status == 403
    mine = f'{PATH}?trustor_user_id={member["user"]["id"]}'
    assert cloud('GET', mine, token=eve).status == 403
    (shown,) = cloud('GET', mine, token=member['token']).json['trusts']
    assert shown['id'] == trust['id'] and 'roles' not in shown
    assert [row['id'] for row in cloud('GET', PATH).json['trusts']] == [trust['id']]
    given = f'{PATH}?trustee_user_id={carol["user"]["id"]}'
    assert [row['id'] for row in cloud('GET', given).json['trusts']] == [trust['id']]
    assert cloud('GET', f'{PATH}?trustee_user_id={dave["id"]}').json['trusts'] == []


def test_the_roles_of_a_trust_are_shown_one_by_one(cloud, member, carol, lend):
    one = f'{PATH}/{lend()["id"]}'
    listed = cloud('GET', f'{one}/roles', token=member['token']).json
    assert [role['name'] for role in listed['roles']] == ['member']
    assert listed['links']['self'].endswith('/roles')
    path = f'{one}/roles/{cloud.role("member")}'
    assert cloud('GET', path, token=member['token']).json['role']['name'] == 'member'
    assert cloud('HEAD', path, token=member['token']).status == 200
    assert cloud('GET', f'{one}/roles/{cloud.role("reader")}', token=member['token']).status == 404


def test_a_token_of_an_application_credential_sees_no_trust(cloud, member, lend):
    trust = lend()
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': 'ac'}}, member['token']).json
    told = {key: made['application_credential'][key] for key in ('id', 'secret')}
    identity = {'methods': ['application_credential'], 'application_credential': told}
    token = cloud('POST', '/auth/tokens', {'auth': {'identity': identity}}, '').headers['X-Subject-Token']
    assert cloud('GET', f'{PATH}/{trust["id"]}', token=token).status == 403
    assert 'cannot manage trusts' in lend(token=token, status=403)


def test_a_trust_without_a_project_lends_only_the_name(cloud, carol, lend):
    token = use(cloud, carol, lend(project_id=None, roles=[])).json['token']
    assert token['user']['name'] == 'bob' and 'project' not in token and 'roles' not in token


def test_an_older_token_without_a_trust_is_still_read(cloud, carol):
    claims = cloud.parts.tokens.read(carol['token'])
    assert claims.trust_id == '' and payload.unpack(payload.pack(claims)) == claims
