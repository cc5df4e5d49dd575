"""One connection of a browser: the page noVNC, or the websocket of a console.

Imported with the first connection only: the library of websockets brings a library of numbers along.
"""

import contextlib
import http.cookies
import http.server
import logging
import os
import socket
import time
import urllib.parse
from typing import Any

from websockify.websocketserver import WebSocketRequestHandlerMixIn

from nimbus.common import errors
from nimbus.compute.guest import VNC
from nimbus.console import origins, relay, rfb
from nimbus.console.targets import Target
from nimbus.console.websocket import Socket

LOG = logging.getLogger(__name__)
CONNECT = 10.0  # seconds in which a hypervisor must answer
QUIET = 10.0  # seconds in which a client must say what comes next
FOREVER = 10.0**9


class Handler(WebSocketRequestHandlerMixIn, http.server.SimpleHTTPRequestHandler):
    """Serves one connection; `server` is the Proxy."""

    SocketClass = Socket
    protocol_version = 'HTTP/1.1'
    server_version, sys_version = 'WebSockify', ''  # clients know the proxy by that name
    timeout = QUIET
    request: Any
    server: Any

    def send_head(self) -> Any:
        # Of a folder nothing is shown, and no browser is redirected; without the page, there is nothing but folders.
        if not self.directory or os.path.isdir(self.translate_path(self.path)):
            return self._refuse(404)
        return super().send_head()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the lines of http.server would have tokens in them."""

    def log_request(self, code: Any = '-', size: Any = '-') -> None:
        path = urllib.parse.urlsplit(getattr(self, 'path', '')).path  # what follows it may hold a token
        LOG.debug('%s %s: %s', self.command, path, code)

    def handle_upgrade(self) -> None:
        """The websocket of a console, from its beginning to its end."""
        settings = self.server.settings
        scheme = urllib.parse.urlsplit(settings.public_url).scheme
        if why := origins.trouble(self.headers, settings.allowed_origins, scheme):
            LOG.warning('A console was not opened for %s: %s', self.client_address[0], why)
            self._refuse(403)
            return
        try:
            target = self.server.targets.of(self._token())
            if not self.server.enter(self.connection):
                raise errors.Unavailable(f'{settings.max_connections} consoles are open, as many as may be.')
            with self._reach(target) as there:
                self._open(target, there)
        except errors.NotFound as why:
            LOG.info('A console was not opened for %s: %s', self.client_address[0], why.sentence)
            self._refuse(403)
        except (errors.NimbusError, OSError) as why:
            LOG.warning('A console was not opened for %s: %s', self.client_address[0], getattr(why, 'inside', why))
            self._refuse(503)

    def _token(self) -> str:
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if token := asked.get('token', [''])[-1]:
            return token
        try:  # older pages pass it on as a cookie
            found = http.cookies.SimpleCookie(self.headers.get('Cookie')).get('token')
        except http.cookies.CookieError:
            return ''
        return found.value if found else ''

    def _reach(self, target: Target) -> socket.socket:
        """A connection to the console, which is surely that of the token's server.

        Raises NotFound, Unavailable, OSError.
        """
        settings = self.server.settings
        there = socket.create_connection((target.address, target.port), CONNECT)
        try:
            there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.server.targets.confirm(target)
            secured = target.kind == VNC and settings.auth_schemes != (rfb.NONE,)
            return rfb.enter(there, settings) if secured else there
        except BaseException:
            there.close()
            raise

    def _open(self, target: Target, there: socket.socket) -> None:
        settings = self.server.settings
        self._opened = None
        super().handle_upgrade()
        client = self._opened
        if client is None:
            return  # it was no websocket, and has been told so
        LOG.info('The %s console of server %s is open to %s', target.kind, target.server_id, self.client_address[0])
        seconds = target.seconds if settings.enforce_session_timeout else FOREVER
        try:
            if target.kind == VNC and settings.auth_schemes != (rfb.NONE,):
                words = _Words(client)
                rfb.greet(words.read, words.write)
                there.settimeout(CONNECT)
                there.sendall(words.left)
            client.setblocking(False)
            passing = relay.Relay(client, there, target.kind == VNC, settings.stall_timeout, seconds)
            why: object = passing.run()
        except OSError as broken:
            why = broken
        with contextlib.suppress(OSError, AttributeError):  # the client is gone, or has ended it itself
            client.shutdown(socket.SHUT_RDWR)
        LOG.info('The %s console of server %s is closed to %s: %s', target.kind, target.server_id,
                 self.client_address[0], why)  # fmt: skip

    def handle_websocket(self) -> None:
        """The upgrade is done; who asked for it goes on."""
        self._opened = self.request

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header('Content-Length', '0')
        self.send_header('Connection', 'close')
        self.end_headers()
        self.close_connection = True


class _Words:
    """A client's websocket read by the byte and written at once, with the connection's timeout."""

    def __init__(self, client: Socket) -> None:
        self._client, self.left = client, b''
        self._end = time.monotonic() + QUIET

    def read(self, count: int) -> bytes:
        while len(self.left) < count:
            data, more = self._client.take()
            self.left += data
            if not more:
                raise rfb.Refused('The client ended the connection.')
            if time.monotonic() > self._end:
                raise rfb.Refused('The client is too slow.')
        found, self.left = self.left[:count], self.left[count:]
        return found

    def write(self, data: bytes) -> None:
        self._client.put(data)
        if not self._client.flush():
            raise rfb.Refused('The client takes nothing.')
