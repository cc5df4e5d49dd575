"""The RPC contract of the conductor."""

from nimbus.common.context import Context
from nimbus.common.messaging.rpc import Contract, cast


class Conductor(Contract):
    """Nudges for the runner."""

    topic = 'conductor'

    @cast
    def nudge(self, context: Context) -> None:
        """Look for due jobs at once."""
