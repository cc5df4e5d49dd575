"""The issuers of bearer tokens that an operator trusts, as they are configured.

Apart from what checks tokens, which every daemon would have to load to know the options.
"""

import dataclasses
import urllib.parse

from nimbus.common import errors

# Each with the kind of key it takes; none in which a public key would serve as a shared secret.
ALGORITHMS = {
    **dict.fromkeys(('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'), 'RSA'),
    **dict.fromkeys(('ES256', 'ES384', 'ES512'), 'EC'),
}
_LOOPBACK = ('localhost', '127.0.0.1', '::1')


@dataclasses.dataclass(frozen=True)
class Trusted:
    """An issuer that the operator configured."""

    name: str
    issuer: str
    audience: tuple[str, ...]
    jwks_file: str = ''
    jwks_url: str = ''
    jwks_ca_file: str = ''
    algorithms: tuple[str, ...] = ('RS256', 'ES256')
    leeway: int = 30  # seconds that its clock and this one may be apart

    def __post_init__(self) -> None:
        """Raises Invalid when something is missing without which no token could be believed."""
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
