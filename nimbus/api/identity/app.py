"""The WSGI applications of the Identity API.

`parts.extra['identity']` is a nimbus.identity.login.auth.Authority; it is built from
the options where there is none yet.  `parts.tokens` is a
nimbus.identity.tokens.tokens.Validator.
"""

from collections.abc import Callable, Iterable
from typing import Any

from nimbus.api.identity import versions
from nimbus.api.identity.policies import RULES
from nimbus.api.identity.routes import ROUTES
from nimbus.api.identity.wire import envelope
from nimbus.api.kit import wsgi
from nimbus.api.kit.bodies import Medias
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api, Route
from nimbus.common.parts import Parts
from nimbus.identity.federation import login
from nimbus.identity.login.auth import Authority
from nimbus.identity.oauth import oauth1
from nimbus.identity.options import Settings
from nimbus.identity.people.directories import Directories
from nimbus.identity.saml.provider import Provider
from nimbus.identity.settings.ldap import Ldap
from nimbus.identity.settings.saml import Saml


def factory(_global_conf: Any, **local: str) -> Api:
    """The API below /v3, for api-paste.ini."""
    parts = wsgi.parts()
    if 'identity' not in parts.extra:
        settings = Settings.of(parts.conf) if parts.conf is not None else Settings()
        ldap = Ldap.of(parts.conf.ldap) if parts.conf is not None else Ldap()
        directories = Directories(parts.db, ldap)
        parts.extra['identity'] = Authority(parts.db, parts.tokens, settings, parts.clock, directories)
    if 'saml' not in parts.extra:
        saml = Saml.of(parts.conf) if parts.conf is not None else Saml()
        parts.extra['saml'] = Provider(saml, parts.clock)
    return make(parts, local.get('policy_file'))


def make(parts: Parts, policy_file: str | None = None) -> Api:
    """The API below /v3 over parts that hold the authority."""
    oauth1.enrol(parts.extra['identity'], parts.db)
    parts.extra['federation'] = login.enrol(parts.extra['identity'], parts.db, parts.clock)
    return _api(ROUTES, parts, Policy(RULES, policy_file))


class Root(wsgi.Mounts):
    """The API below /v3, and below / for clients that send no version; at the root, the list of versions."""

    def __init__(self, versions: wsgi.App, newest: wsgi.App) -> None:
        super().__init__([('/v3', newest), ('', versions)])
        self._newest = newest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        head = environ.get('PATH_INFO', '').strip('/').partition('/')[0]
        return (super().__call__ if head in ('', 'v3', 'healthcheck') else self._newest)(environ, start_response)


def root(loader: Any, _global_conf: Any, versions: str, newest: str) -> Root:
    """A composite's factory, for api-paste.ini."""
    return Root(loader.get_app(versions), loader.get_app(newest))


def versions_factory(_global_conf: Any, **_local: str) -> Api:
    """The application of the root: the list of versions."""
    return _api(versions.routes(ROUTES), wsgi.parts(), Policy(()))


def _api(routes: Iterable[Route], parts: Parts, policy: Policy) -> Api:
    return Api(
        'identity',
        routes,
        parts,
        policy,
        envelope,
        head=True,
        slash=True,
        wrong_media=400,
        medias=Medias.NONE,
        always=(('Vary', 'X-Auth-Token'),),
    )


def hashes_a_password(environ: dict[str, Any]) -> bool:
    """Whether the request may hash a password, which takes as long as hundreds of other requests."""
    path, method = environ.get('PATH_INFO', '').rstrip('/'), environ['REQUEST_METHOD']
    if method == 'POST':
        return path.endswith(('/auth/tokens', '/users', '/password', '/OS-OAUTH2/token'))
    return method == 'PATCH' and '/users/' in path
