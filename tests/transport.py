"""Lets keystoneauth sessions speak to WSGI applications without a socket."""

import io
import urllib.parse
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter


class WsgiAdapter(BaseAdapter):
    """A requests transport: `http://cloud:PORT/path` goes to the application at PORT."""

    def __init__(self, apps: dict[int | None, Callable[..., Any]]) -> None:
        super().__init__()
        self.apps = apps

    def send(self, request: Any, **_: Any) -> requests.Response:
        place = urllib.parse.urlsplit(request.url)
        app = self.apps.get(place.port)
        if app is None:
            raise requests.ConnectionError(f'Nothing answers at {place.netloc}.')
        body = request.body or b''
        if not isinstance(body, bytes | str):
            body = body.read() if hasattr(body, 'read') else b''.join(body)
        body = body.encode() if isinstance(body, str) else body
        environ: dict[str, Any] = {
            'REQUEST_METHOD': request.method,
            'SCRIPT_NAME': '',
            'PATH_INFO': urllib.parse.unquote(place.path, 'latin-1') or '/',
            'QUERY_STRING': place.query,
            'SERVER_NAME': place.hostname,
            'SERVER_PORT': '80',
            'REMOTE_ADDR': '127.0.0.1',
            'wsgi.url_scheme': 'http',
            'wsgi.input': io.BytesIO(body),
            'CONTENT_LENGTH': str(len(body)),
            'HTTP_HOST': place.netloc,
        }
        for name, value in request.headers.items():
            value = value.decode() if isinstance(value, bytes) else value
            key = name.upper().replace('-', '_')
            if key != 'CONTENT_LENGTH':
                environ[key if key == 'CONTENT_TYPE' else f'HTTP_{key}'] = value
        for name in ('HTTP_TRANSFER_ENCODING', 'HTTP_ACCEPT_ENCODING'):  # a body in one piece, as it is
            environ.pop(name, None)
        kept: list[Any] = []
        pieces = app(environ, lambda status, headers, exc_info=None: kept.append((status, headers)))
        data = b''.join(pieces)
        status, headers = kept[0]
        response = requests.Response()
        response.status_code, response.reason = int(status.split()[0]), status.partition(' ')[2]
        response.headers.update(headers)
        response.raw, response._content = io.BytesIO(data), data
        response.url, response.request = request.url, request
        response.connection = self  # as an HTTPAdapter does, for plugins that go on with it
        return response

    def close(self) -> None:
        """There is nothing to close."""
