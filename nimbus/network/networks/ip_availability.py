"""Network IP availability: how many addresses networks and subnets have, and how many are in use."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import allocation_pools, standard_attributes
from nimbus.network.models import Address, Network, Subnet
from nimbus.network.networks import networks


def of(tx: db.Tx, ctx: Context, ip_version: int | None, network_id: str | None = None) -> list[dict[str, Any]]:
    """A value for each network the asker may see, or for that one, with one for each of its subnets."""
    where = standard_attributes.scope(ctx, Network, networks.visible(ctx)) + (
        [Network.id == network_id] if network_id else []
    )
    found = {row.id: _network(row) for row in tx.rows(sa.select(Network).where(*where).order_by(Network.seq))}
    used = dict(
        tuple(row) for row in tx.rows(sa.select(Address.subnet_id, sa.func.count()).group_by(Address.subnet_id))
    )
    for subnet in tx.rows(sa.select(Subnet).where(Subnet.network_id.in_(list(found))).order_by(Subnet.seq)):
        if ip_version in (None, subnet.ip_version):
            total = sum(last - first + 1 for first, last in allocation_pools.ranges(subnet.allocation_pools))
            shape = found[subnet.network_id]
            shape['total_ips'] += total
            shape['used_ips'] += used.get(subnet.id, 0)
            shape['subnet_ip_availability'].append(
                {
                    'subnet_id': subnet.id,
                    'subnet_name': subnet.name,
                    'cidr': subnet.cidr,
                    'ip_version': subnet.ip_version,
                    'total_ips': total,
                    'used_ips': used.get(subnet.id, 0),
                }
            )
    return list(found.values())


def _network(row: Any) -> dict[str, Any]:
    return {
        'network_id': row.id,
        'network_name': row.name,
        'project_id': row.project_id,
        'tenant_id': row.project_id,
        'total_ips': 0,
        'used_ips': 0,
        'subnet_ip_availability': [],
    }
