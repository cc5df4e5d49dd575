"""The Block Storage API's microversions that make a difference in this cloud, oldest first."""

from nimbus.api.kit.versions import Change, History


class UploadParameters(Change):
    """An image of a volume may be seen by others and be protected from the start."""

    number = (3, 1)


class StrictBootable(Change):
    """The list filter `bootable` takes true and false only."""

    number = (3, 2)


class Messages(Change):
    """Users read why what they asked for failed after it was accepted."""

    number = (3, 3)


class ImageFilters(Change):
    """Lists are filtered by the image metadata of volumes."""

    number = (3, 4)


class MessagePages(Change):
    """Lists of messages come in pages, sorted and filtered as asked."""

    number = (3, 5)


class BackupUpdates(Change):
    """A backup is given another name or description."""

    number = (3, 9)


class Groups(Change):
    """A volume shows the group it is in."""

    number = (3, 13)


class GroupSnapshots(Change):
    """A snapshot shows the snapshot of a group that it is in."""

    number = (3, 14)


class Etags(Change):
    """A volume's metadata has an ETag, and changes may be conditional on it."""

    number = (3, 15)


class BackupProjects(Change):
    """Operators see the project of a backup."""

    number = (3, 18)


class ProviderIds(Change):
    """Operators see a volume's id at its backend."""

    number = (3, 21)


class SnapshotFilters(Change):
    """Snapshots are filtered by their metadata."""

    number = (3, 22)


class ForcedDeletes(Change):
    """An operator deletes a volume by force with the query `force=true`."""

    number = (3, 23)


class CleanedWorkers(Change):
    """An operator has what daemons left undone looked for at once."""

    number = (3, 24)


class Attachments(Change):
    """Attachments are resources of their own."""

    number = (3, 27)


class SnapshotSorts(Change):
    """Snapshots are sorted by their names."""

    number = (3, 30)


class StrictFilters(Change):
    """A filter that the asker may not use is refused; before, it was ignored."""

    number = (3, 31)


class ResourceFilters(Change):
    """The filters that users may ask each list with are listed."""

    number = (3, 33)


class LikeFilters(Change):
    """Lists are filtered by a part of a name, as in `name~=part`."""

    number = (3, 34)


class BackupSorts(Change):
    """Backups are sorted by their names."""

    number = (3, 37)


class LimitsOfProjects(Change):
    """An operator sees the limits of another project with the query `project_id`."""

    number = (3, 39)


class Reverts(Change):
    """A volume is put back to its newest snapshot."""

    number = (3, 40)


class SnapshotUsers(Change):
    """A snapshot shows who made it."""

    number = (3, 41)


class GrowInUse(Change):
    """A volume in use is extended; before, it is refused."""

    number = (3, 42)


class BackupMetadata(Change):
    """A backup has metadata."""

    number = (3, 43)


class CompletedAttachments(Change):
    """An attachment is completed by a request of its own, os-complete."""

    number = (3, 44)


class Counts(Change):
    """A list shows the total count of volumes."""

    number = (3, 45)


class BackupVolumes(Change):
    """A new volume begins with a backup."""

    number = (3, 47)


class Targets(Change):
    """A volume shows its service, and whether its targets are shared."""

    number = (3, 48)


class BackupZones(Change):
    """A backup is asked for in a zone."""

    number = (3, 51)


class TypeFilters(Change):
    """Volume types are filtered by their extra specs."""

    number = (3, 52)


class StrictBodies(Change):
    """Unknown names in a body are refused."""

    number = (3, 53)


class AttachmentModes(Change):
    """An attachment may be read-only."""

    number = (3, 54)


class TransfersWithSnapshots(Change):
    """A volume is passed on with its snapshots, or without them by `no_snapshots`."""

    number = (3, 55)


class BackupUsers(Change):
    """Operators see who made a backup."""

    number = (3, 56)


class TransferHistory(Change):
    """A transfer shows from which project the volume comes, and whether it was accepted."""

    number = (3, 57)


class TransferPages(Change):
    """Lists of transfers come in pages and are sorted as asked."""

    number = (3, 59)


class Moments(Change):
    """Lists are filtered by when volumes were made or changed."""

    number = (3, 60)


class Clusters(Change):
    """Operators see the cluster a volume is in."""

    number = (3, 61)


class DefaultTypes(Change):
    """A project has a default volume type of its own."""

    number = (3, 62)


class TypeIds(Change):
    """A volume shows its type's id beside its name."""

    number = (3, 63)


class KeyIds(Change):
    """An encrypted volume shows the id of its key; no volume here is encrypted."""

    number = (3, 64)


class QuotaUses(Change):
    """Volumes and snapshots show whether they count against the quota, and are filtered by it; here all of them do."""

    number = (3, 65)


class UsedSnapshots(Change):
    """Snapshots of volumes in use are made as of others, without `force`, which cannot be false any more."""

    number = (3, 66)


class OptionalProjects(Change):
    """A path need not begin with the project's id; here it never had to."""

    number = (3, 67)


VOLUME = History(
    UploadParameters,
    StrictBootable,
    Messages,
    ImageFilters,
    MessagePages,
    BackupUpdates,
    Groups,
    GroupSnapshots,
    Etags,
    BackupProjects,
    ProviderIds,
    SnapshotFilters,
    ForcedDeletes,
    CleanedWorkers,
    Attachments,
    SnapshotSorts,
    StrictFilters,
    ResourceFilters,
    LikeFilters,
    BackupSorts,
    LimitsOfProjects,
    Reverts,
    SnapshotUsers,
    GrowInUse,
    BackupMetadata,
    CompletedAttachments,
    Counts,
    BackupVolumes,
    Targets,
    BackupZones,
    TypeFilters,
    StrictBodies,
    AttachmentModes,
    TransfersWithSnapshots,
    BackupUsers,
    TransferHistory,
    TransferPages,
    Moments,
    Clusters,
    DefaultTypes,
    TypeIds,
    KeyIds,
    QuotaUses,
    UsedSnapshots,
    OptionalProjects,
    minimum=(3, 0),
    service='volume',
    # Clients name the service by the type that its catalog entry has.
    aliases=('volumev3', 'volumev2', 'block-storage', 'block-store'),
)
