"""What the world is told of OAuth: who asked, who agreed, who was given and who came with it; never a secret."""

import pytest

from nimbus.common.messaging import outbox
from tests.wire.identity.oauth_party import consumer


@pytest.fixture
def told(cloud):
    """(event type, payload) of what is told from now on."""
    cloud.parts.db.publisher = 'h1'

    def every():
        with cloud.parts.db.read() as tx:
            return [(event.event_type, event.payload) for event in outbox.waiting(tx, 1000)]

    return every


def test_every_write_and_every_login_is_told(cloud, told):
    project = cloud('GET', '/projects?name=admin').json['projects'][0]
    me = cloud('GET', '/users?name=admin').json['users'][0]['id']
    party = consumer(cloud, description='x')
    path = f'/OS-OAUTH1/consumers/{party.id}'
    cloud('PATCH', path, {'consumer': {'description': 'y'}})
    asked = party.ask(project)
    agreed = party.authorize(asked, [{'name': 'reader'}]).json['token']['oauth_verifier']
    access = party.read(party.exchange(asked, agreed))
    party.login(access)
    party.login({**access, 'oauth_token_secret': 'wrong'})
    party.login({**access, 'oauth_token': '0' * 32})
    cloud('DELETE', f'/users/{me}/OS-OAUTH1/access_tokens/{access["oauth_token"]}')
    cloud('DELETE', path)
    heard = [(kind, payload['target']['id'], payload['outcome']) for kind, payload in told()]
    right, wrong = ('identity.authenticate', me, 'success'), ('identity.authenticate', 'unknown', 'failure')
    assert heard == [
        ('identity.OS-OAUTH1:consumer.created', party.id, 'success'),
        ('identity.OS-OAUTH1:consumer.updated', party.id, 'success'),
        ('identity.OS-OAUTH1:request_token.created', asked['oauth_token'], 'success'),
        ('identity.OS-OAUTH1:request_token.updated', asked['oauth_token'], 'success'),
        ('identity.OS-OAUTH1:access_token.created', access['oauth_token'], 'success'),
        right,
        wrong,
        wrong,
        ('identity.OS-OAUTH1:access_token.deleted', access['oauth_token'], 'success'),
        ('identity.OS-OAUTH1:consumer.deleted', party.id, 'success'),
    ]
    text = str(told())
    for secret in (party.secret, asked['oauth_token_secret'], access['oauth_token_secret'], agreed):
        assert secret not in text
    kinds = {kind.split('.')[1]: payload['target']['typeURI'] for kind, payload in told()}
    assert kinds == {
        'OS-OAUTH1:consumer': 'service/security/account/user',
        'OS-OAUTH1:request_token': 'data/security/credential',
        'OS-OAUTH1:access_token': 'data/security/credential',
        'authenticate': 'service/security/account/user',
    }


def test_a_client_of_oauth_2_is_told_of_as_any_login(cloud, member, told):
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': 'a'}}, member['token']).json
    key = made['application_credential']
    for secret in (key['secret'], 'wrong'):
        form = f'grant_type=client_credentials&client_id={key["id"]}&client_secret={secret}'.encode()
        cloud('POST', '/OS-OAUTH2/token', form, '', content_type='application/x-www-form-urlencoded')
    logins = [payload for kind, payload in told() if kind == 'identity.authenticate']
    assert [payload['outcome'] for payload in logins] == ['success', 'failure']
    assert logins[0]['target']['id'] == member['user']['id']
    assert key['secret'] not in str(told())
