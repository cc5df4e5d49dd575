"""Assertions from a trusted web server before this one: mod_shib, mod_auth_mellon or mod_auth_openidc.

Such a server passes attributes as headers, and any client can send headers.  They are read only where an operator
has configured both the prefix of their names and how that server is recognized: by a secret that it sends, or by its
address.
"""

import dataclasses
import hmac
import ipaddress
from typing import Self

from nimbus.common import errors
from nimbus.identity.login.proofs import Asked
from nimbus.identity.settings.federation import Federation

SECRET = 'X-Federation-Secret'  # the header in which a trusted front sends its secret


def text_of(value: str) -> str:
    """A header's value, which WSGI passes decoded as Latin-1, decoded as UTF-8 where it is valid UTF-8."""
    try:
        return value.encode('iso-8859-1').decode('utf-8')
    except (UnicodeDecodeError, UnicodeEncodeError):
        return value


@dataclasses.dataclass(frozen=True)
class TrustedProxy:
    """How a trusted front is recognized, and the prefix of its attributes."""

    prefix: str = ''
    secret: str = dataclasses.field(default='', repr=False)
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises Invalid when an address is not valid, or a required option is not set."""
        for address in self.addresses:
            try:
                ipaddress.ip_network(address)
            except ValueError as why:
                raise errors.Invalid(f'[federation] trusted_front_addresses has {address}: {why}.') from why
        if bool(self.prefix) != bool(self.secret or self.addresses):
            raise errors.Invalid(
                'Attributes are read from headers only when [federation] has both an assertion_prefix and a '
                'trusted_front_secret or trusted_front_addresses.'
            )

    @classmethod
    def of(cls, settings: Federation) -> Self:
        """The web server before this one that is trusted to authenticate users.  Raises Invalid."""
        prefix = settings.assertion_prefix.upper().replace('-', '_')
        return cls(prefix, settings.trusted_front_secret, settings.trusted_front_addresses)

    def attributes(self, asked: Asked) -> dict[str, str] | None:
        """The attributes in the request's headers, None when it did not come through the trusted front."""
        if not self.prefix or not self._sent(asked):
            return None
        found: dict[str, str] = {}
        for name, value in asked.headers.items():
            key = 'HTTP_' + name.upper().replace('-', '_')
            if key.startswith(self.prefix):
                found[key] = text_of(value)
            elif key.startswith('HTTP_' + self.prefix):
                found[key.removeprefix('HTTP_')] = text_of(value)
        return found

    def _sent(self, asked: Asked) -> bool:
        """Whether the request is the front's by each of the configured secret and addresses."""
        given = asked.headers.get(SECRET, '')
        if self.secret and not hmac.compare_digest(given.encode(), self.secret.encode()):
            return False
        return not self.addresses or _is_within(asked.peer, self.addresses)


def _is_within(peer: str, addresses: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, 'ipv4_mapped', None) or address
    return any(mapped in ipaddress.ip_network(network) for network in addresses)
