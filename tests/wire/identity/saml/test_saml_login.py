"""One cloud's user logs in at another with a SAML assertion, by keystoneauth's own plugins."""

import base64
import concurrent.futures
import dataclasses
import datetime
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from keystoneauth1 import exceptions, session
from keystoneauth1.extras._saml2.v3 import saml2
from keystoneauth1.identity import v3
from lxml import etree

from nimbus.api.identity import app
from nimbus.api.kit import wsgi
from nimbus.common import clock
from nimbus.common.parts import Parts
from nimbus.identity import key_repository
from nimbus.identity.login.auth import Authority
from nimbus.identity.options import Settings
from nimbus.identity.saml.provider import Provider, Statement
from nimbus.identity.saml.signed_xml import NAMESPACES, signed, written
from nimbus.identity.settings.federation import Federation
from nimbus.identity.settings.saml import Saml
from nimbus.identity.tokens.tokens import Validator
from tests import databases
from tests.saml_files import found, write_pair
from tests.saml_words import enveloped, evil, one
from tests.transport import WsgiAdapter
from tests.wire.client import Client
from tests.wire.identity.conftest import Cloud

FAR = 'http://far:5001/v3'
AUTH = '/OS-FEDERATION/identity_providers/near/protocols/saml2/auth'
ENTITY = 'https://near/idp'
RULES = [
    {
        'local': [
            {'user': {'name': '{0}'}},
            {'group': {'name': 'guests', 'domain': {'id': 'default'}}},
        ],
        'remote': [
            {'type': 'openstack_user'},
            {'type': 'openstack_roles', 'any_one_of': ['member']},
        ],
    }
]


@pytest.fixture
def near(cloud: Cloud, member: dict[str, Any], tmp_path: pathlib.Path) -> Cloud:
    """The cloud whose users they are."""
    key, certificate = write_pair(tmp_path)
    told = Saml(idp_entity_id=ENTITY, idp_sso_endpoint=ENTITY, certfile=certificate, keyfile=key)
    cloud.parts.extra['saml'] = Provider(told, cloud.parts.clock)
    far = {'sp_url': FAR + AUTH, 'auth_url': FAR + AUTH, 'enabled': True}
    assert cloud('PUT', '/OS-FEDERATION/service_providers/far', {'service_provider': far}).status == 201
    return cloud


@pytest.fixture
def far(near: Cloud, tmp_path: pathlib.Path) -> Iterator[Cloud]:
    """The cloud that takes the other one's word, with a project `shared` for the group `guests`."""
    path = tmp_path / 'far'
    path.mkdir()
    (path / 'trusted').mkdir()
    (path / 'trusted' / 'near.xml').write_bytes(near('GET', '/OS-FEDERATION/saml2/metadata', None, '').data)
    database = databases.new(path / 'far.db')
    parts = Parts(conf=None, db=database, bus=None, clock=clock.Clock())
    for name in ('keys', 'credential-keys'):
        key_repository.setup(str(path / name))
    settings = Settings(
        bcrypt_rounds=4,
        key_repository=str(path / 'keys'),
        credential_key_repository=str(path / 'credential-keys'),
        federation=Federation(trusted_dashboard=('http://dashboard/',)),
    )
    parts.tokens = Validator(database, str(path / 'keys'), settings)
    authority = parts.extra['identity'] = Authority(database, parts.tokens, settings)
    told = Saml(sp_entity_id='https://far/sp', sp_url=FAR, sp_trusted_metadata=str(path / 'trusted'))
    parts.extra['saml'] = Provider(told, parts.clock)
    databases.bootstrap(database, {'identity': FAR}, authority.passwords)
    made = Cloud(parts, Client(wsgi.Auth(app.make(parts), parts)))
    made.token = made.token_of('admin', 'secret', {'project': {'name': 'admin', 'domain': {'id': 'default'}}})
    take_in(made)
    yield made
    authority.close()
    database.close()


def take_in(far: Cloud) -> None:
    """The other cloud is an identity provider, whose members are guests."""
    group, project = far.make('group', name='guests'), far.make('project', name='shared')
    path = f'/projects/{project["id"]}/groups/{group["id"]}/roles/{far.role("reader")}'
    assert far('PUT', path).status == 204
    provider = {'remote_ids': [ENTITY], 'enabled': True}
    assert far('PUT', '/OS-FEDERATION/identity_providers/near', {'identity_provider': provider}).status == 201
    assert far('PUT', '/OS-FEDERATION/mappings/near', {'mapping': {'rules': RULES}}).status == 201
    path = '/OS-FEDERATION/identity_providers/near/protocols/saml2'
    assert far('PUT', path, {'protocol': {'mapping_id': 'near'}}).status == 201


def mounted(cloud: Cloud) -> Any:
    """The cloud below /v3, as a server has it."""
    return wsgi.Mounts([('/v3', cloud.client.app)])


def assertion(near: Cloud, member: dict[str, Any]) -> bytes:
    """An assertion about the member, in an envelope."""
    scope = {'service_provider': {'id': 'far'}}
    body = {'auth': {'identity': {'methods': ['token'], 'token': {'id': member['token']}}, 'scope': scope}}
    return near('POST', '/auth/OS-FEDERATION/saml2/ecp', body, '').data


def bring(far: Cloud, data: bytes, path: str = AUTH) -> Any:
    return far.client('POST', path, data, None, content_type='application/vnd.paos+xml')


def test_keystoneauth_takes_a_user_from_one_cloud_to_the_other(near, far, member):
    made = session.Session()
    made.session.mount('http://', WsgiAdapter({80: mounted(near), None: mounted(near), 5001: mounted(far)}))
    base = v3.Password(
        'http://cloud/v3',
        username='bob',
        password='pw',
        user_domain_id='default',
        project_name='lab',
        project_domain_id='default',
    )
    plugin = v3.Keystone2Keystone(base, 'far', project_name='shared', project_domain_id='default')
    access = plugin.get_access(made)
    assert access.username == 'bob' and access.project_name == 'shared' and access.role_names == ['reader']
    shown = far('GET', '/auth/tokens', None, far.token, x_subject_token=access.auth_token).json['token']
    assert shown['user']['OS-FEDERATION']['identity_provider'] == {'id': 'near'}


def test_an_assertion_is_a_token_once(near, far, member):
    data = assertion(near, member)
    first = bring(far, data)
    assert first.status == 201 and first.json['token']['user']['name'] == 'bob'
    assert first.json['token']['methods'] == ['saml2']
    again = bring(far, data)
    assert (again.status, again.json['error']['message']) == (401, 'The SAML response was used before.')


def test_a_token_lasts_no_longer_than_the_login_it_came_of(near, far, member):
    provider = near.parts.extra['saml']
    provider.settings = dataclasses.replace(provider.settings, assertion_expiration_time=60)
    token = bring(far, assertion(near, member)).json['token']
    begins, ends = (datetime.datetime.fromisoformat(token[name]) for name in ('issued_at', 'expires_at'))
    assert 50 < (ends - begins).total_seconds() <= 60


def test_of_many_who_bring_the_same_assertion_at_once_one_gets_in(near, far, member):
    data = assertion(near, member)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = sorted(answer.status for answer in pool.map(lambda _: bring(far, data), range(8)))
    assert statuses == [201, *[401] * 7]


def test_what_is_forged_is_refused(near, far, member):
    root = etree.fromstring(assertion(near, member))
    body = one(root, '//samlp:Response')
    body.append(evil(root))
    assert bring(far, etree.tostring(root)).status == 401
    data = assertion(near, member)
    assert bring(far, data.replace(b'>member<', b'>admin<')).status == 401
    assert bring(far, b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + data).status == 400
    assert bring(far, b'').status == 400 and bring(far, b'<x/>').status == 400
    assert bring(far, b'<' + b'x' * 200_000).status == 413


def test_an_assertion_is_good_at_no_other_address(near, far, member):
    provider = {'remote_ids': ['https://another/'], 'enabled': True}
    assert far('PUT', '/OS-FEDERATION/identity_providers/other', {'identity_provider': provider}).status == 201
    path = '/OS-FEDERATION/identity_providers/other/protocols/saml2'
    assert far('PUT', path, {'protocol': {'mapping_id': 'near'}}).status == 201
    assert bring(far, assertion(near, member), path + '/auth').status == 401


def test_an_identity_provider_speaks_only_for_itself(near, far, member):
    change = {'identity_provider': {'remote_ids': ['https://another/']}}
    assert far('PATCH', '/OS-FEDERATION/identity_providers/near', change).status == 200
    assert bring(far, assertion(near, member)).status == 403
    change = {'identity_provider': {'remote_ids': []}}
    assert far('PATCH', '/OS-FEDERATION/identity_providers/near', change).status == 200
    assert bring(far, assertion(near, member)).status == 403


def test_who_is_not_mapped_or_disabled_does_not_get_in(near, far, member):
    admins = {'type': 'openstack_roles', 'any_one_of': ['admin']}
    change = {'mapping': {'rules': [{**RULES[0], 'remote': [{'type': 'openstack_user'}, admins]}]}}
    assert far('PATCH', '/OS-FEDERATION/mappings/near', change).status == 200
    assert bring(far, assertion(near, member)).status == 401
    change = {'identity_provider': {'enabled': False}}
    assert far('PATCH', '/OS-FEDERATION/identity_providers/near', change).status == 200
    assert bring(far, assertion(near, member)).status == 403


def test_where_it_is_not_set_up_an_assertion_is_not_read(near, far, member):
    far.parts.extra.pop('saml')
    far.parts.extra.pop('saml-consumer', None)
    assert bring(far, assertion(near, member)).status == 401


class Ecp:
    """An identity provider with a password, for enhanced clients: it answers the request it is brought."""

    def __init__(self, provider: Provider, **bent: str) -> None:
        self.provider, self.bent = provider, bent

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        wanted = 'Basic ' + base64.b64encode(b'bob:pw').decode()
        assert environ['HTTP_AUTHORIZATION'] == wanted
        request = environ['wsgi.input'].read()
        (place,) = found(request, '//samlp:AuthnRequest/@AssertionConsumerServiceURL')
        (request_id,) = found(request, '//samlp:AuthnRequest/@ID')
        told = Statement('bob', 'Default', ('member',), 'lab', 'Default')
        answer = answering(self.provider, told, place, self.bent.get('answers', request_id))
        envelope = etree.fromstring(enveloped(answer))
        header = one(envelope, '/soap:Envelope/soap:Header')
        etree.SubElement(header, f'{{{NAMESPACES["ecp"]}}}Response').set('AssertionConsumerServiceURL', place)
        start_response('200 OK', [('Content-Type', 'text/xml')])
        return [written(envelope)]


def answering(provider: Provider, told: Statement, place: str, request_id: str) -> Any:
    """A Response of the provider that answers the request."""
    made = provider.response(told, place)
    plain = one(made, './saml:Assertion')
    signature = one(plain, './ds:Signature')
    for child in list(signature):
        signature.remove(child)
    signature.set('Id', 'placeholder')
    one(plain, './/saml:SubjectConfirmationData').set('InResponseTo', request_id)
    key = serialization.load_pem_private_key(pathlib.Path(provider.settings.keyfile).read_bytes(), None)
    certificate = x509.load_pem_x509_certificate(pathlib.Path(provider.settings.certfile).read_bytes())
    made.replace(plain, signed(plain, key, certificate))
    return made


def enhanced(near: Cloud, far: Cloud, **bent: str) -> Any:
    """What keystoneauth's SAML plugin gets by way of an identity provider."""
    made = session.Session()
    idp = Ecp(near.parts.extra['saml'], **bent)
    made.session.mount('http://', WsgiAdapter({5001: mounted(far), 5002: idp}))
    plugin = saml2.Password(FAR, 'near', 'saml2', 'http://idp:5002/ecp', 'bob', 'pw')
    return plugin.get_access(made)


def test_keystoneauth_fetches_an_assertion_by_itself(near, far):
    assert enhanced(near, far).username == 'bob'


def test_an_answer_to_what_nobody_asked_is_refused(near, far):
    with pytest.raises(exceptions.Unauthorized):
        enhanced(near, far, answers='_somebody_else')


def test_an_assertion_opens_no_dashboard(near, far, member):
    path = '/auth/OS-FEDERATION/identity_providers/near/protocols/saml2/websso?origin=http://dashboard/'
    answer = bring(far, assertion(near, member), path)
    assert answer.status == 401 and 'There is no assertion' in answer.json['error']['message']
