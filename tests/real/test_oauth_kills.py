"""nimbus-identity is killed while users lend by OAuth 1: a step is done whole or not at all, and may be asked again."""

import contextlib
import http.client
import pathlib
import random
import threading
import time
import urllib.parse
from typing import Any

import pytest
from oauthlib import oauth1

from tests.real.identity_alone import Identity

ROUNDS = 3
pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
Token = dict[str, str]


class Lending(threading.Thread):
    """A consumer who asks, is agreed to, exchanges and logs in, again and again until the process is killed."""

    def __init__(self, identity: Identity, consumer: dict[str, str], project: str) -> None:
        super().__init__()
        self.identity, self.consumer, self.project = identity, consumer, project
        self.given: list[Token] = []  # access tokens that were answered
        self.asked: Token = {}  # the request token that is under way
        self.verifier = ''

    def run(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for _ in range(10_000):
                self.asked, self.verifier = {}, ''
                status, self.asked = self.ask()
                assert status == 201
                status, self.verifier = self.agree()
                assert status == 200
                status, token = self.exchange()
                assert status == 201
                self.given.append(token)
                self.asked = {}
                assert self.login(token) == 201

    def _post(self, path: str, body: Any = None, token: Token | None = None, **more: Any) -> tuple[int, bytes]:
        by = {} if token is None else {
            'resource_owner_key': token['oauth_token'], 'resource_owner_secret': token['oauth_token_secret']
        }  # fmt: skip
        client = oauth1.Client(self.consumer['id'], client_secret=self.consumer['secret'], **by, **more)
        signed = client.sign(f'http://127.0.0.1:{self.identity.port}/v3{path}', http_method='POST')[1]
        told = {**signed, 'Requested-Project-Id': self.project, 'Content-Type': 'application/json'}
        connection = http.client.HTTPConnection('127.0.0.1', self.identity.port, timeout=30)
        with contextlib.closing(connection):
            connection.request('POST', f'/v3{path}', body, told)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask(self) -> tuple[int, Token]:
        status, data = self._post('/OS-OAUTH1/request_token', callback_uri='oob')
        return status, dict(urllib.parse.parse_qsl(data.decode()))

    def agree(self) -> tuple[int, str]:
        path = f'/OS-OAUTH1/authorize/{self.asked["oauth_token"]}'
        status, body, _ = self.identity.ask('PUT', path, {'roles': [{'name': 'reader'}]})
        return status, body['token']['oauth_verifier'] if status == 200 else ''

    def exchange(self) -> tuple[int, Token]:
        status, data = self._post('/OS-OAUTH1/access_token', token=self.asked, verifier=self.verifier)
        return status, dict(urllib.parse.parse_qsl(data.decode()))

    def login(self, token: Token) -> int:
        body = b'{"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}}'
        return self._post('/auth/tokens', body, token)[0]


@pytest.fixture
def identity(tmp_path: pathlib.Path) -> Any:
    made = Identity(tmp_path)
    yield made
    made.kill()


def check(lending: Lending) -> str:
    """What became of the step that was not answered; asked again, the lending goes on to its end."""
    query = 'SELECT count(*) FROM oauth_access_tokens WHERE consumer_id = ?'
    given = lending.identity.rows(query, lending.consumer['id'])[0][0]
    if not lending.asked:  # asking, or logging in
        assert given == len(lending.given)
        return 'other'
    left = lending.identity.rows('SELECT 1 FROM oauth_request_tokens WHERE id = ?', lending.asked['oauth_token'])
    # It was exchanged or it was not: never both, never neither.
    assert given + len(left) == len(lending.given) + 1
    if not left:
        assert lending.exchange()[0] == 404
        return 'exchanged'
    status, lending.verifier = lending.agree()
    assert status == 200
    status, token = lending.exchange()
    assert status == 201 and lending.login(token) == 201
    return 'not exchanged'


def test_a_lending_that_is_cut_off_goes_on_or_is_done(identity):
    identity.start()
    project = identity.named('projects', 'admin')[0]['id']
    seed = random.randrange(1 << 32)
    print(f'seed {seed}')
    chance, found, done = random.Random(seed), [], 0
    for _ in range(ROUNDS):
        every = []
        for _ in range(3):
            status, body, _ = identity.ask('POST', '/OS-OAUTH1/consumers', {'consumer': {'description': 'x'}})
            assert status == 201
            every.append(Lending(identity, body['consumer'], project))
        for lending in every:
            lending.start()
        time.sleep(chance.uniform(0.5, 1.5))
        identity.kill()
        for lending in every:
            lending.join()
        identity.start()
        assert identity.rows('PRAGMA integrity_check') == [('ok',)]
        for lending in every:
            found.append(check(lending))
            done += len(lending.given)
            assert all(lending.login(token) == 201 for token in lending.given[-2:])
    assert done > ROUNDS and len(found) == 3 * ROUNDS, found
