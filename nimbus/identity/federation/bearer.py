"""Verifies assertions sent as a JWT of an OpenID Connect provider in `Authorization: Bearer`.

Only configured issuers are trusted, each with its own audience and keys, and only for identity providers that have
the issuer among their remote ids.  Keys come from a file or a URL of the configuration; nothing that a client sends
decides where keys are fetched from, or which algorithm verifies a signature.

The package jwt is imported with the first token: most clouds trust no such issuer.
"""

import json
import logging
import pathlib
import re
import ssl
import threading
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nimbus.common import errors
from nimbus.common.clock import Clock
from nimbus.identity.settings.issuers import ALGORITHMS, Trusted
from nimbus.identity.tokens.payload import EPOCH

if TYPE_CHECKING:
    import jwt

LOG = logging.getLogger(__name__)
MAX_TOKEN = 16384  # characters
MAX_SET = 262144  # bytes of a JWK set
MAX_CLAIMS = 256  # attributes made from one token
MIN_RSA = 2048  # bits
TIMEOUT = 5.0  # seconds to wait for the keys' URL; a login waits for it
AGAIN = 30.0  # seconds between two fetches for an unknown key id, so that invented ids cost next to nothing
LIFE = 3600.0  # seconds after which the keys are fetched again; until that succeeds the old ones are used
PREFIX = 'HTTP_OIDC_'  # before the names of claims, as mod_auth_openidc names them in mappings


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: keys are fetched from the configured URL only."""

    def redirect_request(self, *_: Any) -> None:
        """No request is made instead."""


def fetch(url: str, ca_file: str = '') -> bytes:
    """The body of the answer to a GET of the URL.  Raises OSError."""
    trust = ssl.create_default_context(cafile=ca_file or None)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust), _Straight()
    )
    with opener.open(url, timeout=TIMEOUT) as answer:
        return answer.read(MAX_SET + 1)


class Keys:
    """The keys of an issuer, as they were last read or fetched."""

    def __init__(self, ask: Callable[[], bytes], name: str, clock: Clock | None = None) -> None:
        """`ask` returns the JWK set and raises OSError when it cannot."""
        self._ask, self._name, self._clock = ask, name, clock or Clock()
        self._known: list[jwt.PyJWK] = []
        self._read_at = self._asked_at = float('-inf')
        self._lock = threading.Lock()

    def fitting(self, kid: str | None, algorithm: str) -> list[Any]:
        """The keys for a token: those of its algorithm's type, and with its key id where both have one."""
        if self._clock.monotonic() - self._read_at >= LIFE:
            self._learn()
        found = self._choose(kid, algorithm)
        if not found:
            self._learn()
            found = self._choose(kid, algorithm)
        return found

    def _choose(self, kid: str | None, algorithm: str) -> list[Any]:
        kind = ALGORITHMS[algorithm]
        return [
            one.key
            for one in self._known
            if one.key_type == kind
            and one.public_key_use in (None, 'sig')
            and (kid is None or one.key_id is None or one.key_id == kid)
            and one._jwk_data.get('alg') in (None, algorithm)
        ]

    def _learn(self) -> None:
        """The keys are current, unless fetched just before; while one login fetches, others use the old ones."""
        if not self._lock.acquire(blocking=not self._known):
            return
        try:
            if self._clock.monotonic() - self._asked_at < AGAIN:
                return
            self._asked_at = self._clock.monotonic()
            self._known = _parsed(self._ask())
            self._read_at = self._asked_at
        except (OSError, ValueError) as why:
            LOG.warning('The keys of [openid:%s] cannot be read, those known stay in use: %s', self._name, why)
        finally:
            self._lock.release()


def _parsed(given: bytes) -> 'list[jwt.PyJWK]':
    """The public keys of a JWK set that can verify signatures.  Raises ValueError when there is none."""
    import jwt

    if len(given) > MAX_SET:
        raise ValueError('the answer is too long for a JWK set')
    try:
        rows = json.loads(given)['keys']
    except (ValueError, KeyError, TypeError) as why:
        raise ValueError('the answer is not a JWK set') from why
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            one = jwt.PyJWK.from_dict(row)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError):
            continue  # a key of a type that is not supported
        if one.key_type == 'RSA' and getattr(one.key, 'key_size', 0) < MIN_RSA:
            continue
        if one.key_type in ('RSA', 'EC') and not hasattr(one.key, 'private_numbers'):
            found.append(one)
    if not found:
        raise ValueError('the set has no public key that can verify tokens')
    return found


class Bearers:
    """Verifies the tokens of all trusted issuers."""

    def __init__(self, trusted: tuple[Trusted, ...] = (), clock: Clock | None = None) -> None:
        self._trusted, self._clock = {one.issuer: one for one in trusted}, clock or Clock()
        self._keys = {one.issuer: Keys(_asker(one), one.name, self._clock) for one in trusted}

    def claims(self, token: str, issuers: set[str]) -> dict[str, Any]:
        """The claims of the token, if one of these issuers signed it for this cloud.  Raises Unauthenticated."""
        import jwt

        try:
            if len(token) > MAX_TOKEN or not token.isascii():
                raise jwt.InvalidTokenError('it is not a JWT')
            header = jwt.get_unverified_header(token)
            given = jwt.decode(token, options={'verify_signature': False}).get('iss')
            trusted = self._trusted.get(given) if isinstance(given, str) and given in issuers else None
            if trusted is None:
                raise jwt.InvalidIssuerError('its issuer is not one of those configured')
            return self._checked(token, header, trusted)
        except (jwt.PyJWTError, ValueError, RecursionError, TypeError) as why:
            # The reason is logged for the operator and not shown to the client.
            LOG.info('A bearer token was refused: %s', why)
            raise errors.Unauthenticated(
                'The bearer token is not one that this identity provider signed for us.'
            ) from None

    def _checked(self, token: str, header: dict[str, Any], trusted: Trusted) -> dict[str, Any]:
        import jwt

        algorithm, kid = header.get('alg'), header.get('kid')
        if algorithm not in trusted.algorithms:
            raise jwt.InvalidAlgorithmError('its algorithm is not allowed')
        if 'crit' in header:
            raise jwt.InvalidTokenError('its header has critical extensions, which are not supported')
        for key in self._keys[trusted.issuer].fitting(kid if isinstance(kid, str) else None, algorithm):
            try:
                claims = self._decode(token, key, algorithm, trusted)
            except jwt.InvalidSignatureError:
                continue
            self._check_times(claims, trusted.leeway)
            return claims
        raise jwt.InvalidSignatureError('no key of the issuer signed it')

    def _decode(self, token: str, key: Any, algorithm: str, trusted: Trusted) -> dict[str, Any]:
        import jwt

        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=list(trusted.audience),
            issuer=trusted.issuer,
            # The times are compared with the clock that is used for logins.
            options={'require': ['exp', 'iss', 'aud'], 'verify_exp': False, 'verify_nbf': False, 'verify_iat': False},
        )

    def _check_times(self, claims: dict[str, Any], leeway: int) -> None:
        import jwt

        now = (self._clock.now() - EPOCH).total_seconds()
        for name, sign in (('exp', 1), ('nbf', -1), ('iat', -1)):
            given = claims.get(name)
            if given is None and name != 'exp':
                continue
            if isinstance(given, bool) or not isinstance(given, int | float):
                raise jwt.InvalidTokenError(f'its {name} is not a time')
            if not sign * (now - given) < leeway:  # written so that NaN is refused as well
                raise jwt.InvalidTokenError(f'its {name} does not allow it at this time')


def _asker(one: Trusted) -> Callable[[], bytes]:
    if one.jwks_file:
        return pathlib.Path(one.jwks_file).read_bytes
    return lambda: fetch(one.jwks_url, one.jwks_ca_file)


def assertion(claims: dict[str, Any]) -> dict[str, list[str]]:
    """The claims as the attributes of an assertion; claims whose names would be the same are left out."""
    found: dict[str, list[str]] = {}
    twice: set[str] = set()
    for claim, value in claims.items():
        name = PREFIX + re.sub('[^A-Z0-9]', '_', claim.upper())
        values = [_text(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
        (twice.add(name) if name in found else None)
        if values:
            found[name] = values
    return {name: values for name, values in found.items() if name not in twice}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return '1' if value else '0'
    return value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))
