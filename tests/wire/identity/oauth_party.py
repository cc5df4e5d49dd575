"""Somebody who signs requests as OAuth 1 has it, by the library that clients use."""

import dataclasses
import urllib.parse
from typing import Any

from oauthlib import oauth1

from tests.wire.client import Answer

ROOT = 'http://cloud'  # where the test's API stands
ASK, EXCHANGE, LOGIN = '/OS-OAUTH1/request_token', '/OS-OAUTH1/access_token', '/auth/tokens'


@dataclasses.dataclass
class Party:
    """A consumer with its secret, and the cloud that it speaks to."""

    cloud: Any
    id: str
    secret: str

    def signed(self, path: str, **more: Any) -> str:
        """An Authorization header for a POST to the path."""
        client = oauth1.Client(self.id, client_secret=self.secret, **more)
        return client.sign(ROOT + path, http_method='POST')[1]['Authorization']

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        """The answer to a signed POST."""
        return self.cloud('POST', path, body, '', authorization=self.signed(path, **more), **(headers or {}))

    def ask(self, project: dict[str, Any], **more: Any) -> dict[str, str]:
        """A request token for the project."""
        told = {'requested_project_id': project['id']}
        return self.read(self.post(ASK, None, told, callback_uri='oob', **more))

    def exchange(self, asked: dict[str, str], verifier: str, **more: Any) -> Answer:
        """The answer to asking for an access token."""
        return self.post(EXCHANGE, **self.by(asked), verifier=verifier, **more)

    def login(self, access: dict[str, str], auth: dict[str, Any] | None = None, **more: Any) -> Answer:
        """The answer to a login with an access token."""
        told = {'auth': {'identity': {'methods': ['oauth1'], 'oauth1': {}}, **(auth or {})}}
        return self.post(LOGIN, told, **{**self.by(access), **more})

    @staticmethod
    def by(token: dict[str, str]) -> dict[str, str]:
        """How oauthlib is told of a token."""
        return {'resource_owner_key': token['oauth_token'], 'resource_owner_secret': token['oauth_token_secret']}

    @staticmethod
    def read(answer: Answer) -> dict[str, str]:
        """The token in an answer."""
        assert answer.status == 201, answer.data
        assert answer.headers['Content-Type'] == 'application/x-www-form-urlencoded'
        return dict(urllib.parse.parse_qsl(answer.data.decode(), strict_parsing=True))

    def authorize(self, asked: dict[str, str], roles: list[dict[str, str]], token: str | None = None) -> Answer:
        """The answer to agreeing, by the administrator or another."""
        return self.cloud('PUT', f'/OS-OAUTH1/authorize/{asked["oauth_token"]}', {'roles': roles}, token)

    def access(self, project: dict[str, Any], *roles: str, token: str | None = None) -> dict[str, str]:
        """An access token for the roles, by name, on the project."""
        asked = self.ask(project)
        agreed = self.authorize(asked, [{'name': name} for name in roles], token)
        assert agreed.status == 200, agreed.data
        return self.read(self.exchange(asked, agreed.json['token']['oauth_verifier']))


def consumer(cloud: Any, **attributes: Any) -> Party:
    """A new consumer of the cloud."""
    made = cloud('POST', '/OS-OAUTH1/consumers', {'consumer': attributes}).json['consumer']
    return Party(cloud, made['id'], made['secret'])
