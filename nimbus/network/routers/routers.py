"""Routers, the ports they have on subnets, and their extra routes."""

import ipaddress
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, generations, holders, quotas, rescheduling, standard_attributes
from nimbus.network import addresses as fixed
from nimbus.network.hosts import scheduling
from nimbus.network.models import Address, FloatingIp, Port, Router
from nimbus.network.models_traffic import PortForwarding
from nimbus.network.networks import networks, subnets
from nimbus.network.ports import port_visibility, ports, router_ports
from nimbus.network.routers import gateways, routes


def show(tx: db.Tx, ctx: Context, router_id: str) -> Any:
    """The router.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, Router, router_id)
    if row is None:
        raise errors.NotFound(f'Router {router_id} could not be found', type='RouterNotFound')
    return row


def lock(tx: db.Tx, ctx: Context, router_id: str) -> Any:
    """The router, which nobody else changes before the transaction ends.  Raises NotFound."""
    tx.update(Router, Router.id == router_id, status=Router.status)
    return show(tx, ctx, router_id)


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the routers the asker may see."""
    return standard_attributes.lists(tx, Router, standard_attributes.scope(ctx, Router), page)


def create(
    tx: db.Tx,
    ctx: Context,
    *,
    gateway: gateways.Wish | None = None,
    project_id: str | None = None,
    **values: Any,
) -> str:
    """A router without interfaces stands; returns its id.  Raises OverQuota, and what its gateway may raise."""
    stamp = standard_attributes.stamp(ctx, project_id)
    quotas.take(tx, stamp['project_id'], router=1)
    given = {'name': '', 'description': '', 'admin_state_up': True}
    tx.insert(Router, status='ACTIVE', routes=[], enable_snat=True, **given | values, **stamp)
    if gateway:
        gateways.change(tx, ctx, show(tx, ctx, stamp['id']), gateway)
    return stamp['id']


def update(tx: db.Tx, ctx: Context, router_id: str, **values: Any) -> None:
    """The router has the values, and its host is nudged; a `gateway` of None takes it away.

    Raises NotFound, Invalid on a route that leads nowhere, and what a gateway may raise.
    """
    show(tx, ctx, router_id)
    changes = {name: value for name, value in values.items() if name != 'gateway'}
    if 'routes' in values:
        routes.check(tx, router_id, values['routes'])
    standard_attributes.touch(tx, Router, router_id, **changes)
    if 'gateway' in values:  # after the routes, which may need the one that goes no longer
        gateways.change(tx, ctx, show(tx, ctx, router_id), values['gateway'])
    generations.bump(tx, [scheduling.host_of(tx, 'router', router_id)], (generations.ROUTER, router_id))


def delete(tx: db.Tx, ctx: Context, router_id: str) -> None:
    """The router is gone.  Raises NotFound, Conflict while it has an interface."""
    show(tx, ctx, router_id)
    # Whoever adds an interface now waits, and then finds no router; no route keeps the gateway.
    standard_attributes.touch(tx, Router, router_id, routes=[])
    row = show(tx, ctx, router_id)
    if router_ports.held(tx, router_id):
        raise errors.Conflict(f'Router {router_id} still has ports', type='RouterInUse')
    gateways.change(tx, ctx, row, None)
    scheduling.remove(tx, 'router', router_id)
    if tx.delete(Router, Router.id == router_id):
        standard_attributes.forget_tags(tx, router_id)
        quotas.give_back(tx, row.project_id, router=1)


def host_on(tx: db.Tx, ctx: Context, agent: Any, router_id: str) -> None:
    """The router stands where the L3 agent is.  Raises NotFound, Conflict where it stands elsewhere."""
    lock(tx, ctx, router_id)
    if agent.binary != scheduling.AGENT['router'] or agent.disabled:
        raise errors.Conflict(f'Agent {agent.id} is not a L3 Agent or has been disabled', type='InvalidL3Agent')
    old = scheduling.host_of(tx, 'router', router_id)
    if old == agent.host:
        return
    if old:
        raise errors.Conflict(
            f'The router {router_id} has been already hosted by the L3 Agent on host {old}.',
            type='RouterHostedByL3Agent',
        )
    rescheduling.move_router(tx, router_id, agent.host)


def leave(tx: db.Tx, ctx: Context, agent: Any, router_id: str) -> None:
    """The router stands nowhere, until it is put somewhere or changed.  Raises NotFound, Conflict if not there."""
    lock(tx, ctx, router_id)
    if agent.binary != scheduling.AGENT['router'] or scheduling.host_of(tx, 'router', router_id) != agent.host:
        raise errors.Conflict(
            f'The router {router_id} is not hosted by L3 agent {agent.id}.', type='RouterNotHostedByL3Agent'
        )
    rescheduling.move_router(tx, router_id, '')


# Interfaces


def add_interface(
    tx: db.Tx, ctx: Context, router_id: str, subnet_id: str | None, port_id: str | None
) -> dict[str, Any]:
    """The router has a port on the subnet, or the given port is its; returns the interface as the API shows it.

    Raises NotFound, Invalid on an overlap or a subnet without gateway, Conflict on a port or address in use.
    """
    router = show(tx, ctx, router_id)
    standard_attributes.touch(tx, Router, router_id)  # racers on the same router wait here for each other
    if bool(subnet_id) == bool(port_id):
        raise router_ports.bad_request(
            'Cannot specify both subnet-id and port-id'
            if subnet_id
            else 'Either subnet_id or port_id must be specified'
        )
    host = rescheduling.place_router(tx, router_id)
    if port_id:
        port_id = _take_port(tx, ctx, router, port_id, host)
    else:
        port_id = _make_port(tx, ctx, router, subnet_id or '', host)
    host = rescheduling.place_router(tx, router_id)  # which goes on only where the new network can be wired too
    generations.bump(tx, [host], (generations.ROUTER, router_id))
    return described(tx, router, port_id, subnet_id)


def _make_port(tx: db.Tx, ctx: Context, router: Any, subnet_id: str, host: str) -> str:
    subnet = subnets.show(tx, ctx, subnet_id)
    if not subnet.gateway_ip:
        raise router_ports.bad_request('Subnet for router interface must have a gateway IP')
    mine = subnet.project_id == ctx.project_id or ctx.project_id in access.projects(
        tx, subnet.network_id, access.SHARED
    )
    if not mine and not ctx.is_admin:
        raise router_ports.bad_request(
            f'Subnet {subnet_id} is not owned by the project that asks, and only its owner gives it a router'
        )
    if subnet.ip_version == 6 and subnet.ipv6_ra_mode is None and subnet.ipv6_address_mode is not None:
        raise router_ports.bad_request(
            f'IPv6 subnet {subnet.id} configured to receive RAs from an external router cannot be added to Neutron '
            'Router'
        )
    router_ports.refuse_meeting(tx, router.id, [subnet])
    if subnet.ip_version == 6 and (port := router_ports.on_ipv6(tx, router.id, subnet.network_id)):
        # One port advertises all of a network's prefixes.
        fixed.give(tx, port.id, port.network_id, port.mac_address, [_place(subnet)])
        _readdressed(tx, port)
        return str(port.id)
    draft = ports.Draft(
        network=networks.show(tx, ctx, subnet.network_id),
        project_id=router.project_id,
        device_id=router.id,
        device_owner=holders.OWNER[holders.ROUTER],
        holder=holders.ROUTER,
        holder_id=router.id,
        host=host,
        fixed_ips=[_place(subnet)],
    )
    return ports.insert(tx, ctx, draft)


def _place(subnet: Any) -> dict[str, str]:
    return {'subnet_id': subnet.id, 'ip_address': subnet.gateway_ip}


def _readdressed(tx: db.Tx, port: Any) -> None:
    """The interface has gained or lost an address, and the hosts concerned know."""
    standard_attributes.touch(tx, Port, port.id)
    ports.concern(tx, port.id, port.network_id, port.host, [])


def _take_port(tx: db.Tx, ctx: Context, router: Any, port_id: str, host: str) -> str:
    port = port_visibility.show(tx, ctx, port_id)
    if port.project_id != router.project_id and not ctx.is_admin:
        raise standard_attributes.missing('Port', port_id)
    if port.holder or port.device_id:
        raise _taken(port)
    on = [subnets.show(tx, ctx, a.subnet_id) for a in fixed.of(tx, [port_id]).get(port_id, [])]
    if not on:
        raise router_ports.bad_request('A port must have at least one fixed IP to be a router interface')
    if sum(subnet.ip_version == 4 for subnet in on) > 1:
        raise router_ports.bad_request('Cannot have multiple IPv4 subnets on router port')
    if any(subnet.ip_version == 6 for subnet in on):
        router_ports.refuse_second_ipv6(tx, router.id, port)
    router_ports.refuse_meeting(tx, router.id, on)
    values = {
        'device_id': router.id,
        'device_owner': holders.OWNER[holders.ROUTER],
        'holder': holders.ROUTER,
        'holder_id': router.id,
        'host': host,
        'port_security_enabled': False,
    }
    if not tx.update(Port, Port.id == port_id, Port.holder == '', Port.device_id == '', **values):
        raise _taken(port)
    ports.leave_groups(tx, port_id)
    ports.concern(tx, port_id, port.network_id, host, [])
    return port_id


def _taken(port: Any) -> errors.Conflict:
    return errors.Conflict(
        f'Unable to complete operation on port {port.id} for network {port.network_id}. Port already has an attached '
        f'device {port.device_id or port.holder_id}.',
        type='PortInUse',
    )


def remove_interface(
    tx: db.Tx, ctx: Context, router_id: str, subnet_id: str | None, port_id: str | None
) -> dict[str, Any]:
    """The router's port on the subnet is gone; returns the interface as the API shows it.

    Raises NotFound where there is no such interface, Conflict while a route needs it.
    """
    router = show(tx, ctx, router_id)
    if not subnet_id and not port_id:
        raise router_ports.bad_request('Either subnet_id or port_id must be specified')
    standard_attributes.touch(tx, Router, router_id)
    port_id = _interface(tx, router_id, subnet_id, port_id)
    given = described(tx, router, port_id, subnet_id)
    _refuse_routes(tx, router, given['subnet_ids'])
    _refuse_floating(tx, router_id, given['subnet_ids'])
    kept = [one for one in fixed.of(tx, [port_id]).get(port_id, ()) if one.subnet_id not in given['subnet_ids']]
    if kept:
        fixed.take_back(tx, port_id, [one.ip_address for one in kept])
        _readdressed(tx, ports.get(tx, port_id))
    else:
        ports.drop(tx, ctx, port_id)
    if not rescheduling.leave_unused(tx, router_id):
        generations.bump(tx, [scheduling.host_of(tx, 'router', router_id)], (generations.ROUTER, router_id))
    return given


def _interface(tx: db.Tx, router_id: str, subnet_id: str | None, port_id: str | None) -> str:
    there = router_ports.subnets(tx, router_id)
    if port_id:
        on = [subnet.id for subnet in there if subnet.port_id == port_id]
        # Its owner may have taken its addresses: it is an interface all the same, and goes as one.
        if port_id not in [port.id for port in router_ports.held(tx, router_id)]:
            raise errors.NotFound(
                f'Router {router_id} does not have an interface with id {port_id}', type='RouterInterfaceNotFound'
            )
        if subnet_id and subnet_id not in on:
            raise errors.Conflict(
                f'Subnet on port {port_id} does not match the requested subnet {subnet_id}.',
                type='SubnetMismatchForPort',
            )
        return port_id
    found = next((subnet.port_id for subnet in there if subnet.id == subnet_id), None)
    if found is None:
        raise errors.NotFound(
            f'Router {router_id} has no interface on subnet {subnet_id}', type='RouterInterfaceNotFoundForSubnet'
        )
    return found


def _refuse_routes(tx: db.Tx, router: Any, subnet_ids: Sequence[str]) -> None:
    nets = {s.id: ipaddress.ip_network(s.cidr) for s in router_ports.subnets(tx, router.id) if s.id in subnet_ids}
    for route in router.routes:
        for subnet_id, net in nets.items():
            if ipaddress.ip_address(route['nexthop']) in net:
                raise errors.Conflict(
                    f'Router interface for subnet {subnet_id} on router {router.id} cannot be deleted, as it is '
                    'required by one or more routes.',
                    type='RouterInterfaceInUseByRoute',
                )


def _refuse_floating(tx: db.Tx, router_id: str, subnet_ids: Sequence[str]) -> None:
    """Nothing, when no floating IP leads through the router to one of the subnets.  Raises Conflict."""
    led = (
        sa.select(Address.subnet_id)
        .join(
            FloatingIp,
            sa.and_(FloatingIp.port_id == Address.port_id, FloatingIp.fixed_ip_address == Address.ip_address),
        )
        .where(FloatingIp.router_id == router_id)
    )
    forwarded = (
        sa.select(Address.subnet_id)
        .join(
            PortForwarding,
            sa.and_(
                PortForwarding.internal_port_id == Address.port_id,
                PortForwarding.internal_ip_address == Address.ip_address,
            ),
        )
        .join(FloatingIp, FloatingIp.id == PortForwarding.floating_ip_id)
        .where(FloatingIp.router_id == router_id)
    )
    for subnet_id in sorted(set(subnet_ids) & {*tx.column(led), *tx.column(forwarded)}):
        raise errors.Conflict(
            f'Router interface for subnet {subnet_id} on router {router_id} cannot be deleted, as it is required by '
            'one or more floating IPs.',
            type='RouterInterfaceInUseByFloatingIP',
        )


def described(tx: db.Tx, router: Any, port_id: str, subnet_id: str | None = None) -> dict[str, Any]:
    """What the API shows of an interface that was added or removed."""
    port = ports.get(tx, port_id)
    on = [subnet_id] if subnet_id else [one.subnet_id for one in fixed.of(tx, [port_id]).get(port_id, [])]
    return {
        'id': router.id,
        'tenant_id': router.project_id,
        'project_id': router.project_id,
        'port_id': port_id,
        'network_id': port.network_id,
        'subnet_id': on[0] if on else '',
        'subnet_ids': on,
        'tags': standard_attributes.tags_of(tx, [router.id]).get(router.id, []),
    }
