"""The conductor's side of the volume agents' desk: takes their reports and answers their questions."""

from nimbus.common.agents import desk_server, services
from nimbus.common.context import Context
from nimbus.volume.hosts import BINARY
from nimbus.volume.rpc import VolumeDesk
from nimbus.volume.volumes import progress, snapshot_progress


class VolumeDeskServer(desk_server.DeskServer, VolumeDesk):
    """Takes in reports, and answers which disks and snapshots a host should have."""

    kinds = {BINARY: services.Kind('volume', BINARY)}

    def volumes(self, context: Context, host: str) -> dict[str, int]:
        with self.db.read() as tx:
            return {row.id: row.size for row in progress.of_host(tx, host)}

    def snapshots(self, context: Context, host: str) -> dict[str, int]:
        with self.db.read() as tx:
            return {row.id: row.size for row in snapshot_progress.of_host(tx, host)}
