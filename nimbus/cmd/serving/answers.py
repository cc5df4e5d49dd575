"""Encodes the responses of WSGI applications as HTTP/1.1, whole or as a stream of pieces."""

import dataclasses
import http
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import Any

from nimbus.api.kit import faults
from nimbus.cmd.serving.request_heads import Head, Refused
from nimbus.common import errors, ids

LOG = logging.getLogger(__name__)
REQUEST_ID = 'X-Openstack-Request-Id'
NO_BODY = ('1', '204', '304')  # statuses that begin so have no body, and no length
Headers = list[tuple[str, str]]
_DATE = (0, '')


@dataclasses.dataclass(slots=True)
class Answer:
    """What is sent: `data`, and then the pieces of a stream where there is one."""

    status: int
    data: bytes
    keeps: bool  # the connection may be used again
    pieces: Iterator[bytes] | None = None
    close: Callable[[], None] | None = None  # called when the stream ended, or was given up
    in_chunks: bool = False


def ask(app: Callable[..., Iterable[bytes]], environ: dict[str, Any], head: Head) -> Answer:
    """The application's response; an exception that it raises becomes a 500."""
    started: list[Any] = []

    def start(status: str, headers: Headers, _exc_info: Any = None) -> Callable[[bytes], object]:
        started[:] = status, headers, []
        return started[2].append  # type: ignore[no-any-return]

    try:
        pieces = app(environ, start)
        if isinstance(pieces, list | tuple):
            return whole(started[0], started[1], b''.join([*started[2], *pieces]), head)
        return _stream(started[0], started[1], pieces, head)
    except Exception:
        LOG.exception('%s %s failed', environ['REQUEST_METHOD'], environ['PATH_INFO'])
        return refusal(Refused(500, 'An unexpected error happened; the log says more.'), faults.keystone, head)


def refusal(why: Refused, envelope: faults.Envelope, head: Head | None = None) -> Answer:
    """The response to an invalid request; the connection ends after it."""
    request_id = ids.request()
    error = errors.Invalid(why.sentence, status=why.status)
    media, body = envelope(why.status, why.sentence, error, request_id)
    headers = [('Content-Type', media), (REQUEST_ID, request_id), ('Connection', 'close')]
    if why.status == 503:
        headers.append(('Retry-After', '2'))
    return whole(f'{why.status} {_reason(why.status)}', headers, body, head)


def whole(status: str, headers: Headers, body: bytes, head: Head | None) -> Answer:
    """A response whose body is complete."""
    lines, names = _lines(headers)
    if 'content-length' not in names and not status.startswith(NO_BODY):
        lines.append(f'Content-Length: {len(body)}\r\n')
    keeps = head is not None and head.keeps and head.is_whole() and not _ends(headers, names)
    data = _top(status, lines, names, keeps, head)
    if head is None or head.environ['REQUEST_METHOD'] != 'HEAD':
        data += body
    return Answer(int(status[:3]), data, keeps)


def _stream(status: str, headers: Headers, pieces: Iterable[bytes], head: Head) -> Answer:
    """A response whose body is read from the application piece by piece."""
    lines, names = _lines(headers)
    has_length = 'content-length' in names
    in_chunks = not has_length and not head.is_old
    if in_chunks:
        lines.append('Transfer-Encoding: chunked\r\n')
    keeps = head.keeps and head.is_whole() and not _ends(headers, names) and (has_length or in_chunks)
    data = _top(status, lines, names, keeps, head)
    return Answer(int(status[:3]), data, keeps, iter(pieces), getattr(pieces, 'close', None), in_chunks)


def _top(status: str, lines: list[str], names: set[str], keeps: bool, head: Head | None) -> bytes:
    if 'date' not in names:
        lines.append(f'Date: {_date()}\r\n')
    if 'connection' not in names:
        if not keeps:
            lines.append('Connection: close\r\n')
        elif head is not None and head.is_old:
            lines.append('Connection: keep-alive\r\n')
    text = f'HTTP/1.1 {status}\r\n{"".join(lines)}\r\n'
    if text.count('\n') != len(lines) + 2 or text.count('\r') != len(lines) + 2:
        raise ValueError(f'A header of the response contains a line break: {lines}')
    try:
        return text.encode('latin-1')
    except UnicodeEncodeError:
        return text.encode()


def _lines(headers: Headers) -> tuple[list[str], set[str]]:
    return [f'{name}: {value}\r\n' for name, value in headers], {name.lower() for name, _ in headers}


def _ends(headers: Headers, names: set[str]) -> bool:
    """Whether the application wants the connection to end."""
    return 'connection' in names and any(n.lower() == 'connection' and v.lower() == 'close' for n, v in headers)


def _date() -> str:
    global _DATE
    now = int(time.time())
    if _DATE[0] != now:
        _DATE = now, formatdate(now, usegmt=True)
    return _DATE[1]


def _reason(status: int) -> str:
    return faults.TITLES.get(status) or http.HTTPStatus(status).phrase
