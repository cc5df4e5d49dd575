"""The errands of the compute agent that give a guest another size or take it to another host."""

from collections.abc import Callable
from typing import Any

from nimbus.common.context import Context
from nimbus.compute.agent.driver import Driver
from nimbus.compute.guest import Guest
from nimbus.compute.rpc import Compute


class MoveErrands(Compute):
    """Part of the agent."""

    driver: Driver
    _take: Callable[..., str]

    def resize(self, context: Context, job_id: str, key: str, fence: int, guest: dict[str, Any], move_id: str) -> str:
        made = Guest.from_dict(guest)
        return self._take(job_id, key, made.id, fence, 'resize', lambda: self.driver.resize(made, move_id))

    def unresize(self, context: Context, job_id: str, key: str, fence: int, server_id: str, move_id: str) -> str:
        return self._take(job_id, key, server_id, fence, 'unresize', lambda: self.driver.unresize(server_id, move_id))

    def settle(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        return self._take(job_id, key, server_id, fence, 'settle', lambda: self.driver.settle(server_id))

    def send(self, context: Context, job_id: str, key: str, fence: int, server_id: str, move_id: str) -> str:
        def do() -> dict[str, Any]:
            return {'offer': self.driver.send(server_id, move_id)}

        return self._take(job_id, key, server_id, fence, 'send', do)

    def receive(
        self,
        context: Context,
        job_id: str,
        key: str,
        fence: int,
        guest: dict[str, Any],
        move_id: str,
        offer: dict[str, Any],
    ) -> str:
        made = Guest.from_dict(guest)
        return self._take(job_id, key, made.id, fence, 'receive', lambda: self.driver.receive(made, move_id, offer))

    def withhold(self, context: Context, job_id: str, key: str, fence: int, server_id: str) -> str:
        return self._take(job_id, key, server_id, fence, 'withhold', lambda: self.driver.withhold(server_id))
