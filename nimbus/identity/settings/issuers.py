"""The trusted issuers of bearer tokens, as configured in [openid:NAME].

In a module of its own, so that a daemon that only reads options does not import what verifies tokens.
"""

import dataclasses
import urllib.parse

from nimbus.common import errors

# Each with its type of key; no HMAC, with which a public key could be used as the shared secret.
ALGORITHMS = {
    **dict.fromkeys(('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'), 'RSA'),
    **dict.fromkeys(('ES256', 'ES384', 'ES512'), 'EC'),
}
_LOOPBACK = ('localhost', '127.0.0.1', '::1')


@dataclasses.dataclass(frozen=True)
class Trusted:
    """One configured issuer."""

    name: str
    issuer: str
    audience: tuple[str, ...]
    jwks_file: str = ''
    jwks_url: str = ''
    jwks_ca_file: str = ''
    algorithms: tuple[str, ...] = ('RS256', 'ES256')
    leeway: int = 30  # seconds by which its clock and this one may differ

    def __post_init__(self) -> None:
        """Raises Invalid when a required value is missing or not valid."""
        where = f'[openid:{self.name}]'
        if not self.issuer or not self.audience:
            raise errors.Invalid(f'{where} needs an issuer and an audience.')
        if bool(self.jwks_file) == bool(self.jwks_url):
            raise errors.Invalid(f'{where} needs either jwks_file or jwks_url.')
        if bad := [name for name in self.algorithms if name not in ALGORITHMS] or not self.algorithms:
            raise errors.Invalid(f'{where} algorithms has {bad}; there are {", ".join(ALGORITHMS)}.')
        url = urllib.parse.urlsplit(self.jwks_url)
        if self.jwks_url and url.scheme != 'https' and not (url.scheme == 'http' and url.hostname in _LOOPBACK):
            raise errors.Invalid(f'{where} jwks_url must be an https URL.')
