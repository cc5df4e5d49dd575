"""Floating IPs: addresses of external networks that projects hold, and lead to fixed addresses of their ports."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing, tables
from nimbus.network import addresses as fixed
from nimbus.network import holders, quotas, standard_attributes
from nimbus.network.hosts import scheduling
from nimbus.network.models import Address, FloatingIp, Network, Port, Router, Service, Subnet
from nimbus.network.networks import networks
from nimbus.network.ports import floating_addresses, floating_ports, forwarded_ports, port_visibility, ports
from nimbus.network.qos import bindings


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a floating IP is to lead."""

    port_id: str
    fixed_ip_address: str | None = None  # None: the one IPv4 address that the port has


def show(tx: db.Tx, ctx: Context, floating_id: str) -> Any:
    """The floating IP.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, FloatingIp, floating_id)
    if row is None:
        raise errors.NotFound(f'Floating IP {floating_id} could not be found', type='FloatingIPNotFound')
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the floating IPs the asker may see."""
    return standard_attributes.lists(
        tx, FloatingIp, standard_attributes.scope(ctx, FloatingIp), page, {'status': _by_status}
    )


def _by_status(values: Sequence[str]) -> Any:
    return sa.exists().where(Port.id == FloatingIp.floating_port_id, Port.status.in_(values))


def statuses(tx: db.Tx, rows: Sequence[Any]) -> dict[str, str]:
    """Each one's status: ACTIVE once the router's host leads it, DOWN before and while it leads nowhere."""
    own = {row.floating_port_id: row.id for row in rows}
    query = sa.select(Port.id, Port.status).where(Port.id.in_(list(own)))
    return {own[port_id]: status for port_id, status in tx.rows(query)} if own else {}


def targets(tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """The port that each one leads to, by its id."""
    wanted = {row.port_id for row in rows} - {None}
    return {port.id: port for port in tx.rows(sa.select(Port).where(Port.id.in_(sorted(wanted))))} if wanted else {}


def create(
    tx: db.Tx,
    ctx: Context,
    *,
    project_id: str,
    floating_network_id: str,
    description: str = '',
    place: dict[str, str] | None = None,
    target: Target | None = None,
    qos_policy_id: str | None = None,
    names: dict[str, str | None] | None = None,
) -> str:
    """The project holds an address of the external network; returns the floating IP's id.

    `place` may name a subnet of it, an address or both; `names` are what it is called in a DNS.

    Raises NotFound, Invalid, Conflict, OverQuota.
    """
    network = networks.show(tx, ctx, floating_network_id)
    if not network.external:
        raise _bad(f'Network {network.id} is not a valid external network')
    bindings.checked(tx, ctx, qos_policy_id)
    stamp = standard_attributes.stamp(ctx, project_id)
    quotas.take(tx, stamp['project_id'], floatingip=1)
    port_id = _hold(tx, ctx, network, stamp['id'], place or {})
    (address, *_) = fixed.of(tx, [port_id])[port_id]
    tx.insert(
        FloatingIp,
        qos_policy_id=qos_policy_id,
        description=description,
        floating_network_id=network.id,
        floating_port_id=port_id,
        floating_ip_address=address.ip_address,
        **floating_addresses.NOWHERE,
        **(names or {}),
        **stamp,
    )
    if target:
        _associate(tx, ctx, show(tx, ctx, stamp['id']), target)
    return stamp['id']


def _bad(why: str) -> errors.Invalid:
    return errors.Invalid(f'Bad floatingip request: {why}.', type='BadRequest')


def _hold(tx: db.Tx, ctx: Context, network: Any, floating_id: str, place: dict[str, str]) -> str:
    """A port of no project holds an IPv4 address of the network; returns its id."""
    within = [subnet for subnet in fixed.subnets_of(tx, network.id) if subnet.ip_version == 4]
    if not within:
        raise _bad(f'Network {network.id} does not contain any IPv4 subnet')
    if ':' in place.get('ip_address', ''):
        raise errors.Invalid(
            f'Unable to find any IP address on external network {network.id}.', type='ExternalIpAddressExhausted'
        )
    draft = ports.Draft(
        network=network,
        project_id='',
        device_id=floating_id,
        device_owner=holders.OWNER[holders.FLOATING],
        holder=holders.FLOATING,
        holder_id=floating_id,
        fixed_ips=(),
    )
    port_id = ports.insert(tx, ctx, draft)
    mac = ports.get(tx, port_id).mac_address
    fixed.give(tx, port_id, network.id, mac, [place] if place else None, within)
    return port_id


def update(tx: db.Tx, ctx: Context, floating_id: str, *, target: Target | None | bool = False, **values: Any) -> None:
    """The floating IP has the values and leads to the target; None is nowhere, False where it led before.

    Raises NotFound, Invalid, Conflict.
    """
    row = show(tx, ctx, floating_id)
    if values.get('qos_policy_id', row.qos_policy_id) != row.qos_policy_id:
        bindings.refuse_removal(tx, ctx, row.qos_policy_id)
        bindings.checked(tx, ctx, values['qos_policy_id'])
    if values:
        standard_attributes.touch(tx, FloatingIp, floating_id, **values)
    if 'qos_policy_id' in values and row.router_id:
        bindings.tell_routers(tx, Service.subject_id == row.router_id)
    if isinstance(target, Target):
        _associate(tx, ctx, row, target)
    elif target is None and row.port_id:
        floating_addresses.lead(tx, row, '', **floating_addresses.NOWHERE)


def delete(tx: db.Tx, ctx: Context, floating_id: str) -> None:
    """The address is the external network's again.  Raises NotFound."""
    tx.update(FloatingIp, FloatingIp.id == floating_id, description=FloatingIp.description)  # so that racers wait
    row = show(tx, ctx, floating_id)
    if forwarded_ports.of(tx, [floating_id]):
        raise in_use(floating_id)
    if row.port_id:
        floating_addresses.lead(tx, row, '', **floating_addresses.NOWHERE)
    floating_ports.give_up(tx, ctx, row)


# Association


def _associate(tx: db.Tx, ctx: Context, row: Any, target: Target) -> None:
    """The floating IP leads to the port's address through the router between."""
    port = port_visibility.show(tx, ctx, target.port_id)
    address = _address(row, port, fixed.of(tx, [port.id]).get(port.id, ()), target, ctx)
    if forwarded_ports.of(tx, [row.id]):
        raise in_use(row.id)
    router_id = lead_through(tx, row, port, address.subnet_id)
    place = {'port_id': port.id, 'fixed_ip_address': address.ip_address, 'router_id': router_id}
    if place == {name: getattr(row, name) for name in place}:
        return
    try:
        with tx.trial():
            floating_addresses.lead(tx, row, scheduling.host_of(tx, 'router', router_id), **place)
    except sa.exc.IntegrityError:
        raise errors.Conflict(
            f'Cannot associate floating IP {row.floating_ip_address} ({row.id}) with port {port.id} using fixed IP '
            f'{address.ip_address}, as that fixed IP already has a floating IP on external network '
            f'{row.floating_network_id}.',
            type='FloatingIPPortAlreadyAssociated',
        ) from None


def in_use(floating_id: str) -> errors.Conflict:
    """The refusal where forwarded ports need the floating IP."""
    return errors.Conflict(
        f'Floating IP {floating_id} in use by Port Forwarding resources.', type='FipInUseByPortForwarding'
    )


def lead_through(tx: db.Tx, row: Any, port: Any, subnet_id: str) -> str:
    """The router between the port and the floating IP, both of which stay until the transaction ends.

    Raises NotFound.
    """
    router_id = _router(tx, row, port, subnet_id)
    # Whoever takes the port or the router's gateway away meanwhile has to wait for this, or this finds it gone.
    if not tx.update(Port, Port.id == port.id, place=Port.place):
        raise standard_attributes.missing('Port', port.id)
    there = tx.update(Router, Router.id == router_id, status=Router.status)
    if not there or _router(tx, row, port, subnet_id) != router_id:
        raise _unreachable(row, port, subnet_id)
    return router_id


def refuse_target(row: Any, port: Any, ctx: Context) -> None:
    """Nothing, when the asker may lead the floating IP to the port.  Raises Invalid."""
    if port.project_id != row.project_id and not ctx.is_admin:
        raise _bad(
            f'Cannot process floating IP association with Port {port.id}, since that port is owned by a different '
            'project'
        )
    if port.holder in holders.UNCOUNTED:
        raise _bad(f'Port {port.id} is unable to be assigned a floating IP')


def _address(row: Any, port: Any, addresses: Sequence[Any], target: Target, ctx: Context) -> Any:
    """The fixed address that the floating IP may lead to.  Raises Invalid."""
    refuse_target(row, port, ctx)
    wanted = target.fixed_ip_address
    if wanted and ':' in wanted:
        raise _bad(f'Cannot process floating IP association with {wanted}, since that is not an IPv4 address')
    found = [one for one in addresses if ':' not in one.ip_address and wanted in (None, one.ip_address)]
    if wanted and not found:
        raise _bad(f'Port {port.id} does not have fixed ip {wanted}')
    if not found:
        raise _bad(f'Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses')
    if len(found) > 1:
        raise _bad(
            f'Port {port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning '
            'a floating IP'
        )
    return found[0]


def _router(tx: db.Tx, row: Any, port: Any, subnet_id: str) -> str:
    """The router between the subnet and the external network; the subnet's gateway, if it is one of several.

    Raises NotFound where there is none.
    """
    outside = tables.Alias(Port)
    query = (
        sa.select(Port.holder_id, Address.ip_address, Subnet.gateway_ip)
        .join(Address, Address.port_id == Port.id)
        .join(Subnet, Subnet.id == Address.subnet_id)
        .join(outside, sa.and_(outside.holder_id == Port.holder_id, outside.holder == holders.GATEWAY))
        .where(Port.holder == holders.ROUTER, Subnet.id == subnet_id, outside.network_id == row.floating_network_id)
        .order_by(Port.seq)
    )
    found = tx.rows(query)
    if not found:
        raise _unreachable(row, port, subnet_id)
    return next((one for one in found if one.ip_address == one.gateway_ip), found[0]).holder_id


def _unreachable(row: Any, port: Any, subnet_id: str) -> errors.NotFound:
    return errors.NotFound(
        f'External network {row.floating_network_id} is not reachable from subnet {subnet_id}.  Therefore, cannot '
        f'associate Port {port.id} with a Floating IP.',
        type='ExternalGatewayForFloatingIPNotFound',
    )


# Pools


def pools(tx: db.Tx) -> list[Any]:
    """The IPv4 subnets of external networks, of which floating IPs are made."""
    query = sa.select(Subnet).join(Network, Network.id == Subnet.network_id)
    return list(tx.rows(query.where(Network.external.is_(True), Subnet.ip_version == 4).order_by(Subnet.seq)))
