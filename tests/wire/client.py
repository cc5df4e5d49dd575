"""Speaks HTTP to one API without a socket, as any persona."""

import dataclasses
import io
import json
import urllib.parse
from typing import Any

from nimbus.common import context
from tests.conftest import MEMBER


@dataclasses.dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Client:
    """Calls a WSGI application below its auth filter: the asker is put where the filter would."""

    def __init__(self, app: Any, version: str | None = None, prefix: str = '') -> None:
        """`version` is an OpenStack-API-Version header's value, such as 'compute 2.90'."""
        self.app, self.version, self.prefix = app, version, prefix

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        asker: context.Context | None = MEMBER,
        version: str | None = None,
        **headers: str,
    ) -> Answer:
        """One request; bytes go as they are, anything else as JSON.  Underscores in header names become dashes."""
        data = body if isinstance(body, bytes) else b'' if body is None else json.dumps(body).encode()
        path, _, query = path.partition('?')
        environ = {
            'REQUEST_METHOD': method,
            'SCRIPT_NAME': self.prefix,
            'PATH_INFO': urllib.parse.unquote(path).encode().decode('latin-1'),
            'QUERY_STRING': query,
            'SERVER_NAME': 'cloud',
            'SERVER_PORT': '80',
            'HTTP_HOST': 'cloud',
            'wsgi.url_scheme': 'http',
            'wsgi.input': io.BytesIO(data),
            'CONTENT_LENGTH': str(len(data)),
            'CONTENT_TYPE': 'application/json',
        }
        if asker is not None:
            environ['nimbus.context'] = asker
            environ['nimbus.request_id'] = asker.request_id
        if told := version or self.version:
            environ['HTTP_OPENSTACK_API_VERSION'] = told
        for name, value in headers.items():
            key = name.upper()
            environ[key if key in ('CONTENT_TYPE', 'CONTENT_LENGTH') else f'HTTP_{key}'] = value
        kept: list[Any] = []
        pieces = self.app(environ, lambda status, headers, exc_info=None: kept.append((status, headers)))
        answer = b''.join(pieces)
        status, sent = kept[0]
        return Answer(int(status.split()[0]), dict(sent), answer)
