"""The microversions of the Compute API that changed how servers are moved to other hosts."""

from nimbus.api.kit.versions import Change


class BlockMigrationAuto(Change):
    """Whether a live migration copies disks may be left to the hosts; nobody asks for overcommitted disks."""

    number = (2, 25)


class ForcedMoves(Change):
    """A live migration may be forced onto the host that is named."""

    number = (2, 30)


class ChecksInBackground(Change):
    """What a live migration's host refuses is told by the migration, not in the answer."""

    number = (2, 34)


class MigrateToHost(Change):
    """An operator may name the host that a server is migrated to."""

    number = (2, 56)


class AbortWaiting(Change):
    """A live migration that has not begun to copy may be aborted too."""

    number = (2, 65)


class NoForcedMoves(Change):
    """No move of a server passes over the scheduler's filters."""

    number = (2, 68)
