"""Placement's microversions, as far as they change what can be read.

Versions that only change writes or allocation candidates, neither of which is here, have no entry.
"""

from nimbus.api.kit.versions import Change, History, Version

MINIMUM: Version = (1, 0)
MAXIMUM: Version = (1, 39)


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


class AllocationsLink(Change):
    """A provider links to its allocations."""

    number = (1, 11)


class Owners(Change):
    """A consumer's allocations show its project and user."""

    number = (1, 12)


class Trees(Change):
    """Providers show their parent and root, and are found by tree."""

    number = (1, 14)


class Freshness(Change):
    """Answers say when what they show last changed, and are not to be cached."""

    number = (1, 15)


class RequiredTraits(Change):
    """Providers are found by traits."""

    number = (1, 18)


class AggregateGeneration(Change):
    """A provider's aggregates come with its generation."""

    number = (1, 19)


class ForbiddenTraits(Change):
    """Providers are found by traits that they do not have."""

    number = (1, 22)


class ErrorCodes(Change):
    """Errors have a code."""

    number = (1, 23)


class ManyAggregates(Change):
    """Providers are found by several aggregates at once."""

    number = (1, 24)


class ConsumerGenerations(Change):
    """Consumers have a generation."""

    number = (1, 28)


class ForbiddenAggregates(Change):
    """Providers are found by aggregates that they are not in."""

    number = (1, 32)


class ConsumerTypes(Change):
    """Consumers have a type, and usages are told for each."""

    number = (1, 38)


class AnyTraits(Change):
    """Providers are found by any one of several traits."""

    number = (1, 39)


HISTORY = History(
    Aggregates,
    ResourceClasses,
    MemberOf,
    ByResources,
    Traits,
    TotalUsages,
    AllocationsLink,
    Owners,
    Trees,
    Freshness,
    RequiredTraits,
    AggregateGeneration,
    ForbiddenTraits,
    ErrorCodes,
    ManyAggregates,
    ConsumerGenerations,
    ForbiddenAggregates,
    ConsumerTypes,
    AnyTraits,
    minimum=MINIMUM,
    maximum=MAXIMUM,
    service='placement',
)
