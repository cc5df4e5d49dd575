"""Routers' gateways: a router's port on an external network, which no project sees, and the checks of it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import addresses as fixed
from nimbus.network import generations, holders, rescheduling, standard_attributes
from nimbus.network.models import FloatingIp, Port, Router
from nimbus.network.networks import networks
from nimbus.network.ports import ports, router_ports
from nimbus.network.qos import bindings
from nimbus.network.routers import routes

OF = db.Gathering(
    sa.select(Port.holder_id, Port.id, Port.network_id).where(Port.holder == holders.GATEWAY).order_by(Port.seq),
    Port.holder_id,
)


@dataclasses.dataclass(frozen=True)
class Wish:
    """The gateway that a router is to have."""

    network_id: str
    enable_snat: bool = True
    external_fixed_ips: Sequence[dict[str, str]] = ()  # none: any of the network's
    qos_policy_id: str | None = ''  # '': the one that it had


def of(tx: db.Tx, rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """The gateway of each router that has one, as the API shows it."""
    found = {row[0]: row for row in OF.rows(tx, [row.id for row in rows])}
    addresses = fixed.of(tx, [row[1] for row in found.values()])
    return {
        row.id: {
            'network_id': found[row.id][2],
            'external_fixed_ips': [
                {'subnet_id': subnet_id, 'ip_address': ip} for _, subnet_id, ip in addresses.get(found[row.id][1], ())
            ],
            'enable_snat': row.enable_snat,
            'qos_policy_id': row.qos_policy_id,
        }
        for row in rows
        if row.id in found
    }


def change(tx: db.Tx, ctx: Context, router: Any, wish: Wish | None) -> None:
    """The router has the gateway, or none.

    Raises NotFound, Invalid on a network or address that it may not have, Conflict while floating IPs need the old one.
    """
    # Whoever leads a floating IP through the router meanwhile waits here.
    tx.update(Router, Router.id == router.id, status=Router.status)
    network = networks.show(tx, ctx, wish.network_id) if wish else None
    policy_id = _policy(tx, ctx, router, wish)
    if wish and network:
        _check(tx, router, network, wish)
    old = next(iter(holders.of(tx, holders.GATEWAY, router.id)), None)
    if old and network and old.network_id == network.id:
        if wish and wish.external_fixed_ips:
            _move(tx, old, wish.external_fixed_ips)
    else:
        routes.check(tx, router.id, router.routes, but=holders.GATEWAY, also=network)
        if old:
            _drop(tx, ctx, router.id, old)
        if wish and network:
            _make(tx, ctx, router, network, wish)
    snat = wish.enable_snat if wish else True
    tx.update(Router, Router.id == router.id, enable_snat=snat, qos_policy_id=policy_id)
    if not rescheduling.leave_unused(tx, router.id):
        host = rescheduling.place_router(tx, router.id)
        generations.bump(tx, [host], (generations.ROUTER, router.id))


def _policy(tx: db.Tx, ctx: Context, router: Any, wish: Wish | None) -> str | None:
    """The QoS policy of the gateway to be.  Raises NotFound, Conflict, Forbidden."""
    wanted = wish.qos_policy_id if wish else None
    if wanted in ('', router.qos_policy_id):
        return str(router.qos_policy_id) if router.qos_policy_id else None
    bindings.refuse_removal(tx, ctx, router.qos_policy_id if wish else None)
    return bindings.checked(tx, ctx, wanted)


def _check(tx: db.Tx, router: Any, network: Any, wish: Wish) -> None:
    if not network.external:
        raise router_ports.bad_request(f'Network {network.id} is not an external network')
    subnets = fixed.subnets_of(tx, network.id)
    gateways = {subnet.gateway_ip for subnet in subnets}
    for item in wish.external_fixed_ips:
        if item.get('ip_address') in gateways - {None}:
            raise router_ports.bad_request(f'External IP {item["ip_address"]} is the same as the gateway IP')
    router_ports.refuse_overlap(tx, router.id, subnets)


def _make(tx: db.Tx, ctx: Context, router: Any, network: Any, wish: Wish) -> None:
    draft = ports.Draft(
        network=network,
        project_id='',
        device_id=router.id,
        device_owner=holders.OWNER[holders.GATEWAY],
        holder=holders.GATEWAY,
        holder_id=router.id,
        fixed_ips=list(wish.external_fixed_ips) or None,
    )
    ports.insert(tx, ctx, draft)


def _move(tx: db.Tx, port: Any, wanted: Sequence[dict[str, str]]) -> None:
    """The port has those addresses; one that it keeps is never free in between."""
    had = [row.ip_address for row in fixed.of(tx, [port.id]).get(port.id, ())]
    asked = [item.get('ip_address') for item in wanted]
    if sorted(had) == sorted(filter(None, asked)):
        return
    fixed.take_back(tx, port.id, [ip for ip in had if ip in asked])
    fixed.give(
        tx, port.id, port.network_id, port.mac_address, [item for item in wanted if item.get('ip_address') not in had]
    )
    standard_attributes.touch(tx, Port, port.id)
    ports.concern(tx, port.id, port.network_id, port.host, [])


def _drop(tx: db.Tx, ctx: Context, router_id: str, port: Any) -> None:
    if tx.row(sa.select(FloatingIp.id).where(FloatingIp.router_id == router_id).limit(1)) is not None:
        raise errors.Conflict(
            f'Gateway cannot be updated for router {router_id}, since a gateway to external network {port.network_id} '
            'is required by one or more floating IPs.',
            type='RouterExternalGatewayInUseByFloatingIp',
        )
    ports.drop(tx, ctx, port.id)
