"""Tokens: issues them and validates them in every API process, without a query once a token is cached."""

import base64
import binascii
import dataclasses
import datetime
import hashlib
import logging
import math
import threading
from typing import Any

from nimbus.common import errors, ids
from nimbus.common.clock import Clock
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.identity import revocations
from nimbus.identity.key_repository import KeyRing
from nimbus.identity.options import Settings
from nimbus.identity.people import activity
from nimbus.identity.tokens import payload, signing, subjects
from nimbus.identity.tokens.payload import Claims
from nimbus.identity.tokens.peers import Peers, read_lately
from nimbus.identity.tokens.signing import Verifier
from nimbus.identity.tokens.subjects import Subject, refusal
from nimbus.identity.tokens.token_cache import TokenCache

LOG = logging.getLogger(__name__)
# Characters; longer ones are refused at once.  The ids of a hundred groups fit, and web servers accept 8192.
MAX_LENGTH = 6144
PRUNE_EVERY = 600.0  # seconds between two deletions of revocations that are no longer needed
MARGIN = datetime.timedelta(
    hours=1
)  # seconds a revocation is kept after the last token it revokes expired: hosts' clocks differ
LOOK_AT_THE_CLOCK = 1.0  # seconds; in between a token's expiry is compared with the monotonic clock
EPOCH = payload.EPOCH


@dataclasses.dataclass(slots=True)
class Entry:
    """What is cached of one token."""

    expires: datetime.datetime
    good_until: float  # on the monotonic clock: until then the entry needs no check
    subject: Subject
    values: dict[str, Any]  # the attributes of its Context
    body: Any = None  # its description on the wire, for whoever asks identity
    body_at: int = -1  # the catalog that the body shows


class Validator:
    """Validates and encodes tokens; one in each process, shared by its APIs."""

    def __init__(
        self,
        database: db.Database,
        key_repository: str,
        settings: Settings | None = None,
        clock: Clock | None = None,
        signed: Verifier | None = None,
        shared: TokenCache | None = None,
        peers: Peers | None = None,
    ) -> None:
        """`signed` has the keys of signed tokens; without it only encrypted ones are accepted.

        `shared` is asked before the database about a token that is not in this process's cache.  A client that was told
        of a revocation by one of the `peers` may ask another at once, so each looks at what they have applied.
        """
        self._db, self._settings, self._clock = database, settings or Settings(), clock or Clock()
        self.keys = KeyRing(key_repository)
        self.signed = signed or Verifier()
        self._shared, self._peers = shared, peers
        self._key_ids: frozenset[str] = frozenset()
        self._entries: dict[bytes, Entry] = {}
        self._index: dict[tuple[str, str], set[bytes]] = {}
        self._before: dict[tuple[str, str], datetime.datetime] = {}
        self._seen = 0
        self.catalog_generation = 0  # grows when the catalog changed
        self._read_at = self._news_good_until = -math.inf
        self._pruned_at = self._clock.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """A thread reads new revocations from now on."""
        self.poll()
        self.signed.start()
        self._thread = threading.Thread(target=self._follow, name='revocations', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The thread has stopped; the validator still works, and reads revocations itself."""
        self._stop.set()
        self.signed.stop()
        if self._shared:
            self._shared.close()
        if self._thread:
            self._thread.join()
            self._thread = None

    def validate(
        self,
        token: str,
        service_token: str | None = None,
        request_id: str | None = None,
        global_request_id: str | None = None,
        remote_address: str | None = None,
    ) -> Context:
        """The Context of the token's subject.  Raises Unauthenticated, and Unavailable when revocations cannot be read.

        With a service's token beside it a token is accepted that has expired while the service worked for its user.
        """
        service_roles: tuple[str, ...] = ()
        if service_token:
            vouching = self._vouching(service_token)
            # One that is bound to a certificate does not say here that it came with it.
            service_roles = () if vouching['thumbprint'] else vouching['roles']
        values = self._entry(token, 'service' in service_roles).values.copy()
        values['token'] = token
        values['request_id'] = request_id or ids.request()
        values['global_request_id'] = global_request_id
        values['remote_address'] = remote_address
        values['service_roles'] = service_roles
        asker = object.__new__(Context)
        # Past the frozen dataclass's own constructor, which alone would cost more than all of the rest.
        object.__setattr__(asker, '__dict__', values)
        return asker

    def _vouching(self, service_token: str) -> dict[str, Any]:
        try:
            return self._entry(service_token, False).values
        except errors.Unauthenticated as why:
            raise refusal(f'Of the service beside the user: {why.inside}') from None

    def entry(self, token: str, allow_expired: bool = False) -> Entry:
        """The cache entry of the token.  Raises as `validate` does."""
        return self._entry(token, allow_expired)

    def encode(self, claims: Claims) -> str:
        """The claims as a token of the configured kind.

        Raises Unavailable without a key for it, Forbidden when the ids of the groups would make it too long.
        """
        if self._settings.token_format == 'jws':
            token = self.signed.sign(claims)
        else:
            now = (self._clock.now() - EPOCH).total_seconds()
            token = self.keys.encrypt(payload.pack(claims), now).rstrip(b'=').decode()
        if len(token) > MAX_LENGTH:
            raise errors.Forbidden(
                f'A token for {len(claims.group_ids)} groups would have {len(token)} characters, and {MAX_LENGTH} are '
                'allowed: the mapping must put the user into fewer groups.'
            )
        return token

    def _entry(self, token: str, allow_expired: bool) -> Entry:
        now = self._clock.monotonic()
        if self._peers is not None and self._peers.newest() > self._seen:
            self._try_to_poll()
        if now >= self._news_good_until:
            self._keep_up(now)
        digest = hashlib.sha256(token.encode('utf-8', 'replace')).digest()
        entry = self._entries.get(digest)
        if entry is not None and now >= entry.good_until and self._is_stale(entry.subject):
            with self._lock:
                self._drop(digest)
            entry = None
        if entry is None:
            entry = self._learn(token, digest, allow_expired)
        if now >= entry.good_until:
            self._check_end(entry, now, allow_expired)
        return entry

    def _is_stale(self, subject: Subject) -> bool:
        """Whether a group membership of the subject has ended since it was read."""
        return subject.until is not None and subject.until <= self._clock.now()

    def _check_end(self, entry: Entry, now: float, allow_expired: bool) -> None:
        """Raises Unauthenticated when the token has expired, with `allow_expired` only when longer ago than allowed."""
        left = (entry.expires - self._clock.now()).total_seconds()
        if left > 0:
            entry.good_until = now + min(left, LOOK_AT_THE_CLOCK)
        elif not allow_expired or left <= -self._settings.allow_expired_window:
            raise refusal(f'The token of user {entry.subject.user_id} expired at {entry.expires:%Y-%m-%dT%H:%M:%SZ}.')

    def _keep_up(self, now: float) -> None:
        """The revocations in memory are recent enough.  Raises Unavailable when they cannot be read."""
        timeout = self._settings.revocation_timeout
        if self._thread is None or now - self._read_at > timeout:
            self._try_to_poll()
        if self._clock.monotonic() - self._read_at > timeout:
            raise errors.Unavailable('Tokens cannot be checked at the moment: revocations cannot be read.')

    def _learn(self, token: str, digest: bytes, allow_expired: bool) -> Entry:
        claims = self.read(token)
        if self._clock.now() >= claims.expires_at and not allow_expired:
            raise refusal(f'The token of user {claims.user_id} expired at {claims.expires_at:%Y-%m-%dT%H:%M:%SZ}.')
        seen = self._seen
        subject = self._describe(digest, claims, seen)
        keys = subject.keys()
        self._refuse_revoked(claims, keys)
        entry = Entry(claims.expires_at, 0.0, subject, _values(subject))
        with self._lock:
            # A revocation that was applied while the database was asked may not know of this entry.
            if self._seen == seen and self._clock.now() < claims.expires_at:
                self._make_room()
                self._entries[digest] = entry
                for key in keys:
                    self._index.setdefault(key, set()).add(digest)
        return entry

    def _describe(self, digest: bytes, claims: Claims, seen: int) -> Subject:
        subject = self._shared.get(digest, claims, seen) if self._shared else None
        if subject is not None:
            return subject
        with self._db.read() as tx:
            try:
                # A token that was seen before its user stayed away too long ends by itself.
                now = self._clock.now()
                subject = subjects.describe(tx, claims, activity.judge(self._settings.compliance, now), now)
            except errors.Forbidden as why:  # a trust that does not hold any longer
                raise refusal(f'{why.sentence.rstrip(".")}: trust {claims.trust_id}.') from None
        if self._shared:
            self._shared.put(digest, subject, seen)
        return subject

    def read(self, token: str) -> Claims:
        """The claims in the token, of either kind.  Raises Unauthenticated when it was made with none of our keys."""
        if signing.is_signed(token):
            claims = self.signed.verify(token) if len(token) <= MAX_LENGTH else None
            if claims is None:
                raise refusal('No key of this cloud has signed the token.')
            return claims
        try:
            raw = token.encode('ascii')
            decoded = base64.urlsafe_b64decode(raw + b'=' * (-len(raw) % 4))
        except (UnicodeEncodeError, binascii.Error):
            raise refusal('This is no token.') from None
        whole = base64.urlsafe_b64encode(decoded)
        # Only the canonical text is accepted: another would have another digest, and so escape a revocation by digest.
        if len(raw) > MAX_LENGTH or whole.rstrip(b'=') != raw:
            raise refusal('This is no token.')
        packed = self.keys.decrypt(whole)
        if packed is None:
            raise refusal('No key of this host decrypts the token.')
        try:
            return payload.unpack(packed)
        except ValueError:
            raise refusal('A key of this cloud made it, and it is no token.') from None

    def _refuse_revoked(self, claims: Claims, keys: list[tuple[str, str]]) -> None:
        for key in keys:
            before = self._before.get(key)
            if before is not None and claims.issued_at <= before:
                what = f'{key[0]} {key[1]} was changed at {before:%Y-%m-%dT%H:%M:%SZ}'
                raise refusal(f'The token of user {claims.user_id} was revoked: {what}.')

    def _make_room(self) -> None:
        """When the cache is full, the oldest tenth is dropped.  The caller holds the lock."""
        if len(self._entries) < self._settings.cache_size:
            return
        for digest in list(self._entries)[: max(1, self._settings.cache_size // 10)]:
            self._drop(digest)

    def _drop(self, digest: bytes) -> None:
        entry = self._entries.pop(digest, None)
        for key in entry.subject.keys() if entry else ():
            held = self._index.get(key)
            if held is not None:
                held.discard(digest)
                if not held:
                    del self._index[key]

    def poll(self, anew: bool = False) -> None:
        """Every revocation there is now is applied, `anew` where others were before.  Raises Unavailable."""
        self._seen, self._before = (0, {}) if anew else (self._seen, self._before)
        started = self._clock.monotonic()
        with self._db.read() as tx:
            if not self._seen:
                self._begin(tx)
            while rows := revocations.since(tx, self._seen):
                self._apply(rows)
        self.keys.refresh()
        self._follow_keys()
        if self._peers is not None:
            self._peers.applied(self._seen, started)
        self._are_current(started)

    def _are_current(self, started: float) -> None:
        """The revocations in memory are those there were at that moment."""
        self._read_at = started
        settings = self._settings
        self._news_good_until = started + (
            settings.revocation_timeout if self._thread else settings.revocation_interval
        )

    def _begin(self, tx: db.Tx) -> None:
        """Every revocation is applied; what was cached before without reading them is dropped."""
        newest = revocations.newest(tx)
        # An empty cache needs no rows that only invalidate caches; a shared one is not empty.
        while rows := revocations.since(tx, self._seen, refusing=self._shared is None):
            self._apply(rows)
        with self._lock:
            self._seen = max(self._seen, newest)
            self.catalog_generation += 1
            self._entries.clear()
            self._index.clear()

    def _follow_keys(self) -> None:
        """The keys of signed tokens are current, and cached tokens whose key was removed are dropped."""
        self.signed.refresh()
        ids = self.signed.ids()
        if self._key_ids - ids:
            with self._lock:
                self._entries.clear()
                self._index.clear()
        self._key_ids = ids

    def _apply(self, rows: list[Any]) -> None:
        with self._lock:
            for row in rows:
                if row.number <= self._seen:
                    continue
                self._seen = row.number
                key = (row.kind, row.subject)
                if self._shared:
                    self._shared.touch(row.kind, row.subject, row.number)
                if row.before is not None:
                    self._before[key] = max(row.before, self._before.get(key, row.before))
                if row.kind == 'catalog':
                    self.catalog_generation += 1
                elif row.kind == 'all':
                    self._entries.clear()
                    self._index.clear()
                else:
                    for digest in list(self._index.get(key, ())):
                        self._drop(digest)

    def _try_to_poll(self) -> None:
        try:
            self.poll()
        except errors.Unavailable as why:
            LOG.warning('Revocations cannot be read: %s', why)

    def _follow(self) -> None:
        while not self._stop.wait(self._settings.revocation_interval):
            try:
                if not self._follow_peers():
                    self._try_to_poll()
                if self._clock.monotonic() - self._pruned_at > PRUNE_EVERY:
                    self.prune()
            except Exception:  # the thread must not end: without it every token is refused after a while
                LOG.exception('Revocations could not be followed')

    def _follow_peers(self) -> bool:
        """Whether another process has read the revocations just now, so that this one need not."""
        since = self._clock.monotonic() - 2 * self._settings.revocation_interval
        read_at = read_lately(self._peers, self._seen, since)
        if read_at is None:
            return False
        self.keys.refresh()
        self._follow_keys()
        self._are_current(read_at)
        return True

    def prune(self) -> None:
        """Revocations of tokens that have all expired are deleted, here and in the database."""
        self._pruned_at = self._clock.monotonic()
        # An expired token is still accepted beside a service's, and a revoked one must not become valid in that way.
        stale = self._clock.now() - datetime.timedelta(seconds=self._settings.token_expiration) - MARGIN
        limit = stale - datetime.timedelta(seconds=self._settings.allow_expired_window)
        if self._shared:
            self._shared.prune()
        with self._lock:
            self._before = {key: before for key, before in self._before.items() if before > limit}
        with self._db.write() as tx:
            revocations.prune(tx, limit, stale)


def _values(subject: Subject) -> dict[str, Any]:
    """The attributes of the subject's Context."""
    place = subject.project
    asker = Context(
        request_id='',
        user_id=subject.user_id,
        user_name=subject.user_name,
        user_domain_id=subject.user_domain_id,
        project_id=place.id if place else None,
        project_name=place.name if place else None,
        project_domain_id=place.domain_id if place else None,
        domain_id=subject.domain.id if subject.domain else None,
        system=subject.system,
        roles=tuple(name for _, name in subject.roles),
        thumbprint=subject.claims.thumbprint,
        access_rules=None if subject.rules is None else tuple((r.service, r.method, r.path) for r in subject.rules),
    )
    return {field.name: getattr(asker, field.name) for field in dataclasses.fields(asker)}
