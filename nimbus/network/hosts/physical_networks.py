"""Which hosts a router can stand on: those whose agent has a way to the networks that it joins."""

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.network import holders, tunnels
from nimbus.network.models import Network, Port


def hosts(tx: db.Tx) -> dict[str, set[str]]:
    """The hosts that have each physical network, as their agents report it."""
    found: dict[str, set[str]] = {}
    for agent in services.find(tx, 'network', binary=tunnels.AGENT):
        for name in agent.facts.get('configurations', {}).get('bridge_mappings', {}):
            found.setdefault(name, set()).add(agent.host)
    return found


def fit_for(tx: db.Tx, router_id: str) -> set[str] | None:
    """The hosts where the router's gateway and its networks can be wired; None where any will do."""
    query = (
        sa.select(Network.physical_network)
        .join(Port, Port.network_id == Network.id)
        .where(*holders.held(holders.GATEWAY, router_id), Network.physical_network.is_not(None))
    )
    needed = tx.column(query)
    there = hosts(tx) if needed else {}
    fit = [there.get(name, set()) for name in needed]
    own = (Port.holder.in_((holders.ROUTER, holders.GATEWAY)), Port.holder_id == router_id)
    if tx.row(sa.select(Port.id).where(*own, tunnels.carry(Port.network_id)).limit(1)) is not None:
        fit.append(set(tunnels.ends(tx)))
    return set.intersection(*fit) if fit else None
