"""JWS tokens: signed with ES256 by identity's private key and verified with its public keys, a JWK set.

The package jwt is imported with the first of them: a cloud whose tokens are encrypted has none.
"""

import base64
import binascii
import contextlib
import dataclasses
import datetime
import functools
import hashlib
import json
import os
import pathlib
import threading
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nimbus.common import errors
from nimbus.identity import key_repository
from nimbus.identity.tokens.payload import EPOCH, SCOPES, Claims

ALGORITHM = 'ES256'  # the only algorithm accepted, whatever a token's header says
COORDINATE = 32  # bytes of a coordinate on the curve P-256
_SINGLE = {'project': 'openstack_project_id', 'domain': 'openstack_domain_id', 'system': 'openstack_system'}
_NAMES = {
    'user_id': 'sub',
    'issued_at': 'iat',
    'expires_at': 'exp',
    'application_credential_id': 'openstack_app_cred_id',
}
_SCOPE = ('scope', 'scope_id')


@functools.cache
def _jws() -> Any:
    import jwt

    return jwt.PyJWS(algorithms=[ALGORITHM])


def make() -> bytes:
    """A new private key, as PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def retire(pem: bytes) -> bytes:
    """The public part of a key, which is kept when the key signs no more."""
    return _public(pem).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _public(pem: bytes) -> Any:
    if b'PRIVATE' in pem:
        return serialization.load_pem_private_key(pem, None).public_key()
    return serialization.load_pem_public_key(pem)


def to_json(claims: Claims) -> dict[str, Any]:
    """The claims under the names that upstream's signed tokens have."""
    given: dict[str, Any] = {}
    for field in dataclasses.fields(claims):
        value = getattr(claims, field.name)
        if field.name in _SCOPE or not value:
            continue
        if isinstance(value, datetime.datetime):
            value = (value - EPOCH).total_seconds()
        given[_NAMES.get(field.name, f'openstack_{field.name}')] = value
    if claims.scope != 'unscoped':
        given[_SINGLE[claims.scope]] = claims.scope_id or 'all'
    return given


def from_json(given: Any) -> Claims:
    """The claims from the object that `to_json` returned.  Raises ValueError when it is not such an object."""
    if not isinstance(given, dict):
        raise ValueError('the claims are not a JSON object')
    values: dict[str, Any] = {'scope': 'unscoped', 'scope_id': ''}
    for scope in SCOPES[1:]:
        if _SINGLE[scope] in given:
            values |= {'scope': scope, 'scope_id': '' if scope == 'system' else str(given[_SINGLE[scope]])}
    for field in dataclasses.fields(Claims):
        name = _NAMES.get(field.name, f'openstack_{field.name}')
        if field.name not in _SCOPE and name in given:
            values[field.name] = _plain(given[name])
    try:
        for name in ('issued_at', 'expires_at'):
            values[name] = EPOCH + datetime.timedelta(microseconds=round(values[name] * 1e6))
        return Claims(**values)
    except (KeyError, TypeError, OverflowError) as why:
        raise ValueError('the claims are incomplete') from why


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def jwk(key: Any) -> dict[str, str]:
    """A public key as a JWK; its id is the key's thumbprint, so that no two keys share one."""
    numbers = key.public_numbers()
    x, y = (_text(number.to_bytes(COORDINATE, 'big')) for number in (numbers.x, numbers.y))
    canonical = json.dumps({'crv': 'P-256', 'kty': 'EC', 'x': x, 'y': y}, separators=(',', ':'))
    thumbprint = _text(hashlib.sha256(canonical.encode()).digest())
    return {'kty': 'EC', 'crv': 'P-256', 'x': x, 'y': y, 'kid': thumbprint, 'use': 'sig', 'alg': ALGORITHM}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def is_signed(token: str) -> bool:
    """Whether the token has the form of a JWS, which an encrypted one never has."""
    return token.count('.') == 2


class Verifier:
    """Public keys by their ids, and the verification of tokens; the base of every source of keys."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def start(self) -> None:
        """The keys are kept up to date from now on."""

    def stop(self) -> None:
        """The thread that keeps the keys up to date has stopped."""

    def refresh(self) -> None:
        """The keys on this host are read again if they changed."""

    def ids(self) -> frozenset[str]:
        """The ids of the accepted keys."""
        return frozenset(self._known)

    def sign(self, claims: Claims) -> str:
        """A token of the claims.  Raises Unavailable without a private key."""
        raise errors.Unavailable('Tokens cannot be issued: this host has no key to sign them with.')

    def published(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set."""
        return {'keys': [jwk(key) for key in self._known.values()]}

    def verify(self, token: str) -> Claims | None:
        """The claims of the token, or None when none of the keys signed it."""
        import jwt

        try:
            if not all(_is_canonical(part) for part in token.split('.')):
                return None
            kid = jwt.get_unverified_header(token).get('kid')
            key = self._key(kid) if isinstance(kid, str) else None
            return from_json(json.loads(_jws().decode(token, key, algorithms=[ALGORITHM]))) if key else None
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None

    def _key(self, kid: str) -> Any:
        return self._known.get(kid)


def _is_canonical(part: str) -> bool:
    """Whether the base64url text is canonical: with spare bits set it would be another token with the same bytes."""
    try:
        raw = part.encode('ascii')
        return _text(base64.urlsafe_b64decode(raw + b'=' * (-len(raw) % 4))) == part
    except (UnicodeEncodeError, binascii.Error):
        return False


class SigningKeys(Verifier):
    """The private keys of a directory, on identity's hosts alone; read again when it changes.

    A directory that cannot be read changes nothing.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        super().__init__()
        self._root = pathlib.Path(directory)
        self._stamp: int | None = None
        self._lock = threading.Lock()
        self._primary: tuple[str, Any] | None = None
        self._set: dict[str, list[dict[str, str]]] = {'keys': []}

    def refresh(self) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            stamp = self._root.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            pems = [(self._root / str(number)).read_bytes() for number in key_repository.newest_first(self._root)]
            publics = [_public(pem) for pem in pems]
            shown = [jwk(key) for key in publics]
            self._known = {one['kid']: key for one, key in zip(shown, publics, strict=True)}
            self._set = {'keys': shown}
            if pems:
                self._primary = shown[0]['kid'], serialization.load_pem_private_key(pems[0], None)
            self._stamp = stamp

    def sign(self, claims: Claims) -> str:
        self.refresh()
        if self._primary is None:
            return super().sign(claims)
        kid, key = self._primary
        return _jws().encode(json.dumps(to_json(claims), separators=(',', ':')).encode(), key, ALGORITHM, {'kid': kid})

    def published(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set, with the staged one, so that every service has it before it signs."""
        self.refresh()
        return self._set

    def _key(self, kid: str) -> Any:
        if kid not in self._known:
            self.refresh()
        return self._known.get(kid)
