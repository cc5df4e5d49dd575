"""The errands of the compute agent for guests that change their host while one of the two is down."""

import dataclasses
from collections.abc import Callable
from typing import Any

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.compute.agent.driver import Driver
from nimbus.compute.guest import Guest, Image
from nimbus.compute.rpc import Compute


class EvacuationErrands(Compute):
    """Part of the agent."""

    driver: Driver
    _base_of: Callable[[str, Image | None, int], str | None]
    _take: Callable[..., str]

    def take_over(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        source: str,
        shared: bool | None,
        runs: bool,
    ) -> str:
        made = Guest.from_dict(guest)

        def do() -> dict[str, Any]:
            kept = self.driver.shares(made.id, source)
            if made.image and shared not in (None, kept):
                raise errors.Conflict(
                    f'Invalid state of instance files on shared storage: those of {made.id} are '
                    f'{"" if kept else "not "}there.'
                )
            base = None if kept else self._base_of(made.id, made.image, made.root_gb)
            self.driver.take_over(made if kept else self._furnished(made), source, base, runs)
            return {'power': self.driver.state(made.id), 'kept': kept}

        return self._take(job_id, key, made.id, fence, 'take_over', do)

    def _furnished(self, guest: Guest) -> Guest:
        """The guest, which knows where its own kernel and ramdisk are here, if it has any."""
        wanted = {'kernel': guest.kernel, 'ramdisk': guest.ramdisk}
        files = {kind: self._base_of(guest.id, image, 0) or '' for kind, image in wanted.items() if image}
        return dataclasses.replace(guest, files=files) if files else guest

    def forsake(self, context: Context, job_id: str, key: str, fence: int, server_id: str, heir: str) -> str:
        def do() -> None:
            self.driver.forsake(server_id, heir, False)

        return self._take(job_id, key, server_id, fence, 'forsake', do)
