"""A domain's own configuration, and revocation events, over HTTP."""

import pytest

CONFIG = {
    'identity': {'driver': 'ldap'},
    'ldap': {'url': 'ldap://ds', 'user_tree_dn': 'ou=U,dc=x', 'password': 'hidden'},
}
SHOWN = {'identity': {'driver': 'ldap'}, 'ldap': {'url': 'ldap://ds', 'user_tree_dn': 'ou=U,dc=x'}}


@pytest.fixture
def path(cloud):
    return f'/domains/{cloud.make("domain", name="hr")["id"]}/config'


def put(cloud, path, config):
    return cloud('PUT', path, {'config': config})


def refusal(answer, status=403):
    assert answer.status == status, answer.data
    return answer.json['error']['message']


def test_a_configuration_is_shown_without_its_secrets(cloud, path):
    answer = put(cloud, path, CONFIG)
    assert (answer.status, answer.json) == (201, {'config': SHOWN})
    assert cloud('GET', path).json == {'config': SHOWN}
    assert cloud('HEAD', path).status == 200
    assert cloud('GET', f'{path}/ldap').json == {'config': {'ldap': SHOWN['ldap']}}
    assert cloud('GET', f'{path}/ldap/url').json == {'config': {'url': 'ldap://ds'}}
    assert 'Could not find option password in group ldap' in refusal(cloud('GET', f'{path}/ldap/password'), 404)
    assert 'hidden' not in str([cloud('GET', path + below).data for below in ('', '/ldap')])


def test_a_second_put_takes_the_place_of_the_first(cloud, path):
    put(cloud, path, CONFIG)
    answer = put(cloud, path, {'identity': {'driver': 'sql'}})
    assert (answer.status, answer.json) == (200, {'config': {'identity': {'driver': 'sql'}}})


def test_an_update_adds_and_changes(cloud, path):
    put(cloud, path, CONFIG)
    answer = cloud('PATCH', path, {'config': {'ldap': {'url': 'ldap://other'}, 'identity': {'list_limit': 5}}})
    assert answer.json['config']['ldap']['url'] == 'ldap://other'
    assert answer.json['config']['identity'] == {'driver': 'ldap', 'list_limit': 5}
    answer = cloud('PATCH', f'{path}/ldap', {'config': {'ldap': {'suffix': 'dc=x'}}})
    assert answer.json['config']['ldap']['suffix'] == 'dc=x'
    answer = cloud('PATCH', f'{path}/ldap/url', {'config': {'url': 'ldap://third'}})
    assert answer.json['config']['ldap']['url'] == 'ldap://third'


def test_an_update_keeps_to_what_it_names(cloud, path):
    put(cloud, path, {'ldap': {'url': 'ldap://ds'}})
    both = {'config': {'ldap': {'url': 'x'}, 'identity': {'driver': 'sql'}}}
    assert 'Trying to update group ldap' in refusal(cloud('PATCH', f'{path}/ldap', both))
    other = {'config': {'identity': {'driver': 'sql'}}}
    assert 'contains group identity instead' in refusal(cloud('PATCH', f'{path}/ldap', other))
    assert 'Could not find group identity' in refusal(cloud('PATCH', f'{path}/identity', other), 404)
    wrong = {'config': {'suffix': 'x'}}
    assert 'contains option suffix instead' in refusal(cloud('PATCH', f'{path}/ldap/url', wrong))
    assert refusal(cloud('PATCH', f'{path}/ldap/suffix', wrong), 404).startswith('Could not find option suffix')


def test_what_no_domain_may_have_is_refused(cloud, path):
    assert 'No options specified' in refusal(put(cloud, path, {}))
    assert 'Group DEFAULT is not supported' in refusal(put(cloud, path, {'DEFAULT': {'debug': True}}))
    assert 'Option debug_level in group ldap' in refusal(put(cloud, path, {'ldap': {'debug_level': 3}}))
    assert 'should be a dictionary' in refusal(put(cloud, path, {'ldap': {}}))
    assert 'plain value' in refusal(put(cloud, path, {'ldap': {'url': ['x']}}))
    assert 'plain value' in refusal(put(cloud, path, {'ldap': {'url': 'x' * 5000}}))
    assert cloud('GET', path).status == 404
    assert cloud('PUT', path, {'nothing': 1}).status == 400
    assert put(cloud, f'/domains/{"f" * 32}/config', CONFIG).status == 404


def test_parts_are_taken_away(cloud, path):
    put(cloud, path, CONFIG)
    assert cloud('DELETE', f'{path}/ldap/password').status == 204
    assert cloud('DELETE', f'{path}/ldap/password').status == 404
    assert cloud('DELETE', f'{path}/identity').status == 204
    assert cloud('GET', f'{path}/identity').status == 404
    assert cloud('DELETE', path).status == 204
    assert 'Could not find any options in domain configuration' in refusal(cloud('GET', path), 404)


def test_defaults_are_shown_without_secrets(cloud):
    every = cloud('GET', '/domains/config/default').json['config']
    assert every['identity'] == {'driver': 'sql', 'list_limit': None}
    assert every['ldap']['url'] == 'ldap://localhost' and 'password' not in every['ldap']
    assert cloud('GET', '/domains/config/ldap/default').json['config'] == {'ldap': every['ldap']}
    assert cloud('GET', '/domains/config/identity/driver/default').json['config'] == {'driver': 'sql'}
    assert 'Reading the default' in refusal(cloud('GET', '/domains/config/ldap/password/default'))
    assert 'Group x is not supported' in refusal(cloud('GET', '/domains/config/x/default'))


def test_the_rules_for_passwords_are_told_to_anybody(cloud, member, path):
    told = cloud('GET', '/domains/default/config/security_compliance', token=member['token'])
    assert set(told.json['config']['security_compliance']) == {'password_regex', 'password_regex_description'}
    one = cloud('GET', '/domains/default/config/security_compliance/password_regex', token=member['token'])
    assert set(one.json['config']) == {'password_regex'}
    assert cloud('GET', f'{path}/security_compliance').status == 403
    assert cloud('GET', '/domains/default/config/security_compliance/lockout_duration').status == 403


def test_members_see_and_change_nothing(cloud, member, path):
    put(cloud, path, CONFIG)
    body = {'config': CONFIG}
    for method, told in (('GET', None), ('PUT', body), ('PATCH', body), ('DELETE', None)):
        assert cloud(method, path, told, member['token']).status == 403
    assert cloud('GET', '/domains/config/default', token=member['token']).status == 403


def test_a_domain_takes_its_configuration_with_it(cloud, path):
    put(cloud, path, {'identity': {'driver': 'sql'}})
    domain = path.removesuffix('/config')
    cloud('PATCH', domain, {'domain': {'enabled': False}})
    assert cloud('DELETE', domain).status == 204


def test_revocations_are_told_to_services(cloud, member):
    cloud('DELETE', '/auth/tokens', token=member['token'], x_subject_token=member['token'])
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': False}})
    told = cloud('GET', '/OS-REVOKE/events').json
    assert told['links'] == {'next': None, 'self': 'http://cloud/OS-REVOKE/events', 'previous': None}
    assert 'audit_id' in told['events'][0]
    last = told['events'][-1]
    assert last['user_id'] == member['user']['id'] and last['issued_before'] <= last['revoked_at']
    assert cloud('GET', '/OS-REVOKE/events?since=2099-01-01T00:00:00Z').json['events'] == []
    assert cloud('GET', '/OS-REVOKE/events?since=soon').status == 400


def test_revocations_are_not_told_to_members(cloud, member):
    assert cloud('GET', '/OS-REVOKE/events', token=member['token']).status == 403
