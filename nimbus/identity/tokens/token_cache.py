"""The subjects of validated tokens, cached in memcached and shared by the processes of a cloud.

memcached is not trusted: each value is encrypted and authenticated with a secret, holds the token's digest, its own
time and the newest revocation at that time, and is used only for a token that was itself decrypted or verified.  A
server that is down, slow, full or broken costs one timeout and is then not asked for a while.
"""

import base64
import dataclasses
import datetime
import hashlib
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from cryptography import fernet

from nimbus.common import errors, turns
from nimbus.common.clock import Clock
from nimbus.identity.tokens.payload import EPOCH, Claims
from nimbus.identity.tokens.subjects import Place, Subject

LOG = logging.getLogger(__name__)
TIMEOUT = 0.1  # seconds; the database would have answered in a fiftieth of it
REST = 10.0  # seconds for which a server that failed is not asked
CONNECTIONS = 64  # to each server; a process has fewer threads
LIFE = 300  # seconds for which a value is accepted
SKEW = 5.0  # seconds that hosts' clocks may be apart
# The fields of a subject beside its claims; one of a credential, a trust or OAuth depends on more, and is not cached.
FIELDS = ('user_id', 'user_name', 'user_domain_id', 'user_domain_name', 'password_expires_at')


class Server:
    """One memcached server, not asked for a while after a failure."""

    def __init__(self, client: Any, failures: tuple[type[Exception], ...], name: str, clock: Clock) -> None:
        self._client, self._failures, self.name, self._clock = client, failures, name, clock
        self._rests_until = float('-inf')

    def ask(self, verb: Callable[[Any], Any]) -> Any:
        """The server's answer, None when it does not answer."""
        if self._clock.monotonic() < self._rests_until:
            return None
        try:
            with turns.waiting():
                return verb(self._client)
        except self._failures as why:
            self._rests_until = self._clock.monotonic() + REST
            LOG.warning(
                'memcached at %s failed and is not asked for %d s: %s', self.name, REST, why or type(why).__name__
            )
            return None

    def close(self) -> None:
        """No connection is open."""
        self._client.close()


def connect(servers: list[str], clock: Clock) -> list[Server]:
    """The servers, not yet connected.  Raises Invalid without the library, or when one is not HOST:PORT."""
    try:
        import pymemcache
        from pymemcache import exceptions
    except ImportError:
        raise errors.Invalid(
            '[cache] backend = memcached needs the pymemcache library: pip install nimbus[memcached].'
        ) from None
    # The library raises plain errors of parsing too when an answer is not memcached's.
    failures = (OSError, exceptions.MemcacheError, ValueError, IndexError, RuntimeError)
    made = []
    for name in servers:
        host, _, port = name.rpartition(':')
        if not host or not port.isdigit():
            raise errors.Invalid(f'[cache] servers has {name}; each must be HOST:PORT.')
        client = pymemcache.PooledClient(
            (host.strip('[]'), int(port)), connect_timeout=TIMEOUT, timeout=TIMEOUT, max_pool_size=CONNECTIONS
        )
        made.append(Server(client, failures, name, clock))
    return made


class TokenCache:
    """The subjects of tokens by the tokens' digests."""

    def __init__(self, servers: list[Server], secret: str, clock: Clock | None = None) -> None:
        """Raises Invalid without a secret or a server."""
        if not secret or not servers:
            raise errors.Invalid('[cache] backend = memcached needs servers and a secret, the same on every host.')
        self._servers, self._clock = servers, clock or Clock()
        self._box = fernet.Fernet(
            base64.urlsafe_b64encode(hashlib.sha256(b'nimbus token cache ' + secret.encode()).digest())
        )
        self._touched: dict[tuple[str, str], tuple[int, float]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """No server is connected."""
        for server in self._servers:
            server.close()

    def touch(self, kind: str, subject: str, number: int) -> None:
        """Values of the subject from before this revocation are not used."""
        with self._lock:
            self._touched[kind, subject] = (number, self._clock.monotonic())

    def prune(self) -> None:
        """Revocations older than any value are dropped."""
        limit = self._clock.monotonic() - 2 * LIFE
        with self._lock:
            self._touched = {key: known for key, known in self._touched.items() if known[1] > limit}

    def put(self, digest: bytes, subject: Subject, number: int) -> None:
        """The subject is cached, as read when that revocation was the newest known."""
        text = _written(subject)
        if text is None:
            return
        now = self._clock.now()
        life = int(min(LIFE, (subject.claims.expires_at - now).total_seconds()))
        if life > 0:
            value = {'of': digest.hex(), 'at': _seconds(now), 'number': number, 'subject': text}
            encrypted = self._box.encrypt(json.dumps(value).encode())
            self._of(digest).ask(lambda client: client.set(_key(digest), encrypted, expire=life, noreply=False))

    def get(self, digest: bytes, claims: Claims, newest: int) -> Subject | None:
        """The subject of the claims, None when it is not cached or no longer valid.

        `newest` is the last revocation this process knows; each was passed to `touch`.
        """
        encrypted = self._of(digest).ask(lambda client: client.get(_key(digest)))
        if not encrypted:
            return None
        try:
            value = json.loads(self._box.decrypt(encrypted))
            age = _seconds(self._clock.now()) - value['at']
            if value['of'] != digest.hex() or not -SKEW <= age <= LIFE or value['number'] > newest:
                return None
            subject = _read(value['subject'], claims)
        except (fernet.InvalidToken, ValueError, KeyError, TypeError):
            return None  # not written by this cloud
        return None if self._is_stale(subject, value['number']) else subject

    def _is_stale(self, subject: Subject, number: int) -> bool:
        with self._lock:
            return any(
                key in self._touched and self._touched[key][0] > number for key in (*subject.keys(), ('all', ''))
            )

    def _of(self, digest: bytes) -> Server:
        return self._servers[int.from_bytes(digest[:4], 'big') % len(self._servers)]


def _seconds(moment: datetime.datetime) -> float:
    return (moment - EPOCH).total_seconds()


def _key(digest: bytes) -> str:
    # A digest of the digest: no key in memcached equals a digest that a log or the database shows.
    return 'nimbus-' + hashlib.sha256(digest).hexdigest()


def _written(subject: Subject) -> dict[str, Any] | None:
    """The subject as JSON, None when it is of a kind that is not cached."""
    if subject.credential is not None or subject.trust is not None or subject.claims.application_credential_id:
        return None
    if subject.access_token is not None or subject.claims.access_token_id:
        return None
    if subject.until is not None:  # others would not know when to read it again
        return None
    text = {name: getattr(subject, name) for name in FIELDS}
    ends = subject.password_expires_at
    text['password_expires_at'] = ends.isoformat() if ends else None
    for name in ('project', 'domain'):
        place = getattr(subject, name)
        text[name] = dataclasses.asdict(place) if place else None
    return {**text, 'roles': subject.roles, 'group_ids': subject.group_ids}


def _read(text: dict[str, Any], claims: Claims) -> Subject:
    """The subject from JSON.  Raises ValueError, KeyError or TypeError when it is not one of these claims."""
    known = {name: text[name] for name in FIELDS}
    ends = known['password_expires_at']
    known['password_expires_at'] = datetime.datetime.fromisoformat(ends) if ends else None
    subject = Subject(
        claims=claims,
        **known,
        project=Place(**text['project']) if text['project'] else None,
        domain=Place(**text['domain']) if text['domain'] else None,
        roles=tuple((role_id, name) for role_id, name in text['roles']),
        group_ids=tuple(text['group_ids']),
    )
    place = subject.project or subject.domain
    if subject.user_id != claims.user_id or (place.id if place else '') not in (claims.scope_id, ''):
        raise ValueError('it is the subject of another token')
    return subject
