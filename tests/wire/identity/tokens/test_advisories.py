"""What once went wrong in Keystone, tried here; other tests that are one of its advisories say so themselves."""

import concurrent.futures
import logging

import pytest

from nimbus.common import clock
from nimbus.identity.tokens.tokens import Validator
from tests.wire.identity.oauth_party import consumer

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname"><!ENTITY y "&x;&x;&x;&x;">'
    b'<!ENTITY z "&y;&y;&y;&y;">]><auth><identity>&z;</identity></auth>'
)


@pytest.fixture
def confined(cloud, member):
    """A token by bob's application credential, one by a trust from him to carol, and one by OAuth."""
    # To agree he must be an administrator; what he lends is less.
    grant = cloud.put_in(member['user'], member['project'], 'admin')
    party = consumer(cloud)
    as_admin = cloud.token_of('bob', 'pw', member['scope'])
    by_oauth = party.login(party.access(member['project'], 'member', token=as_admin)).headers['X-Subject-Token']
    assert cloud('DELETE', grant).status == 204
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': 'ac'}}, member['token']).json
    told = {name: made['application_credential'][name] for name in ('id', 'secret')}
    auth = {'identity': {'methods': ['application_credential'], 'application_credential': told}}
    by_credential = cloud('POST', '/auth/tokens', {'auth': auth}, '').headers['X-Subject-Token']
    carol = cloud.make('user', name='carol', password='pw')
    trust = {
        'trustor_user_id': member['user']['id'],
        'trustee_user_id': carol['id'],
        'project_id': member['project']['id'],
        'impersonation': True,
        'roles': [{'name': 'member'}],
    }
    lent = cloud('POST', '/OS-TRUST/trusts', {'trust': trust}, member['token']).json['trust']
    by_trust = cloud.token_of('carol', 'pw', {'OS-TRUST:trust': {'id': lent['id']}})
    return {'application credential': by_credential, 'trust': by_trust, 'access token': by_oauth}


def test_bad_logins_write_little_and_nothing_of_what_was_sent(cloud, member, caplog):
    """OSSA-2013-003."""
    caplog.set_level(logging.INFO)
    marker = 'marker' * 20
    for _ in range(20):
        assert cloud.login(marker, marker).status == 401
        assert cloud('POST', '/auth/tokens', b'{"auth": "' + marker.encode() * 500, '').status == 400
        assert cloud('POST', '/auth/tokens', b'"' + marker.encode() * 2000 + b'"', '').status == 413
    written = ''.join(record.getMessage() for record in caplog.records)
    assert marker not in written
    assert len(written) < 60 * 1000


SAML = '/OS-FEDERATION/identity_providers/acme/protocols/saml2/auth'


@pytest.mark.parametrize('path', ['/auth/tokens', '/ec2tokens', '/users', SAML])
def test_xml_is_not_read(cloud, path):
    """OSSA-2013-004."""
    answer = cloud('POST', path, BOMB, content_type='application/xml')
    # What stands in the body of a federated login is never looked at, unless it is SAML's.
    assert answer.status == (404 if path == SAML else 400)
    with open('/etc/hostname') as file:
        assert file.read().strip().encode() not in answer.data


@pytest.mark.parametrize('how', ['application credential', 'trust', 'access token'])
def test_what_is_lent_makes_no_credential_of_its_lender(cloud, member, confined, how):
    """OSSA-2013-032, OSSA-2020-004 and OSSA-2026-005."""
    token, me, project = confined[how], member['user']['id'], member['project']['id']
    assert cloud('GET', '/auth/tokens', token=token, x_subject_token=token).status == 200
    assert cloud('POST', f'/users/{me}/credentials/OS-EC2', {'tenant_id': project}, token).status == 403
    for kind, blob in (('ec2', '{"access": "a", "secret": "s"}'), ('totp', 'seed'), ('cert', 'x')):
        told = {'user_id': me, 'project_id': project, 'type': kind, 'blob': blob}
        assert cloud('POST', '/credentials', {'credential': told}, token).status == 403
    assert cloud('GET', f'/users/{me}/credentials/OS-EC2').json['credentials'] == []
    assert cloud('GET', '/credentials').json['credentials'] == []


@pytest.fixture
def lent_to_an_admin(cloud):
    """Tokens that an administrator lent everything: by a trust, an application credential and OAuth."""
    me = cloud('GET', '/users?name=admin').json['users'][0]['id']
    project = cloud('GET', '/projects?name=admin').json['projects'][0]
    told = {'trustor_user_id': me, 'trustee_user_id': me, 'project_id': project['id'], 'impersonation': True,
            'roles': [{'name': 'admin'}]}  # fmt: skip
    trust = cloud('POST', '/OS-TRUST/trusts', {'trust': told}).json['trust']['id']
    path = f'/users/{me}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': 'ac', 'unrestricted': True}}).json
    key = {name: made['application_credential'][name] for name in ('id', 'secret')}
    auth = {'identity': {'methods': ['application_credential'], 'application_credential': key}}
    party = consumer(cloud)
    return {
        'trust': cloud.token_of('admin', 'secret', {'OS-TRUST:trust': {'id': trust}}),
        'application credential': cloud('POST', '/auth/tokens', {'auth': auth}, '').headers['X-Subject-Token'],
        'access token': party.login(party.access(project, 'admin')).headers['X-Subject-Token'],
        'none': cloud.token,
    }


@pytest.mark.parametrize('how', ['trust', 'application credential', 'access token', 'none'])
def test_what_is_lent_lends_nothing_on(cloud, lent_to_an_admin, how):
    """OSSA-2014-018, and OSSA-2020-004: whole as the roles are, only who logged in lends or leaves a credential."""
    token = lent_to_an_admin[how]
    me = cloud('GET', '/users?name=admin').json['users'][0]['id']
    project = cloud('GET', '/projects?name=admin').json['projects'][0]
    assert cloud('GET', '/users', token=token).status == 200
    party = consumer(cloud)
    asked = party.ask(project)
    trust = {'trustor_user_id': me, 'trustee_user_id': me, 'project_id': project['id'], 'impersonation': True,
             'roles': [{'name': 'reader'}]}  # fmt: skip
    ec2 = {'user_id': me, 'project_id': project['id'], 'type': 'ec2', 'blob': '{"access": "a", "secret": "s"}'}
    tries = {
        'agree': party.authorize(asked, [{'name': 'reader'}], token).status,
        'see who was given': cloud('GET', f'/users/{me}/OS-OAUTH1/access_tokens', token=token).status,
        'trust': cloud('POST', '/OS-TRUST/trusts', {'trust': trust}, token).status,
        'key': cloud('POST', f'/users/{me}/credentials/OS-EC2', {'tenant_id': project['id']}, token).status,
        'credential': cloud('POST', '/credentials', {'credential': ec2}, token).status,
    }
    if how == 'none':
        assert set(tries.values()) == {200, 201}
        return
    assert tries == dict.fromkeys(tries, 403)
    if how != 'application credential':  # an unrestricted one may
        told = {'application_credential': {'name': 'more'}}
        assert cloud('POST', f'/users/{me}/application_credentials', told, token).status == 403
        assert cloud('GET', f'/users/{me}/application_credentials', token=token).status == 403
        identity = {'methods': ['token'], 'token': {'id': token}}
        for scope in (None, {'project': {'id': project['id']}}, {'system': {'all': True}}, 'unscoped'):
            auth = {'identity': identity, **({'scope': scope} if scope else {})}
            assert cloud('POST', '/auth/tokens', {'auth': auth}, '').status == 403


def test_a_token_has_only_the_roles_that_were_authorized(cloud):
    """OSSA-2020-005."""
    project = cloud('GET', '/projects?name=admin').json['projects'][0]
    party = consumer(cloud)
    answer = party.login(party.access(project, 'reader'), {'scope': {'project': {'id': project['id']}}})
    assert [role['name'] for role in answer.json['token']['roles']] == ['reader']
    token = answer.headers['X-Subject-Token']
    assert cloud('POST', '/projects', {'project': {'name': 'more'}}, token).status == 403


def test_answers_of_requests_at_once_are_not_mixed_up(cloud, member):
    """OSSA-2014-007."""
    other = cloud.make('project', name='other')
    user = cloud.make('user', name='eve', password='pw')
    cloud.put_in(user, other, 'member')
    theirs = cloud.token_of('eve', 'pw', {'project': {'id': other['id']}})
    pairs = [(member['token'], member['user'], member['project']), (theirs, user, other)] * 50

    def asked(pair):
        token, _, _ = pair
        told = cloud('GET', '/auth/tokens', token=token, x_subject_token=token).json['token']
        return told['user']['id'], told['project']['id']

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(pool.map(asked, pairs))
    assert found == [(user['id'], project['id']) for _, user, project in pairs]


def test_a_domains_token_ends_with_the_domain(cloud):
    """OSSA-2014-026, with a token that is as young as the revocation."""
    home = cloud.make('domain', name='home')
    user = cloud.make('user', name='dora', password='pw')
    cloud('PUT', f'/domains/{home["id"]}/users/{user["id"]}/roles/{cloud.role("member")}')
    token = cloud.token_of('dora', 'pw', {'domain': {'id': home['id']}})
    assert cloud('GET', '/auth/projects', token=token).status == 200
    assert cloud('PATCH', f'/domains/{home["id"]}', {'domain': {'enabled': False}}).status == 200
    assert cloud('GET', '/auth/projects', token=token).status == 401
    assert cloud('GET', '/auth/tokens', x_subject_token=token).status == 404


def test_a_token_was_issued_when_it_was_whoever_asks(cloud, member):
    """OSSA-2014-026: what revokes by the time of issue must find the same time again."""

    def issued(token):
        return cloud('GET', '/auth/tokens', token=token, x_subject_token=member['token']).json['token']['issued_at']

    first = issued(member['token'])
    assert {issued(member['token']), issued(cloud.token)} == {first}
    ours = cloud.parts.tokens
    fresh = Validator(cloud.parts.db, ours._settings.key_repository, ours._settings)
    assert clock.iso_micro_z(fresh.entry(member['token']).subject.claims.issued_at) == first


def test_nobody_lists_the_projects_of_all_through_federation(cloud, member, idp):
    """OSSA-2018-002."""
    group = cloud.make('group', name='devs')['id']
    theirs = cloud.make('project', name='theirs')['id']
    assert cloud('PUT', f'/projects/{theirs}/groups/{group}/roles/{cloud.role("member")}').status == 204
    assert cloud('PUT', f'/domains/default/groups/{group}/roles/{cloud.role("reader")}').status == 204
    federated = idp.login(idp.token()).headers['X-Subject-Token']
    nobody = idp.login(idp.token(sub='n', name='n', groups=['x'])).headers['X-Subject-Token']
    wanted = {member['token']: (['lab'], []), federated: (['theirs'], ['Default']), nobody: ([], [])}
    for token, found in wanted.items():
        for prefix in ('/OS-FEDERATION', '/auth'):
            named = tuple(
                [row['name'] for row in cloud('GET', f'{prefix}/{noun}', token=token).json[noun]]
                for noun in ('projects', 'domains')
            )
            assert named == found, prefix
    assert cloud('GET', '/OS-FEDERATION/projects', token='').status == 401


def test_a_federated_user_has_only_the_roles_of_the_mapping(cloud, member, idp):
    """OSSA-2017-004: neither other people's roles on a project, nor any on another."""
    group = cloud.make('group', name='devs')['id']
    scope = {'project': {'id': member['project']['id']}}
    assert (
        cloud('PUT', f'/projects/{member["project"]["id"]}/groups/{group}/roles/{cloud.role("reader")}').status == 204
    )

    def roles(token, scope):
        auth = {'identity': {'methods': ['token'], 'token': {'id': token}}, 'scope': scope}
        answer = cloud('POST', '/auth/tokens', {'auth': auth}, '')
        return sorted(role['name'] for role in answer.json['token']['roles']) if answer.status == 201 else answer.status

    without = idp.login(idp.token(sub='w', name='w', groups=['x'])).headers['X-Subject-Token']
    having = idp.login(idp.token()).headers['X-Subject-Token']
    assert roles(without, scope) == 401 and roles(having, scope) == ['reader']
    for other in ({'project': {'name': 'admin', 'domain': {'id': 'default'}}}, {'system': {'all': True}}):
        assert roles(having, other) == roles(without, other) == 401


def test_a_group_that_is_called_like_a_user_lends_no_roles_to_a_federated_one(cloud, member, idp):
    """OSSA-2014-015, with ids that an identity provider chooses."""
    rules = [{'local': [{'user': {'name': '{0}', 'id': '{0}'}}], 'remote': [{'type': 'HTTP_OIDC_SUB'}]}]
    idp.rules(rules)
    for sub in (member['user']['id'], member['project']['id'], 'admin'):
        answer = idp.login(idp.token(sub=sub))
        assert answer.status == 201 and answer.json['token']['user']['id'] != sub
        token = answer.headers['X-Subject-Token']
        assert cloud('GET', '/auth/projects', token=token).json['projects'] == []
