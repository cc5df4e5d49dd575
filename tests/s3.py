"""A server on loopback that speaks as much S3 as an image store asks for, and checks who asks."""

import contextlib
import http.server
import re
import threading
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

ACCESS, SECRET, BUCKET = 'AKIAIMAGES', 'a secret', 'images'


class Server(http.server.ThreadingHTTPServer):
    """`objects` by key; `away` answers all with 503; `short` sends so many bytes of an object at most."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.away, self.short = False, None
        super().__init__(('127.0.0.1', 0), Handler)

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_port}'

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is no failure of a test."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One request, in path style."""

    protocol_version = 'HTTP/1.1'

    def _parse(self) -> tuple[str, dict[str, str]]:
        parts = urllib.parse.urlsplit(self.path)
        _, bucket, *key = parts.path.split('/', 2)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.content = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        signed = re.search(r'Credential=([^/]+)/', self.headers.get('Authorization', ''))
        if self.server.away:
            self._error(503, 'SlowDown')
        elif not signed or signed[1] != ACCESS:
            self._error(403, 'InvalidAccessKeyId')
        elif bucket != BUCKET:
            self._error(404, 'NoSuchBucket')
        else:
            return urllib.parse.unquote(key[0]) if key else '', query
        raise ConnectionError('refused')

    def _send(self, status: int, body: bytes = b'', **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body[: self.server.short])
            if self.server.short is not None and len(body) > self.server.short:
                self.close_connection = True

    def _error(self, status: int, code: str) -> None:
        self._send(status, f'<Error><Code>{code}</Code><Message>no</Message></Error>'.encode())

    def do_GET(self) -> None:
        key, query = self._parse()
        if not key:
            self._list(query)
        elif key not in self.server.objects:
            self._error(404, 'NoSuchKey')
        else:
            self._object(self.server.objects[key])

    do_HEAD = do_GET

    def _object(self, content: bytes) -> None:
        asked = re.match(r'bytes=(\d+)-(\d+)', self.headers.get('Range', ''))
        if not asked:
            self._send(200, content)
        elif int(asked[1]) >= len(content):
            self._error(416, 'InvalidRange')
        else:
            first, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
            self._send(206, content[first : last + 1], Content_Range=f'bytes {first}-{last}/{len(content)}')

    def _list(self, query: dict[str, str]) -> None:
        """Two keys a page, so that every client must turn it."""
        start, cut, after = (query.get(name, '') for name in ('prefix', 'delimiter', 'continuation-token'))
        found = {_entry(key, start, cut) for key in self.server.objects if key.startswith(start)}
        keys = sorted(key for key in found if key > after)
        page, more = keys[:2], len(keys) > 2
        inside = ''.join(
            f'<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>'
            if cut and key.endswith(cut)
            else f'<Contents><Key>{key}</Key></Contents>'
            for key in page
        )
        inside += f'<IsTruncated>{str(more).lower()}</IsTruncated>'
        inside += f'<NextContinuationToken>{page[-1]}</NextContinuationToken>' if more else ''
        self._send(200, f'<ListBucketResult>{inside}</ListBucketResult>'.encode())

    def do_PUT(self) -> None:
        key, query = self._parse()
        if 'uploadId' in query:
            self.server.parts[query['uploadId']][int(query['partNumber'])] = self.content
        else:
            self.server.objects[key] = self.content
        self._send(200, ETag='"1"')

    def do_POST(self) -> None:
        key, query = self._parse()
        if 'uploads' in query:
            upload = uuid.uuid4().hex
            self.server.parts[upload] = {}
            inside = f'<Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>{upload}</UploadId>'
            self._send(200, f'<InitiateMultipartUploadResult>{inside}</InitiateMultipartUploadResult>'.encode())
            return
        parts = self.server.parts.pop(query['uploadId'])
        self.server.objects[key] = b''.join(parts[number] for number in sorted(parts))
        inside = f'<Key>{key}</Key><ETag>"1"</ETag>'
        self._send(200, f'<CompleteMultipartUploadResult>{inside}</CompleteMultipartUploadResult>'.encode())

    def do_DELETE(self) -> None:
        key, query = self._parse()
        if 'uploadId' in query:
            self.server.parts.pop(query['uploadId'], None)
        else:
            self.server.objects.pop(key, None)
        self._send(204)

    def log_message(self, *_: object) -> None:
        """Nothing of it is read."""


def _entry(key: str, start: str, cut: str) -> str:
    """The key, or what it shares with others up to the first `cut` behind the start."""
    head, found, _ = key[len(start) :].partition(cut) if cut else (key, '', '')
    return f'{start}{head}{found}' if found else key


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server that answers until the block ends."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
