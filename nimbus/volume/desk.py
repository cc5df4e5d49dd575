"""The conductor's side of the volume agents' desk: takes their reports and answers their questions."""

from nimbus.common.agents import desk_server, services
from nimbus.common.context import Context
from nimbus.volume.backups import progress as backup_progress
from nimbus.volume.hosts import BINARY
from nimbus.volume.rpc import VolumeDesk
from nimbus.volume.volumes import progress, snapshot_progress


class VolumeDeskServer(desk_server.DeskServer, VolumeDesk):
    """Takes in reports, and answers which disks, snapshots and backups a host should have."""

    kinds = {BINARY: services.Kind('volume', BINARY)}

    def volumes(self, context: Context, host: str) -> dict[str, int]:
        with self.db.read() as tx:
            return {row.id: row.size for row in progress.of_host(tx, host)}

    def snapshots(self, context: Context, host: str) -> dict[str, int]:
        with self.db.read() as tx:
            return {row.id: row.size for row in snapshot_progress.of_host(tx, host)}

    def backups(self, context: Context, host: str) -> list[str]:
        with self.db.read() as tx:
            return backup_progress.of_host(tx, host)

    def backing_up(self, context: Context, backup_id: str, percent: int, objects: int) -> None:
        with self.db.write() as tx:
            backup_progress.advanced(tx, backup_id, percent, objects)
