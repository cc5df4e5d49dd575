"""Which hosts have a physical network: those whose agent says that a bridge of theirs leads there."""

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.network import holders
from nimbus.network.models import Network, Port

AGENT = 'neutron-openvswitch-agent'


def hosts_with(tx: db.Tx, physical_network: str) -> set[str]:
    """The hosts that have the physical network."""
    agents = services.find(tx, 'network', binary=AGENT)
    return {agent.host for agent in agents if physical_network in mappings(agent.facts)}


def mappings(facts: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    """The bridge of each physical network, as an agent's report has them."""
    return facts.get('configurations', {}).get('bridge_mappings', {})


def fit_for(tx: db.Tx, router_id: str) -> set[str] | None:
    """The hosts where the router's gateway can be wired; None where any will do."""
    query = (
        sa.select(Network.physical_network)
        .join(Port, Port.network_id == Network.id)
        .where(*holders.held(holders.GATEWAY, router_id), Network.physical_network.is_not(None))
    )
    needed = tx.column(query)
    return set.intersection(*(hosts_with(tx, name) for name in needed)) if needed else None
