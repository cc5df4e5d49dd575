"""The RPC contract of the scheduler."""

from typing import Any

from nimbus.common.context import Context
from nimbus.common.messaging.rpc import Contract, call


class Scheduler(Contract):
    """Finds hosts and claims room on them."""

    topic = 'scheduler'

    @call(timeout=10)
    def place(self, context: Context, server_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """The server has a claim on a host: {'host', 'node', 'zone', 'trail'}; one that it has already stays.

        Raises NoValidHost, saying which filter removed how many hosts.
        """

    @call(timeout=10)
    def release(self, context: Context, server_id: str) -> None:
        """The server has no claim on any host."""
