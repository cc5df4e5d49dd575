"""A project's token is exchanged for a SAML assertion that a service provider believes."""

import pathlib
from typing import Any

import pytest

from nimbus.identity.saml.provider import Provider
from nimbus.identity.settings.saml import Saml
from tests.saml_files import found, is_signed, write_pair

SAML, ECP, METADATA = '/auth/OS-FEDERATION/saml2', '/auth/OS-FEDERATION/saml2/ecp', '/OS-FEDERATION/saml2/metadata'
SP_URL = 'https://far.example.org/Shibboleth.sso/SAML2/ECP'
AUTH_URL = 'https://far.example.org/v3/OS-FEDERATION/identity_providers/near/protocols/saml2/auth'


@pytest.fixture
def near(cloud: Any, tmp_path: pathlib.Path) -> Any:
    """The cloud as an identity provider that knows one service provider."""
    key, certificate = write_pair(tmp_path)
    settings = Saml(
        idp_entity_id='https://near/idp', idp_sso_endpoint='https://near/sso', certfile=certificate, keyfile=key
    )
    cloud.parts.extra['saml'] = Provider(settings, cloud.parts.clock)
    cloud.certificate = certificate
    far = {'sp_url': SP_URL, 'auth_url': AUTH_URL, 'enabled': True}
    assert cloud('PUT', '/OS-FEDERATION/service_providers/far', {'service_provider': far}).status == 201
    return cloud


def asked(token: str, service_provider: str = 'far') -> dict[str, Any]:
    identity = {'methods': ['token'], 'token': {'id': token}}
    return {'auth': {'identity': identity, 'scope': {'service_provider': {'id': service_provider}}}}


def texts(answer: Any, attribute: str) -> list[str]:
    return found(answer.data, f'//saml:Attribute[@Name="openstack_{attribute}"]/saml:AttributeValue/text()')


def sentence(answer: Any) -> str:
    return answer.json['error']['message']


def test_a_token_is_exchanged_for_a_signed_assertion(near, member):
    group = near.make('group', name='ops')
    assert near('PUT', f'/groups/{group["id"]}/users/{member["user"]["id"]}').status == 204
    answer = near('POST', SAML, asked(near.token_of('bob', 'pw', member['scope'])), '')
    assert (answer.status, answer.headers['Content-Type']) == (200, 'text/xml')
    assert (answer.headers['X-sp-url'], answer.headers['X-auth-url']) == (SP_URL, AUTH_URL)
    assert is_signed(answer.data, near.certificate)
    assert found(answer.data, '/samlp:Response/@Destination') == [SP_URL]
    assert texts(answer, 'user') == ['bob'] and texts(answer, 'user_domain') == ['Default']
    assert texts(answer, 'project') == ['lab'] and texts(answer, 'project_domain') == ['Default']
    assert sorted(texts(answer, 'roles')) == ['member', 'reader']
    assert texts(answer, 'groups') == ['JSON:{"name": "ops", "domain": {"name": "Default"}}']


def test_an_enhanced_client_gets_it_in_an_envelope(near, member):
    answer = near('POST', ECP, asked(member['token']), '')
    assert (answer.status, answer.headers['Content-Type']) == (200, 'text/xml')
    assert (answer.headers['X-sp-url'], answer.headers['X-auth-url']) == (SP_URL, AUTH_URL)
    assert found(answer.data, '/soap:Envelope/soap:Header/ecp:RelayState/text()')[0].startswith('ss:mem:')
    assert is_signed(answer.data, near.certificate)
    change = {'service_provider': {'relay_state_prefix': 'cookie:'}}
    assert near('PATCH', '/OS-FEDERATION/service_providers/far', change).status == 200
    answer = near('POST', ECP, asked(member['token']), '')
    assert found(answer.data, '//ecp:RelayState/text()')[0].startswith('cookie:')


def test_what_the_relay_state_begins_with_is_the_operators_choice(near):
    near.parts.extra['saml'] = Provider(Saml(relay_state_prefix='kept:'))
    other = {'sp_url': SP_URL, 'auth_url': AUTH_URL}
    made = near('PUT', '/OS-FEDERATION/service_providers/other', {'service_provider': other})
    assert made.json['service_provider']['relay_state_prefix'] == 'kept:'
    change = {'service_provider': {'relay_state_prefix': None}}
    shown = near('PATCH', '/OS-FEDERATION/service_providers/far', change).json['service_provider']
    assert shown['relay_state_prefix'] == 'kept:'


@pytest.mark.parametrize('path', [SAML, ECP])
def test_what_is_not_there_or_not_open_is_refused(near, member, path):
    answer = near('POST', path, asked(member['token'], 'nowhere'), '')
    assert (answer.status, sentence(answer)) == (404, 'Could not find Service Provider: nowhere.')
    assert near('POST', path, asked('forged'), '').status == 404
    change = {'service_provider': {'enabled': False}}
    assert near('PATCH', '/OS-FEDERATION/service_providers/far', change).status == 200
    answer = near('POST', path, asked(member['token']), '')
    assert (answer.status, sentence(answer)) == (403, 'Service Provider far is disabled')
    assert near('GET', path).status == 405


@pytest.mark.parametrize('scope', [None, {'domain': {'id': 'default'}}, {'system': {'all': True}}])
def test_only_a_projects_token_is_exchanged(near, scope):
    answer = near('POST', SAML, asked(near.token_of('admin', 'secret', scope)), '')
    assert (answer.status, sentence(answer)) == (
        403,
        'You are not authorized to perform the requested action: Use a project scoped token when attempting to create '
        'a SAML assertion.',
    )


def test_a_domain_that_acts_as_a_project_is_none(near):
    user = near('GET', '/users?name=admin').json['users'][0]
    assert near('PUT', f'/projects/default/users/{user["id"]}/roles/{near.role("member")}').status == 204
    token = near.token_of('admin', 'secret', {'project': {'id': 'default'}})
    assert near('POST', SAML, asked(token), '').status == 403


@pytest.mark.parametrize(
    'auth',
    [
        None,
        {},
        {'identity': {'methods': ['token'], 'token': {'id': 'x'}}},
        {'identity': {'methods': ['token']}, 'scope': {'service_provider': {'id': 'far'}}},
        {'identity': {'token': {}}, 'scope': {'service_provider': {'id': 'far'}}},
        {'identity': {'token': {'id': 'x'}}, 'scope': {'service_provider': {}}},
        {'identity': {'token': {'id': 'x'}}, 'scope': {'project': {'id': 'far'}}},
        {'identity': {'token': {'id': 7}}, 'scope': {'service_provider': {'id': 'far'}}},
    ],
)
def test_a_body_of_another_shape_is_refused(near, auth):
    assert near('POST', SAML, {'auth': auth}, '').status == 400
    assert near('POST', SAML, {}, '').status == 400
    assert near('POST', ECP, None, '').status == 400


# OSSA-2013-004.
def test_xml_is_not_read_where_json_is_asked_for(near):
    bomb = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    for kind in ('application/xml', 'text/xml', 'application/vnd.paos+xml'):
        answer = near.client('POST', ECP, bomb, None, content_type=kind)
        assert answer.status == 400 and b'root:' not in answer.data


def test_a_token_that_was_revoked_says_nothing(near, member):
    assert near('DELETE', '/auth/tokens', None, member['token'], x_subject_token=member['token']).status == 204
    assert near('POST', SAML, asked(member['token']), '').status == 404


def credential(near: Any, member: dict[str, Any], **more: Any) -> str:
    """A token by an application credential of the member's."""
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = near('POST', path, {'application_credential': {'name': 'robot', 'secret': 's', **more}}, member['token'])
    assert made.status == 201, made.data
    told = {'id': made.json['application_credential']['id'], 'secret': 's'}
    identity = {'methods': ['application_credential'], 'application_credential': told}
    return near('POST', '/auth/tokens', {'auth': {'identity': identity}}, '').headers['X-Subject-Token']


def test_groups_are_not_lent_with_an_application_credential(near, member):
    group = near.make('group', name='ops')
    assert near('PUT', f'/groups/{group["id"]}/users/{member["user"]["id"]}').status == 204
    member['token'] = near.token_of('bob', 'pw', member['scope'])
    answer = near('POST', SAML, asked(credential(near, member, roles=[{'name': 'reader'}])), '')
    assert answer.status == 200
    assert texts(answer, 'roles') == ['reader'] and texts(answer, 'groups') == []


def test_a_token_that_is_only_for_some_requests_is_not_exchanged(near, member):
    rules = [{'path': '/v2.1/servers', 'method': 'GET', 'service': 'compute'}]
    token = credential(near, member, access_rules=rules)
    assert near('POST', SAML, asked(token), '').status == 404


def test_groups_are_not_lent_with_a_trust(near, member):
    carol = near.make('user', name='carol', password='pw')
    group = near.make('group', name='ops')
    assert near('PUT', f'/groups/{group["id"]}/users/{member["user"]["id"]}').status == 204
    token = near.token_of('bob', 'pw', member['scope'])
    trust = {
        'trustor_user_id': member['user']['id'],
        'trustee_user_id': carol['id'],
        'project_id': member['project']['id'],
        'impersonation': True,
        'roles': [{'name': 'reader'}],
    }
    made = near('POST', '/OS-TRUST/trusts', {'trust': trust}, token)
    assert made.status == 201, made.data
    lent = near.token_of('carol', 'pw', {'OS-TRUST:trust': {'id': made.json['trust']['id']}})
    answer = near('POST', SAML, asked(lent), '')
    assert answer.status == 200
    assert texts(answer, 'user') == ['bob'] and texts(answer, 'roles') == ['reader'] and texts(answer, 'groups') == []


def test_anybody_may_read_the_metadata(near):
    answer = near('GET', METADATA, None, '')
    assert (answer.status, answer.headers['Content-Type']) == (200, 'text/xml')
    assert found(answer.data, '/md:EntityDescriptor/@entityID') == ['https://near/idp']
    assert near('HEAD', METADATA, None, '').status == 200


def test_a_cloud_that_is_no_identity_provider_says_so(cloud):
    answer = cloud('GET', METADATA, None, '')
    assert answer.status == 501 and '[saml] idp_entity_id and idp_sso_endpoint must be set' in sentence(answer)
