"""Find filters, weighers and whole schedulers by the names of their entry points."""

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

FILTERS, WEIGHERS, DRIVERS = 'nimbus.scheduler.filters', 'nimbus.scheduler.weighers', 'nimbus.scheduler.drivers'


def installed(namespace: str) -> dict[str, metadata.EntryPoint]:
    """What is installed under the namespace, by its name; nothing of it is loaded yet."""
    return {each.name: each for each in metadata.entry_points(group=namespace)}


def find(namespace: str, option: str, names: Sequence[str], allowed: Sequence[str] = ()) -> list[Any]:
    """The named classes, in the order named.

    Raises LookupError that names the option and a name that is not installed, or not among the `allowed` where any are.
    """
    found = installed(namespace)
    for name in names:
        if name not in found:
            there = ', '.join(sorted(found)) or 'none'
            raise LookupError(f'{option} names {name}, which is not there; there are {there}.')
        if allowed and name not in allowed:
            raise LookupError(f'{option} names {name}, which is not among the available: {", ".join(allowed)}.')
    return [found[name].load() for name in names]


def load(
    namespace: str, option: str, names: Sequence[str], settings: Mapping[str, Any], allowed: Sequence[str] = ()
) -> list[Any]:
    """One of each named class, made with the settings.  Raises LookupError as `find` does."""
    return [kind(settings) for kind in find(namespace, option, names, allowed)]
