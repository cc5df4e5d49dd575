"""What rules of security groups consist of, as requests have it, with Neutron's own words for what cannot be."""

import ipaddress
from typing import Any

from nimbus.api.network import values
from nimbus.common import errors


def protocol(value: Any) -> str | None:
    """A protocol by name or number; None means any."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"'{value}' is not a protocol")
    word = str(value).lower()
    return {'icmpv4': 'icmp', 'icmp6': 'ipv6-icmp'}.get(word, word)


def port(value: Any) -> int | None:
    """A port, or an ICMP type or code.  Raises Invalid in Neutron's own words."""
    if value is None or value == '':
        return None
    try:
        return values.whole(0, 65535)(value)
    except ValueError as why:
        raise errors.Invalid(f'Invalid value for port {value}', type='SecurityGroupInvalidPortValue') from why


def ethertype(value: Any) -> str:
    """IPv4 or IPv6 in any case.  Raises Invalid in Neutron's own words."""
    found = {'ipv4': 'IPv4', 'ipv6': 'IPv6'}.get(str(value).lower())
    if found is None:
        raise errors.Invalid(
            f"Security group rule for ethertype '{value}' not supported. Allowed values are ['IPv4', 'IPv6'].",
            type='SecurityGroupRuleInvalidEtherType',
        )
    return found


def prefix(value: Any) -> str | None:
    """A range; an address alone is a range of one.  Raises Invalid in Neutron's own words."""
    if value is None or value == '':
        return None
    try:
        ipaddress.ip_network(value, strict=False)
    except (ValueError, TypeError) as why:
        raise errors.Invalid(f'Invalid CIDR {value} given as IP prefix.', type='InvalidCIDR') from why
    return str(ipaddress.ip_interface(value)) if isinstance(value, str) else None
