"""Stands before every API of a fake cloud: lets requests in, chooses their answers where told, and keeps both."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

from nimbus.api.kit import faults
from nimbus.cmd import wiring
from nimbus.cmd.fake.recorder import Recorder, Watched
from nimbus.cmd.fake.rules import Rule, Rules
from nimbus.common import errors, ids

App = Callable[..., Iterable[bytes]]
CONTROLS = '/fake/'  # the paths by which the cloud is steered, on the port of identity
PATIENCE = 10.0  # seconds in which requests under way end
# Lists that come page by page, where a limit may be asked for.
PAGED = {
    'compute': re.compile(r'^/v2(\.1)?/(servers|flavors)(/detail)?$'),
    'image': re.compile(r'^/v2/images$'),
    'network': re.compile(r'^/v2\.0/[a-z-]+$'),
    'volume': re.compile(r'^/v3/([0-9a-f]+/)?(volumes|snapshots|backups|types)(/detail)?$'),
}


class Door:
    """Counts the requests under way, and lets none in while the cloud is put back to an earlier state."""

    def __init__(self) -> None:
        self._changed, self._inside, self._closed = threading.Condition(), 0, False

    def enter(self) -> None:
        """A request is under way, as soon as the door is open."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1

    def leave(self) -> None:
        """The request is over."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> bool:
        """No request gets in; whether those under way have ended."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(lambda: not self._inside, PATIENCE)

    def open(self) -> None:
        """Requests get in."""
        with self._changed:
            self._closed = False
            self._changed.notify_all()


class Gate:
    """One API behind the door."""

    def __init__(self, service: str, app: App, door: Door, recorder: Recorder, rules: Rules) -> None:
        self._service, self._app, self._door, self._recorder, self._rules = service, app, door, recorder, rules
        self.page_limit: int | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        watched = Watched(self._service, environ)
        rule = self._rules.strike(self._service, environ['REQUEST_METHOD'], environ.get('PATH_INFO', '/'))
        if rule and rule.delay:
            time.sleep(rule.delay)
        self._door.enter()
        try:
            return self._answer(environ, start_response, watched, rule)
        except BaseException:
            self._over(watched, rule)
            raise

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any], watched: Watched, rule: Rule | None) -> Any:
        if rule and rule.status:
            pieces: Any = self._refuse(rule, watched.starting(start))
        else:
            self._limit(environ)
            pieces = self._app(environ, watched.starting(_cutting(start) if rule and rule.cut else start))
        if isinstance(pieces, list | tuple) and not (rule and rule.cut):
            watched.whole(list(pieces))
            self._over(watched, rule)
            return pieces
        return _Passing(self, pieces, watched, rule)

    def _over(self, watched: Watched, rule: Rule | None) -> None:
        self._door.leave()
        self._recorder.keep(watched.record(_named(rule)))

    def over(self, watched: Watched, rule: Rule | None) -> None:
        """The request has been answered, or its client has gone."""
        self._over(watched, rule)

    def _refuse(self, rule: Rule, start: Callable[..., Any]) -> list[bytes]:
        """The answer is an error as this API words it."""
        assert rule.status
        request_id = ids.request()
        title = faults.TITLES.get(rule.status, 'Error')
        sentence = f'{title}: this answer was chosen for the test.'
        error = errors.NimbusError(sentence, status=rule.status)
        media, body = wiring.envelope(self._service)(rule.status, sentence, error, request_id)
        headers = [('Content-Type', media), ('X-Openstack-Request-Id', request_id), ('Content-Length', str(len(body)))]
        if rule.retry_after is not None:
            headers.append(('Retry-After', str(rule.retry_after)))
        start(f'{rule.status} {title}', headers)
        return [body]

    def _limit(self, environ: dict[str, Any]) -> None:
        """A list that comes in pages has pages of so many rows at most."""
        paged = PAGED.get(self._service)
        if not self.page_limit or environ['REQUEST_METHOD'] != 'GET' or not paged:
            return
        if not paged.match(environ.get('PATH_INFO', '')):
            return
        query = parse_qsl(environ.get('QUERY_STRING', ''), keep_blank_values=True)
        asked = next((value for name, value in query if name == 'limit'), '')
        if asked and not (asked.isdecimal() and int(asked) > self.page_limit):
            return
        rest = [(name, value) for name, value in query if name != 'limit']
        environ['QUERY_STRING'] = urlencode([*rest, ('limit', str(self.page_limit))])


def _named(rule: Rule | None) -> str | None:
    if rule is None:
        return None
    words = [str(rule.status)] if rule.status else []
    words += [f'{rule.delay:g} s late'] if rule.delay else []
    return ', '.join([*words, *(['cut'] if rule.cut else [])])


def _cutting(start: Callable[..., Any]) -> Callable[..., Any]:
    """The answer's head promises its whole body and the end of the connection."""

    def starting(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start(status, [*headers, ('Connection', 'close')], *more)

    return starting


class _Passing:
    """The pieces of an answer's body; half of the first is the last where it is cut."""

    def __init__(self, gate: Gate, pieces: Iterable[bytes], watched: Watched, rule: Rule | None) -> None:
        self._gate, self._source, self._watched, self._rule, self._ended = gate, pieces, watched, rule, False
        self._pieces = self._cut() if rule and rule.cut else watched.passing(pieces)

    def _cut(self) -> Iterator[bytes]:
        body = b''.join(self._source)
        half = body[: len(body) // 2]
        self._watched.whole([half])
        yield half
        raise ConnectionAbortedError('The answer was chosen to be cut.')

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """The server has done with the answer, to the end or not."""
        if close := getattr(self._source, 'close', None):
            close()
        if not self._ended:
            self._ended = True
            self._gate.over(self._watched, self._rule)
