"""Authentication: checks the methods of a login request and issues a token for the requested scope."""

import dataclasses
import datetime
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.identity.catalog import catalog, endpoint_filters, service_providers
from nimbus.identity.login import credentials, factors
from nimbus.identity.login.encryption import Encryption
from nimbus.identity.login.proofs import PRIMARY, Asked, Method, Proof
from nimbus.identity.models import ApplicationCredential, User
from nimbus.identity.options import Settings
from nimbus.identity.people import activity, lockouts, shadow_users
from nimbus.identity.people.directories import Directories
from nimbus.identity.people.passwords import Passwords
from nimbus.identity.roles import trusts
from nimbus.identity.settings import compliance
from nimbus.identity.tokens import payload, receipts, scopes, subjects
from nimbus.identity.tokens.payload import Claims
from nimbus.identity.tokens.subjects import Subject, refusal
from nimbus.identity.tokens.tokens import Validator

FEDERATED = (
    'identity_provider_id',
    'protocol_id',
    'group_ids',
)  # the claims that a token made from one of a federated login keeps
SHA256 = (
    'sha256$'  # marks the hash of a generated secret: it is too long to be guessed, so one round of hashing is enough
)
_users = User.__table__
_SHOWN = [column for column in _users.c if column.name not in ('seq', 'extra')]  # each costs a login
_USER_BY_ID = db.Fixed(sa.select(*_SHOWN).where(_users.c.id == sa.bindparam('id')))
_lent = ApplicationCredential.__table__
_CREDENTIAL_BY_ID = db.Fixed(sa.select(_lent).where(_lent.c.id == sa.bindparam('id')))
_CREDENTIAL_BY_NAME = sa.select(_lent).where(
    _lent.c.user_id == sa.bindparam('user_id'), _lent.c.name == sa.bindparam('name')
)
_DEFAULT_PROJECT = db.Fixed(sa.select(_users.c.default_project_id).where(_users.c.id == sa.bindparam('id')))
_OPTIONS_BY_ID = db.Fixed(sa.select(_users.c.options).where(_users.c.id == sa.bindparam('id')))
_USER_BY_NAME = sa.select(*_SHOWN).where(
    _users.c.name == sa.bindparam('name'), _users.c.domain_id == sa.bindparam('domain_id')
)


Seeds = Callable[[db.Tx, str], list[str]]  # the TOTP seeds of a user


class Authority:
    """Issues tokens; one in a process that serves identity."""

    def __init__(
        self,
        database: db.Database,
        validator: Validator,
        settings: Settings | None = None,
        clock: Clock | None = None,
        directories: Directories | None = None,
        seeds: Seeds | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.validator = validator
        self._db, self._clock = database, clock or Clock()
        database.encryption = Encryption(self.settings.credential_key_repository)
        self.passwords = Passwords(
            self.settings.bcrypt_rounds, self.settings.password_threads, self.settings.password_waiting
        )
        self.directories = directories or Directories(database)
        self._shown: tuple[int, list[catalog.Shown], endpoint_filters.Filters, list[dict[str, str]]] | None = None
        self._methods: dict[str, Method] = {
            'password': self._by_password,
            'token': self._by_token,
            'application_credential': self._by_application_credential,
        }
        self._seeds = seeds or _seeds_of
        self._methods['totp'] = self._by_totp

    def now(self) -> datetime.datetime:
        """The current time, by the clock used for logins."""
        return self._clock.now()

    def endpoints(self, project_id: str | None = None) -> list[catalog.Shown]:
        """The catalog, of the project where one is given; read again only when it changed."""
        _, shown, filters, _ = self._read_catalog()
        return filters.narrow(shown, project_id)

    def service_providers(self) -> list[dict[str, str]]:
        """The enabled service providers, which a token shows."""
        return self._read_catalog()[3]

    def _read_catalog(self) -> tuple[int, list[catalog.Shown], endpoint_filters.Filters, list[dict[str, str]]]:
        generation = self.validator.catalog_generation
        known = self._shown
        if known is None or known[0] != generation:
            with self._db.read() as tx:
                found = (catalog.endpoints(tx), endpoint_filters.every(tx), service_providers.enabled(tx))
                known = self._shown = (generation, *found)
        return known

    def close(self) -> None:
        """The hashing threads have ended and the connections to LDAP directories are closed."""
        self.passwords.close()
        self.directories.close()

    def enrol(self, name: str, method: Method) -> None:
        """Logins may use the method of this name, one of payload.METHODS, from now on."""
        self._methods[name] = method

    def login(
        self, identity: dict[str, Any], scope: Any = None, receipt: str | None = None, asked: Asked | None = None
    ) -> tuple[str, Subject]:
        """A new token and its subject; `receipt` is one of an earlier step, `asked` the request that it came with.

        Raises Insufficient when the user must pass further methods, Unauthenticated when a method fails or the user
        has no role on the scope, Invalid on a bad request, Forbidden when a trust does not allow it.
        """
        proofs = [self._prove(name, identity, asked or Asked()) for name in dict.fromkeys(identity['methods'])]
        if proofs and receipt:
            shown = receipts.read(self.validator.keys, receipt, self.now())
            proofs.append(Proof(shown.user_id, shown.methods))
        if not proofs or len({proof.user_id for proof in proofs}) != 1:
            raise refusal()
        with self._db.read() as tx:
            self._require_factors(tx, proofs)
            given = scopes.asked(tx, scope)
            if given is not None and any(proof.credential for proof in proofs):
                raise errors.Unauthenticated('Application credentials cannot request a scope.')
            subject = self._subject(tx, proofs, given)
        if subject.trust is not None and subject.trust.remaining_uses is not None:
            with self._db.write() as tx:
                trusts.consume(tx, subject.trust.id)
        return self.validator.encode(subject.claims), subject

    def issue(self, proof: Proof, given: scopes.Scope) -> tuple[str, Subject]:
        """A new token for a user who was authenticated by other means than a login.  Raises Unauthenticated."""
        with self._db.read() as tx:
            subject = self._subject(tx, [proof], given)
        return self.validator.encode(subject.claims), subject

    def _prove(self, method: str, identity: dict[str, Any], asked: Asked) -> Proof:
        if not isinstance(identity.get(method), dict):
            raise scopes.missing(method, 'identity')
        if method not in self._methods:
            raise errors.Unauthenticated('Attempted to authenticate with an unsupported method.')
        return self._methods[method](identity[method], asked)

    def _by_password(self, given: dict[str, Any], _: Asked) -> Proof:
        user = given.get('user')
        if not user:
            raise scopes.missing('user', 'password')
        if not isinstance(user.get('password'), str):
            raise refusal()
        with self._db.read() as tx:
            row = _find_user(tx, user)
            # Checked for a known user too, so that a known and an unknown user take the same time.
            home = _home(tx, user)
            home = row.domain_id if row else home
            directory = self.directories.of(home or '', tx)
        if home and directory:
            user_id = self.directories.login(home, directory, user, user['password'])
            if user_id is None:
                raise refusal()
            return Proof(user_id, ('password',))
        if not self._knows(row, user['password']):
            raise refusal()
        if self._is_enabled(row):
            if compliance.is_expired(row, self.now()):
                raise errors.Unauthenticated(f'The password is expired and needs to be changed for user: {row.id}.')
            activity.note(self._db, row, self.now())
        return Proof(row.id, ('password',), options=row.options)

    def _is_enabled(self, row: Any) -> bool:
        return activity.judge(self.settings.compliance, self.now())(row)

    def _describe(self, tx: db.Tx, claims: Claims) -> Subject:
        return subjects.describe(tx, claims, activity.judge(self.settings.compliance, self.now()))

    def _knows(self, row: Any, password: str) -> bool:
        """Whether the password is right and the account not locked; a failure is counted."""
        short = len(password) <= self.settings.max_password_length
        # A password is hashed for an unknown user as well, so that the time of the answer reveals nothing.
        right = self.passwords.verify(password if short else '', row.password_hash if row else None) and short
        return self._locks().admit(row, 'password', right)

    def _locks(self) -> lockouts.Locks:
        return lockouts.Locks(self._db, self.settings.compliance, self.now())

    def check_password(self, user_id: str, password: str) -> Any:
        """The user's row, when the password is right, even if it has expired.  Raises Unauthenticated."""
        outside = self.directories.checks(user_id, password)
        with self._db.read() as tx:
            row = tx.row(_USER_BY_ID, {'id': user_id})
        right = self._knows(row, password) if outside is None else outside
        if not right or row is None or not self._is_enabled(row):
            raise refusal()
        if outside is None and not compliance.is_expired(row, self.now()):
            activity.note(self._db, row, self.now())
        return row

    def _by_totp(self, given: dict[str, Any], _: Asked) -> Proof:
        user = given.get('user')
        if not user:
            raise scopes.missing('user', 'totp')
        if not isinstance(user.get('passcode'), str):
            raise refusal()
        with self._db.read() as tx:
            row = _find_user(tx, user)
            seeds = self._seeds(tx, row.id) if row else []
        window = factors.window_of(user['passcode'], seeds, self.now(), self.settings.totp_windows)
        # A passcode is accepted once, so that one that was overlooked or intercepted is of no use.
        right = window is not None and self._db.with_retries(lambda tx: factors.use_up(tx, row.id, window))
        if not self._locks().admit(row, 'totp', right):
            raise refusal()
        return Proof(row.id, ('totp',), options=row.options)

    def _require_factors(self, tx: db.Tx, proofs: list[Proof]) -> None:
        """Nothing when the methods passed fulfil the user's multi-factor rules.  Raises Insufficient."""
        user_id = proofs[0].user_id
        options = next((proof.options for proof in proofs if proof.options is not None), None)
        if options is None:
            options = tx.scalar(_OPTIONS_BY_ID, {'id': user_id}) or {}
        rules = factors.rules_of(options, self._methods)
        methods = tuple(dict.fromkeys(method for proof in proofs for method in proof.methods))
        if not factors.suffice(methods, rules):
            ends = self.now() + datetime.timedelta(seconds=self.settings.receipt_expiration)
            receipt = receipts.Receipt(user_id, methods, self.now(), ends)
            bare = dataclasses.replace(self._claims(proofs), application_credential_id='')
            raise receipts.Insufficient(receipt, rules, self._describe(tx, bare))

    def _by_token(self, given: dict[str, Any], _: Asked) -> Proof:
        if not isinstance(given.get('id'), str):
            raise scopes.missing('id', 'token')
        try:
            subject = self.validator.entry(given['id']).subject
        except errors.Unauthenticated:
            raise errors.NotFound('Failed to validate token') from None
        if subject.trust is not None:
            raise errors.Forbidden(
                rule='Using trust-scoped token to create another token. Create a new trust-scoped token instead'
            )
        if subject.claims.access_token_id:
            raise errors.Forbidden(
                rule='Using OAuth-scoped token to create another token. Create a new OAuth-scoped token instead'
            )
        if not PRIMARY.issuperset(subject.claims.methods):
            raise errors.Forbidden(rule='Using a delegated token to create another token is not allowed.')
        methods = tuple(dict.fromkeys(('token', *subject.claims.methods)))
        marks = {name: value for name in FEDERATED if (value := getattr(subject.claims, name))}
        return Proof(subject.user_id, methods, subject.claims, subject.credential, marks=marks)

    def rescope(self, given: dict[str, Any]) -> Proof:
        """The proof by the given token.  Raises as a login with it does."""
        return self._by_token(given, Asked())

    def _by_application_credential(self, given: dict[str, Any], _: Asked) -> Proof:
        with self._db.read() as tx:
            row = _find_credential(tx, given)
        if not isinstance(given.get('secret'), str) or not self._is_secret(
            given['secret'], row.secret_hash if row else None
        ):
            raise refusal()
        if row.expires_at and row.expires_at <= self._clock.now():
            raise refusal()
        return Proof(row.user_id, ('application_credential',), None, row)

    def _is_secret(self, secret: str, stored: str | None) -> bool:
        if stored is not None and not stored.startswith(SHA256):
            return self.passwords.verify(secret, stored)
        return hmac.compare_digest(hash_made_up(secret), stored or SHA256)

    def _subject(self, tx: db.Tx, proofs: list[Proof], given: scopes.Scope | None) -> Subject:
        credential = next((proof.credential for proof in proofs if proof.credential), None)
        claims = self._claims(proofs)
        given = next((proof.scope for proof in proofs if proof.scope), given)
        if credential is not None:
            lent = ('project', credential.project_id)
            if given not in (None, lent):
                raise refusal()
            claims = dataclasses.replace(claims, application_credential_id=credential.id)
            return self._describe(tx, _scoped(claims, lent))
        if given is not None and given[0] in ('project', 'domain') and _by_system_token(proofs):
            raise errors.Forbidden(
                rule='Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.'
            )
        if given is not None and given[0] == scopes.TRUST:
            return self._trusted(tx, claims, given[1])
        if given is not None:
            return self._describe(tx, _scoped(claims, given))
        if claims.identity_provider_id:
            return self._describe(tx, claims)  # a federated user chooses a project by a second login
        default = tx.scalar(_DEFAULT_PROJECT, {'id': claims.user_id})
        if default:
            try:
                return self._describe(tx, _scoped(claims, ('project', default)))
            except errors.Unauthenticated:
                pass  # a default project that is deleted, or on which the user has no role, is ignored
        return self._describe(tx, claims)

    def _trusted(self, tx: db.Tx, claims: Claims, trust_id: str) -> Subject:
        try:
            trust = trusts.show(tx, trust_id, self._clock.now())
        except errors.NotFound:
            raise refusal() from None
        lent = ('project', trust.project_id) if trust.project_id else scopes.UNSCOPED
        ends = min(claims.expires_at, trust.expires_at or claims.expires_at)
        return self._describe(tx, dataclasses.replace(_scoped(claims, lent), trust_id=trust_id, expires_at=ends))

    def _claims(self, proofs: list[Proof]) -> Claims:
        """Claims without a scope; they take over the expiry and audit chain of a token used to log in."""
        now = self._clock.now()
        ends = [now + datetime.timedelta(seconds=self.settings.token_expiration)]
        ends += [proof.parent.expires_at for proof in proofs if proof.parent]
        ends += [proof.ends for proof in proofs if proof.ends]
        ends += [proof.credential.expires_at for proof in proofs if proof.credential and proof.credential.expires_at]
        chain = [proof.parent.audit_ids[-1] for proof in proofs if proof.parent]
        return Claims(
            methods=tuple(dict.fromkeys(method for proof in proofs for method in proof.methods)),
            user_id=proofs[0].user_id,
            scope='unscoped',
            scope_id='',
            issued_at=now,
            expires_at=min(ends),
            audit_ids=(payload.new_audit_id(), *chain[:1]),
            **{name: value for proof in proofs for name, value in proof.marks.items()},
        )


def _by_system_token(proofs: list[Proof]) -> bool:
    """Whether a system-scoped token is among the proofs."""
    return any(proof.parent is not None and proof.parent.scope == 'system' for proof in proofs)


def _seeds_of(tx: db.Tx, user_id: str) -> list[str]:
    return [one.blob for one in credentials.of_user(tx, user_id, 'totp')]


def hash_made_up(secret: str) -> str:
    """The hash of a generated secret."""
    return SHA256 + hashlib.sha256(secret.encode()).hexdigest()


def _scoped(claims: Claims, scope: scopes.Scope) -> Claims:
    return dataclasses.replace(claims, scope=scope[0], scope_id=scope[1])


def _find_user(tx: db.Tx, given: dict[str, Any]) -> Any:
    if given.get('name') and not given.get('domain'):
        raise scopes.missing('domain', 'user')
    if given.get('id'):
        return tx.row(_USER_BY_ID, {'id': given['id']})
    if not given.get('name'):
        raise scopes.missing('id or name', 'user')
    home = scopes.home_id(tx, given['domain'])
    return tx.execute(_USER_BY_NAME, {'name': given['name'], 'domain_id': home}).first() if home else None


def _home(tx: db.Tx, given: dict[str, Any]) -> str | None:
    """The id of the domain in which to look for a user named in the request."""
    if given.get('id'):
        row = shadow_users.mapped(tx, given['id'])
        return row.domain_id if row is not None else None
    return scopes.home_id(tx, given['domain'])


def _find_credential(tx: db.Tx, given: dict[str, Any]) -> Any:
    if given.get('id'):
        return tx.row(_CREDENTIAL_BY_ID, {'id': given['id']})
    if not given.get('name'):
        raise scopes.missing('id or name', 'application_credential')
    if not isinstance(given.get('user'), dict):
        raise scopes.missing('user', 'application_credential')
    user = _find_user(tx, given['user'])
    if user is None:
        return None
    return tx.row(_CREDENTIAL_BY_NAME, {'user_id': user.id, 'name': given['name']})
