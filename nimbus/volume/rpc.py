"""The RPC contracts between volume agents and the conductor."""

from typing import Any

from nimbus.common.agents import desk
from nimbus.common.context import Context
from nimbus.common.messaging.rpc import Contract, call

ACK = 10.0  # seconds an agent may take to say that it has an errand in hand; it takes a few milliseconds


class Volume(Contract):
    """The disks of one host.  Errands answer 'accepted' or 'busy' and report by `VolumeDesk.done` under their key."""

    topic = 'volume'

    @call(timeout=ACK)
    def create(
        self,
        context: Context,
        job_id: str,
        key: str,
        volume_id: str,
        fence: int,
        size: int,
        image: dict[str, Any] | None,
        source: dict[str, str] | None = None,
    ) -> str:
        """Errand: the disk is there, `size` GiB of nothing, or of the image or the source, and then nothing.

        A source is {'kind': 'volume', 'snapshot' or 'backup', 'id'} which the host has or reads.
        """

    @call(timeout=ACK)
    def delete(self, context: Context, job_id: str, key: str, volume_id: str, fence: int) -> str:
        """Errand: nothing of the disk is left."""

    @call(timeout=ACK)
    def extend(self, context: Context, job_id: str, key: str, volume_id: str, fence: int, size: int) -> str:
        """Errand: the disk has `size` GiB."""

    @call(timeout=ACK)
    def snapshot(self, context: Context, job_id: str, key: str, snapshot_id: str, fence: int, volume_id: str) -> str:
        """Errand: the snapshot has what the volume has, which nobody writes now."""

    @call(timeout=ACK)
    def upload(
        self,
        context: Context,
        job_id: str,
        key: str,
        volume_id: str,
        fence: int,
        image_id: str,
        disk_format: str,
    ) -> str:
        """Errand: the image is active and holds in its format what the volume has, which nobody has open."""

    @call(timeout=ACK)
    def begin_copy(
        self, context: Context, job_id: str, key: str, copy_id: str, fence: int, kind: str, volume_id: str
    ) -> str:
        """Errand: a guest may write what it holds of the volume.  It reports {'target'}: where, None when it is made.

        The copy is a 'snapshot' or a 'volume', as `kind` says.
        """

    @call(timeout=ACK)
    def end_copy(self, context: Context, job_id: str, key: str, copy_id: str, fence: int, kind: str, size: int) -> str:
        """Errand: what the guest wrote is the snapshot, or the volume of `size` GiB."""

    @call(timeout=ACK)
    def delete_snapshot(self, context: Context, job_id: str, key: str, snapshot_id: str, fence: int) -> str:
        """Errand: nothing of the snapshot is left."""

    @call(timeout=ACK)
    def revert(self, context: Context, job_id: str, key: str, volume_id: str, fence: int, snapshot_id: str) -> str:
        """Errand: the volume, which nobody has open, has what the snapshot has."""

    @call(timeout=ACK)
    def back_up(
        self,
        context: Context,
        job_id: str,
        key: str,
        backup_id: str,
        fence: int,
        source: dict[str, str],
        parent: str | None,
    ) -> str:
        """Errand: the store of backups has what the source holds; of what the `parent` has, only what differs.

        A source is {'kind': 'volume' or 'snapshot', 'id'}, and the parent is where another backup is kept.  The result
        is {'objects'}, how many chunks were kept for it.
        """

    @call(timeout=ACK)
    def restore(
        self, context: Context, job_id: str, key: str, volume_id: str, fence: int, size: int, place: str
    ) -> str:
        """Errand: the volume, which nobody has open, has what the backup has that is kept at `place`."""

    @call(timeout=ACK)
    def verify_backup(self, context: Context, job_id: str, key: str, backup_id: str, fence: int, place: str) -> str:
        """Errand: a backup is kept at `place`.  The result is {'size', 'objects'}, in bytes and chunks."""

    @call(timeout=ACK)
    def delete_backup(self, context: Context, job_id: str, key: str, backup_id: str, fence: int, place: str) -> str:
        """Errand: nothing of the backup is left that was kept at `place`."""

    @call(timeout=ACK)
    def connect(self, context: Context, volume_id: str, fence: int, connector: dict[str, Any]) -> dict[str, Any]:
        """How the host in `connector` opens the disk: {'driver_volume_type', 'data'}.  Raises NotFound."""

    @call(timeout=ACK)
    def disconnect(self, context: Context, volume_id: str, fence: int, connector: dict[str, Any]) -> None:
        """The host in `connector` does not open the disk any more; a disk that is gone is fine."""


class VolumeDesk(desk.Desk):
    """Calls of the volume agents: reports and questions to the conductor."""

    topic = 'desk-volume'

    @call(timeout=15)
    def volumes(self, context: Context, host: str) -> dict[str, int]:
        """The disks that host should have: id -> GiB."""

    @call(timeout=15)
    def snapshots(self, context: Context, host: str) -> dict[str, int]:
        """The snapshots that host should have: id -> GiB."""

    @call(timeout=15)
    def backups(self, context: Context, host: str) -> list[str]:
        """The places where that host should have backups."""

    @call(timeout=15)
    def backing_up(self, context: Context, backup_id: str, percent: int, objects: int) -> None:
        """So much of the backup's source was read, and so many chunks were kept."""
