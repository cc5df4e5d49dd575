"""Connections to one LDAP directory: opened, secured with TLS, pooled, and limited in time and number.

A password is sent only over a connection that is secured as the options
require.  A directory that does not answer blocks few threads, and not for
long: searches and waiting threads are limited, and for a while after a
timeout every request fails at once.
"""

import contextlib
import dataclasses
import logging
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from nimbus.common import errors, turns
from nimbus.common.clock import Clock
from nimbus.identity.settings.ldap import Ldap

LOG = logging.getLogger(__name__)
T = TypeVar('T')
AWAY = (51, 52, 80)  # busy, unavailable, other: failures of the directory, not a wrong password
UNPOOLED = 16  # searches at the same time where connections are not pooled
WAITING = 16  # threads that may wait for their turn; one more fails at once
WAIT_TIMEOUT = 5.0  # seconds they wait
REST = 2.0  # seconds for which a directory that did not answer in time is not asked


@dataclasses.dataclass(frozen=True)
class PooledConnection:
    """An open connection, its server and the time it was opened."""

    connection: Any
    url: str
    born: float


class Pool:
    """The pool of idle connections, the youngest first."""

    def __init__(self, most: int, lifetime: float, clock: Clock) -> None:
        self._most, self._lifetime, self._clock = most, lifetime, clock
        self._idle: list[PooledConnection] = []
        self._lock = threading.Lock()

    def take(self) -> PooledConnection | None:
        """A connection, None when there is none that is young enough."""
        with self._lock:
            found = self._idle.pop() if self._idle else None
            old = []
            if found is not None and not self._is_young(found):
                old, self._idle = [found, *self._idle], []
        for held in old:
            shut(held.connection)
        return None if old else found

    def give(self, held: PooledConnection) -> None:
        """The connection is in the pool, or closed where the pool is full or the connection too old."""
        with self._lock:
            keep = len(self._idle) < self._most and self._is_young(held)
            if keep:
                self._idle.append(held)
                self._idle.sort(key=lambda one: one.born)
        if not keep:
            shut(held.connection)

    def close(self) -> None:
        """The pool is empty, and stays empty."""
        with self._lock:
            self._most, old, self._idle = 0, self._idle, []
        for held in old:
            shut(held.connection)

    def _is_young(self, held: PooledConnection) -> bool:
        return self._clock.monotonic() - held.born < self._lifetime


class Connections:
    """The connections of a process to one directory."""

    def __init__(self, options: Ldap, clock: Clock | None = None) -> None:
        try:
            import ldap3
        except ImportError:
            raise errors.Unavailable(
                'The directory of this domain cannot be asked: the ldap3 library is not installed.'
            ) from None
        self._ldap3, self._options, self._clock = ldap3, options, clock or Clock()
        self._failures = (ldap3.core.exceptions.LDAPException, OSError)
        self._seconds = options.seconds()
        self._urls = [part.strip() for part in options.url.split(',') if part.strip()]
        if options.randomize_urls:
            random.shuffle(self._urls)
        size = options.pool_size if options.use_pool else UNPOOLED
        self._turns, self._slots = threading.BoundedSemaphore(size), threading.BoundedSemaphore(size + WAITING)
        self._readers = Pool(size if options.use_pool else 0, options.pool_connection_lifetime, self._clock)
        binders = options.auth_pool_size if options.use_pool and options.use_auth_pool else 0
        self._binders = Pool(binders, options.auth_pool_connection_lifetime, self._clock)
        self._rests_until = float('-inf')
        self._checks: Any = None  # the TLS context of every connection; reading the certificates takes a while
        self._closed = threading.Event()

    def ask(self, question: Callable[[Any], T]) -> T:
        """The result of a search over a connection that is bound as the options say.  Raises Unavailable."""
        return self._over(self._readers, self._bound, question)

    def binds(self, name: str, password: str) -> bool:
        """Whether the directory accepts the password for that DN.  Raises Unavailable when it does not answer."""

        def check(connection: Any) -> bool:
            try:
                right = connection.rebind(name, password, self._ldap3.SIMPLE)
            finally:
                connection.user = connection.password = None
            if not right and connection.result['result'] in AWAY:
                raise away()
            return bool(right)

        return self._over(self._binders, self._open, check)

    def close(self) -> None:
        """Idle connections are closed."""
        self._closed.set()
        self._readers.close()
        self._binders.close()

    def _over(self, kept: Pool, make: Callable[[str], Any], question: Callable[[Any], T]) -> T:
        with turns.waiting(), self._turn():
            held = kept.take()
            if held is not None:
                asked_at = self._clock.monotonic()
                try:
                    return self._use(kept, held, question)
                except self._failures as why:
                    # The directory closes idle connections, or was restarted; after a timeout there is no second try.
                    if self._is_late(asked_at):
                        raise self._gone(why) from why
            try:
                return self._use(kept, self._reached(make), question)
            except self._failures as why:
                raise self._gone(why) from why

    def _use(self, kept: Pool, held: PooledConnection, question: Callable[[Any], T]) -> T:
        asked_at = self._clock.monotonic()
        try:
            # ldap3 reopens a closed connection by itself, and without TLS.
            if held.connection.closed:
                raise OSError('the connection was closed')
            answer = question(held.connection)
        except BaseException:
            if self._is_late(asked_at):
                self._pass_over(held.url)
            shut(held.connection)
            raise
        kept.give(held)
        return answer

    def _is_late(self, since: float) -> bool:
        """Whether so much time has passed that the directory must have timed out."""
        return self._clock.monotonic() - since >= self._seconds * 0.9

    def _gone(self, why: Exception) -> errors.Unavailable:
        """The error for a search without an answer; a warning is logged, without what was searched for."""
        LOG.warning('The directory at %s cannot be asked: %s', self._options.url, type(why).__name__)
        return away()

    def _reached(self, make: Callable[[str], Any]) -> PooledConnection:
        """A connection to the first server that accepts one, with some tries within the time limit.

        Raises Unavailable, and the error of the last try.
        """
        started = self._clock.monotonic()
        tries = self._options.pool_retry_max if self._options.use_pool else 1
        why: Exception = away()
        for number in range(tries):
            for url in tuple(self._urls):
                begun = self._clock.monotonic()
                try:
                    return PooledConnection(make(url), url, begun)
                except (*self._failures, errors.Unavailable) as reason:
                    why = reason
                    if self._is_late(begun):
                        self._pass_over(url)
            if self._is_late(started) or number + 1 == tries or self._closed.wait(self._options.pool_retry_delay):
                break
        raise why

    def _pass_over(self, url: str) -> None:
        """The server, which timed out, is tried last; where it is the only one, nothing is asked for a while."""
        if len(self._urls) > 1:
            self._urls = [*(one for one in self._urls if one != url), url]
        else:
            self._rests_until = self._clock.monotonic() + REST

    def _bound(self, url: str) -> Any:
        """A connection to the server, bound with the DN for searches.  Raises Unavailable."""
        connection = self._open(url)
        try:
            if self._options.user and self._options.password:
                right = connection.rebind(self._options.user, self._options.password, self._ldap3.SIMPLE)
            else:
                right = connection.bind()
            if right:
                return connection
            LOG.warning('The directory at %s refuses the configured user and password', url)
            raise away()
        except BaseException:
            shut(connection)
            raise

    def _open(self, url: str) -> Any:
        """A connection to the server, secured as the options require, and not yet bound."""
        ldap3, options = self._ldap3, self._options
        tls = self._checks = self._checks or _checks(ldap3, options)
        server = ldap3.Server(url, get_info=ldap3.NONE, tls=tls, connect_timeout=self._seconds)
        connection = ldap3.Connection(
            server,
            authentication=ldap3.ANONYMOUS,
            receive_timeout=self._seconds,
            auto_referrals=False,
            read_only=True,
            check_names=False,
        )
        try:
            connection.open()
            secure = server.ssl or not options.use_tls or connection.start_tls()
            if secure:
                return connection
            raise away()
        except BaseException:
            shut(connection)
            raise

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """The number of searches is limited.  Raises Unavailable where too many wait, or just after a timeout."""
        self._check_rest()
        if not self._slots.acquire(blocking=False):
            raise busy()
        try:
            if not self._turns.acquire(timeout=WAIT_TIMEOUT):
                raise busy()
            try:
                self._check_rest()
                yield
            finally:
                self._turns.release()
        finally:
            self._slots.release()

    def _check_rest(self) -> None:
        if self._clock.monotonic() < self._rests_until:
            raise away()


def _checks(ldap3: Any, options: Ldap) -> Any:
    """The TLS context of connections, with the CA certificates that the directory is verified with."""
    context = ssl.create_default_context(cafile=options.tls_cacertfile or None, capath=options.tls_cacertdir or None)
    if options.tls_req_cert != 'demand':
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    class Checks(ldap3.Tls):  # type: ignore[name-defined, misc]
        """In place of ldap3's own check of host names, which does not close the socket of a refused server."""

        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
            connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)

    return Checks()


def shut(connection: Any) -> None:
    """The connection is closed, without an error where it was broken; ldap3 leaves it open after a timeout."""
    held = connection.socket
    with contextlib.suppress(Exception):
        if not connection.closed:
            connection.unbind()
    if held is not None:
        with contextlib.suppress(OSError):
            held.close()


def away() -> errors.Unavailable:
    """The error while the directory cannot be reached."""
    return errors.Unavailable('The directory of this domain cannot be asked at the moment.')


def busy() -> errors.Unavailable:
    """The error while too many threads wait."""
    return errors.Unavailable('Too many logins wait for a directory at the moment.')
