"""Converters of attribute values, as Neutron has them: each returns the value to store, or raises ValueError."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from nimbus.common import ids, numbers

Take = Callable[[Any], Any]
TRUE, FALSE = ('1', 't', 'true', 'on', 'y', 'yes'), ('0', 'f', 'false', 'off', 'n', 'no')
MAC = re.compile(r'[0-9a-f]{2}([:-][0-9a-f]{2}){5}\Z', re.IGNORECASE)


def anything(value: Any) -> Any:
    """The value as it is."""
    return value


def flag(value: Any) -> bool:
    """True or false, also spelt as a word or a number."""
    word = str(value).strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError(f"'{value}' cannot be converted to boolean")


def text(longest: int = 255) -> Take:
    """A string no longer than that."""

    def take(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"'{value}' is not a valid string")
        if len(value) > longest:
            raise ValueError(f"'{value}' exceeds maximum length of {longest}")
        if '\x00' in value:
            raise ValueError('NUL is not allowed in a string')
        return value

    return take


def whole(lowest: int, highest: int) -> Take:
    """A whole number, also spelt as a string."""

    def take(value: Any) -> int:
        number = numbers.read(value)
        if number is None:
            raise ValueError(f"'{str(value)[:80]}' is not an integer")
        if number < lowest:
            raise ValueError(f"'{value}' is too small - must be at least '{lowest}'")
        if number > highest:
            raise ValueError(f"'{value}' is too large - must be no larger than '{highest}'")
        return number

    return take


number = whole(-(2**31), 2**31 - 1)  # of a filter: no number kept here is greater


def one_of(*known: Any, also: Take = anything) -> Take:
    """One of the known values."""

    def take(value: Any) -> Any:
        try:
            value = also(value)
        except (ValueError, TypeError):
            pass
        if isinstance(value, list | dict) or value not in known:
            raise ValueError(f"'{value}' is not in {list(known)}")
        return value

    return take


def maybe(take: Take) -> Take:
    """The converter, for a value that may also be None."""
    return lambda value: None if value is None else take(value)


def uuid(value: Any) -> str:
    """A dashed UUID."""
    if not ids.is_uuid(value):
        raise ValueError(f"'{value}' is not a valid UUID")
    return value


def mac(value: Any) -> str:
    """A MAC address in lower case with colons, of one station."""
    if not isinstance(value, str) or not MAC.match(value):
        raise ValueError(f"'{value}' is not a valid MAC address")
    plain = value.lower().replace('-', ':')
    if plain == '00:00:00:00:00:00':
        raise ValueError(f"'{value}' is not a valid MAC address")
    return plain


def ip(value: Any) -> str:
    """An IP address in its shortest form."""
    try:
        if not isinstance(value, str) or '%' in value:
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP address") from None


def _range(value: Any) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    try:
        if not isinstance(value, str) or '/' not in value or '%' in value:
            raise ValueError
        return ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP subnet") from None


def subnet(value: Any) -> str:
    """A subnet's range, without the bits set beyond its length."""
    net = _range(value).network
    if net.prefixlen == 0:
        raise ValueError(f"'{value}' is not a valid CIDR: 0 is not allowed as its length")
    return str(net)


def prefix(value: Any) -> str:
    """A range of addresses, of any length, without the bits set beyond it."""
    return str(_range(value).network)


def destination(value: Any) -> str:
    """Where a route leads: a range with no bits set beyond its length; 0.0.0.0/0 and ::/0 are everywhere."""
    try:
        address = _range(value)
    except ValueError:
        raise ValueError(f"'{value}' is not a valid CIDR") from None
    if address.ip != address.network.network_address:
        raise ValueError(f"'{value}' is not a valid CIDR; '{address.network}' is")
    if address.network.is_loopback:
        raise ValueError(f"'{value}' is not a routable CIDR")
    return str(address.network)


def range_or_ip(value: Any) -> str:
    """An IP address, or a CIDR as it was written."""
    if isinstance(value, str) and '/' in value:
        subnet(value)
        return str(_range(value))
    return ip(value)


def unique(items: list[Any], what: str) -> list[Any]:
    """The items themselves.  Raises ValueError when one occurs twice."""
    seen: list[Any] = []
    for item in items:
        if item in seen:
            raise ValueError(f"Duplicate {what} '{item}'")
        seen.append(item)
    return items


def listing(item: Take, what: str, invalid: str = '') -> Take:
    """A list of such items, none of which occurs twice."""

    def take(value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueError(invalid.format(value) if invalid else f"'{value}' is not a list")
        return unique([item(entry) for entry in value], what)

    return take


def record(required: dict[str, Take], optional: dict[str, Take] | None = None, invalid: str = '{}') -> Take:
    """An object with those keys and no other."""
    optional = optional or {}

    def take(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(invalid.format(value))
        missing, unknown = set(required) - set(value), set(value) - set(required) - set(optional)
        if missing or unknown:
            raise ValueError(
                f"Validation of dictionary's keys failed. Expected keys: {sorted(required)} "
                f'Provided keys: {sorted(map(str, value))}'
            )
        return {name: ({**required, **optional})[name](entry) for name, entry in value.items()}

    return take


def mapping(value: Any) -> dict[str, Any]:
    """Any object."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    return value


def dhcp_name(value: Any) -> str:
    """The name or number of a DHCP option, as the DHCP server knows it."""
    if not re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9_-]{0,63}', str(value)):
        raise ValueError(f"'{value}' is not the name of a DHCP option: letters, digits and dashes, at most 64")
    return str(value)


def dhcp_value(value: Any) -> str | None:
    """The value of a DHCP option; None removes the option.  It is a single line, as dnsmasq's file has one for each."""
    if value is None:
        return None
    value = text()(value)
    if not value.isprintable():
        raise ValueError(f'{value!r} has a character that a DHCP option cannot carry')
    return value


def ip_version(value: Any) -> int:
    """4 or 6."""
    if numbers.read(value) not in (4, 6):
        raise ValueError(f"'{str(value)[:80]}' is not in [4, 6]")
    return 4 if numbers.read(value) == 4 else 6


def dhcp_options(value: Any) -> list[dict[str, Any]]:
    """DHCP options with an IP version each.  Raises ValueError on an empty value where the option needs one."""
    found = [{'ip_version': 4, **entry} for entry in _DHCP_OPTIONS(value)]
    for entry in found:
        if entry['opt_value'] == '' and entry['opt_name'] not in BLANK_DHCP_OPTIONS:
            raise ValueError("'' is not a valid value of the DHCP option " + entry['opt_name'])
    return found


# An empty value of these two suppresses the one that the subnet would give.
BLANK_DHCP_OPTIONS = ('router', 'classless-static-route')
_DHCP_OPTIONS = listing(
    record({'opt_name': dhcp_name, 'opt_value': dhcp_value}, {'ip_version': ip_version}), 'DHCP option'
)
POOLS = listing(
    record({'start': ip, 'end': ip}, invalid="Invalid data format for IP pool: '{}'"),
    'IP pool',
    "Invalid data format for IP pool: '{}'",
)
ROUTES = listing(
    record({'destination': destination, 'nexthop': ip}, invalid="Invalid data format for hostroute: '{}'"),
    'hostroute',
    "Invalid data format for hostroute: '{}'",
)
FIXED_IPS = listing(
    record({}, {'subnet_id': uuid, 'ip_address': ip}, "Invalid data format for fixed IP: '{}'"),
    'fixed IP',
    "Invalid data format for fixed IP: '{}'",
)
ZONES = listing(text(), 'availability zone')
PAIRS = listing(
    record({'ip_address': range_or_ip}, {'mac_address': mac}, "Invalid input. '{}' must be a dictionary."),
    'address pair',
)
