"""The Compute API's microversions: what each changed, for the parts of the API that nimbus has.

What a version adds to or takes from a view is a window on the field (nouns) or on the route; a change of behaviour
is asked for by the name of its class here.
"""

from nimbus.api.compute.move_versions import (
    AbortWaiting,
    BlockMigrationAuto,
    ChecksInBackground,
    ForcedMoves,
    MigrateToHost,
    NoForcedMoves,
)
from nimbus.api.kit.versions import Change, History, Version

MINIMUM: Version = (2, 1)
MAXIMUM: Version = (2, 104)
PROXIES_END: Version = (2, 35)  # the last version with views of other services
IMAGE_METADATA_END: Version = (2, 38)  # the last version with the metadata of images
HOSTS_END: Version = (2, 42)  # the last version with the old view of hosts

ADDRESS_ACTIONS_END: Version = (2, 43)  # the last version with actions on a server's addresses


class KeyTypes(Change):
    """Key pairs have a type, ssh or x509; creating one answers 201 and deleting one 204."""

    number = (2, 2)


class MoreServerAttributes(Change):
    """Operators see a server's reservation, launch index, host name, root device and user data."""

    number = (2, 3)


class FilterByIp6(Change):
    """Everybody may filter servers by IPv6 address."""

    number = (2, 5)


class AccessToPublicFlavor(Change):
    """Granting a project a public flavor is a conflict."""

    number = (2, 7)


class MksConsoles(Change):
    """A console may be asked for by the protocol mks, which no hypervisor here has."""

    number = (2, 8)


class LockedShown(Change):
    """A server's view says whether it is locked."""

    number = (2, 9)


class KeysOfOthers(Change):
    """An operator may list, show, create and delete another user's key pairs."""

    number = (2, 10)


class ForcedDown(Change):
    """An operator may say that a compute host is down; services show it."""

    number = (2, 11)


class OwnersOfGroups(Change):
    """Groups of servers show whose they are."""

    number = (2, 13)


class EvacuationFindsDisks(Change):
    """Whether the hosts of an evacuated server share storage is found out, not said, and no password is answered."""

    number = (2, 14)


class SoftPolicies(Change):
    """Groups of servers may have soft policies."""

    number = (2, 15)


class HostStatus(Change):
    """Operators see the state of a server's host."""

    number = (2, 16)


class Descriptions(Change):
    """Servers have a description of their own."""

    number = (2, 19)


class VolumesOfShelved(Change):
    """Volumes of a shelved server come and go."""

    number = (2, 20)


class ActionsOfTheDeleted(Change):
    """The actions of a deleted server can be read."""

    number = (2, 21)


class MigrationTypes(Change):
    """Migrations show their type."""

    number = (2, 23)


class Tags(Change):
    """Servers have tags, and can be found by them."""

    number = (2, 26)


class CpuInfoObject(Change):
    """A hypervisor's cpu_info is an object instead of a string."""

    number = (2, 28)


class EvacuationAsksFilters(Change):
    """The scheduler's filters judge the host that an evacuation names, unless it is forced."""

    number = (2, 29)


class ConsoleTokens(Change):
    """Operators see where the console is that a token leads to, whatever its type."""

    number = (2, 31)


class DeviceTags(Change):
    """Disks and network interfaces of a new server may have a tag."""

    number = (2, 32)


class HypervisorPages(Change):
    """Hypervisors come in pages; a bug took the tags of disks away."""

    number = (2, 33)


class KeyPages(Change):
    """Key pairs come in pages."""

    number = (2, 35)


class NoProxies(Change):
    """Views of the image, network and volume services, and their quotas, are gone."""

    number = (2, 36)


class NetworksRequired(Change):
    """A new server says which networks it joins: a list, 'auto' or 'none'."""

    number = (2, 37)


class StatusChecked(Change):
    """A filter by a status that does not exist is refused."""

    number = (2, 38)


class NoImageMetadata(Change):
    """The limits no longer include image metadata."""

    number = (2, 39)


class UsagePages(Change):
    """What projects used comes in pages."""

    number = (2, 40)


class AggregateIds(Change):
    """Host aggregates show a UUID."""

    number = (2, 41)


class DeviceTagsBack(Change):
    """Tags of disks are back."""

    number = (2, 42)


class ImageIdInBody(Change):
    """Making an image of a server answers with the image's id in the body, not with its address in a header."""

    number = (2, 45)


class FlavorEmbedded(Change):
    """A server shows its flavor as it was, not a link."""

    number = (2, 47)


class StandardDiagnostics(Change):
    """The diagnostics of a server have the same names whatever its hypervisor is."""

    number = (2, 48)


class TagsOnAttach(Change):
    """A volume or network interface may be given a tag when it is attached."""

    number = (2, 49)


class QuotaClassesCleaned(Change):
    """Quota classes show the groups of servers and no networks."""

    number = (2, 50)


class EventsForOwners(Change):
    """A server's owner sees the events of its actions, without tracebacks; services may tell of extended volumes."""

    number = (2, 51)


class TagsAtCreate(Change):
    """A new server may be given tags."""

    number = (2, 52)


class UuidsOfServices(Change):
    """Services and hypervisors have UUIDs for ids, and are found by query parameters instead of paths."""

    number = (2, 53)


class RebuildKeys(Change):
    """Rebuilding a server may give it another key pair, or none."""

    number = (2, 54)


class FlavorDescriptions(Change):
    """Flavors have a description, which can be changed."""

    number = (2, 55)


class NoPersonality(Change):
    """Files are not injected any more, and their quotas and limits are gone."""

    number = (2, 57)


class ActionPages(Change):
    """A server's actions come in pages, and by when they changed."""

    number = (2, 58)


class MigrationPages(Change):
    """Migrations come in pages, by when they changed, and show a UUID."""

    number = (2, 59)


class ExtraSpecsInFlavors(Change):
    """Flavors show their extra specs."""

    number = (2, 61)


class HostsOfEvents(Change):
    """Events show the host they happened on: to operators its name, to owners its hostId."""

    number = (2, 62)


class TrustedCertificates(Change):
    """A server shows the certificates its image was checked against."""

    number = (2, 63)


class GroupRules(Change):
    """A group of servers has one policy, and rules for it."""

    number = (2, 64)


class ChangesBefore(Change):
    """Servers and actions are found by the latest time they changed as well."""

    number = (2, 66)


class VolumeTypes(Change):
    """A disk made for a new server may name its volume type."""

    number = (2, 67)


class AttachmentTags(Change):
    """Attachments of volumes and interfaces show their tags."""

    number = (2, 70)


class GroupsOfServer(Change):
    """A server's own view shows its groups."""

    number = (2, 71)


class LockedReason(Change):
    """Locking a server may give a reason; servers are found and sorted by being locked."""

    number = (2, 73)


class RequestedHost(Change):
    """An operator may ask for the host of a new server."""

    number = (2, 74)


class StrictQueries(Change):
    """Unknown parameters are refused, and changing a server answers with all of it."""

    number = (2, 75)


class PowerEvents(Change):
    """Services may tell of changes of a server's power."""

    number = (2, 76)


class UnshelveToZone(Change):
    """A shelved server may come back in another availability zone."""

    number = (2, 77)


class KeepOrDelete(Change):
    """Attaching a volume may say that it goes when the server goes."""

    number = (2, 79)


class OwnersOfMigrations(Change):
    """Migrations show whose they are, and are found by it."""

    number = (2, 80)


class AcceleratorEvents(Change):
    """Services may tell of bound accelerators."""

    number = (2, 82)


class MoreFilters(Change):
    """Everybody may filter servers by zone, key, states and times."""

    number = (2, 83)


class EventDetails(Change):
    """Events show details of what went wrong."""

    number = (2, 84)


class ChangeAttachment(Change):
    """Whether an attached volume goes with the server can be changed."""

    number = (2, 85)


class ExtraSpecsChecked(Change):
    """Extra specs that nobody knows are refused."""

    number = (2, 86)


class RescueOfVolumes(Change):
    """A server that boots from a volume may be rescued by an image that names device and bus of its disk."""

    number = (2, 87)


class HypervisorsWithoutUsage(Change):
    """Hypervisors do not show what is used of them; placement does."""

    number = (2, 88)


class AttachmentIds(Change):
    """Attached volumes show the ids of the attachment and of the block device."""

    number = (2, 89)


class Hostnames(Change):
    """A server's host name can be chosen, and is shown to its owner."""

    number = (2, 90)


class UnshelveToHost(Change):
    """A shelved server may come back on a host that an operator names, and need not keep to its zone."""

    number = (2, 91)


class KeysImportedOnly(Change):
    """Key pairs are imported, not generated; their names may have @ and dots."""

    number = (2, 92)


class RebuildRootVolumes(Change):
    """Rebuilding a server that boots from a volume is to write that volume anew."""

    number = (2, 93)


class QualifiedHostnames(Change):
    """A server's host name may be fully qualified."""

    number = (2, 94)


class EvacuatedStopped(Change):
    """A server is off when it was evacuated."""

    number = (2, 95)


class PinnedZone(Change):
    """A server shows the availability zone it was asked into."""

    number = (2, 96)


class ImageProperties(Change):
    """A server shows the properties of its image."""

    number = (2, 98)


class SpiceDirect(Change):
    """A console may be asked for by the type spice-direct, which no hypervisor here has; tokens take no query."""

    number = (2, 99)


class SchedulerHints(Change):
    """A server shows its scheduler hints."""

    number = (2, 100)


class AttachedLater(Change):
    """Attaching a volume is answered with 202 and no body: its device is not known yet."""

    number = (2, 101)


class NoUnknownQueries(Change):
    """Flavors are found by name and have no rxtx_factor and no disabled; no query may have what nobody knows."""

    number = (2, 102)


class ChangePinnedZone(Change):
    """A server may be freed from the zone that it was asked into, and pinned to the one where it is."""

    number = (2, 104)


HISTORY = History(
    KeyTypes,
    MoreServerAttributes,
    FilterByIp6,
    AccessToPublicFlavor,
    MksConsoles,
    LockedShown,
    KeysOfOthers,
    ForcedDown,
    OwnersOfGroups,
    EvacuationFindsDisks,
    SoftPolicies,
    HostStatus,
    Descriptions,
    VolumesOfShelved,
    ActionsOfTheDeleted,
    MigrationTypes,
    BlockMigrationAuto,
    Tags,
    CpuInfoObject,
    EvacuationAsksFilters,
    ForcedMoves,
    ConsoleTokens,
    DeviceTags,
    HypervisorPages,
    ChecksInBackground,
    KeyPages,
    NoProxies,
    NetworksRequired,
    StatusChecked,
    NoImageMetadata,
    UsagePages,
    AggregateIds,
    DeviceTagsBack,
    ImageIdInBody,
    FlavorEmbedded,
    StandardDiagnostics,
    TagsOnAttach,
    QuotaClassesCleaned,
    EventsForOwners,
    TagsAtCreate,
    UuidsOfServices,
    RebuildKeys,
    FlavorDescriptions,
    MigrateToHost,
    NoPersonality,
    ActionPages,
    MigrationPages,
    ExtraSpecsInFlavors,
    HostsOfEvents,
    TrustedCertificates,
    GroupRules,
    AbortWaiting,
    ChangesBefore,
    VolumeTypes,
    NoForcedMoves,
    AttachmentTags,
    GroupsOfServer,
    LockedReason,
    RequestedHost,
    StrictQueries,
    PowerEvents,
    UnshelveToZone,
    KeepOrDelete,
    OwnersOfMigrations,
    AcceleratorEvents,
    MoreFilters,
    EventDetails,
    ChangeAttachment,
    ExtraSpecsChecked,
    RescueOfVolumes,
    HypervisorsWithoutUsage,
    AttachmentIds,
    Hostnames,
    UnshelveToHost,
    KeysImportedOnly,
    RebuildRootVolumes,
    QualifiedHostnames,
    EvacuatedStopped,
    PinnedZone,
    ImageProperties,
    SpiceDirect,
    SchedulerHints,
    AttachedLater,
    NoUnknownQueries,
    ChangePinnedZone,
    minimum=MINIMUM,
    maximum=MAXIMUM,
    service='compute',
    legacy_header='X-OpenStack-Nova-API-Version',
)
