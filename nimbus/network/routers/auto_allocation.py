"""Auto-allocated topologies: a network with subnets of the default pools, and a router that leads it out."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network.addressing import subnet_pools
from nimbus.network.models import Network, Router, Topology
from nimbus.network.networks import networks, subnets
from nimbus.network.options import Settings
from nimbus.network.ports import router_ports
from nimbus.network.routers import gateways, routers

NAME = 'auto_allocated_{}'


def of(tx: db.Tx, project_id: str) -> Any:
    """What was allocated for the project; None where nothing was, or its network is gone."""
    return tx.row(
        sa.select(Topology).join(Network, Network.id == Topology.network_id).where(Topology.project_id == project_id)
    )


def check(tx: db.Tx, ctx: Context) -> tuple[Any, list[Any]]:
    """The default external network and the default pools.  Raises Conflict where one is missing."""
    outside = tx.row(sa.select(Network).where(Network.is_default.is_(True), Network.external.is_(True)))
    if outside is None:
        raise _failed('No default router:external network')
    pools = [pool for version in (4, 6) if (pool := subnet_pools.default(tx, ctx, version)) is not None]
    if not pools:
        raise _failed('No default subnetpools defined')
    return outside, pools


def _failed(why: str) -> errors.Conflict:
    return errors.Conflict(f'Deployment error: {why}.', type='AutoAllocationFailure')


def ensure(tx: db.Tx, ctx: Context, project_id: str, settings: Settings) -> str:
    """The project has a topology; returns its network's id.  Raises Conflict, OverQuota."""
    there = of(tx, project_id)
    if there is not None:
        return str(there.network_id)
    outside, pools = check(tx, ctx)
    tx.delete(Topology, Topology.project_id == project_id)
    asker = dataclasses.replace(ctx, project_id=project_id)
    network_id = networks.create(tx, asker, settings=settings, project_id=project_id, name=NAME.format('network'))
    router_id = routers.create(
        tx, asker, project_id=project_id, name=NAME.format('router'), gateway=gateways.Wish(outside.id)
    )
    # Whoever allocates for the same project meanwhile breaks the key here, and asks again.
    tx.insert(Topology, project_id=project_id, network_id=network_id, router_id=router_id)
    network = networks.show(tx, asker, network_id)
    for pool in pools:
        subnet_id = subnets.create(tx, asker, network, _subnet(pool), project_id)
        routers.add_interface(tx, asker, router_id, subnet_id, None)
    return network_id


def _subnet(pool: Any) -> dict[str, Any]:
    """The values of a subnet of the pool, by DHCP."""
    return {
        'name': NAME.format(f'subnet_v{pool.ip_version}'),
        'description': '',
        'ip_version': pool.ip_version,
        'subnetpool_id': pool.id,
        'enable_dhcp': True,
        'ipv6_ra_mode': None,
        'ipv6_address_mode': None,
        'dns_nameservers': [],
        'host_routes': [],
    }


def delete(tx: db.Tx, ctx: Context, project_id: str) -> None:
    """What was allocated for the project is gone, and there may have been nothing.  Raises Conflict while in use."""
    there = of(tx, project_id)
    if there is not None:
        if tx.row(sa.select(Router.id).where(Router.id == there.router_id)) is not None:
            for subnet in router_ports.subnets(tx, there.router_id):
                routers.remove_interface(tx, ctx, there.router_id, None, subnet.port_id)
            routers.delete(tx, ctx, there.router_id)
        networks.delete(tx, ctx, there.network_id)
    tx.delete(Topology, Topology.project_id == project_id)
