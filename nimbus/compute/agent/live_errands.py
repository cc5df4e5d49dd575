"""The errands of the compute agent that take a running guest to another host, and what is said meanwhile."""

import contextlib
from collections.abc import Callable
from typing import Any

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.compute.agent.driver import Driver, Missing
from nimbus.compute.guest import Guest
from nimbus.compute.rpc import Compute


class LiveErrands(Compute):
    """Part of the agent."""

    host: str
    driver: Driver
    desk: Any
    _take: Callable[..., str]

    def live_facts(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        def do() -> dict[str, Any]:
            return {'facts': self.driver.live_facts(server_id)}

        return self._take(job_id, key, server_id, fence, 'live_facts', do)

    def live_check(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        facts: dict[str, Any],
    ) -> str:
        made = Guest.from_dict(guest)

        def do() -> dict[str, Any]:
            return {'target': self.driver.live_check(made, move_id, facts)}

        return self._take(job_id, key, made.id, fence, 'live_check', do)

    def live_reach(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        server_id: str,
        target: dict[str, Any],
        block: bool | None,
    ) -> str:
        def do() -> dict[str, Any]:
            return {'shared': self.driver.live_reach(server_id, target, block)}

        return self._take(job_id, key, server_id, fence, 'live_reach', do)

    def live_prepare(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        facts: dict[str, Any],
        target: dict[str, Any],
    ) -> str:
        made = Guest.from_dict(guest)

        def do() -> None:
            self.driver.live_prepare(made, move_id, facts, target)

        return self._take(job_id, key, made.id, fence, 'live_prepare', do)

    def live_move(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        target: dict[str, Any],
    ) -> str:
        made = Guest.from_dict(guest)

        def report(figures: dict[str, int]) -> None:
            with contextlib.suppress(errors.Unavailable):  # only shown, never acted on
                self.desk.moving(self.host, made.id, figures)

        def do() -> None:
            self.driver.live_move(made, move_id, target, report)

        return self._take(job_id, key, made.id, fence, 'live_move', do)

    def live_arrived(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        def do() -> dict[str, Any]:
            self.driver.live_arrived(server_id)
            return {'power': self.driver.state(server_id)}

        return self._take(job_id, key, server_id, fence, 'live_arrived', do)

    def live_here(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        def do() -> dict[str, Any]:
            return {'here': self.driver.live_here(server_id)}

        return self._take(job_id, key, server_id, fence, 'live_here', do)

    def live_drop(self, context: Context, job_id: str, key: str, fence: int, server_id: str, shared: bool) -> str:
        return self._take(job_id, key, server_id, fence, 'live_drop', lambda: self.driver.live_drop(server_id, shared))

    def live_abort(self, context: Context, server_id: str) -> None:
        with contextlib.suppress(Missing):
            self.driver.live_abort(server_id)

    def live_force(self, context: Context, server_id: str) -> None:
        try:
            self.driver.live_force(server_id)
        except Missing:
            raise errors.NotFound(
                f'Instance {server_id} is not being moved.', inside=f'Guest {server_id} is not on host {self.host}.'
            ) from None
