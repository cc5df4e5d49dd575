"""Which hosts have a physical network: those whose agent says that a bridge of theirs leads there."""

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.network import holders
from nimbus.network.models import Network, Port

AGENT = 'neutron-openvswitch-agent'


def hosts(tx: db.Tx) -> dict[str, set[str]]:
    """The hosts that have each physical network, as their agents report it."""
    found: dict[str, set[str]] = {}
    for agent in services.find(tx, 'network', binary=AGENT):
        for name in agent.facts.get('configurations', {}).get('bridge_mappings', {}):
            found.setdefault(name, set()).add(agent.host)
    return found


def fit_for(tx: db.Tx, router_id: str) -> set[str] | None:
    """The hosts where the router's gateway can be wired; None where any will do."""
    query = (
        sa.select(Network.physical_network)
        .join(Port, Port.network_id == Network.id)
        .where(*holders.held(holders.GATEWAY, router_id), Network.physical_network.is_not(None))
    )
    needed = tx.column(query)
    there = hosts(tx) if needed else {}
    return set.intersection(*(there.get(name, set()) for name in needed)) if needed else None
