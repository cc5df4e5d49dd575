"""An Identity API as a client meets it: real tokens, a bootstrapped database, no persona put in by hand."""

import dataclasses
import pathlib
from typing import Any

import pytest

from nimbus.api.identity import app
from nimbus.api.kit import wsgi
from nimbus.common.parts import Parts
from nimbus.identity import key_repository
from nimbus.identity.login.auth import Authority
from nimbus.identity.options import Settings
from nimbus.identity.tokens.tokens import Validator
from tests import databases
from tests.wire.client import Answer, Client
from tests.wire.identity import idp as idps
from tests.wire.identity import personas

URLS = {'identity': 'http://cloud/v3', 'compute': 'http://cloud/compute/$(project_id)s'}
ADMIN_PROJECT = {'project': {'name': 'admin', 'domain': {'id': 'default'}}}


@dataclasses.dataclass
class Cloud:
    """The API, and short ways to do what every test does."""

    parts: Parts
    client: Client
    token: str = ''

    def __call__(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Answer:
        """One request with the administrator's token, or another; '' is none."""
        sent = self.token if token is None else token
        return self.client(method, path, body, None, **({'x_auth_token': sent} if sent else {}), **headers)

    def login(self, name: str, password: str, scope: Any = None, domain: str = 'default') -> Answer:
        """The answer to a login by password."""
        user = {'name': name, 'password': password, 'domain': {'id': domain}}
        auth = {'identity': {'methods': ['password'], 'password': {'user': user}}}
        return self('POST', '/auth/tokens', {'auth': auth | ({'scope': scope} if scope else {})}, '')

    def token_of(self, name: str, password: str, scope: Any = None) -> str:
        """A token by password."""
        answer = self.login(name, password, scope)
        assert answer.status == 201, answer.data
        return answer.headers['X-Subject-Token']

    def make(self, noun: str, **body: Any) -> dict[str, Any]:
        """One more of the noun, as it is shown."""
        answer = self('POST', f'/{noun}s', {noun: body})
        assert answer.status == 201, answer.data
        return answer.json[noun]

    def role(self, name: str) -> str:
        """The id of a global role."""
        return self('GET', f'/roles?name={name}').json['roles'][0]['id']

    def put_in(self, user: dict[str, Any], project: dict[str, Any], role: str) -> str:
        """The user has the role on the project; returns the grant's path."""
        path = f'/projects/{project["id"]}/users/{user["id"]}/roles/{self.role(role)}'
        assert self('PUT', path).status == 204
        return path


@pytest.fixture
def cloud(parts: Parts, tmp_path: pathlib.Path) -> Any:
    repository = str(tmp_path / 'keys')
    key_repository.setup(repository)
    kept = str(tmp_path / 'credential-keys')
    key_repository.setup(kept)
    settings = Settings(bcrypt_rounds=4, key_repository=repository, credential_key_repository=kept)
    parts.tokens = Validator(parts.db, repository, settings)
    authority = parts.extra['identity'] = Authority(parts.db, parts.tokens, settings)
    databases.bootstrap(parts.db, URLS, authority.passwords)
    made = Cloud(parts, Client(wsgi.Auth(app.make(parts), parts)))
    made.token = made.token_of('admin', 'secret', ADMIN_PROJECT)
    yield made
    authority.close()


@pytest.fixture
def member(cloud: Cloud) -> dict[str, Any]:
    """A user `bob` with the role member on a project `lab`; with their ids, the scope and a token."""
    project = cloud.make('project', name='lab')
    user = cloud.make('user', name='bob', password='pw')
    grant = cloud.put_in(user, project, 'member')
    scope = {'project': {'id': project['id']}}
    return {
        'user': user,
        'project': project,
        'grant': grant,
        'scope': scope,
        'token': cloud.token_of('bob', 'pw', scope),
    }


@pytest.fixture
def world(cloud: Cloud) -> dict[str, dict[str, str]]:
    """Two domains alike, `here` and `there`, and what belongs to the whole cloud; the ids that paths name."""
    return personas.make_world(cloud)


@pytest.fixture
def idp(cloud: Cloud, tmp_path: pathlib.Path) -> idps.Idp:
    """An identity provider `acme` that the cloud trusts."""
    return idps.set_up(cloud, tmp_path)
