"""Forward guests' metadata requests to the metadata API, with the id of the guest's server, signed.

The proxies in the namespaces (haproxy) reach this listener over a unix socket and name the network or the
router and the guest's address; no guest can reach the socket or set those headers itself.
"""

import contextlib
import dataclasses
import hashlib
import hmac
import http.client
import http.server
import ipaddress
import logging
import os
import pwd
import socketserver
import threading
import urllib.parse
from collections.abc import Callable

from nimbus.network.agent.driver import Desired
from nimbus.network.agent.firewall.allowed_traffic import link_local

LOG = logging.getLogger(__name__)
MAX_BODY = 65536
CHUNK = 65536
PASSED_ON = ('Accept', 'Content-Type', 'User-Agent', 'X-Metadata-Token')
HANDED_BACK = ('Content-Type', 'Content-Length', 'Location', 'Retry-After', 'Allow')


@dataclasses.dataclass(frozen=True)
class Settings:
    socket_path: str
    secret: str  # shared with the metadata API
    url: str = 'http://127.0.0.1:8775'
    user: str = 'nobody'  # whom the proxies run as: only its group may connect
    timeout: float = 30
    threads: int = 16


@dataclasses.dataclass(frozen=True)
class Guest:
    device_id: str
    project_id: str


class Directory:
    """Which server has which address, by the desired state that the host has now."""

    def __init__(self, current: Callable[[], Desired | None]) -> None:
        self._current = current
        self._read: Desired | None = None
        self._guests: dict[tuple[str, str], Guest] = {}
        self._routed: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def find(self, network: str | None, router: str | None, address: str) -> Guest | None:
        """The guest with that address on the network, or on one of the router's networks."""
        try:
            address = str(ipaddress.ip_address(address))
        except ValueError:
            return None
        with self._lock:
            desired = self._current()
            if desired is not None and desired is not self._read:
                self._index(desired)
            places = (network,) if network else self._routed.get(router or '', ())
            found = {self._guests[place, address] for place in places if (place, address) in self._guests}
        return found.pop() if len(found) == 1 else None

    def _index(self, desired: Desired) -> None:
        guests = {}
        for network in desired.networks:
            for lease in network.leases:
                if lease.device_id:
                    guest = Guest(lease.device_id, lease.project_id)
                    # The filter lets a guest use no other link-local address than its MAC's.
                    guests[network.id, lease.ip] = guests[network.id, link_local(lease.mac)] = guest
        for port in desired.ports:
            for ip in (link_local(port.mac), *(address.ip for address in port.addresses)):
                guests[port.network_id, ip] = Guest(port.device_id, port.project_id)
        self._guests = guests
        self._routed = {one.id: tuple({port.network_id for port in one.ports}) for one in desired.routers}
        self._read = desired


class Listener:
    """The unix socket that the namespaces' proxies speak to."""

    def __init__(self, settings: Settings, current: Callable[[], Desired | None]) -> None:
        self.settings = settings
        self.directory = Directory(current)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._away = False

    def away(self, why: Exception | None) -> None:
        """Whether the metadata API answered, and why not; logged when it changes."""
        if why and not self._away:
            LOG.warning('The metadata API at %s does not answer: %s', self.settings.url, why)
        elif self._away and not why:
            LOG.info('The metadata API at %s answers again', self.settings.url)
        self._away = why is not None

    def start(self) -> None:
        """Requests are answered.  Raises OSError when the socket cannot be made."""
        path = self.settings.socket_path
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._server = _Server(path, _Handler, bind_and_activate=False)
        self._server.listener = self
        self._server.slots = threading.BoundedSemaphore(self.settings.threads)
        old = os.umask(0o177)
        try:
            self._server.server_bind()
        finally:
            os.umask(old)
        os.chown(path, -1, pwd.getpwnam(self.settings.user).pw_gid)
        os.chmod(path, 0o660)
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name='metadata')
        self._thread.start()

    def stop(self) -> None:
        """The socket and the threads are gone; requests that were being answered have been."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.settings.socket_path)
        self._server = self._thread = None


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A thread a request, never more than the slots: further requests wait in the socket's queue."""

    daemon_threads = False
    request_queue_size = 128
    listener: Listener
    slots: threading.BoundedSemaphore

    def process_request(self, request: object, client_address: object) -> None:
        self.slots.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.slots.release()
            raise

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        LOG.debug('A metadata request broke off.', exc_info=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    server_version = 'nimbus'
    sys_version = ''
    timeout = 15

    def do_GET(self) -> None:
        """Pass the request on, or say why not."""
        found = self.server.listener.directory.find(
            self.headers.get('X-Neutron-Network-ID'), self.headers.get('X-Neutron-Router-ID'),
            self.headers.get('X-Forwarded-For', ''),
        )  # fmt: skip
        if found is None:
            self.send_error(404, 'No server has this address.')
        elif not self.path.startswith('/'):
            self.send_error(400, 'The path must begin with a slash.')
        else:
            body = self._body()
            if body is not None:
                self._pass_on(found, body)

    do_HEAD = do_POST = do_PUT = do_GET

    def address_string(self) -> str:
        return self.headers.get('X-Forwarded-For', '-') if getattr(self, 'headers', None) else '-'

    def log_message(self, format: str, *args: object) -> None:
        LOG.debug('%s ' + format, self.address_string(), *args)

    def _body(self) -> bytes | None:
        """The request's body; None once the request has been refused."""
        length = self.headers.get('Content-Length', '0')
        if self.headers.get('Transfer-Encoding'):
            self.send_error(411, 'The body must come with its length.')
        elif not length.isdecimal():
            self.send_error(400, 'The length of the body must be a number.')
        elif int(length) > MAX_BODY:
            self.send_error(413, f'The body may have at most {MAX_BODY} bytes.')
        else:
            return self.rfile.read(int(length))
        return None

    def _pass_on(self, guest: Guest, body: bytes) -> None:
        settings = self.server.listener.settings
        where = urllib.parse.urlsplit(settings.url)
        kind = http.client.HTTPSConnection if where.scheme == 'https' else http.client.HTTPConnection
        line = kind(where.hostname or '', where.port, timeout=settings.timeout)
        try:
            line.request(self.command, where.path.rstrip('/') + self.path, body or None, self._headers(guest))
            answer = line.getresponse()
        except (OSError, http.client.HTTPException) as why:
            self.server.listener.away(why)
            self.send_error(503, 'The metadata service is away.')
            line.close()
            return
        self.server.listener.away(None)
        with contextlib.closing(line):
            self.send_response(answer.status, answer.reason)
            for name in HANDED_BACK:
                if answer.headers.get(name) is not None:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            while self.command != 'HEAD' and (piece := answer.read(CHUNK)):
                self.wfile.write(piece)

    def _headers(self, guest: Guest) -> dict[str, str]:
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        secret = self.server.listener.settings.secret.encode()
        return headers | {
            'X-Forwarded-For': self.headers['X-Forwarded-For'],
            'X-Instance-ID': guest.device_id,
            'X-Tenant-ID': guest.project_id,
            'X-Instance-ID-Signature': hmac.new(secret, guest.device_id.encode(), hashlib.sha256).hexdigest(),
        }
