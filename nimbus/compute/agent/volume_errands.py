"""The agent's errands for volumes that guests have open: copy them as they are at one moment, and grow them."""

from collections.abc import Callable
from typing import Any

from nimbus.common.context import Context
from nimbus.compute.agent.driver import Driver
from nimbus.compute.guest import Volume
from nimbus.compute.rpc import Compute


class VolumeErrands(Compute):
    """What is asked of the guest that has a volume; an errand's subject is the volume or its copy."""

    driver: Driver
    _take: Callable[..., str]
    _count: Callable[[str, int], None]

    def copy_volume(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        copy_id: str,
        server_id: str,
        volume: dict[str, Any],
        target: dict[str, str],
        quiesce: str,
    ) -> str:
        def do() -> None:
            self._count(server_id, 1)
            try:
                self.driver.copy_volume(server_id, Volume(**volume), target['path'], target['format'], quiesce)
            finally:
                self._count(server_id, -1)

        return self._take(job_id, key, copy_id, fence, 'copy_volume', do)

    def grow_volume(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        volume_id: str,
        server_id: str,
        volume: dict[str, Any],
        size: int,
    ) -> str:
        def do() -> None:
            self.driver.grow_volume(server_id, Volume(**volume), size)

        return self._take(job_id, key, volume_id, fence, 'grow_volume', do)

    def drop_volume_copy(
        self, context: Context, job_id: str, key: str, fence: int, copy_id: str, server_id: str, volume_id: str
    ) -> str:
        def do() -> None:
            self.driver.drop_volume_copy(server_id, volume_id)

        return self._take(job_id, key, copy_id, fence, 'drop_volume_copy', do)
