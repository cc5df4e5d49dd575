"""Keeps every request to a fake cloud and its answer, without secrets and with no more of bodies than can be read."""

import collections
import gzip
import json
import pathlib
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from nimbus.cmd.serving.access_log import masked
from nimbus.common.clock import Clock, iso_micro_z

MOST = 10_000  # requests that are kept in memory
MOST_BODY = 65_536  # bytes of a body that are kept
MOST_FILE = 256 << 20  # bytes of the file, which begins anew then
MASK = '***'
SECRETS = re.compile(
    r'passw|passcode|adminpass|secret|private_key|auth_key|user_data|^contents$|signature|assertion|^blob$',
    re.IGNORECASE,
)
SECRET_HEADERS = re.compile(r'token|authorization|cookie|secret|passw|signature|-key$', re.IGNORECASE)
VERSIONS = ('HTTP_OPENSTACK_API_VERSION', 'HTTP_X_OPENSTACK_NOVA_API_VERSION')
Record = dict[str, Any]


class Recorder:
    """The requests that a cloud was asked since it began, or since they were forgotten."""

    def __init__(self, path: pathlib.Path | None) -> None:
        """They are written to the file too, a line each, where there is one."""
        self._lock, self._kept, self._number = threading.Lock(), collections.deque[Record](maxlen=MOST), 0
        self._file = open(path, 'ab', buffering=0) if path else None  # noqa: SIM115  open until the process ends
        if path:
            path.chmod(0o600)

    def since(self, number: int) -> list[Record]:
        """Those after the one of that number."""
        with self._lock:
            return [record for record in self._kept if record['number'] > number]

    @property
    def last(self) -> int:
        """The number of the last one."""
        return self._number

    def forget(self) -> None:
        """None is kept in memory; numbers go on."""
        with self._lock:
            self._kept.clear()

    def keep(self, record: Record) -> None:
        """The request is kept under the next number."""
        with self._lock:
            self._number += 1
            record['number'] = self._number
            self._kept.append(record)
            if self._file:
                if self._file.tell() > MOST_FILE:
                    self._file.truncate(0)
                self._file.write(orjson.dumps(record) + b'\n')


class Watched:
    """One request under way: what is read of it and answered to it passes through here."""

    def __init__(self, service: str, environ: dict[str, Any]) -> None:
        self.service, self.environ, self._began = service, environ, time.monotonic()
        self._at = iso_micro_z(Clock().now())
        self._asked, self._told = _Bounded(), _Bounded()
        self._status, self._headers = 0, list[tuple[str, str]]()
        environ['wsgi.input'] = _Tee(environ['wsgi.input'], self._asked)
        self._target = environ.get('PATH_INFO', '/') + ('?' + query if (query := environ.get('QUERY_STRING')) else '')

    def starting(self, start_response: Callable[..., Any]) -> Callable[..., Any]:
        """The server's function, which is told the status on the way."""

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            self._status, self._headers = int(status[:3]), headers
            return start_response(status, headers, *more)

        return start

    def whole(self, pieces: list[bytes]) -> None:
        """The answer's body is this."""
        for piece in pieces:
            self._told.take(piece)

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces of the answer's body, as they pass."""
        for piece in pieces:
            self._told.take(piece)
            yield piece

    def record(self, chosen: str | None) -> Record:
        """What is kept of it; `chosen` says how the answer was tampered with."""
        asked = {
            name[5:].replace('_', '-').title(): value for name, value in self.environ.items() if name[:5] == 'HTTP_'
        }
        media = self.environ.get('CONTENT_TYPE') or ''
        answered = dict(self._headers)
        asker = self.environ.get('nimbus.context')
        return {
            'at': self._at,
            'service': self.service,
            'method': self.environ['REQUEST_METHOD'],
            'path': masked(self._target),
            'version': next((self.environ[name] for name in VERSIONS if name in self.environ), None),
            'user_id': asker and asker.user_id,
            'project_id': asker and asker.project_id,
            'request_id': self.environ.get('nimbus.request_id'),
            'headers': _headers(asked),
            'body': self._asked.shown(media),
            'status': self._status,
            'answer_headers': _headers(answered),
            'answer': self._told.shown(answered.get('Content-Type', ''), answered.get('Content-Encoding') == 'gzip'),
            'milliseconds': round((time.monotonic() - self._began) * 1000, 1),
            'chosen': chosen,
        }


class _Bounded:
    """The beginning of a body, and its size."""

    def __init__(self) -> None:
        self._data, self._size = bytearray(), 0

    def take(self, piece: bytes) -> None:
        self._size += len(piece)
        if len(self._data) < MOST_BODY:
            self._data += piece[: MOST_BODY - len(self._data)]

    def shown(self, media: str, packed: bool = False) -> Any:
        """The body's value where it is JSON and whole, else what it is; None where there is none."""
        if not self._size:
            return None
        if 'json' in media.lower() or not media:
            try:
                return without_secrets(json.loads(gzip.decompress(self._data) if packed else self._data))
            except (ValueError, EOFError, OSError, zlib.error):  # only its beginning is kept
                pass
        return f'{self._size} bytes of {media.partition(";")[0] or "no media type"}'


class _Tee:
    """A request's input, of which what is read is kept."""

    def __init__(self, stream: Any, kept: _Bounded) -> None:
        self._stream, self._kept = stream, kept

    def read(self, *size: int) -> bytes:
        data: bytes = self._stream.read(*size)
        self._kept.take(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            self._kept.take(line)
            yield line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def without_secrets(value: Any, key: str = '') -> Any:
    """The JSON value with each secret masked."""
    if isinstance(value, dict):
        inside = key == 'token'  # of a login: its id is the token itself
        return {
            name: MASK if inside and name == 'id' else without_secrets(item, str(name)) for name, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item, key) for item in value]
    if isinstance(value, str) and (SECRETS.search(key) or key in ('token', 'access')):
        return MASK
    if isinstance(value, str) and '://' in value and '?' in value:
        return _closed(value)
    return MASK if key == 'auth_key' and isinstance(value, int) else value


def _closed(url: str) -> str:
    """The URL, of which nobody opens what only its bearer may: a console's has its token within another value."""
    kept = masked(url)
    return f'{kept.partition("?")[0]}?{MASK}' if 'token' in kept.partition('?')[2].lower() else kept


def _headers(given: dict[str, str]) -> dict[str, str]:
    return {name: MASK if SECRET_HEADERS.search(name) else value for name, value in given.items()}
