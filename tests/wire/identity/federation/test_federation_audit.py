"""What the world is told of federation: each write and each login, and never what was proved with."""

import json

import pytest

from nimbus.common.messaging import outbox
from tests.wire.identity import idp as idps

PROVIDER = '/OS-FEDERATION/identity_providers/acme'


@pytest.fixture
def told(cloud, idp):
    """What was told since the last time that this was called: event types and CADF events."""
    cloud.parts.db.publisher = 'host'

    def read():
        with cloud.parts.db.write() as tx:
            events = outbox.waiting(tx, 100)
            outbox.published(tx, events)
            return [(event.event_type, event.payload) for event in events]

    return read


def test_a_login_tells_who_and_by_whom(cloud, idp, told):
    user = idp.login(idp.token()).json['token']['user']['id']
    [(kind, event)] = told()
    assert kind == 'identity.authenticate' and event['outcome'] == 'success'
    assert event['initiator']['id'] == event['target']['id'] == user
    assert event['initiator']['credential'] == {
        'type': 'http://docs.oasis-open.org/security/saml/v2.0',
        'identity_provider': 'acme',
        'protocol': 'openid',
        'user': user,
    }


@pytest.mark.parametrize(
    ('how', 'reason'),
    [
        ({'token': 'x.y.z'}, 'not one that this identity provider signed'),
        ({'token': idps.unsigned({'iss': idps.ISSUER})}, 'not one that this identity provider signed'),
        ({'oidc_name': 'admin'}, 'There is no assertion'),
        ({'token': 'x.y.z', 'name': 'nobody'}, 'Could not find Identity Provider'),
    ],
)
def test_a_refused_login_tells_why_and_nothing_that_was_sent(cloud, idp, told, how, reason):
    idp.login(**how)
    [(kind, event)] = told()
    assert kind == 'identity.authenticate' and event['outcome'] == 'failure'
    assert reason in event['reason']['reasonType']
    assert event['initiator']['credential']['identity_provider'] == how.get('name', 'acme')
    assert how.get('token', 'no token') not in json.dumps(event) and 'admin' not in json.dumps(event)


def test_neither_a_token_nor_an_assertion_is_ever_told_or_logged(cloud, idp, told, caplog):
    caplog.set_level('DEBUG')
    token = idp.token(email='secret@address')
    idp.login(token)
    idp.front(oidc_email='secret@address')
    idp.login(token[:-5] + 'AAAAA')
    idp.front(x_federation_secret='nearly the secret')
    written = json.dumps(told()) + caplog.text
    for text in (token, token.split('.')[1], idps.SECRET, 'nearly the secret', 'secret@address'):
        assert text not in written


@pytest.mark.parametrize(
    ('method', 'path', 'body', 'kind'),
    [
        ('PUT', '/OS-FEDERATION/identity_providers/new', {'identity_provider': {}}, 'identity_provider.created'),
        ('PATCH', PROVIDER, {'identity_provider': {'enabled': False}}, 'identity_provider.updated'),
        ('DELETE', PROVIDER, None, 'identity_provider.deleted'),
        ('PUT', PROVIDER + '/protocols/new', {'protocol': {'mapping_id': 'acme'}}, 'identity_provider.updated'),
        ('DELETE', PROVIDER + '/protocols/openid', None, 'identity_provider.updated'),
        ('PUT', '/OS-FEDERATION/mappings/new', {'mapping': {'rules': idps.RULES}}, 'mapping.created'),
        ('PATCH', '/OS-FEDERATION/mappings/acme', {'mapping': {'rules': idps.RULES}}, 'mapping.updated'),
        ('DELETE', '/OS-FEDERATION/mappings/acme', None, 'mapping.deleted'),
        (
            'PUT',
            '/OS-FEDERATION/service_providers/new',
            {'service_provider': {'auth_url': 'https://a/', 'sp_url': 'https://b/'}},
            'service_provider.created',
        ),
    ],
)
def test_every_write_is_told_with_its_subject(cloud, idp, told, method, path, body, kind):
    assert cloud(method, path, body).status in (200, 201, 204)
    [(name, event)] = told()
    assert name == f'identity.{kind}' and event['outcome'] == 'success'
    assert (
        event['resource_info'] == event['target']['id'] == ('new' if 'new' in path and 'proto' not in path else 'acme')
    )
    assert event['target']['typeURI'] != 'unknown'


def test_a_refused_write_is_not_told(cloud, idp, told):
    assert cloud('PUT', PROVIDER, {'identity_provider': {}}).status == 409
    assert told() == []
