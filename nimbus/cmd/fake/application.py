"""The REST API by which the admin of a fake cloud steers it, at /fake/v1 on the port of identity."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from nimbus.api.kit import faults
from nimbus.cmd import wiring
from nimbus.cmd.fake import clock, shapes
from nimbus.cmd.fake.controls import Controls
from nimbus.cmd.fake.gate import CONTROLS, App
from nimbus.cmd.fake.operations import OPERATIONS
from nimbus.cmd.fake.rules import Rule
from nimbus.common import errors, ids

MOST_BODY = 65_536
NAME = r'(?P<id>[A-Za-z0-9_@-][A-Za-z0-9_.@-]{0,63})'  # one of a folder as well, and of none beside it
Handler = Callable[['Application', Any, dict[str, str]], Any]


class Application:
    """Serves the controls, and everything else by the API that it stands in front of."""

    def __init__(self, controls: Controls, behind: App) -> None:
        self.controls, self._behind = controls, behind

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get('PATH_INFO', '').startswith(CONTROLS):
            return self._behind(environ, start_response)
        request_id = ids.request()
        try:
            status, body = 200, self._answer(environ)
            data = orjson.dumps(body) if body is not None else b''
            media = 'application/json'
            status = 200 if data else 204
        except errors.NimbusError as why:
            status = faults.status_of(why)
            media, data = faults.keystone(status, why.sentence, why, request_id)
        headers = [('X-Openstack-Request-Id', request_id)]
        if data:
            headers += [('Content-Type', media), ('Content-Length', str(len(data)))]
        if status == 401:
            headers.append(('WWW-Authenticate', 'Keystone uri="/v3"'))
        title = {200: 'OK', 204: 'No Content'}.get(status) or faults.TITLES.get(status, 'Error')
        start_response(f'{status} {title}', headers)
        return [data] if environ['REQUEST_METHOD'] != 'HEAD' else []

    def _answer(self, environ: dict[str, Any]) -> Any:
        self._check(environ)
        path = environ['PATH_INFO']
        there = [(method, handler, found) for method, pattern, handler in ROUTES if (found := pattern.fullmatch(path))]
        if not there:
            raise errors.NotFound(f'There is nothing at {path}.')
        for method, handler, found in there:
            if method == environ['REQUEST_METHOD']:
                return handler(self, _body(environ), _query(environ) | found.groupdict())
        raise errors.NotAllowed(f'{path} takes {", ".join(sorted(method for method, _, _ in there))}.')

    def _check(self, environ: dict[str, Any]) -> None:
        """Raises Unauthenticated and Forbidden for all but the cloud's admin."""
        token = environ.get('HTTP_X_AUTH_TOKEN')
        if not token:
            raise errors.Unauthenticated('The request you have made requires authentication.')
        asker = self.controls.parts.tokens.validate(token)
        if 'admin' not in asker.roles or asker.project_name != 'admin':
            raise errors.Forbidden('Only the admin of the cloud, in the project admin, may steer it.')

    def show(self, body: Any, given: dict[str, str]) -> Any:
        return {**self.controls.shown(), 'operations': OPERATIONS}

    def reset(self, body: Any, given: dict[str, str]) -> None:
        self.controls.reset()

    def times(self, body: Any, given: dict[str, str]) -> Any:
        for operation, seconds in shapes.check(body, shapes.TIMES).items():
            self.controls.chosen.delay(operation, seconds)
        return {'times': self.controls.chosen.delays}

    def add_fault(self, body: Any, given: dict[str, str]) -> Any:
        told = shapes.check(body, shapes.FAULT)
        endless = 'every' in told or 'chance' in told
        number = self.controls.chosen.fail(
            told['operation'],
            told.get('host'),
            told.get('times', None if endless else 1),
            told.get('every', 1),
            told.get('chance', 1.0),
            told.get('message', ''),
        )
        return {'id': number}

    def drop_fault(self, body: Any, given: dict[str, str]) -> None:
        if not self.controls.chosen.drop(given['id']):
            raise errors.NotFound(f'There is no fault {given["id"]}.')

    def add_answer(self, body: Any, given: dict[str, str]) -> Any:
        told = shapes.check(body, shapes.ANSWER)
        if not any(told.get(name) for name in ('status', 'delay', 'cut')):
            raise errors.Invalid('An answer needs a status, a delay or to be cut.')
        if 'times' not in told and 'every' not in told and 'chance' not in told:
            told['times'] = 1
        return {'id': self.controls.rules.add(Rule(**told))}

    def drop_answer(self, body: Any, given: dict[str, str]) -> None:
        if not self.controls.rules.drop(given['id']):
            raise errors.NotFound(f'There is no answer {given["id"]}.')

    def move_clock(self, body: Any, given: dict[str, str]) -> Any:
        self.controls.move_clock(shapes.check(body, shapes.CLOCK)['seconds'])
        return {'ahead': clock.ahead()}

    def limit_pages(self, body: Any, given: dict[str, str]) -> Any:
        self.controls.limit_pages(shapes.check(body, shapes.PAGES)['limit'])
        return {'limit': self.controls.page_limit}

    def switch_host(self, body: Any, given: dict[str, str]) -> Any:
        power, hosts, name = shapes.check(body, shapes.HOST)['power'], self.controls.hosts, given['id']
        if name not in hosts.names():
            raise errors.NotFound(f'There is no host {name}; there are {", ".join(sorted(hosts.names()))}.')
        (hosts.revive if power == 'on' else hosts.kill)(name)
        return {'name': name, 'power': power}

    def requests(self, body: Any, given: dict[str, str]) -> Any:
        since = given.get('since', '0')
        if not since.isdecimal() or len(since) > 18:
            raise errors.Invalid(f'since={since[:80]} is no number of a request.')
        return {'requests': self.controls.recorder.since(int(since)), 'last': self.controls.recorder.last}

    def forget_requests(self, body: Any, given: dict[str, str]) -> None:
        self.controls.recorder.forget()

    def take(self, body: Any, given: dict[str, str]) -> Any:
        self.controls.take(given['id'])
        return {'name': given['id']}

    def restore(self, body: Any, given: dict[str, str]) -> Any:
        self.controls.restore(given['id'])
        return {'name': given['id']}

    def drop_snapshot(self, body: Any, given: dict[str, str]) -> None:
        if not self.controls.snapshots.drop(given['id']):
            raise errors.NotFound(f'There is no snapshot {given["id"]}.')


def around(controls: Controls, cloud: wiring.Group) -> Callable[[str, App], App]:
    """What puts the controls of the cloud before each of its APIs."""
    controls.keep(cloud)

    def before(name: str, app: App) -> App:
        gate = controls.around(name, app)
        return Application(controls, gate) if name == 'identity' else gate

    return before


def _route(method: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return method, re.compile(f'/fake/v1{path}'.replace('{id}', NAME)), handler


ROUTES = (
    _route('GET', '/?', Application.show),
    _route('DELETE', '/?', Application.reset),
    _route('PUT', '/times', Application.times),
    _route('POST', '/faults', Application.add_fault),
    _route('DELETE', '/faults/{id}', Application.drop_fault),
    _route('POST', '/answers', Application.add_answer),
    _route('DELETE', '/answers/{id}', Application.drop_answer),
    _route('POST', '/clock', Application.move_clock),
    _route('PUT', '/page-limit', Application.limit_pages),
    _route('PUT', '/hosts/{id}', Application.switch_host),
    _route('GET', '/requests', Application.requests),
    _route('DELETE', '/requests', Application.forget_requests),
    _route('PUT', '/snapshots/{id}', Application.take),
    _route('POST', '/snapshots/{id}', Application.restore),
    _route('DELETE', '/snapshots/{id}', Application.drop_snapshot),
)


def _query(environ: dict[str, Any]) -> dict[str, str]:
    return dict(parse_qsl(environ.get('QUERY_STRING', '')))


def _body(environ: dict[str, Any]) -> Any:
    """The body's value, None where there is none.  Raises Invalid and TooLarge."""
    length = environ.get('CONTENT_LENGTH') or '0'
    if not length.isdecimal() or int(length) > MOST_BODY:
        raise errors.TooLarge(f'The body may have {MOST_BODY} bytes at most.')
    data = environ['wsgi.input'].read(int(length))
    if not data:
        return None
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise errors.Invalid('Malformed request body') from None
