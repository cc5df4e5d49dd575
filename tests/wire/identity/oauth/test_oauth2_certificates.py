"""OAuth 2's clients that show a certificate to a front that the operator trusts."""

import base64
import dataclasses
import datetime
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nimbus.api.identity import app
from nimbus.api.kit import wsgi
from nimbus.api.kit.certificates import thumbprint
from nimbus.identity.settings.oauth import OAuth
from tests.cloud import Conf
from tests.wire.client import Client

FRONT, HEADER = '192.0.2.1', 'X-Client-Certificate'
TOKEN, FORM = '/OS-OAUTH2/token', 'application/x-www-form-urlencoded'
FAILED = (401, 'invalid_client', 'Client authentication failed.')
TODAY = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
WORDS = {'CN': NameOID.COMMON_NAME, 'DC': NameOID.DOMAIN_COMPONENT, 'EMAIL': NameOID.EMAIL_ADDRESS,
         'UID': NameOID.USER_ID, 'O': NameOID.ORGANIZATION_NAME}  # fmt: skip


def certificate(issuer='our own', begins=-1, ends=1, **subject):
    """A client's certificate in DER; days are from today."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(WORDS[word], value) for word, value in subject.items()])
    made = x509.CertificateBuilder().subject_name(name).public_key(key.public_key()).serial_number(7)
    made = made.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
    made = made.not_valid_before(TODAY + datetime.timedelta(begins)).not_valid_after(TODAY + datetime.timedelta(ends))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def rules(**user):
    """A mapping's rules that take certificates of our own issuer, and tell the user so."""
    remote = [{'type': f'SSL_CLIENT_SUBJECT_DN_{word}'} for word in ('CN', 'UID', 'EMAILADDRESS', 'DC', 'O')]
    issuer = {'type': 'SSL_CLIENT_ISSUER_DN_CN', 'any_one_of': ['our own']}
    return [{'local': [{'user': user}], 'remote': [*remote, issuer]}]


WHOLE = {'name': '{0}', 'id': '{1}', 'email': '{2}', 'domain': {'name': '{3}', 'id': '{4}'}}


@pytest.fixture
def front(cloud, member):
    """The cloud, behind a front that tells certificates; bob has a default project and an email address."""
    changes = {'default_project_id': member['project']['id'], 'email': 'bob@example.org'}
    assert cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': changes}).status == 200
    told = {'api.client_certificate_header': HEADER, 'api.trusted_fronts': [FRONT], 'api.policy_file': '/nowhere'}
    cloud.parts.conf = Conf(told)
    inner = wsgi.Auth(app.make(cloud.parts), cloud.parts)
    cloud.address = FRONT
    cloud.client = Client(lambda environ, start: inner({**environ, 'REMOTE_ADDR': cloud.address}, start))
    cloud.bob = {'CN': 'bob', 'UID': member['user']['id'], 'EMAIL': 'bob@example.org', 'DC': 'Default', 'O': 'default'}
    yield cloud
    cloud.parts.conf = None


def settle(front, told):
    """The mapping of certificates has the rules."""
    answer = front('PUT', '/OS-FEDERATION/mappings/oauth2_mapping', {'mapping': {'rules': told}})
    assert answer.status == 201, answer.data


def ask(front, member, der=None, authorization=None, **form):
    told = {'grant_type': 'client_credentials', 'client_id': member['user']['id'], **form}
    sent = {'x_client_certificate': base64.b64encode(der).decode()} if der else {}
    sent |= {'authorization': authorization} if authorization else {}
    return front('POST', TOKEN, urllib.parse.urlencode(told).encode(), '', content_type=FORM, **sent)


def said(answer):
    return answer.status, answer.json['error'], answer.json['error_description']


def test_a_certificate_gives_a_token_that_is_bound_to_it(front, member):
    settle(front, rules(**WHOLE))
    der = certificate(**front.bob)
    answer = ask(front, member, der)
    assert answer.status == 200, answer.data
    assert {**answer.json, 'access_token': ''} == {'access_token': '', 'token_type': 'Bearer', 'expires_in': 3600}
    token = answer.json['access_token']
    shown = front('GET', '/auth/tokens', x_subject_token=token).json['token']
    assert shown['methods'] == ['oauth2_credential'] and shown['user']['id'] == member['user']['id']
    assert shown['project']['id'] == member['project']['id']
    assert {role['name'] for role in shown['roles']} == {'member', 'reader'}
    assert shown['oauth2_credential'] == {'x5t#S256': thumbprint(der)}
    mine, other = (base64.b64encode(one).decode() for one in (der, certificate(**front.bob)))
    for how in ({'x_auth_token': token}, {'authorization': f'Bearer {token}'}):
        assert front('GET', '/auth/projects', None, '', x_client_certificate=mine, **how).status == 200
        assert front('GET', '/auth/projects', None, '', x_client_certificate=other, **how).status == 401
        assert front('GET', '/auth/projects', None, '', **how).status == 401


def test_a_bound_token_lends_nothing_on(front, member):
    settle(front, rules(**WHOLE))
    der = certificate(**front.bob)
    token, me = ask(front, member, der).json['access_token'], member['user']['id']
    shown = {'x_client_certificate': base64.b64encode(der).decode()}
    identity = {'methods': ['token'], 'token': {'id': token}}
    assert front('POST', '/auth/tokens', {'auth': {'identity': identity}}, '', **shown).status == 403
    told = {'trustor_user_id': me, 'trustee_user_id': me, 'impersonation': True, 'project_id': member['project']['id']}
    told['roles'] = [{'name': 'member'}]
    assert front('POST', '/OS-TRUST/trusts', {'trust': told}, token, **shown).status == 403
    path = f'/users/{me}/application_credentials'
    assert front('POST', path, {'application_credential': {'name': 'x'}}, token, **shown).status == 403
    assert (
        front('POST', f'/users/{me}/credentials/OS-EC2', {'tenant_id': told['project_id']}, token, **shown).status
        == 403
    )


@pytest.mark.parametrize(
    'other', [{'CN': 'eve'}, {'UID': '0' * 32}, {'EMAIL': 'e@x'}, {'DC': 'Other'}, {'O': 'other'}], ids=str
)
def test_all_that_a_mapping_tells_must_be_the_users(front, member, other):
    settle(front, rules(**WHOLE))
    assert said(ask(front, member, certificate(**{**front.bob, **other}))) == FAILED


@pytest.mark.parametrize('told', [{'domain': {'name': '{3}'}}, {'type': 'local'}, {'name': ''}], ids=str)
def test_a_mapping_that_tells_of_nobody_takes_nobody(front, member, told):
    """Or any certificate of the issuer would be whoever it says."""
    settle(front, rules(**told))
    assert said(ask(front, member, certificate(**front.bob))) == FAILED


@pytest.mark.parametrize('more', [{'issuer': 'another'}, {'begins': 1, 'ends': 2}, {'begins': -2, 'ends': -1}], ids=str)
def test_a_certificate_of_others_or_of_another_time_is_none(front, member, more):
    settle(front, rules(**WHOLE))
    assert said(ask(front, member, certificate(**front.bob, **more))) == FAILED


def test_who_is_refused_is_not_told_why(front, member):
    der = certificate(**front.bob)
    assert said(ask(front, member, der)) == FAILED  # there is no mapping
    settle(front, rules(**WHOLE))
    assert said(ask(front, member, b'no certificate at all')) == FAILED
    assert said(ask(front, member, der, client_id='0' * 32)) == FAILED
    assert said(ask(front, member, der, client_id='')) == FAILED
    front.address = '192.0.2.2'  # anybody can write a header
    assert said(ask(front, member, der)) == FAILED
    front.address = FRONT
    front('PATCH', f'/users/{member["user"]["id"]}', {'user': {'default_project_id': None}})
    assert said(ask(front, member, der)) == FAILED
    front('PATCH', f'/users/{member["user"]["id"]}', {'user': {'default_project_id': member['project']['id']}})
    assert ask(front, member, der).status == 200
    front('DELETE', member['grant'])
    assert ask(front, member, der).json['error'] == 'invalid_client'
    front('PUT', member['grant'])
    front('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': False}})
    assert ask(front, member, der).json['error'] == 'invalid_client'


def test_the_operator_says_which_proofs_are_taken(front, member):
    settle(front, rules(**WHOLE))
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = front('POST', path, {'application_credential': {'name': 'a'}}, member['token']).json[
        'application_credential'
    ]
    basic = 'Basic ' + base64.b64encode(f'{made["id"]}:{made["secret"]}'.encode()).decode()
    der, issuer = certificate(**front.bob), front.parts.extra['identity']

    def tried(*methods):
        issuer.settings = dataclasses.replace(issuer.settings, oauth=OAuth(oauth2_authn_methods=methods))
        return ask(front, member, der).status, ask(front, member, None, basic).status

    assert tried('tls_client_auth', 'client_secret_basic') == (200, 200)
    assert tried('tls_client_auth') == (200, 401)
    assert tried('client_secret_basic') == (401, 200)
    # As upstream has it, a certificate goes before a secret.
    tried('tls_client_auth', 'client_secret_basic')
    assert ask(front, member, der, basic, client_id='').status == 401
