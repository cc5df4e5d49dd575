"""Every route of every API, called by those who should not and with what it should not get.

The cases are made from the routes themselves, so a new row is tested as soon
as it stands.  The exception lists below may only shrink.
"""

import io
import json
import types
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from nimbus.api.kit import wsgi
from nimbus.api.kit.routes import Api, Route
from nimbus.common import config, errors
from tests.conftest import ADMIN, MEMBER, OUTSIDER, READER
from tests.wire.applications import apis

SERVICES = ('identity', 'compute', 'image', 'network', 'volume', 'placement')
PERSONAS = {'admin': ADMIN, 'member': MEMBER, 'reader': READER, 'outsider': OUTSIDER}
WRITES = ('POST', 'PUT', 'PATCH')
# What anybody with a token may ask of identity about himself.
OWN = ('/v3/auth/catalog', '/v3/auth/projects', '/v3/auth/domains', '/v3/auth/system', '/v3/auth/tokens')
# What upstream tells anybody with a token.
TOLD_TO_ALL = ('/v2.0/availability_zones', '/v2.0/service-providers')
# Bodies that no JSON route takes.
SHAPES = {
    'a list': [],
    'a string': 'x',
    'a number': 7,
    'null': None,
    'an empty object': {},
    'a wrong wrapper': {'nimbus-nonsense': {}},
    'a nested bomb': None,
}


class Tokens:
    """Knows each persona by a token of its name; all else is the real validator's."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def validate(self, token: str, *, request_id: str | None = None, **_: Any) -> Any:
        if token not in PERSONAS:
            raise errors.Unauthenticated('The request you have made requires authentication.')
        return PERSONAS[token]


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Every API with an empty database."""
    from tests.cloud import bare_parts

    with bare_parts(tmp_path_factory.mktemp('hostile')) as parts:
        parts.tokens = Tokens(parts.tokens)
        path = str(config.shipped('api-paste.ini'))
        yield types.SimpleNamespace(apps={name: wsgi.load(name, parts, path) for name in SERVICES})


def send(app: Any, method: str, path: str, body: bytes = b'', token: str | None = 'admin', **headers: str) -> Any:
    """(status, headers, data) of one request through the whole pipeline."""
    path, _, query = path.partition('?')
    environ = {
        'REQUEST_METHOD': method,
        'SCRIPT_NAME': '',
        'PATH_INFO': urllib.parse.unquote(path, 'latin-1'),
        'QUERY_STRING': query,
        'SERVER_NAME': 'cloud',
        'SERVER_PORT': '80',
        'HTTP_HOST': 'cloud',
        'wsgi.url_scheme': 'http',
        'wsgi.input': io.BytesIO(body),
        'CONTENT_LENGTH': str(len(body)),
        'CONTENT_TYPE': 'application/json',
        'REMOTE_ADDR': '127.0.0.1',
    }
    if token:
        environ['HTTP_X_AUTH_TOKEN'] = token
    environ.update(
        {key if key in ('CONTENT_LENGTH', 'CONTENT_TYPE') else f'HTTP_{key}': value for key, value in headers.items()}
    )
    kept: list[Any] = []
    pieces = app(environ, lambda status, sent, exc_info=None: kept.append((status, sent)))
    data = b''.join(pieces)
    return int(kept[0][0].split()[0]), dict(kept[0][1]), data


def routes(world: Any) -> Iterator[tuple[str, Any, str, Route]]:
    """(name, app, path with made-up ids, route) of every endpoint."""
    for service, app in world.apps.items():
        for mount, api in apis(app):
            for route in api.routes:
                if not any(route.lives_in(version) for version in versions(api)):
                    continue
                parts = [str(uuid.uuid4()) if part.startswith('{') else part for part in route.path.split('/')]
                yield (
                    f'{service} {route.method} {mount}{route.path} {route.action or ""}',
                    app,
                    mount + '/'.join(parts),
                    route,
                )


def versions(api: Api) -> tuple[Any, ...]:
    """The lowest and the highest version an API speaks."""
    return (api.history.minimum, api.history.latest) if api.history else ((0, 0),)


def version_headers(route: Route) -> dict[str, str]:
    """Headers that ask for a version in which the route lives."""
    if route.since <= (0, 0):
        return {}
    text = f'{route.since[0]}.{route.since[1]}'
    return {'OPENSTACK_API_VERSION': f'compute {text},volume {text},placement {text}'}


def body_of(route: Route) -> bytes:
    """A body that reaches the route, whatever it thinks of it then."""
    return json.dumps({route.action: None}).encode() if route.action else b'{}'


def gather(world: Any, judge: Any) -> list[str]:
    """What the judge has against each route."""
    return [f'{name}: {said}' for name, app, path, route in routes(world) if (said := judge(app, path, route))]


def test_there_are_routes_to_test(world):
    found = [name.partition(' ')[0] for name, *_ in routes(world)]
    assert len(found) > 400 and set(found) == set(SERVICES)


@pytest.mark.parametrize('token', [None, 'forged'])
def test_nobody_gets_in_without_a_good_token(world, token):
    def judge(app, path, route):
        if route.open:
            return None
        status, _, _ = send(app, route.method, path, body_of(route), token, **version_headers(route))
        return None if status == 401 else f'{status} for token {token}'

    assert gather(world, judge) == []


# OSSA-2026-001.
FORGED = {
    'X_USER_ID': 'root',
    'X_ROLES': 'admin',
    'X_PROJECT_ID': 'a' * 32,
    'X_IDENTITY_STATUS': 'Confirmed',
    'X_IS_ADMIN_PROJECT': 'True',
}


@pytest.mark.parametrize('beside', [{}, {'AUTHORIZATION': 'Bearer forged'}], ids=['nothing', 'a bearer'])
def test_identity_headers_cannot_be_forged(world, beside):
    def judge(app, path, route):
        if route.open:
            return None
        sent = {**version_headers(route), **FORGED, **beside}
        status, _, _ = send(app, route.method, path, body_of(route), None, **sent)
        return None if status == 401 else f'{status} with forged headers'

    assert gather(world, judge) == []


@pytest.mark.parametrize('bearer', [False, True], ids=['token', 'bearer'])
def test_who_has_no_role_does_nothing(world, bearer):
    """OSSA-2026-001 too: headers that say otherwise are not read, whichever way the token comes."""
    told = {'AUTHORIZATION': 'Bearer outsider', **FORGED} if bearer else {}

    def judge(app, path, route):
        if route.open or not route.policy or path in (*OWN, *TOLD_TO_ALL):
            return None
        sent = {**version_headers(route), **told}
        status, _, _ = send(app, route.method, path, body_of(route), None if bearer else 'outsider', **sent)
        return None if status in (400, 403, 404) else f'{status} for an outsider'

    assert gather(world, judge) == []


def test_a_bearer_is_whom_the_token_says(world):
    def judge(app, path, route):
        if route.open or route.method != 'GET':
            return None
        headers = version_headers(route)
        known = send(app, 'GET', path, **headers)[0]
        found = send(app, 'GET', path, token=None, AUTHORIZATION='Bearer admin', **headers)[0]
        return None if found == known else f'{found} for a bearer, {known} for X-Auth-Token'

    assert gather(world, judge) == []


@pytest.mark.parametrize('body', [b'{', b'\xff\xfe', b'{"a":}', b'[' * 100_000], ids=['cut', 'bytes', 'hole', 'deep'])
def test_a_body_that_is_no_json_is_refused(world, body):
    def judge(app, path, route):
        if route.method not in WRITES or route.raw:
            return None
        status, _, _ = send(app, route.method, path, body, **version_headers(route))
        return None if status in (400, 415) else str(status)

    assert gather(world, judge) == []


@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_a_body_of_another_shape_never_breaks_anything(world, shape):
    value: Any = SHAPES[shape]
    if shape == 'a nested bomb':
        for _ in range(80):
            value = {'server': value}

    def judge(app, path, route):
        if route.method not in WRITES or route.raw:
            return None
        status, _, data = send(app, route.method, path, json.dumps(value).encode(), **version_headers(route))
        return f'{status} {data[:200]!r}' if status >= 500 and status != 501 else None

    assert gather(world, judge) == []


def test_a_body_over_the_limit_is_refused(world):
    def judge(app, path, route):
        if route.method not in WRITES or route.raw:
            return None
        status, _, _ = send(app, route.method, path, b'"' + b'x' * 200_000 + b'"', **version_headers(route))
        return None if status == 413 else str(status)

    assert gather(world, judge) == []


def test_a_method_nobody_knows_is_not_allowed(world):
    def judge(app, path, route):
        status, headers, _ = send(app, 'BREW', path, **version_headers(route))
        return None if status == 405 and 'Allow' in headers else str(status)

    assert gather(world, judge) == []


def test_what_is_not_there_is_not_found(world):
    def judge(app, path, route):
        if route.method not in ('GET', 'DELETE') or '{' not in route.path or route.open:
            return None
        status, _, data = send(app, route.method, path, **version_headers(route))
        return None if status < 500 or status == 501 else f'{status} {data[:200]!r}'

    assert gather(world, judge) == []


@pytest.mark.parametrize('service', ['compute', 'placement'])
def test_a_version_nobody_speaks_is_not_acceptable(world, service):
    root = {'compute': '/v2.1/servers', 'volume': '/v3/volumes', 'placement': '/resource_providers'}[service]
    told = {'compute': 'compute', 'volume': 'volume', 'placement': 'placement'}[service]
    app = world.apps[service]
    assert send(app, 'GET', root, OPENSTACK_API_VERSION=f'{told} 99.999')[0] == 406
    assert send(app, 'GET', root, OPENSTACK_API_VERSION=f'{told} nonsense')[0] == 400


def test_odd_paths_and_queries_break_nothing(world):
    odd = (
        '?limit=-1',
        '?limit=abc',
        '?limit=99999999999999999999',
        '?marker=%00',
        '?marker=nope',
        '?sort_key=nope',
        '?sort_dir=sideways',
        '?sort=name:up',
        '?name=%F0%9F%92%A9',
        '?name=%ff',
        '?fields=nope',
        '?created_at=x:y',
        "?name=';DROP TABLE servers;--",
        '?all_tenants=maybe',
        '?changes-since=yesterday',
        '?a[b]=c',
    )

    def judge(app, path, route):
        if route.method != 'GET' or route.open:
            return None
        for query in odd:
            status, _, data = send(app, 'GET', path + query, **version_headers(route))
            if status >= 500 and status != 501:
                return f'{query}: {status} {data[:200]!r}'
        return None

    assert gather(world, judge) == []


def test_no_zero_character_breaks_anything(world):
    """Some databases keep none in a text."""
    from tests.wire.test_numbers_and_times import sample, schema_of

    def judge(app, path, route):
        told = version_headers(route)
        asked = [(path + query, b'') for query in ('?name=a%00b', '?%00=1', '?marker=%00', '?limit=1&sort_key=%00')]
        words = path.split('/')
        asked += [
            ('/'.join([*words[:at], 'a%00b', *words[at + 1 :]]), body_of(route))
            for at, part in enumerate(route.path.split('/'), len(words) - len(route.path.split('/')))
            if part.startswith('{')
        ]
        if route.method in WRITES and not route.raw:
            of = {id(each): api for _, api in apis(app) for each in api.routes}
            schema = schema_of(route, of[id(route)])
            asked += [(path, json.dumps(body).encode()) for body in texts(schema or {}, sample)]
        for at, body in asked:
            status, _, data = send(app, route.method, at, body, **told)
            if status >= 500 and status != 501:
                return f'{at} {body[:300]!r}: {status} {data[:200]!r}'
        return None

    assert gather(world, judge) == []


def texts(schema: Any, sample: Any) -> Iterator[Any]:
    """The smallest body of a schema, with a zero character in each of its texts."""
    for name, inner in schema.get('properties', {}).items():
        whole = sample(schema)
        if not isinstance(whole, dict):
            return
        yield {**whole, name: 'a\0b'}
        yield {**whole, name: {'a\0b': 'a\0b'}}
        yield {**whole, name: ['a\0b']}
        yield from ({**whole, name: one} for one in texts(inner, sample))


def test_the_tokens_own_project_is_the_only_one_in_a_path(world):
    other = 'c' * 32
    for service, path in (('compute', f'/v2.1/{other}/servers'), ('volume', f'/v3/{other}/volumes')):
        assert send(world.apps[service], 'GET', path, token='member')[0] in (400, 403, 404)


def test_no_text_of_an_unexpected_error_reaches_who_asks(world, monkeypatch, caplog):
    """OSSA-2019-003: the answer says under which request id the log has it."""

    def spill(*_: Any) -> Any:
        raise RuntimeError('cannot connect to mysql://nimbus:hunter2@db')

    monkeypatch.setattr(Api, '_run', spill)

    def judge(app, path, route):
        status, headers, data = send(app, 'GET', path, **version_headers(route))
        if status != 500:
            return str(status)
        known = {name.lower(): value for name, value in headers.items()}
        told = known.get('x-openstack-request-id', known.get('x-compute-request-id', 'no request id')).encode()
        return f'{data!r}' if b'hunter2' in data or told not in data or b'Traceback' in data else None

    read = [row for row in routes(world) if row[3].method == 'GET']
    assert [f'{name}: {said}' for name, app, path, route in read if (said := judge(app, path, route))] == []
    assert 'hunter2' in caplog.text
