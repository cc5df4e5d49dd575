"""Placement's microversions that change what can be read.

Versions that only change writes, which are not here, have no entry.  The last one is that before allocation
candidates: a client that sees a later one may ask for them.
"""

from nimbus.api.kit.versions import Change, History, Version

MINIMUM: Version = (1, 0)
MAXIMUM: Version = (1, 9)


class Aggregates(Change):
    """Providers show their aggregates."""

    number = (1, 1)


class ResourceClasses(Change):
    """The names of what can be counted are listed."""

    number = (1, 2)


class MemberOf(Change):
    """Providers are found by aggregate."""

    number = (1, 3)


class ByResources(Change):
    """Providers are found by what they have room for."""

    number = (1, 4)


class Traits(Change):
    """Providers show their traits."""

    number = (1, 6)


class TotalUsages(Change):
    """What a project uses is summed up."""

    number = (1, 9)


HISTORY = History(
    Aggregates,
    ResourceClasses,
    MemberOf,
    ByResources,
    Traits,
    TotalUsages,
    minimum=MINIMUM,
    maximum=MAXIMUM,
    service='placement',
)
