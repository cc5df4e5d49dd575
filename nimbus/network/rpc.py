"""The RPC contracts between network agents and the conductor."""

from typing import Any

from nimbus.common.agents import desk
from nimbus.common.context import Context
from nimbus.common.messaging.rpc import Contract, call, cast

# The types of networks whose packets hosts send each other in tunnels.
DOMAIN = 'nimbus'  # in which the DHCP servers of networks know the names of guests
TUNNELS = ('vxlan', 'gre', 'geneve')
# The binaries of the Neutron agents as which one agent process appears.
BINARIES = ('neutron-openvswitch-agent', 'neutron-dhcp-agent', 'neutron-l3-agent', 'neutron-metadata-agent')


class NetworkAgent(Contract):
    """Calls to the agent of one host: the desired state of its network has changed."""

    topic = 'network'

    @cast
    def nudge(self, context: Context) -> None:
        """Ask the desk at once what the host must look like."""


class NetworkDesk(desk.Desk):
    """Calls of the network agents: they ask for desired state and report the outcome."""

    topic = 'desk-network'

    @call(timeout=10)
    def desired(self, context: Context, host: str, since: int, also: list[list[str]]) -> dict[str, Any] | None:
        """What changed on the host since that generation, and what is asked for also by (kind, id).

        Everything, marked `whole`, where the differences are not known; None when there is none.
        """

    @call(timeout=10)
    def applied(
        self,
        context: Context,
        host: str,
        generation: int,
        wired: list[str],
        trouble: dict[str, str],
        only: list[str] | None,
    ) -> None:
        """Ports are ACTIVE that stand wired at that generation, ERROR that could not be; who waits is woken.

        The report is of `only` these ports, or of all of the host's.
        """
