"""Assertions from a web server before this one that has checked them: mod_shib, mod_auth_mellon, mod_auth_openidc.

What such a server tells stands in headers, and any client can send headers.  They are read only where an operator
said both how the attributes are called and how that server is known from a client: by a secret that it sends along,
or by its address.
"""

import dataclasses
import hmac
import ipaddress
from typing import Self

from nimbus.common import errors
from nimbus.identity.login.proofs import Asked
from nimbus.identity.settings.federation import Federation

SECRET = 'X-Federation-Secret'  # the header in which a trusted front sends what it is known by


def text_of(value: str) -> str:
    """A header's value as its sender meant it: UTF-8, which WSGI hands on as Latin-1, or Latin-1 where it is none."""
    try:
        return value.encode('iso-8859-1').decode('utf-8')
    except (UnicodeDecodeError, UnicodeEncodeError):
        return value


@dataclasses.dataclass(frozen=True)
class Front:
    """What a trusted front is known by, and how its attributes begin."""

    prefix: str = ''
    secret: str = dataclasses.field(default='', repr=False)
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises Invalid when an address is none, or only a part of what is needed is set."""
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
        """The web server before this one that an operator trusts to tell who users are.  Raises Invalid."""
        prefix = settings.assertion_prefix.upper().replace('-', '_')
        return cls(prefix, settings.trusted_front_secret, settings.trusted_front_addresses)

    def attributes(self, asked: Asked) -> dict[str, str] | None:
        """The attributes that came with the request, None when it did not come through the trusted front."""
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
        """Whether all that is configured says that the front sent the request."""
        told = asked.headers.get(SECRET, '')
        if self.secret and not hmac.compare_digest(told.encode(), self.secret.encode()):
            return False
        return not self.addresses or _is_within(asked.peer, self.addresses)


def _is_within(peer: str, addresses: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, 'ipv4_mapped', None) or address
    return any(mapped in ipaddress.ip_network(network) for network in addresses)
