"""Which URIs and addresses image data may be fetched from: by default none that only this cloud can reach."""

import dataclasses
import ipaddress
import socket
import urllib.parse

from nimbus.common import errors

PORTS = {'http': 80, 'https': 443}
LONGEST = 2048  # characters of a URI
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Prefixes of IPv6 in which another address is reached: the translators of NAT64.
TRANSLATED = (ipaddress.ip_network('64:ff9b::/96'), ipaddress.ip_network('64:ff9b:1::/48'))


@dataclasses.dataclass(frozen=True)
class Rules:
    """An operator's rules for downloads."""

    schemes: tuple[str, ...] = ('http', 'https')
    ports: tuple[int, ...] = (80, 443)
    hosts: tuple[str, ...] = ()  # the only ones, where there are any
    refused_hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()  # not public, and allowed all the same
    redirects: int = 5
    seconds: float = 21600
    pause: float = 60  # seconds without a byte


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a URI leads to, by its text alone."""

    uri: str
    scheme: str
    host: str
    port: int
    path: str  # with the query


def target(rules: Rules, uri: object) -> Target:
    """What the URI names, when the rules let it pass as far as its text tells.  Raises Invalid."""
    if not isinstance(uri, str) or not uri or len(uri) > LONGEST or not uri.isascii() or not uri.isprintable():
        raise errors.Invalid(f'A URI to download from has at most {LONGEST} printable ASCII characters.')
    refusal = errors.Invalid(f'URI for web-download does not pass filtering: {uri}')
    try:
        parts = urllib.parse.urlsplit(uri)
        host, port = (parts.hostname or '').rstrip('.'), parts.port
    except ValueError:
        raise refusal from None
    if ' ' in uri or '\\' in uri or set('@%') & set(parts.netloc) or parts.scheme not in rules.schemes or not host:
        raise refusal
    if (rules.hosts and host not in rules.hosts) or host in rules.refused_hosts:
        raise refusal
    port = PORTS.get(parts.scheme) if port is None else port
    if port is None or port not in rules.ports:
        raise refusal
    if (literal := _literal(host)) is not None and not allows(rules, literal):
        raise refusal
    path = urllib.parse.urlunsplit(('', '', parts.path or '/', parts.query, ''))
    return Target(uri, parts.scheme, host, port, path)


def _literal(host: str) -> Address | None:
    """The address that the host is, in any form that a resolver takes for one without asking; None for a name."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return address(found[0][4][0])


def address(text: object) -> Address:
    """The address of a socket's name, without the zone of a link."""
    return ipaddress.ip_address(str(text).partition('%')[0])


def resolve(rules: Rules, host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """The family and socket address of each address of the host that is allowed.  Raises Invalid when none is."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as why:
        raise errors.Invalid(f'The name {host} is not found.', inside=f'{host}: {why}') from why
    allowed = [(int(family), name) for family, _, _, _, name in found if allows(rules, address(name[0]))]
    if not allowed:
        raise errors.Invalid(f'No address of {host} may be downloaded from.')
    return list(dict.fromkeys(allowed))


def allows(rules: Rules, found: Address) -> bool:
    """Whether the rules let the address pass, and every address that is written within it."""
    if any(found in network for network in rules.networks):
        return True
    if isinstance(found, ipaddress.IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return allows(rules, inner)
        if found.sixtofour or found.teredo or any(found in prefix for prefix in TRANSLATED):
            return False
    public = found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)
    of_a_site = isinstance(found, ipaddress.IPv6Address) and found.is_site_local  # which counts as global
    return public and not found.is_link_local and not of_a_site


def _inner(found: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that the kernel talks to for this one."""
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    compatible = int(found)  # ::a.b.c.d, which old stacks took for the same
    return ipaddress.IPv4Address(compatible) if 1 < compatible < 1 << 32 else None
