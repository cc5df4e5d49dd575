"""The WSGI filters of the PasteDeploy pipelines (tokens, request ids, compression), and how pipelines are loaded."""

import contextvars
import functools
import gzip
import hmac
import io
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from paste.deploy import loadwsgi
from webob import acceptparse

from nimbus.api.kit import access_rules, certificates, faults
from nimbus.api.kit.bodies import MAX_BODY
from nimbus.api.kit.certificates import TrustedProxies
from nimbus.api.kit.routes import AT_WORK
from nimbus.common import context, errors, ids, numbers
from nimbus.common.parts import Parts

LOG = logging.getLogger(__name__)
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
REQUEST_ID = re.compile(r'req-[0-9a-f-]{36}\Z')
FORGEABLE = re.compile(r'HTTP_X_(USER|PROJECT|TENANT|ROLE|ROLES|DOMAIN|IDENTITY|SERVICE_(?!TOKEN)|IS_ADMIN|SYSTEM)')
SMALL = 1400  # bytes; a shorter answer gains nothing from compression
_PARTS: contextvars.ContextVar[Parts] = contextvars.ContextVar('parts')


def load(name: str, parts: Parts, path: str) -> App:
    """The pipeline `name` of an api-paste.ini, its factories given the parts.  Raises LookupError on a bad name."""
    return load_all([name], parts, path)[name]


def load_all(names: Iterable[str], parts: Parts, path: str) -> dict[str, App]:
    """The pipelines of those names, as `load` gives each; the file is read once, which takes longer than the rest."""
    loader = loadwsgi.ConfigLoader(path)
    token = _PARTS.set(parts)
    try:
        return {name: loader.get_app(name) for name in names}
    finally:
        _PARTS.reset(token)


def parts() -> Parts:
    """The parts of the pipeline that is being loaded; for PasteDeploy's factories."""
    return _PARTS.get()


def url_map(loader: Any, _global_conf: Any, **mounts: str) -> App:
    """A composite's factory: `/v2.1 = pipeline` rows, the longest matching path first."""
    apps = sorted(
        ((path.rstrip('/'), loader.get_app(name)) for path, name in mounts.items()),
        key=lambda pair: -len(pair[0]),
    )
    return Mounts(apps)


class Mounts:
    """Applications by the beginning of the path."""

    def __init__(self, apps: list[tuple[str, App]]) -> None:
        self.apps = apps

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get('PATH_INFO', '')
        for prefix, app in self.apps:
            if path == prefix or path.startswith(prefix + '/'):
                environ['SCRIPT_NAME'] = environ.get('SCRIPT_NAME', '') + prefix
                environ['PATH_INFO'] = path[len(prefix) :]
                return app(environ, start_response)
        media, body = faults.named(404, 'The resource could not be found.', errors.NotFound(), '')
        start_response('404 Not Found', [('Content-Type', media), ('Content-Length', str(len(body)))])
        return [body]


class Filter:
    """Base of every filter: `filter_factory` is what api-paste.ini names."""

    def __init__(self, app: App, parts: Parts, **local: str) -> None:
        self.app, self.parts, self.local = app, parts, local

    @classmethod
    def factory(cls, _global_conf: Any, **local: str) -> Callable[[App], 'Filter']:
        """The filter with the parts of the pipeline that is being loaded."""
        wired = parts()
        return lambda app: cls(app, wired, **local)


class ProxyHeaders(Filter):
    """The request's URL is the one that the proxy in front passes on, where enable_proxy_headers_parsing is set."""

    def __init__(self, app: App, parts: Parts, **local: str) -> None:
        super().__init__(app, parts, **local)
        self._believed = parts.conf is not None and parts.conf.oslo_middleware.enable_proxy_headers_parsing

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._believed:
            environ['wsgi.url_scheme'] = environ.get('HTTP_X_FORWARDED_PROTO') or environ['wsgi.url_scheme']
            if host := environ.get('HTTP_X_FORWARDED_HOST'):
                environ['HTTP_HOST'] = host
            if prefix := environ.get('HTTP_X_FORWARDED_PREFIX'):
                environ['SCRIPT_NAME'] = prefix.rstrip('/') + environ.get('SCRIPT_NAME', '')
        return self.app(environ, start_response)


class RequestId(Filter):
    """Every request has an id, and every response carries it in a header."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = environ['nimbus.request_id'] = ids.request()
        given = environ.get('HTTP_X_OPENSTACK_REQUEST_ID', '')
        environ['nimbus.global_request_id'] = given if REQUEST_ID.match(given) else None
        names = ['X-Openstack-Request-Id', *self.local.get('also', '').split()]

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, *((name, request_id) for name in names)], exc_info)

        return self.app(environ, start)


class Healthcheck(Filter):
    """GET /healthcheck answers whether this process can serve: 200 OK, or 503 and which part does not work."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get('PATH_INFO') != '/healthcheck':
            return self.app(environ, start_response)
        status, body = '200 OK', b'OK'
        try:
            with self.parts.db.read() as tx:
                tx.connection.exec_driver_sql('SELECT 1')
        except errors.NimbusError as why:
            status, body = '503 Service Unavailable', why.sentence.encode()
        start_response(status, [('Content-Type', 'text/plain; charset=UTF-8'), ('Content-Length', str(len(body)))])
        return [body] if environ['REQUEST_METHOD'] == 'GET' else []


class Gzip(Filter):
    """Large JSON responses are compressed for clients that accept gzip, and gzip request bodies are decompressed."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get('HTTP_CONTENT_ENCODING', '').lower() == 'gzip' and not self._unpack(environ):
            media, body = faults.named(
                400, 'The compressed request body cannot be read, or is too large.', errors.Invalid(), ''
            )
            start_response('400 Bad Request', [('Content-Type', media), ('Content-Length', str(len(body)))])
            return [body]
        accepted = environ.get('HTTP_ACCEPT_ENCODING', '')
        if 'gzip' not in accepted or not _takes_gzip(accepted):
            return self.app(environ, start_response)
        kept: list[Any] = []
        pieces = self.app(environ, lambda *started: kept.append(started))
        status, headers, *more = kept[0]
        kind = dict((name.lower(), value) for name, value in headers)
        if not isinstance(pieces, list) or 'json' not in kind.get('content-type', '') or sum(map(len, pieces)) < SMALL:
            start_response(status, headers, *more)
            return pieces
        packed = gzip.compress(b''.join(pieces), 5)
        headers = [(n, v) for n, v in headers if n.lower() != 'content-length']
        headers += [
            ('Content-Encoding', 'gzip'),
            ('Content-Length', str(len(packed))),
            ('Vary', 'Accept-Encoding'),
        ]
        start_response(status, headers, *more)
        return [packed]

    def _unpack(self, environ: dict[str, Any]) -> bool:
        """The body is replaced by its decompressed form; False where it cannot be read or exceeds the size limit."""
        try:
            length = numbers.read(environ.get('CONTENT_LENGTH') or '0')
            if length is None or not 0 <= length <= MAX_BODY:
                return False
            with gzip.GzipFile(fileobj=io.BytesIO(environ['wsgi.input'].read(length))) as stream:
                body = stream.read(MAX_BODY + 1)
        except (OSError, EOFError, ValueError):
            return False
        environ['wsgi.input'], environ['CONTENT_LENGTH'] = io.BytesIO(body), str(len(body))
        del environ['HTTP_CONTENT_ENCODING']
        return len(body) <= MAX_BODY


@functools.lru_cache(256)
def _takes_gzip(accept_encoding: str) -> bool:
    return bool(acceptparse.create_accept_encoding_header(accept_encoding).acceptable_offers(['gzip']))


class Auth(Filter):
    """The asker is known by the validated token alone: identity headers that a client sent are removed first.

    `service_type` in api-paste.ini names the catalog's types that are served behind it.  Without it a token with
    access rules cannot be checked, and is refused.
    """

    def __init__(self, app: App, parts: Parts, **local: str) -> None:
        super().__init__(app, parts, **local)
        self._fronts = TrustedProxies.of(parts.conf) if parts.conf is not None else TrustedProxies()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for name in [name for name in environ if name.startswith('HTTP_X_') and FORGEABLE.match(name)]:
            del environ[name]
        environ.pop(AT_WORK, None)
        token = environ.get('HTTP_X_AUTH_TOKEN') or environ.get('HTTP_X_STORAGE_TOKEN') or _bearer(environ)
        if token:
            try:
                asker = self.parts.tokens.validate(
                    token,
                    service_token=environ.get('HTTP_X_SERVICE_TOKEN'),
                    request_id=environ.get('nimbus.request_id'),
                    global_request_id=environ.get('nimbus.global_request_id'),
                    remote_address=environ.get('REMOTE_ADDR'),
                )
                if asker.access_rules is not None and not self._permits(asker, environ):
                    _refused(environ, f'No access rule of the token of user {asker.user_id} permits the request.')
                elif asker.thumbprint and not self._shows(asker, environ):
                    _refused(
                        environ, f'The token of user {asker.user_id} is bound to a certificate that was not shown.'
                    )
                else:
                    environ[AT_WORK] = asker
            except errors.Unauthenticated as why:
                _refused(environ, why.inside)
            except errors.Unavailable as why:
                media, body = faults.keystone(503, why.sentence, why, '')
                start_response('503 Service Unavailable', [('Content-Type', media), ('Content-Length', str(len(body)))])
                return [body]
        return self.app(environ, start_response)

    def _shows(self, asker: context.Context, environ: dict[str, Any]) -> bool:
        """Whether the request comes with the certificate that its token is bound to."""
        if 'service' in asker.service_roles:
            return True  # a service asks for the user, whose own request was checked where it came in
        shown = self._fronts.certificate(environ)
        return shown is not None and hmac.compare_digest(certificates.thumbprint(shown), asker.thumbprint)

    def _permits(self, asker: context.Context, environ: dict[str, Any]) -> bool:
        """Whether the token's access rules let it make this request."""
        services = tuple(self.local.get('service_type', '').split())
        if not services:
            LOG.warning('A token with access rules was refused: service_type of the auth filter is not set')
            return False
        method, path = environ['REQUEST_METHOD'], environ.get('SCRIPT_NAME', '') + environ.get('PATH_INFO', '')
        if 'identity' in services and method == 'GET' and path.endswith('/v3/auth/tokens'):
            return True  # any token may be validated
        if 'service' in asker.service_roles:
            return True  # a service asks for the user, whose own request was checked where it came in
        return access_rules.permits(asker.access_rules or (), services, method, path)


def _refused(environ: dict[str, Any], why: str) -> None:
    """The log has the reason.  A route that needs an asker answers 401 without it, an open one does not mind."""
    LOG.info('The token is refused: %s', why, extra={'request_id': environ.get('nimbus.request_id')})


def _bearer(environ: dict[str, Any]) -> str | None:
    """The token that OAuth 2 puts into the Authorization header."""
    scheme, _, token = environ.get('HTTP_AUTHORIZATION', '').partition(' ')
    return token.strip() if scheme.lower() == 'bearer' else None


proxy_headers = ProxyHeaders.factory
request_id = RequestId.factory
healthcheck = Healthcheck.factory
gzip_filter = Gzip.factory
auth = Auth.factory
