"""The client certificate of a request, as a trusted proxy that terminates TLS passes it on in a header."""

import base64
import binascii
import dataclasses
import hashlib
import ipaddress
import ssl
import urllib.parse
from collections.abc import Sequence
from typing import Any, Self

from nimbus.common import errors

BEGIN, END = '-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'
MAX_LENGTH = 16384  # characters of a header that are looked at
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True)
class TrustedProxies:
    """The proxies trusted to pass on client certificates, and the header they use; by default there are none."""

    header: str = ''
    networks: Sequence[Network] = ()

    @classmethod
    def of(cls, conf: Any) -> Self:
        """As configured.  Raises Invalid on a malformed address, and on a header without any trusted proxy."""
        name, fronts = conf.api.client_certificate_header, conf.api.trusted_fronts
        try:
            networks = tuple(ipaddress.ip_network(one) for one in fronts)
        except ValueError as why:
            raise errors.Invalid(f'[api] trusted_fronts must be addresses or networks: {why}.') from None
        if name and not networks:
            raise errors.Invalid('[api] client_certificate_header needs trusted_fronts: a client could write it too.')
        return cls(name, networks)

    def certificate(self, environ: dict[str, Any]) -> bytes | None:
        """The client's certificate in DER, None where no trusted proxy passed one on."""
        if not self.header or not self._is_trusted(environ.get('REMOTE_ADDR', '')):
            return None
        header = environ.get('HTTP_' + self.header.upper().replace('-', '_'), '')
        return _der(header) if 0 < len(header) <= MAX_LENGTH else None

    def _is_trusted(self, address: str) -> bool:
        try:
            sender = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(sender, ipaddress.IPv6Address) and sender.ipv4_mapped:
            sender = sender.ipv4_mapped
        return any(sender in network for network in self.networks)


def thumbprint(der: bytes) -> str:
    """The certificate's thumbprint, computed from its PEM as OpenStack's services do."""
    pem = ssl.DER_cert_to_PEM_cert(der)
    return base64.urlsafe_b64encode(hashlib.sha256(pem.encode()).digest()).decode()


def _der(header: str) -> bytes | None:
    """The header's certificate in DER, None when there is none: PEM, URL-encoded or on one line, or DER in base64."""
    text = urllib.parse.unquote(header).strip()
    if text.startswith(BEGIN):
        text, _, rest = text.removeprefix(BEGIN).partition(END)
        if rest.strip():
            return None  # a chain, or two headers in one
    try:
        # RFC 9440 puts colons around the base64.
        return base64.b64decode(''.join(text.split()).strip(':'), validate=True) or None
    except (binascii.Error, ValueError):
        return None
