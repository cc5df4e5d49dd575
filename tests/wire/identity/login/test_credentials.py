"""Credentials and EC2 keys, over HTTP."""

import base64
import datetime
import hashlib
import hmac
import json

import pytest

from nimbus.identity import key_repository
from nimbus.identity.login import signatures
from nimbus.identity.login.encryption import Encryption

EC2_BLOB = json.dumps({'access': 'a-key', 'secret': 'a-secret'})


def body(member, **more):
    return {'credential': {'user_id': member['user']['id'], 'type': 'totp', 'blob': 'seed'} | more}


@pytest.fixture
def kept(cloud, member):
    answer = cloud('POST', '/credentials', body(member, colour='red'), member['token'])
    assert answer.status == 201, answer.data
    return answer.json['credential']


def test_a_credential_is_kept_and_shown(cloud, member, kept):
    assert kept['blob'] == 'seed' and kept['colour'] == 'red' and kept['project_id'] is None
    path = f'/credentials/{kept["id"]}'
    assert kept['links']['self'].endswith(path)
    assert cloud('GET', path, token=member['token']).json['credential'] == kept
    assert cloud('HEAD', path, token=member['token']).status == 200
    changed = cloud('PATCH', path, {'credential': {'blob': 'other'}}, member['token'])
    assert changed.json['credential'] == {**kept, 'blob': 'other'}
    assert cloud('DELETE', path, token=member['token']).status == 204
    assert cloud('GET', path).status == 404


# OSSA-2020-004.
def test_only_the_blob_changes(cloud, member, kept):
    for field in ({'type': 'ec2'}, {'user_id': 'x'}, {'project_id': 'x'}, {}):
        answer = cloud('PATCH', f'/credentials/{kept["id"]}', {'credential': {**field}}, member['token'])
        assert answer.status == 400


# OSSA-2019-006.
def test_everybody_sees_what_is_his_and_an_administrator_all(cloud, member, kept):
    other = cloud('POST', '/credentials', body(member, user_id='somebody', type='cert')).json['credential']

    def listed(query='', **more):
        return [row['id'] for row in cloud('GET', '/credentials' + query, **more).json['credentials']]

    assert listed() == [kept['id'], other['id']]
    assert listed('?user_id=somebody') == listed('?type=cert') == [other['id']]
    assert listed(token=member['token']) == [kept['id']]
    assert listed('?user_id=somebody', token=member['token']) == []
    first = cloud('GET', '/credentials?limit=1').json
    assert [row['id'] for row in first['credentials']] == [kept['id']]
    assert listed('?' + first['links']['next'].partition('?')[2]) == [other['id']]


# OSSA-2019-006.
def test_nobody_touches_what_is_anothers(cloud, member):
    other = cloud('POST', '/credentials', body(member, user_id='somebody')).json['credential']
    path = f'/credentials/{other["id"]}'
    assert cloud('GET', path, token=member['token']).status == 403
    assert cloud('PATCH', path, {'credential': {'blob': 'x'}}, member['token']).status == 403
    assert cloud('DELETE', path, token=member['token']).status == 403
    assert cloud('POST', '/credentials', body(member, user_id='somebody'), member['token']).status == 403
    assert cloud('GET', '/credentials/nothing', token=member['token']).status == 403
    assert cloud('GET', path, token='').status == 401


def test_a_systems_reader_reads_and_changes_nothing(cloud, member):
    other = cloud('POST', '/credentials', body(member, user_id='somebody')).json['credential']
    cloud('PUT', f'/system/users/{member["user"]["id"]}/roles/{cloud.role("reader")}')
    token = cloud.token_of('bob', 'pw', {'system': {'all': True}})
    assert cloud('GET', f'/credentials/{other["id"]}', token=token).status == 200
    assert cloud('DELETE', f'/credentials/{other["id"]}', token=token).status == 403


def test_a_credential_whose_key_is_lost_can_be_deleted(cloud, member, kept, tmp_path):
    key_repository.setup(tmp_path / 'others')
    cloud.parts.db.encryption = Encryption(tmp_path / 'others')
    path = f'/credentials/{kept["id"]}'
    answer = cloud('GET', path, token=member['token'])
    assert answer.status == 503 and 'none of this host' in answer.json['error']['message']
    assert cloud('DELETE', path, token=member['token']).status == 204


def test_an_ec2_credential_is_found_by_its_access_key(cloud, member):
    told = body(member, type='ec2', blob=EC2_BLOB, project_id=member['project']['id'])
    made = cloud('POST', '/credentials', told, member['token']).json['credential']
    assert made['id'] == hashlib.sha256(b'a-key').hexdigest()
    assert cloud('POST', '/credentials', told, member['token']).status == 409
    moved = {'credential': {'blob': json.dumps({'access': 'a-key', 'secret': 's', 'app_cred_id': 'x'})}}
    assert cloud('PATCH', f'/credentials/{made["id"]}', moved, member['token']).status == 400


@pytest.mark.parametrize('blob', ['', 'no json', '[]', '{}', '{"access": 7}'])
def test_an_ec2_blob_must_tell_its_access_key(cloud, member, blob):
    told = body(member, type='ec2', blob=blob, project_id=member['project']['id'])
    assert cloud('POST', '/credentials', told, member['token']).status == 400
    told = body(member, type='ec2', blob=EC2_BLOB)
    assert cloud('POST', '/credentials', told, member['token']).status == 400


@pytest.fixture
def key(cloud, member):
    """An EC2 key of bob's, with its path."""
    path = f'/users/{member["user"]["id"]}/credentials/OS-EC2'
    answer = cloud('POST', path, {'tenant_id': member['project']['id']}, member['token'])
    assert answer.status == 201, answer.data
    made = answer.json['credential']
    return made | {'path': f'{path}/{made["access"]}'}


def signed(key, moment=None, **params):
    """A request to EC2 that is signed now."""
    moment = moment or datetime.datetime.now(datetime.UTC)
    told = {
        'params': {'SignatureVersion': '2', 'Action': 'x', 'Timestamp': f'{moment:%Y-%m-%dT%H:%M:%SZ}', **params},
        'host': 'cloud',
        'verb': 'GET',
        'path': '/',
        'headers': {},
    }
    return {**told, 'access': key['access'], 'signature': signatures._signed(key['secret'], told)}


@pytest.fixture
def service(cloud):
    return cloud.token_of('nimbus', 'service', {'project': {'name': 'service', 'domain': {'id': 'default'}}})


def test_an_ec2_key_is_made_shown_and_deleted(cloud, member, key):
    assert key['tenant_id'] == member['project']['id'] and key['trust_id'] is None and len(key['secret']) == 32
    shown = cloud('GET', key['path'], token=member['token']).json['credential']
    assert shown['secret'] == key['secret'] and shown['links']['self'].endswith(key['path'])
    path = key['path'].rpartition('/')[0]
    listed = cloud('GET', path, token=member['token']).json['credentials']
    assert [row['access'] for row in listed] == [key['access']]
    assert cloud('GET', '/credentials?type=ec2', token=member['token']).json['credentials'][0]['type'] == 'ec2'
    assert cloud('DELETE', key['path'], token=member['token']).status == 204
    assert cloud('GET', key['path'], token=member['token']).status == 404
    assert cloud('POST', path, {}, member['token']).status == 400
    assert cloud('POST', path, {'tenant_id': 'nothing'}, member['token']).status == 404


def test_an_ec2_key_is_its_owners(cloud, member, key):
    cloud.put_in(cloud.make('user', name='eve', password='pw'), member['project'], 'member')
    token = cloud.token_of('eve', 'pw', member['scope'])
    path = key['path'].rpartition('/')[0]
    for method, where in (('GET', path), ('GET', key['path']), ('DELETE', key['path'])):
        assert cloud(method, where, token=token).status == 403
    assert cloud('POST', path, {'tenant_id': member['project']['id']}, token).status == 403
    assert cloud('GET', f'{path}/nothing', token=token).status == 404
    eve = cloud('GET', '/users?name=eve').json['users'][0]['id']
    assert cloud('GET', f'/users/{eve}/credentials/OS-EC2/{key["access"]}', token=token).status == 403
    assert cloud('GET', f'/users/{eve}/credentials/OS-EC2/{key["access"]}').status == 200


def test_a_signature_gives_a_token_to_a_service(cloud, member, key, service):
    answer = cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service)
    assert answer.status == 200, answer.data
    token = answer.json['token']
    assert token['user']['id'] == member['user']['id'] and token['methods'] == ['ec2credential']
    assert token['project']['id'] == member['project']['id'] and token['catalog']
    assert {role['name'] for role in token['roles']} == {'member', 'reader'}
    mine = answer.headers['X-Subject-Token']
    assert cloud('GET', '/auth/tokens', token=mine, x_subject_token=mine).status == 200


# OSSA-2025-002.
def test_a_signature_gives_nothing_to_who_is_no_service(cloud, member, key):
    for path in ('/ec2tokens', '/s3tokens'):
        assert cloud('POST', path, {'credentials': signed(key)}, '').status == 401
        assert cloud('POST', path, {'credentials': signed(key)}, member['token']).status == 403


# OSSA-2020-003.
def test_a_wrong_or_late_signature_gives_nothing(cloud, member, key, service):
    now = datetime.datetime.now(datetime.UTC)
    for moment in (now - datetime.timedelta(hours=1), now + datetime.timedelta(hours=1)):
        assert cloud('POST', '/ec2tokens', {'credentials': signed(key, moment)}, service).status == 401
    wrong = signed(key)
    for told in (wrong | {'signature': 'x'}, {k: v for k, v in wrong.items() if k != 'signature'}, {}):
        assert cloud('POST', '/ec2tokens', {'credentials': told}, service).status == 401
    assert cloud('POST', '/ec2tokens', {'credentials': wrong | {'access': 'x'}}, service).status == 404
    assert cloud('POST', '/ec2tokens', {}, service).status == 400


# OSSA-2013-005.
def test_a_signature_ends_with_the_role_and_the_user(cloud, member, key, service):
    assert cloud('DELETE', member['grant']).status == 204
    assert cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service).status == 401
    assert cloud('PUT', member['grant']).status == 204
    assert cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service).status == 200
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': False}})
    assert cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service).status == 401


# OSSA-2013-005.
@pytest.mark.parametrize('noun', ['project', 'domain'])
def test_a_signature_ends_with_the_project_and_the_domain(cloud, service, noun):
    home = cloud.make('domain', name='home')
    project = cloud.make('project', name='inside', domain_id=home['id'])
    user = cloud.make('user', name='inmate', password='pw', domain_id=home['id'])
    cloud.put_in(user, project, 'member')
    answer = cloud('POST', f'/users/{user["id"]}/credentials/OS-EC2', {'tenant_id': project['id']})
    key = answer.json['credential']
    assert cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service).status == 200
    doomed = {'project': project, 'domain': home}[noun]
    assert cloud('PATCH', f'/{noun}s/{doomed["id"]}', {noun: {'enabled': False}}).status == 200
    assert cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service).status == 401


def test_s3_learns_who_signed_and_gets_no_token(cloud, member, key, service):
    text = b'GET\n\n\n\n/bucket'
    signature = base64.b64encode(hmac.digest(key['secret'].encode(), text, 'sha1')).decode()
    told = {'access': key['access'], 'signature': signature, 'token': base64.urlsafe_b64encode(text).decode()}
    answer = cloud('POST', '/s3tokens', {'credentials': told}, service)
    assert answer.status == 200 and answer.json['token']['user']['name'] == 'bob'
    assert 'X-Subject-Token' not in answer.headers
    assert cloud('POST', '/s3tokens', {'credentials': told | {'signature': 'x'}}, service).status == 401


def test_a_token_that_came_of_a_key_sees_no_key(cloud, member, key, kept, service):
    token = cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service).headers['X-Subject-Token']
    told = {'application_credential': {'name': 'ac'}}
    made = cloud('POST', f'/users/{member["user"]["id"]}/application_credentials', told, member['token']).json
    lent = {'id': made['application_credential']['id'], 'secret': made['application_credential']['secret']}
    login = {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': lent}}}
    lent_token = cloud('POST', '/auth/tokens', login, '').headers['X-Subject-Token']
    carol = cloud.make('user', name='carol', password='pw')
    trust = {'trustor_user_id': member['user']['id'], 'trustee_user_id': carol['id'], 'impersonation': True}
    told = {'trust': trust | {'project_id': member['project']['id'], 'roles': [{'name': 'member'}]}}
    trust_id = cloud('POST', '/OS-TRUST/trusts', told, member['token']).json['trust']['id']
    trusted = cloud.login('carol', 'pw', {'OS-TRUST:trust': {'id': trust_id}}).headers['X-Subject-Token']
    for one in (token, lent_token, trusted):
        assert cloud('GET', '/credentials', token=one).json['credentials'] == []
        assert cloud('GET', f'/credentials/{kept["id"]}', token=one).status == 403
        assert cloud('POST', '/credentials', body(member), one).status == 403
        assert cloud('GET', key['path'], token=one).status == 403
        assert cloud('POST', key['path'].rpartition('/')[0], {'tenant_id': 'x'}, one).status == 403


def test_a_token_that_came_of_a_key_makes_nothing_that_outlives_it(cloud, member, key, service):
    token = cloud('POST', '/ec2tokens', {'credentials': signed(key)}, service).headers['X-Subject-Token']
    path, told = f'/users/{member["user"]["id"]}/application_credentials', {'application_credential': {'name': 'ac'}}
    assert cloud('POST', path, told, token).status == cloud('GET', path, token=token).status == 403
    trust = {'trustor_user_id': member['user']['id'], 'trustee_user_id': 'x', 'impersonation': True}
    answer = cloud('POST', '/OS-TRUST/trusts', {'trust': trust | {'roles': [{'name': 'member'}]}}, token)
    assert answer.status == 403


# OSSA-2026-005.
def test_a_key_made_under_an_application_credential_is_confined_by_it(cloud, member, service):
    def make(blob):
        told = body(member, type='ec2', blob=json.dumps(blob), project_id=member['project']['id'])
        assert cloud('POST', '/credentials', told, member['token']).status == 201
        return cloud('POST', '/ec2tokens', {'credentials': signed(blob)}, service)

    told = {'application_credential': {'name': 'ac', 'roles': [{'name': 'reader'}]}}
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, told, member['token']).json['application_credential']
    confined = make({'access': 'k1', 'secret': 's', 'app_cred_id': made['id']})
    assert [role['name'] for role in confined.json['token']['roles']] == ['reader']
    assert make({'access': 'k2', 'secret': 's', 'app_cred_id': 'gone'}).status == 401
    assert make({'access': 'k3', 'secret': 's', 'trust_id': 'unknown'}).status == 401
