"""A request for every route of identity, made from the routes themselves, and how the API shows that it happened.

What a path names is made by its maker; a body stands in BODIES where the route
takes one.  Whether a write happened is read where its own path is shown, a
creation's in the list it belongs to.
"""

import dataclasses
import itertools
import urllib.parse
from collections.abc import Callable
from typing import Any, Protocol

from oauthlib import oauth1

from nimbus.api.identity.routes import ROUTES
from nimbus.api.kit.routes import Route

WRITES = ('POST', 'PUT', 'PATCH', 'DELETE')
# They are asked by POST, and change nothing; or they refuse, whatever is asked.
READ_ONLY = (
    '/ec2tokens',
    '/s3tokens',
    '/OS-OAUTH2/token',
    '/auth/OS-FEDERATION/saml2',
    '/auth/OS-FEDERATION/saml2/ecp',
)
# Steps that more than their own request is needed for: tests/real/test_oauth_kills.py goes through those of OAuth.
STEPS = ('/OS-OAUTH1/request_token', '/OS-OAUTH1/authorize/{request_token_id}', '/OS-OAUTH1/access_token')
# What a provider's users log in by, which is no request of the administrator's.
FEDERATED = (
    '/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth',
    '/auth/OS-FEDERATION/websso/{protocol_id}',
    '/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso',
)
LEFT_OUT = (*READ_ONLY, *STEPS, *FEDERATED)
NUMBER = itertools.count(1)
FILTERS = {'filters': {'interface': 'public'}}


class Identity(Protocol):
    """How the administrator asks identity."""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """(status, body, headers)."""

    def named(self, noun: str, name: str) -> list[Any]:
        """Those of the noun that have the name."""

    def login(self, name: str, password: str) -> tuple[int, str]:
        """(status, token)."""


def routes() -> list[Route]:
    """Every route by which an administrator writes with a request of its own."""
    return [route for route in ROUTES if route.method in WRITES and route.path not in LEFT_OUT]


@dataclasses.dataclass
class Write:
    """One request, and what the API shows before it happened and afterwards."""

    identity: Identity
    method: str
    path: str
    body: Any
    look: Callable[[], Any]
    happened: Callable[[Any], bool]
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    def ask(self) -> tuple[int, Any]:
        """The answer.  Raises OSError or HTTPException without one."""
        status, body, _ = self.identity.ask(self.method, self.path, self.body, **self.headers)
        return status, body


class Maker:
    """Makes what a request needs."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.me = identity.named('users', 'admin')[0]['id']
        self.project = identity.named('projects', 'admin')[0]['id']

    def write(self, route: Route) -> Write:
        """A request by the route that has not been made."""
        if special := getattr(self, f'_{route.handler.__name__}', None):
            return special()
        path = self.path(route)
        if path.count('/OS-INHERIT') == 0 and route.path.startswith('/domains/{domain_id}/config'):
            self._config(path, route)
        if route.method in ('DELETE', 'PATCH') and '/config' not in path:
            self._there(path, route)
        body = BODIES.get((route.method, route.path), lambda *_: None)(self, f'n{next(NUMBER)}')
        return self._watched(route, path, body)

    def path(self, route: Route) -> str:
        """The path of the route with ids of things that are there."""
        return route.path.format(**{name: self._named(name, route) for name in _names(route.path)})

    def _watched(self, route: Route, path: str, body: Any) -> Write:
        """The write with the place where it shows."""
        made = lambda look, happened: Write(self.identity, route.method, path, body, look, happened)  # noqa: E731
        if route.method == 'POST':
            told = next(iter(body.values()))
            fields = told[0] if isinstance(told, list) else told if isinstance(told, dict) else body
            fields = {name: value for name, value in fields.items() if name not in UNSHOWN}
            place = path if 'trusts' not in path else f'{path}?trustor_user_id={self.me}'
            return made(lambda: [row for row in self._rows(place) if _shows(row, fields)], lambda rows: len(rows) == 1)
        if path.endswith('/tags'):
            wanted = sorted(body['tags']) if body else []
            return made(lambda: self.get(path)['tags'], lambda tags: sorted(tags) == wanted)
        if route.method == 'DELETE':
            return made(lambda: self._status(path), lambda status: status == 404)
        if body is None or route.method == 'PUT' and 'config' not in body:
            return made(lambda: self._status(path), lambda status: status in (200, 204))
        if 'config' in body:
            return made(lambda: self.identity.ask('GET', path)[:2], lambda seen: seen == (200, body))
        fields = next(iter(body.values()))
        return made(lambda: next(iter(self.get(path).values())), lambda row: _shows(row, fields))

    def get(self, path: str) -> Any:
        """What the API shows there."""
        status, body, _ = self.identity.ask('GET', path)
        assert status == 200, (path, status, body)
        return body

    def post(self, path: str, body: Any, name: str | None = None) -> Any:
        """The id of one more."""
        status, body, _ = self.identity.ask('POST', path, body)
        assert status == 201, (path, status, body)
        made = next(iter(body.values()))
        return (made[0] if isinstance(made, list) else made)[name or 'id']

    def _status(self, path: str) -> int:
        return self.identity.ask('GET', path)[0]

    def _rows(self, path: str) -> list[Any]:
        body = self.get(path)
        return next(rows for name, rows in body.items() if isinstance(rows, list))

    def _there(self, path: str, route: Route) -> None:
        """What is to be changed or taken away stands."""
        if route.path.endswith('/tags'):
            path += '/t'
        put = ('PUT', route.path if not route.path.endswith('/tags') else route.path + '/{tag}')
        if put in PUTS:
            told = BODIES.get(put, lambda *_: None)(self, f'n{next(NUMBER)}')
            status, body, _ = self.identity.ask('PUT', path, told)
            assert status in (200, 201, 204), (path, status, body)
        if route.method == 'DELETE' and route.path == '/domains/{domain_id}':
            assert self.identity.ask('PATCH', path, {'domain': {'enabled': False}})[0] == 200

    def _config(self, path: str, route: Route) -> None:
        root = path[: path.index('/config') + len('/config')]
        if route.method != 'PUT':
            config = {'config': {'ldap': {'url': 'ldap://old', 'user_tree_dn': 'ou=old'}}}
            assert self.identity.ask('PUT', root, config)[0] == 201

    def _named(self, name: str, route: Route) -> str:
        """The id that stands in the path for the name, of something that is there unless the route makes it."""
        new = f'n{next(NUMBER)}'
        if name in FIXED:
            return FIXED[name]
        if name == 'user_id' and any(mine in route.path for mine in MINE):
            return self.me
        if route.method in WRITES and route.path in CHOSEN and route.path.endswith(f'{{{name}}}'):
            return new
        if name == 'region_id' and (route.method, route.path) == ('PUT', '/regions/{region_id}'):
            return new
        kind = 'ec2_id' if 'OS-EC2/{' in route.path and name == 'credential_id' else name.removesuffix('_role_id')
        kind = 'role_id' if name.endswith('role_id') else kind
        if kind == 'user_id' and 'OS-EC2/{' in route.path:
            self.owner = self._make('user_id', new)
            return self.owner
        return self._make(kind, new)

    def _make(self, kind: str, name: str) -> str:
        if kind in ('access_token_id', 'request_token_id'):
            return self._lend(kind)
        if kind == 'protocol_id':
            return self._put(
                f'/OS-FEDERATION/identity_providers/{self.provider}/protocols/{name}', protocol(self, name)
            )
        if kind in NAMED:
            self.provider = name
            return self._put(NAMED[kind][0] + name, NAMED[kind][1](self, name))
        path, body = MAKERS[kind]
        told = body(self, name)
        if kind == 'access_rule_id':  # it is made beside a credential, which goes before it can
            made = self.post(path.format(self), told)
            rules = self.get(f'/users/{self.me}/access_rules')['access_rules']
            rule = next(rule['id'] for rule in rules if rule['path'] == f'/v2/{name}')
            gone = self.identity.ask('DELETE', f'/users/{self.me}/application_credentials/{made}')
            assert gone[0] == 204
            return rule
        return self.post(path.format(self), told, 'access' if kind == 'ec2_id' else None)

    def _put(self, path: str, body: Any) -> str:
        """The name, which the asker chose, of one more."""
        status, answer, _ = self.identity.ask('PUT', path, body)
        assert status == 201, (path, status, answer)
        return path.rpartition('/')[2]

    def _lend(self, kind: str) -> str:
        """The id of a request token that was agreed to, or of the access token it was exchanged for."""
        _, made, _ = self.identity.ask('POST', '/OS-OAUTH1/consumers', {'consumer': {'description': 'x'}})
        key, secret = made['consumer']['id'], made['consumer']['secret']
        asked = self._signed('request_token', key, secret, callback_uri='oob')
        path = f'/OS-OAUTH1/authorize/{asked["oauth_token"]}'
        status, told, _ = self.identity.ask('PUT', path, {'roles': [{'name': 'member'}]})
        assert status == 200, told
        if kind == 'request_token_id':
            return asked['oauth_token']
        by = {'resource_owner_key': asked['oauth_token'], 'resource_owner_secret': asked['oauth_token_secret']}
        return self._signed('access_token', key, secret, verifier=told['token']['oauth_verifier'], **by)['oauth_token']

    def _signed(self, step: str, key: str, secret: str, **more: str) -> dict[str, str]:
        """The token in the answer to a step of a consumer's."""
        root = self.get('/')['version']['links'][0]['href'].rstrip('/')
        client = oauth1.Client(key, client_secret=secret, **more)
        headers = client.sign(f'{root}/OS-OAUTH1/{step}', http_method='POST')[1]
        told = {'Authorization': headers['Authorization'], 'Requested-Project-Id': self.project}
        status, answer, _ = self.identity.ask('POST', f'/OS-OAUTH1/{step}', None, **told)
        assert status == 201, answer
        return dict(urllib.parse.parse_qsl(answer))

    def _change_password(self) -> Write:
        name = f'n{next(NUMBER)}'
        user = self.post('/users', {'user': {'name': name, 'password': 'first'}})
        body = {'user': {'original_password': 'first', 'password': 'second'}}
        look = lambda: [self.identity.login(name, word)[0] for word in ('first', 'second')]  # noqa: E731
        return Write(self.identity, 'POST', f'/users/{user}/password', body, look, lambda seen: seen == [401, 201])

    def _issue(self) -> Write:
        """A login that writes: it uses a trust up by one."""
        name = f'n{next(NUMBER)}'
        told = trust(self, name)
        told['trust']['remaining_uses'] = 5
        lent = self.post('/OS-TRUST/trusts', told)
        who = {'id': told['trust']['trustee_user_id'], 'password': 'first'}
        identity = {'methods': ['password'], 'password': {'user': who}}
        body = {'auth': {'identity': identity, 'scope': {'OS-TRUST:trust': {'id': lent}}}}
        look = lambda: self.get(f'/OS-TRUST/trusts/{lent}')['trust']['remaining_uses']  # noqa: E731
        return Write(self.identity, 'POST', '/auth/tokens', body, look, lambda left: left == 4)

    def _revoke(self) -> Write:
        return self._ending('/auth/tokens', self.identity.login('admin', 'secret')[1])

    def _revoke_tokens(self) -> Write:
        name = f'n{next(NUMBER)}'
        user = self.post('/users', {'user': {'name': name, 'password': 'first'}})
        return self._ending(f'/users/{user}/tokens', self.identity.login(name, 'first')[1])

    def _ending(self, path: str, token: str) -> Write:
        """What ends a token."""
        shown = {'X-Subject-Token': token}
        look = lambda: self.identity.ask('GET', '/auth/tokens', **shown)[0]  # noqa: E731
        return Write(self.identity, 'DELETE', path, None, look, lambda status: status == 404, shown)


def _names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split('/') if part.startswith('{')]


def _shows(row: Any, told: dict[str, Any]) -> bool:
    """Whether all that was told stands in the row."""
    return all(row.get(name) == value for name, value in told.items())


def noun(kind: str, **more: Any) -> Callable[[Maker, str], Any]:
    """Makes the body that creates one of the kind by name."""
    return lambda maker, name: {kind: {'name': name, **more}}


def described(kind: str) -> Callable[[Maker, str], Any]:
    """Makes the body that describes one of the kind by this name."""
    return lambda maker, name: {kind: {'description': name}}


def trust(maker: Maker, name: str) -> Any:
    """The body of a trust in a user of this name."""
    user = maker.post('/users', {'user': {'name': name, 'password': 'first'}})
    told = {'trustor_user_id': maker.me, 'trustee_user_id': user, 'impersonation': False}
    return {'trust': {**told, 'project_id': maker.project, 'roles': [{'name': 'member'}]}}


def endpoint(maker: Maker, name: str) -> Any:
    """The body of an endpoint of a service of its own."""
    service = maker.post('/services', {'service': {'type': name}})
    return {'endpoint': {'service_id': service, 'interface': 'public', 'url': f'http://{name}'}}


def credential(maker: Maker, name: str) -> Any:
    """The body of a certificate that is left by the administrator."""
    return {'credential': {'user_id': maker.me, 'type': 'cert', 'blob': name}}


def app_credential(maker: Maker, name: str) -> Any:
    """The body of an application credential with an access rule of its own."""
    rule = {'service': 'compute', 'method': 'GET', 'path': f'/v2/{name}'}
    return {'application_credential': {'name': name, 'access_rules': [rule]}}


def registered(maker: Maker, name: str) -> Any:
    """The body that registers a limit of a service of its own."""
    service = maker.post('/services', {'service': {'type': name}})
    return {'registered_limits': [{'service_id': service, 'resource_name': name, 'default_limit': 5}]}


def limit(maker: Maker, name: str) -> Any:
    """The body of a project's limit, below one that is registered."""
    told = registered(maker, name)
    maker.post('/registered_limits', told)
    row = told['registered_limits'][0]
    project = maker.post('/projects', {'project': {'name': name}})
    wanted = {'service_id': row['service_id'], 'resource_name': name, 'resource_limit': 3, 'project_id': project}
    return {'limits': [wanted]}


def config(**ldap: str) -> Callable[[Maker, str], Any]:
    """Makes the body of a domain's configuration."""
    return lambda maker, name: {'config': {'ldap': ldap}}


def mapping(maker: Maker, name: str) -> Any:
    """The body of a mapping that makes a user of everybody."""
    rule = {'local': [{'user': {'name': '{0}'}}], 'remote': [{'type': name}]}
    return {'mapping': {'rules': [rule]}}


def protocol(maker: Maker, name: str) -> Any:
    """The body of a protocol with a mapping of its own."""
    return {'protocol': {'mapping_id': maker._put(f'/OS-FEDERATION/mappings/{name}', mapping(maker, name))}}


def far(maker: Maker, name: str) -> Any:
    """The body of a service provider."""
    return {'service_provider': {'auth_url': f'http://{name}/auth', 'sp_url': f'http://{name}/sp'}}


MINE = ('application_credentials', 'access_rules', 'access_tokens')  # the administrator's own
# What has the name that its path tells, and is made by PUT.
NAMED: dict[str, tuple[str, Callable[[Maker, str], Any]]] = {
    'idp_id': ('/OS-FEDERATION/identity_providers/', described('identity_provider')),
    'mapping_id': ('/OS-FEDERATION/mappings/', mapping),
    'sp_id': ('/OS-FEDERATION/service_providers/', far),
}
PROTOCOL = '/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}'
CHOSEN = (*(f'{path}{{{kind}}}' for kind, (path, _) in NAMED.items()), PROTOCOL)
UNSHOWN = ('password', 'access_rules', 'roles')  # not at all, in a list, or with more than was told
FIXED = {'tag': 't', 'group': 'ldap', 'option': 'url'}
MAKERS: dict[str, tuple[str, Callable[[Maker, str], Any]]] = {
    'domain_id': ('/domains', noun('domain')),
    'project_id': ('/projects', noun('project')),
    'user_id': ('/users', noun('user', password='first')),
    'group_id': ('/groups', noun('group')),
    'role_id': ('/roles', noun('role')),
    'region_id': ('/regions', lambda maker, name: {'region': {'id': name}}),
    'service_id': ('/services', lambda maker, name: {'service': {'type': name, 'name': name}}),
    'endpoint_id': ('/endpoints', endpoint),
    'policy_id': ('/policies', lambda maker, name: {'policy': {'type': 'text/plain', 'blob': name}}),
    'endpoint_group_id': ('/OS-EP-FILTER/endpoint_groups', noun('endpoint_group', **FILTERS)),
    'credential_id': ('/credentials', credential),
    'ec2_id': ('/users/{0.owner}/credentials/OS-EC2', lambda maker, name: {'tenant_id': maker.project}),
    'application_credential_id': ('/users/{0.me}/application_credentials', app_credential),
    'consumer_id': ('/OS-OAUTH1/consumers', described('consumer')),
    'access_rule_id': ('/users/{0.me}/application_credentials', app_credential),
    'trust_id': ('/OS-TRUST/trusts', trust),
    'registered_limit_id': ('/registered_limits', registered),
    'limit_id': ('/limits', limit),
}
PUTS = {('PUT', route.path) for route in ROUTES if route.method == 'PUT' and not route.path.endswith('/config')}
PUTS.discard(('PUT', '/regions/{region_id}'))
_TOLD = {'domain', 'project', 'user', 'group', 'role', 'region', 'service', 'endpoint'}
BODIES: dict[tuple[str, str], Callable[[Maker, str], Any]] = {
    **{('POST', path): body for path, body in MAKERS.values() if '{' not in path},
    **{('PATCH', f'/{kind}s/{{{kind}_id}}'): described(kind) for kind in _TOLD},
    **{('PUT', f'{path}{{{kind}}}'): body for kind, (path, body) in NAMED.items()},
    ('PUT', PROTOCOL): protocol,
    ('PATCH', PROTOCOL): protocol,
    ('PATCH', '/OS-FEDERATION/identity_providers/{idp_id}'): described('identity_provider'),
    ('PATCH', '/OS-FEDERATION/mappings/{mapping_id}'): mapping,
    ('PATCH', '/OS-FEDERATION/service_providers/{sp_id}'): far,
    ('PATCH', '/OS-OAUTH1/consumers/{consumer_id}'): described('consumer'),
    ('PUT', '/regions/{region_id}'): lambda maker, name: {'region': {'description': name}},
    ('PUT', '/projects/{project_id}/tags'): lambda maker, name: {'tags': [name, 'other']},
    ('POST', '/users/{user_id}/application_credentials'): app_credential,
    ('POST', '/users/{user_id}/credentials/OS-EC2'): lambda maker, name: {'tenant_id': maker.project},
    ('PATCH', '/credentials/{credential_id}'): lambda maker, name: {'credential': {'blob': name}},
    ('PATCH', '/policies/{policy_id}'): lambda maker, name: {'policy': {'blob': name}},
    ('PATCH', '/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}'): noun('endpoint_group', **FILTERS),
    ('PATCH', '/registered_limits/{registered_limit_id}'): lambda m, n: {'registered_limit': {'default_limit': 7}},
    ('PATCH', '/limits/{limit_id}'): lambda maker, name: {'limit': {'resource_limit': 2}},
    ('PUT', '/domains/{domain_id}/config'): config(url='ldap://new', user_tree_dn='ou=new'),
    ('PATCH', '/domains/{domain_id}/config'): config(url='ldap://new', user_tree_dn='ou=new'),
    ('PATCH', '/domains/{domain_id}/config/{group}'): config(url='ldap://new', user_tree_dn='ou=new'),
    ('PATCH', '/domains/{domain_id}/config/{group}/{option}'): lambda m, n: {'config': {'url': 'ldap://new'}},
}
