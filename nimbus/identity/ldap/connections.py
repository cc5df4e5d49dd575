"""Connections to one directory: opened, secured, kept for the next question, and given up in time.

A password is sent only over a connection that is as secure as the options ask
for.  A directory that does not answer holds few threads, and not for long:
at most some ask at the same time, some more wait, and while it is known to be
mute whoever comes is answered at once.
"""

import contextlib
import dataclasses
import logging
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from nimbus.common import errors
from nimbus.common.clock import Clock
from nimbus.identity.settings.ldap import Ldap

LOG = logging.getLogger(__name__)
T = TypeVar('T')
AWAY = (51, 52, 80)  # busy, unavailable, other: the directory's own trouble, not the password's
UNPOOLED = 16  # asked at the same time where no connections are kept
WAITING = 16  # threads that may wait for their turn; one more is answered at once
PATIENCE = 5.0  # seconds they wait
REST = 2.0  # seconds in which a directory that did not answer in time is not asked


@dataclasses.dataclass(frozen=True)
class Held:
    """An open connection: to which server, and since when."""

    connection: Any
    url: str
    born: float


class Kept:
    """Open connections that wait for the next question, the youngest first."""

    def __init__(self, most: int, lifetime: float, clock: Clock) -> None:
        self._most, self._lifetime, self._clock = most, lifetime, clock
        self._idle: list[Held] = []
        self._lock = threading.Lock()

    def take(self) -> Held | None:
        """A connection, None when there is none that is young enough."""
        with self._lock:
            found = self._idle.pop() if self._idle else None
            old = []
            if found is not None and not self._is_young(found):
                old, self._idle = [found, *self._idle], []
        for held in old:
            shut(held.connection)
        return None if old else found

    def give(self, held: Held) -> None:
        """The connection waits for the next question, or is closed where enough do, or it is too old."""
        with self._lock:
            keep = len(self._idle) < self._most and self._is_young(held)
            if keep:
                self._idle.append(held)
                self._idle.sort(key=lambda one: one.born)
        if not keep:
            shut(held.connection)

    def close(self) -> None:
        """No connection waits, and none is kept any more."""
        with self._lock:
            self._most, old, self._idle = 0, self._idle, []
        for held in old:
            shut(held.connection)

    def _is_young(self, held: Held) -> bool:
        return self._clock.monotonic() - held.born < self._lifetime


class Connections:
    """All that a process has to one directory."""

    def __init__(self, options: Ldap, clock: Clock | None = None) -> None:
        try:
            import ldap3
        except ImportError:
            raise errors.Unavailable(
                'The directory of this domain cannot be asked: the ldap3 library is not installed.'
            ) from None
        self._ldap3, self._told, self._clock = ldap3, options, clock or Clock()
        self._failures = (ldap3.core.exceptions.LDAPException, OSError)
        self._seconds = options.seconds()
        self._urls = [part.strip() for part in options.url.split(',') if part.strip()]
        if options.randomize_urls:
            random.shuffle(self._urls)
        size = options.pool_size if options.use_pool else UNPOOLED
        self._turns, self._slots = threading.BoundedSemaphore(size), threading.BoundedSemaphore(size + WAITING)
        self._readers = Kept(size if options.use_pool else 0, options.pool_connection_lifetime, self._clock)
        binders = options.auth_pool_size if options.use_pool and options.use_auth_pool else 0
        self._binders = Kept(binders, options.auth_pool_connection_lifetime, self._clock)
        self._rests_until = float('-inf')
        self._checks: Any = None  # what every connection is secured by; reading the certificates takes a while
        self._closed = threading.Event()

    def ask(self, question: Callable[[Any], T]) -> T:
        """What the question finds over a connection that is bound as the options say.  Raises Unavailable."""
        return self._over(self._readers, self._bound, question)

    def binds(self, name: str, password: str) -> bool:
        """Whether the directory takes the password for that name.  Raises Unavailable when it cannot say."""

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
        """No connection is open that is not in use."""
        self._closed.set()
        self._readers.close()
        self._binders.close()

    def _over(self, kept: Kept, make: Callable[[str], Any], question: Callable[[Any], T]) -> T:
        with self._turn():
            held = kept.take()
            if held is not None:
                asked_at = self._clock.monotonic()
                try:
                    return self._use(kept, held, question)
                except self._failures as why:
                    # The directory closes what lies idle, or was started anew; one that is mute is not asked twice.
                    if self._is_late(asked_at):
                        raise self._gone(why) from why
            try:
                return self._use(kept, self._reached(make), question)
            except self._failures as why:
                raise self._gone(why) from why

    def _use(self, kept: Kept, held: Held, question: Callable[[Any], T]) -> T:
        asked_at = self._clock.monotonic()
        try:
            # ldap3 opens a connection that was closed by itself, and does not secure it.
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
        """Whether so much time has passed that the directory must have been mute."""
        return self._clock.monotonic() - since >= self._seconds * 0.9

    def _gone(self, why: Exception) -> errors.Unavailable:
        """The answer to a question that found no answer, and a line in the log without what was asked."""
        LOG.warning('The directory at %s cannot be asked: %s', self._told.url, type(why).__name__)
        return away()

    def _reached(self, make: Callable[[str], Any]) -> Held:
        """A connection made to the first server that takes one, with some tries within the time there is.

        Raises Unavailable, and what made the last try fail.
        """
        started = self._clock.monotonic()
        tries = self._told.pool_retry_max if self._told.use_pool else 1
        why: Exception = away()
        for number in range(tries):
            for url in tuple(self._urls):
                begun = self._clock.monotonic()
                try:
                    return Held(make(url), url, begun)
                except (*self._failures, errors.Unavailable) as reason:
                    why = reason
                    if self._is_late(begun):
                        self._pass_over(url)
            if self._is_late(started) or number + 1 == tries or self._closed.wait(self._told.pool_retry_delay):
                break
        raise why

    def _pass_over(self, url: str) -> None:
        """The server, which was mute, is the last to be tried; where there is no other, nobody is asked for a while."""
        if len(self._urls) > 1:
            self._urls = [*(one for one in self._urls if one != url), url]
        else:
            self._rests_until = self._clock.monotonic() + REST

    def _bound(self, url: str) -> Any:
        """A connection to the server, bound as the name that searches are made under.  Raises Unavailable."""
        connection = self._open(url)
        try:
            if self._told.user and self._told.password:
                right = connection.rebind(self._told.user, self._told.password, self._ldap3.SIMPLE)
            else:
                right = connection.bind()
            if right:
                return connection
            LOG.warning('The directory at %s does not take the name that searches are made under', url)
            raise away()
        except BaseException:
            shut(connection)
            raise

    def _open(self, url: str) -> Any:
        """A connection to the server, secured as the options ask, over which no name or password was sent."""
        ldap3, told = self._ldap3, self._told
        tls = self._checks = self._checks or _checks(ldap3, told)
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
            secure = server.ssl or not told.use_tls or connection.start_tls()
            if secure:
                return connection
            raise away()
        except BaseException:
            shut(connection)
            raise

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Few ask at once.  Raises Unavailable where too many wait, or the directory did not answer a moment ago."""
        self._check_rest()
        if not self._slots.acquire(blocking=False):
            raise busy()
        try:
            if not self._turns.acquire(timeout=PATIENCE):
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


def _checks(ldap3: Any, told: Ldap) -> Any:
    """What secures a connection, and knows whom the directory must be vouched for by."""
    context = ssl.create_default_context(cafile=told.tls_cacertfile or None, capath=told.tls_cacertdir or None)
    if told.tls_req_cert != 'demand':
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    class Checks(ldap3.Tls):  # type: ignore[name-defined, misc]
        """In place of ldap3's own check of names, which leaves open the socket of whom it refuses."""

        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
            connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)

    return Checks()


def shut(connection: Any) -> None:
    """The connection is closed, without a word where it was broken; ldap3 leaves it open when nobody answers."""
    held = connection.socket
    with contextlib.suppress(Exception):
        if not connection.closed:
            connection.unbind()
    if held is not None:
        with contextlib.suppress(OSError):
            held.close()


def away() -> errors.Unavailable:
    """The answer while the directory cannot be asked."""
    return errors.Unavailable('The directory of this domain cannot be asked at the moment.')


def busy() -> errors.Unavailable:
    """The answer while too many ask."""
    return errors.Unavailable('Too many logins wait for a directory at the moment.')
