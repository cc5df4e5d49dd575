"""Placement's microversions that change what can be read, or written here.

Versions that only change writes which are not here have no entry.
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


class Candidates(Change):
    """Allocations that would be possible are listed."""

    number = (1, 10)


class AllocationLinks(Change):
    """Providers link to their allocations."""

    number = (1, 11)


class Owners(Change):
    """Allocations show their project and user; possible ones are told by provider."""

    number = (1, 12)


class Trees(Change):
    """Providers show their parent and root, and are found by their tree."""

    number = (1, 14)


class Dates(Change):
    """Answers say when what they show was changed, and are not to be kept."""

    number = (1, 15)


class Limits(Change):
    """Candidates are limited in number."""

    number = (1, 16)


class CandidatesByTraits(Change):
    """Candidates are found by traits, and show them."""

    number = (1, 17)


class ProvidersByTraits(Change):
    """Providers are found by traits."""

    number = (1, 18)


class AggregateGenerations(Change):
    """Aggregates of a provider show its generation."""

    number = (1, 19)


class CandidatesByAggregate(Change):
    """Candidates are found by aggregate."""

    number = (1, 21)


class ForbiddenTraits(Change):
    """Traits may be forbidden, by a ! before them."""

    number = (1, 22)


class ErrorCodes(Change):
    """Errors have a code."""

    number = (1, 23)


class SeveralAggregates(Change):
    """member_of may be given several times, and all must be met."""

    number = (1, 24)


class Groups(Change):
    """Candidates are asked for in several numbered groups."""

    number = (1, 25)


class WholeSummaries(Change):
    """The summaries of candidates show every resource class of a provider."""

    number = (1, 27)


class ConsumerGenerations(Change):
    """Consumers have a generation."""

    number = (1, 28)


class TreesOfCandidates(Change):
    """The summaries of candidates show parent and root."""

    number = (1, 29)


class CandidatesInTree(Change):
    """Candidates are found by the tree of a provider."""

    number = (1, 31)


class ForbiddenAggregates(Change):
    """Aggregates may be forbidden, by a ! before them."""

    number = (1, 32)


class NamedGroups(Change):
    """Groups are told apart by names."""

    number = (1, 33)


class Mappings(Change):
    """Candidates say which provider is meant for which group."""

    number = (1, 34)


class RootTraits(Change):
    """Candidates are found by the traits of the root of a tree."""

    number = (1, 35)


class Subtrees(Change):
    """Groups may be kept to one subtree, and groups without resources are allowed there."""

    number = (1, 36)


class ConsumerTypes(Change):
    """Consumers have a type, and usages are told by it."""

    number = (1, 38)


class AnyTraits(Change):
    """One of several traits may be asked for, and required may be given several times."""

    number = (1, 39)


HISTORY = History(
    Aggregates,
    ResourceClasses,
    MemberOf,
    ByResources,
    Traits,
    TotalUsages,
    Candidates,
    AllocationLinks,
    Owners,
    Trees,
    Dates,
    Limits,
    CandidatesByTraits,
    ProvidersByTraits,
    AggregateGenerations,
    CandidatesByAggregate,
    ForbiddenTraits,
    ErrorCodes,
    SeveralAggregates,
    Groups,
    WholeSummaries,
    ConsumerGenerations,
    TreesOfCandidates,
    CandidatesInTree,
    ForbiddenAggregates,
    NamedGroups,
    Mappings,
    RootTraits,
    Subtrees,
    ConsumerTypes,
    AnyTraits,
    minimum=MINIMUM,
    maximum=MAXIMUM,
    service='placement',
)
