"""Network agents as Neutron lists them: one nimbus-network process appears as four agents."""

from typing import Any

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.network import tunnels
from nimbus.network.hosts import tunnel_peers

TYPES = {
    'neutron-openvswitch-agent': ('Open vSwitch agent', 'N/A'),
    'neutron-dhcp-agent': ('DHCP agent', 'dhcp_agent'),
    'neutron-l3-agent': ('L3 agent', 'l3_agent'),
    'neutron-metadata-agent': ('Metadata agent', 'N/A'),
}
ZONED = ('neutron-dhcp-agent', 'neutron-l3-agent')


def find(tx: db.Tx) -> list[Any]:
    """Every network agent, oldest first."""
    return [row for row in services.find(tx, 'network') if row.binary in TYPES]


def show(tx: db.Tx, agent_id: str) -> Any:
    """The agent's row.  Raises NotFound."""
    for row in find(tx):
        if row.id == agent_id:
            return row
    raise errors.NotFound(f'Agent {agent_id} could not be found.', type='AgentNotFound')


def update(tx: db.Tx, agent_id: str, *, admin_state_up: bool | None = None, description: str | None = None) -> None:
    """The agent's admin_state_up, which lets it get new work, and its description are set.  Raises NotFound."""
    show(tx, agent_id)
    values: dict[str, Any] = {} if admin_state_up is None else {'disabled': not admin_state_up}
    if description is not None:
        values['disabled_reason'] = description
    services.change(tx, agent_id, **values)


def delete(tx: db.Tx, agent_id: str) -> None:
    """The agent is not known any more, until it reports again.  Raises NotFound."""
    row = show(tx, agent_id)
    services.forget(tx, agent_id)
    if row.binary == tunnels.AGENT:
        tunnel_peers.tell(tx, row.host)
