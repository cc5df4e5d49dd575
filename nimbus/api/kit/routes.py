"""An API's routing table, one row per endpoint, and the WSGI application that serves it."""

import copy
import dataclasses
import logging
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nimbus.api.kit import bodies, encoding, faults
from nimbus.api.kit.fields import CREATE, UPDATE, Noun, Shape, ShapeByVersion
from nimbus.api.kit.paths import Router, quoted, shown, text_of
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.versions import HIGHEST, LOWEST, Change, History, Version
from nimbus.common import context, errors, failpoints, log, numbers, turns
from nimbus.common.database import db
from nimbus.common.parts import Parts

LOG = logging.getLogger(__name__)
TRIES = 5  # runs of a handler whose transaction lost to another
VERBS = {'POST': CREATE, 'PUT': UPDATE, 'PATCH': UPDATE}
AT_WORK = 'nimbus.context'  # where the auth filter leaves the asker in the WSGI environment


@dataclasses.dataclass
class Reply:
    """A response that needs more than a JSON body: a status, headers, or bytes in pieces."""

    body: Any = None
    status: int | None = None
    headers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    stream: Iterable[bytes] | None = None


@dataclasses.dataclass(frozen=True)
class Route:
    """One endpoint."""

    method: str
    path: str  # '/servers/{id}/action'
    handler: Callable[..., Any]  # handler(call, **ids in the path)
    policy: str | None  # the rule checked before the handler; None: the handler checks, or open
    status: int = 200
    since: Version = LOWEST
    until: Version = HIGHEST
    action: str | None = None  # the one key of the body that names the operation
    noun: type[Noun] | None = None  # whose shape the body has; parsed into call.given
    shape: Shape | ShapeByVersion | None = None  # the whole body's shape, where no noun says it
    query: Shape | None = None  # the shape of {name: [values]}
    open: bool = False  # answers without a token
    raw: bool = False  # the handler reads the body itself
    media: tuple[str, ...] = ('application/json',)

    def lives_in(self, version: Version) -> bool:
        """Whether the version has the endpoint."""
        return self.since <= version <= self.until


class Call:
    """One request, as a handler sees it."""

    def __init__(
        self, api: 'Api', route: Route, environ: dict[str, Any], asker: context.Context, version: Version
    ) -> None:
        self.api, self.route, self.environ, self.context, self.version = api, route, environ, asker, version
        self.parts: Parts = api.parts
        self.body: Any = None  # the whole parsed body
        self.given: dict[str, Any] = {}  # the noun's or the action's own part of it
        self.policy = api.policy
        self.query: dict[str, list[str]] = urllib.parse.parse_qs(environ.get('QUERY_STRING', ''), True)

    @property
    def db(self) -> db.Database:
        """The database."""
        return self.parts.db

    def speaks(self, change: type[Change]) -> bool:
        """Whether the request's version has the change."""
        return self.version >= change.number

    def check(self, rule: str, **target: Any) -> None:
        """Nothing, when the asker passes the rule for the target.  Raises Forbidden."""
        self.policy.check(rule, self.context, target or None)

    def allows(self, rule: str, **target: Any) -> bool:
        """Whether the asker passes the rule for the target."""
        return self.policy.allows(rule, self.context, target or None)

    def under(self, policy: Policy) -> 'Call':
        """The same request, judged by the policy of another service, whose view this is."""
        other = copy.copy(self)
        other.policy = policy
        return other

    def arg(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def view(self, noun: type[Noun], row: Any) -> dict[str, Any]:
        """One row under the noun's name."""
        return {noun.one: noun.view(self.version)(row, self)}

    def views(self, noun: type[Noun], rows: Iterable[Any], **more: Any) -> dict[str, Any]:
        """Rows under the noun's plural name."""
        view = noun.view(self.version)
        return {noun.many: [view(row, self) for row in rows], **more}

    @property
    def host_url(self) -> str:
        """`http://HOST:PORT` as the client wrote it, or as a proxy's headers give it (see the filter proxy_headers)."""
        environ = self.environ
        host = environ.get('HTTP_HOST') or f'{environ["SERVER_NAME"]}:{environ["SERVER_PORT"]}'
        return f'{environ.get("wsgi.url_scheme", "http")}://{host}'

    @property
    def root_url(self) -> str:
        """The URL the API's own paths are appended to: `http://HOST:PORT/v2.1`."""
        return self.host_url + self.environ.get('SCRIPT_NAME', '')

    @property
    def path(self) -> str:
        """The request's path below the API's root, as it is written in a URL."""
        return quoted(self.environ.get('PATH_INFO', '/'))

    def header(self, name: str, default: str | None = None) -> str | None:
        """A request header."""
        key = name.upper().replace('-', '_')
        return self.environ.get(key if key in ('CONTENT_TYPE', 'CONTENT_LENGTH') else f'HTTP_{key}', default)

    def read(self, size: int = 65536) -> Iterator[bytes]:
        """The body in pieces, as it comes in; for routes that are raw."""
        stream, length = self.environ['wsgi.input'], self.environ.get('CONTENT_LENGTH')
        left = numbers.whole(length, 'Content-Length') if length else None
        if left is None and 'chunked' not in self.environ.get('HTTP_TRANSFER_ENCODING', '').lower():
            return
        while left is None or left > 0:
            piece = stream.read(size if left is None else min(size, left))
            if not piece:
                if left:
                    raise errors.Invalid('The request ended before all of its body was there.')
                return
            left = None if left is None else left - len(piece)
            yield piece


def failpoint(handler: Callable[..., Any]) -> str:
    """`api.SERVICE.MODULE.FUNCTION` of a handler, whatever room its module is in."""
    _, *service, module = handler.__module__.split('.')
    return '.'.join([*service[:2], module, handler.__name__])


class Api:
    """One service's REST API as a WSGI application."""

    def __init__(
        self,
        name: str,
        routes: Iterable[Route],
        parts: Parts,
        policy: Policy,
        envelope: faults.Envelope,
        history: History | None = None,
        *,
        project_in_path: bool = False,
        head: bool = False,
        slash: bool = False,
        wrong_media: int = 415,
        medias: bodies.Medias = bodies.Medias.NONE_OR_PLAIN,
        always: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """`project_in_path` lets every path begin with the asker's project id; `head` serves OPTIONS, and HEAD of GETs.

        `slash` ignores a slash at a path's end; `wrong_media` is the status of a body whose media type is not JSON, and
        `medias` lists which of those are read as JSON all the same; `always` are headers of every answer.
        """
        self.name, self.routes, self.parts, self.policy = name, tuple(routes), parts, policy
        self.envelope, self.history = envelope, history
        self.project_in_path, self.head, self.always = project_in_path, head, always
        self.wrong_media, self.medias = wrong_media, medias
        self._router = Router(self.routes, slash)
        if parts.conf is not None:
            policy.follow(parts.conf.api.policy_file)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = environ.get('nimbus.request_id') or context.Context().request_id
        token = log.REQUEST.set(request_id)
        version = LOWEST
        try:
            version = self.history.asked(environ) if self.history else HIGHEST
            status, headers, pieces = self._answer(environ, version)
        except errors.NimbusError as why:
            status, headers, pieces = self._fault(why, request_id, environ)
        except Exception as why:
            LOG.exception('%s %s failed', environ['REQUEST_METHOD'], environ.get('PATH_INFO'))
            unknown = errors.NimbusError(errors.sentence(why, request_id))
            status, headers, pieces = self._fault(unknown, request_id, environ)
        finally:
            log.REQUEST.reset(token)
        if self.history and version != LOWEST:
            headers = [*headers, *self.history.headers(version)]
        start_response(f'{status} {_REASONS.get(status, "Unknown")}', [*headers, *self.always])
        return pieces

    def _fault(self, why: errors.NimbusError, request_id: str, environ: dict[str, Any]) -> tuple[int, Any, Any]:
        status = faults.status_of(why)
        envelope = faults.keystone if status == 401 else faults.preferred(self.envelope, environ.get('HTTP_ACCEPT'))
        sentence = why.sentence or faults.TITLES.get(status, 'Error')
        media, body = envelope(status, sentence, why, request_id)
        if status >= 500:
            LOG.warning(
                '%s %s answered %s: %s', environ['REQUEST_METHOD'], environ.get('PATH_INFO'), status, why.inside
            )
        headers = [('Content-Type', media), ('Content-Length', str(len(body)))]
        headers += [(str(name), str(value)) for name, value in why.facts.get('headers', ())]  # type: ignore[attr-defined]
        if status == 401:
            headers.append(('WWW-Authenticate', f'Keystone uri="{self.parts.extra.get("identity_url", "")}"'))
        if status == 503:
            headers.append(('Retry-After', '2'))
        return status, headers, [] if environ['REQUEST_METHOD'] == 'HEAD' else [body]

    def _answer(self, environ: dict[str, Any], version: Version) -> tuple[int, Any, Any]:
        asker: context.Context | None = environ.get(AT_WORK)
        path = text_of(environ.get('PATH_INFO', '/'))
        if self.project_in_path:
            path = self._without_project(path, asker)
        if self.head and environ['REQUEST_METHOD'] == 'OPTIONS':
            return self._options(path, version)
        candidates, values = self._candidates(path, environ['REQUEST_METHOD'], version)
        if asker is None and not any(route.open for _, route in candidates):
            raise errors.Unauthenticated('The request you have made requires authentication.')
        names, route, body = self._choose(candidates, environ)
        call = Call(
            self,
            route,
            environ,
            asker or context.Context(request_id=environ.get('nimbus.request_id') or context.Context().request_id),
            version,
        )
        if route.policy:
            call.check(route.policy)
        self._take_in(call, body)
        found = self._run(call, dict(zip(names, values, strict=True)))
        if failpoints.ARMED:
            failpoints.hit(failpoint(route.handler))
        return self._respond(call, found)

    def _without_project(self, path: str, asker: context.Context | None) -> str:
        head, _, rest = path.removeprefix('/').partition('/')
        node, _ = self._router.find(path)
        if asker and head == asker.project_id:
            return '/' + rest
        if node is None and asker and head and rest and self._router.find('/' + rest)[0] is not None:
            raise errors.Invalid('Malformed request url')
        return path if asker else (path if node else '/' + rest)

    def _candidates(self, path: str, method: str, version: Version) -> tuple[list[Any], list[str]]:
        living, values = self._living(path, version)
        wanted = 'GET' if method == 'HEAD' and self.head else method
        if not living.get(wanted):
            if wanted in living:
                raise errors.NotFound(
                    f'Version {version[0]}.{version[1]} has no {method} of {shown(path)}; another has.'
                )
            allowed = self._allowed(living)
            raise errors.NotAllowed(
                f'The method {method} is not allowed for this resource; allowed are {allowed}.',
                headers=[('Allow', allowed)],
            )
        return living[wanted], values

    def _living(self, path: str, version: Version) -> tuple[dict[str, list[Any]], list[str]]:
        """The routes of the path that the version has, by method, and the ids in the path.  Raises NotFound."""
        node, values = self._router.find(path)
        if node is None:
            raise errors.NotFound(f'This cloud has nothing at {shown(path)}.')
        living = {m: [r for r in rows if r[1].lives_in(version)] for m, rows in node.routes.items()}
        if not any(living.values()):
            raise errors.NotFound(f'Version {version[0]}.{version[1]} has nothing at {shown(path)}; another has.')
        return living, values

    def _allowed(self, living: dict[str, list[Any]]) -> str:
        methods = {method for method, rows in living.items() if rows}
        if self.head:
            methods |= {'OPTIONS', 'HEAD'} if 'GET' in methods else {'OPTIONS'}
        return ', '.join(sorted(methods))

    def _options(self, path: str, version: Version) -> tuple[int, Any, Any]:
        """The answer to OPTIONS: which methods the path has; it needs no token."""
        living, _ = self._living(path, version)
        return 200, [('Allow', self._allowed(living)), ('Content-Length', '0')], []

    def _choose(self, candidates: list[Any], environ: dict[str, Any]) -> tuple[tuple[str, ...], Route, Any]:
        """The route that the body's action names, or the only one there is."""
        names, route = candidates[0]
        if route.raw or environ['REQUEST_METHOD'] in ('GET', 'HEAD'):
            return names, route, None
        body = bodies.read(environ, route.media, self.wrong_media, self.medias)
        if route.action is None:
            return names, route, body
        if not isinstance(body, dict) or len(body) != 1:
            raise errors.Invalid(
                'Malformed request body'
                if not isinstance(body, dict) or not body
                else 'Multiple actions are not allowed in one request.'
            )
        wanted = next(iter(body))
        for names, route in candidates:
            if route.action == wanted:
                return names, route, body
        raise errors.Invalid(f'There is no such action: {wanted}'[:199] + '.')

    def _take_in(self, call: Call, body: Any) -> None:
        route, version = call.route, call.version
        call.body = body
        if route.query:
            route.query.check(call.query)
        if route.noun:
            verb = VERBS[route.method]
            call.given = route.noun.parse(body, verb, version)
            if self.history:
                call.given = self.history.lift(route.noun, verb, call.given, version)
        elif route.shape:
            call.body = route.shape.for_version(version).check(body)
            if route.action:
                call.given = call.body[route.action]

    def _run(self, call: Call, ids: dict[str, str]) -> Any:
        for attempt in range(TRIES):
            try:
                return call.route.handler(call, **ids)
            except errors.Transient:
                if attempt == TRIES - 1 or call.route.raw:
                    raise
                with turns.waiting():
                    time.sleep(0.02 * 2**attempt)
        raise AssertionError('unreachable')

    def _respond(self, call: Call, found: Any) -> tuple[int, Any, Any]:
        reply = found if isinstance(found, Reply) else Reply(found)
        status, headers = reply.status or call.route.status, list(reply.headers)
        head = call.environ['REQUEST_METHOD'] == 'HEAD'
        if reply.stream is not None:
            return status, headers, [] if head else reply.stream
        if reply.body is None:
            if status != 204:
                headers.append(('Content-Length', '0'))
            return status, headers, []
        data = reply.body if isinstance(reply.body, bytes) else encoding.encode(reply.body)
        if not any(name.lower() == 'content-type' for name, _ in headers):
            headers.append(('Content-Type', 'application/json'))
        headers.append(('Content-Length', str(len(data))))
        return status, headers, [] if head else [data]


_REASONS = {
    200: 'OK',
    201: 'Created',
    202: 'Accepted',
    203: 'Non-Authoritative Information',
    204: 'No Content',
    206: 'Partial Content',
    301: 'Moved Permanently',
    302: 'Found',
    304: 'Not Modified',
    **faults.TITLES,
}
