"""Networks that hosts carry to each other in tunnels, and the address at which these end on each host."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from nimbus.common.agents import services
from nimbus.common.database import db, tables
from nimbus.network.models import Network
from nimbus.network.rpc import TUNNELS

AGENT = 'neutron-openvswitch-agent'
_NETWORK = tables.Alias(Network)


def carry(network_id: Any) -> sa.ColumnElement[bool]:
    """The condition that the network of that column is one of these."""
    found = sa.exists().where(_NETWORK.id == network_id, _NETWORK.network_type.in_(TUNNELS))
    return found.correlate_except(_NETWORK.__clause_element__())  # the column may be of any statement around this one


def end_in(facts: dict[str, Any]) -> str | None:
    """The address that an agent's report names; None where it has no tunnels."""
    return facts.get('configurations', {}).get('tunneling_ip') or None


def ends(tx: db.Tx, among: Collection[str] | None = None) -> dict[str, str]:
    """The address of each host that has tunnels, as the agents report it; of `among`, or of all."""
    query = sa.select(services.Service.host, services.Service.facts).where(services.Service.binary == AGENT)
    if among is not None:
        query = query.where(services.Service.host.in_(sorted(among)))
    found = {row.host: end_in(row.facts) for row in tx.rows(query)} if among is None or among else {}
    return {host: address for host, address in found.items() if address}
