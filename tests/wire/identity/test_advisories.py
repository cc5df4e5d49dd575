"""What once went wrong in Keystone, tried here; other tests that are one of its advisories say so themselves."""

import concurrent.futures
import logging

import pytest

from nimbus.common import clock
from nimbus.identity.tokens import Validator

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname"><!ENTITY y "&x;&x;&x;&x;">'
    b'<!ENTITY z "&y;&y;&y;&y;">]><auth><identity>&z;</identity></auth>'
)


@pytest.fixture
def confined(cloud, member):
    """A token by bob's application credential, and one by a trust from him to carol."""
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
    return {'application credential': by_credential, 'trust': by_trust}


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


@pytest.mark.parametrize('path', ['/auth/tokens', '/ec2tokens', '/users', '/OS-FEDERATION/saml2/auth'])
def test_xml_is_not_read(cloud, path):
    """OSSA-2013-004."""
    answer = cloud('POST', path, BOMB, content_type='application/xml')
    assert answer.status == (404 if 'FEDERATION' in path else 400)
    with open('/etc/hostname') as file:
        assert file.read().strip().encode() not in answer.data


@pytest.mark.parametrize('how', ['application credential', 'trust'])
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


def test_nobody_lists_the_projects_of_all_through_federation(cloud, member):
    """OSSA-2018-002: the extension is absent, and its list with it."""
    for path in ('/OS-FEDERATION/projects', '/OS-FEDERATION/domains'):
        assert cloud('GET', path, token=member['token']).status == 404
    named = [row['name'] for row in cloud('GET', '/auth/projects', token=member['token']).json['projects']]
    assert named == ['lab']
