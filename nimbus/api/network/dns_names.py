"""Names of ports and networks in a DNS, as requests have them and as the API shows them."""

import re
from collections.abc import Sequence
from typing import Any

from nimbus.network.rpc import DOMAIN

LONGEST = 255  # characters of a whole name
LABEL = re.compile(r'[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?', re.IGNORECASE)


def name(value: Any) -> str | None:
    """A name of one label or more, in lower case; '' and None are none.  Raises ValueError."""
    if value is None or value == '':
        return None
    if not isinstance(value, str):
        raise ValueError(f"'{str(value)[:80]}' is not a valid string")
    plain = value.removesuffix('.')
    why = ''
    labels = plain.split('.')
    if len(plain) > LONGEST:
        why = f'it exceeds the {LONGEST} character FQDN limit'
    elif not all(LABEL.fullmatch(label) for label in labels):
        why = 'each name must be 1-63 characters long, each of which can only be alphanumeric or a hyphen'
    elif len(labels) > 1 and re.fullmatch('[0-9]+', labels[-1]):
        why = f"TLD '{labels[-1]}' must not be all numeric"
    if why:
        raise ValueError(f"'{value[:80]}' not a valid PQDN or FQDN. Reason: {why}")
    return value.lower()


def assigned(dns_name: str | None, hostname: str, addresses: Sequence[str]) -> list[dict[str, str]]:
    """What each address is called by the DHCP servers of its network."""
    found = []
    for ip in addresses:
        called = dns_name or hostname or 'host-' + ip.replace('.', '-').replace(':', '-')
        whole = called if called.endswith('.') else f'{called}.{DOMAIN}.'
        found.append({'ip_address': ip, 'hostname': called, 'fqdn': whole})
    return found
