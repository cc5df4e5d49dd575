"""Arithmetic on sets of address ranges: join them, take ranges out of them, and see whether they meet."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

Net = Any  # ipaddress.IPv4Network or IPv6Network, all of one version in one set


def nets(texts: Iterable[str]) -> list[Net]:
    """The ranges, with no bits set beyond their lengths."""
    return [ipaddress.ip_network(text, strict=False) for text in texts]


def joined(found: Iterable[Net]) -> list[Net]:
    """The same addresses in as few ranges as can be, in order."""
    return list(ipaddress.collapse_addresses(found))


def without(found: Iterable[Net], gone: Sequence[Net]) -> list[Net]:
    """The ranges' addresses that are in none of those gone."""
    left = joined(found)
    for out in joined(gone):
        rest: list[Net] = []
        for net in left:
            if not net.overlaps(out):
                rest.append(net)
            elif net.supernet_of(out):
                rest += net.address_exclude(out)
        left = rest
    return joined(left)


def meet(some: Iterable[Net], others: Sequence[Net]) -> bool:
    """Whether any address is in both."""
    return any(one.overlaps(other) for one in some for other in others)


def within(some: Iterable[Net], others: Iterable[Net]) -> bool:
    """Whether every address of the first is in the second."""
    around = joined(others)
    return all(any(net.subnet_of(other) for other in around) for net in joined(some))


def smallest_first(found: Iterable[Net]) -> list[Net]:
    """The ranges, those with the fewest addresses first, and by address among those of one size."""
    return sorted(found, key=lambda net: (-net.prefixlen, int(net.network_address)))
