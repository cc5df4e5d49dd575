"""Port forwarding: ports of a floating IP that lead to ports of fixed addresses."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import addresses as fixed
from nimbus.network import standard_attributes
from nimbus.network.hosts import scheduling
from nimbus.network.models import FloatingIp
from nimbus.network.models_traffic import PortForwarding
from nimbus.network.ports import floating_addresses, forwarded_ports, port_visibility
from nimbus.network.routers import floating_ips

Range = tuple[int, int]  # the first and the last port


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a forwarding is to be."""

    protocol: str
    external: Range
    internal: Range
    port_id: str
    ip: str | None = None  # None: the first IPv4 address that the port has
    description: str = ''


def show(tx: db.Tx, floating: Any, forwarding_id: str) -> Any:
    """The forwarding of the floating IP.  Raises NotFound."""
    own = (PortForwarding.id == forwarding_id, PortForwarding.floating_ip_id == floating.id)
    row = tx.row(sa.select(PortForwarding).where(*own))
    if row is None:
        raise errors.NotFound(f'Port Forwarding {forwarding_id} could not be found.', type='PortForwardingNotFound')
    return row


def find(tx: db.Tx, floating: Any, page: listing.Page) -> list[Any]:
    """One page of what the floating IP forwards."""
    return standard_attributes.lists(tx, PortForwarding, [PortForwarding.floating_ip_id == floating.id], page)


def create(tx: db.Tx, ctx: Context, floating: Any, wish: Wish) -> str:
    """The floating IP forwards as wished; returns the forwarding's id.  Raises NotFound, Invalid, Conflict."""
    floating, ip, router_id = _checked(tx, ctx, floating, wish)
    stamp = standard_attributes.stamp(ctx, floating.project_id)
    tx.insert(PortForwarding, floating_ip_id=floating.id, **_columns(wish, ip), **stamp)
    _lead(tx, floating, router_id)
    return str(stamp['id'])


def update(tx: db.Tx, ctx: Context, floating: Any, row: Any, wish: Wish) -> None:
    """The forwarding is as wished.  Raises NotFound, Invalid, Conflict."""
    floating, ip, router_id = _checked(tx, ctx, floating, wish, but=row)
    standard_attributes.touch(tx, PortForwarding, row.id, **_columns(wish, ip))
    _lead(tx, floating, router_id)


def delete(tx: db.Tx, floating: Any, row: Any) -> None:
    """The forwarding is gone."""
    _lock(tx, floating)
    forwarded_ports.end(tx, row)


def _lock(tx: db.Tx, floating: Any) -> None:
    """Whoever changes what the floating IP leads to meanwhile waits for this."""
    tx.update(FloatingIp, FloatingIp.id == floating.id, description=FloatingIp.description)


def _columns(wish: Wish, ip: str) -> dict[str, Any]:
    return {
        'protocol': wish.protocol,
        'internal_port_id': wish.port_id,
        'internal_ip_address': ip,
        'external_first': wish.external[0],
        'external_last': wish.external[1],
        'internal_first': wish.internal[0],
        'internal_last': wish.internal[1],
        'description': wish.description,
    }


def _checked(tx: db.Tx, ctx: Context, floating: Any, wish: Wish, but: Any = None) -> tuple[Any, str, str]:
    """The floating IP, the address inside and the router between, where what is wished may be."""
    _lock(tx, floating)
    floating = floating_ips.show(tx, ctx, floating.id)
    port = port_visibility.show(tx, ctx, wish.port_id)
    address = _address(tx, ctx, floating, port, wish)
    if floating.port_id:
        raise errors.Conflict(
            f'Floating IP {floating.floating_ip_address} ({floating.id}) leads to port {floating.port_id} with all of '
            'its ports, and forwards none.',
            type='FloatingIPPortAlreadyAssociated',
        )
    try:
        router_id = floating_ips.lead_through(tx, floating, port, address.subnet_id)
    except errors.NotFound as why:
        raise bad(why.sentence.rstrip('.')) from why
    if floating.router_id not in (None, router_id) and not _alone(tx, floating, but):
        raise bad(
            f'Floating IP {floating.id} forwards through router {floating.router_id}, and address '
            f'{address.ip_address} is behind router {router_id}'
        )
    _refuse_meeting(tx, floating, wish, address.ip_address, but)
    return floating, address.ip_address, router_id


def _alone(tx: db.Tx, floating: Any, but: Any) -> bool:
    """Whether the floating IP forwards nothing else than that one."""
    return all(but is not None and row.id == but.id for row in _of(tx, floating))


def _of(tx: db.Tx, floating: Any) -> list[Any]:
    return forwarded_ports.of(tx, [floating.id]).get(floating.id, [])


def bad(why: str) -> errors.Invalid:
    """Neutron's refusal of a request about port forwarding."""
    return errors.Invalid(f'Bad port_forwarding request: {why}.', type='BadRequest')


def _address(tx: db.Tx, ctx: Context, floating: Any, port: Any, wish: Wish) -> Any:
    """The fixed address that is forwarded to.  Raises Invalid, Conflict where it has a floating IP of its own."""
    there = [one for one in fixed.of(tx, [port.id]).get(port.id, ()) if ':' not in one.ip_address]
    if not there:
        raise bad(f'Port {port.id} has no IPv4 address that anything could be forwarded to')
    found = next((one for one in there if wish.ip in (None, one.ip_address)), None)
    if found is None:
        raise bad(f'Port {port.id} does not have the address {wish.ip}: it has '
                  f'{", ".join(one.ip_address for one in there)}')  # fmt: skip
    floating_ips.refuse_target(floating, port, ctx)
    bound = floating_addresses.leading_to(tx, port.id)
    if bound is not None:
        raise errors.Conflict(
            f'Nothing can be forwarded from floating IP {floating.floating_ip_address} ({floating.id}) to port '
            f'{port.id} at {found.ip_address}, as floating IP {bound.floating_ip_address} leads there.',
            type='PortHasBindingFloatingIP',
        )
    return found


def _refuse_meeting(tx: db.Tx, floating: Any, wish: Wish, ip: str, but: Any) -> None:
    """Nothing, when no other forwarding has one of the ports on either side.  Raises Invalid."""
    same = PortForwarding.protocol == wish.protocol, PortForwarding.id != (but.id if but is not None else '')
    query = sa.select(PortForwarding).where(*same)
    for row in tx.rows(query.where(PortForwarding.floating_ip_id == floating.id)):
        _refuse(wish.external, (row.external_first, row.external_last), row, 'external')
    inside = (PortForwarding.internal_port_id == wish.port_id, PortForwarding.internal_ip_address == ip)
    for row in tx.rows(query.where(*inside)):
        _refuse(wish.internal, (row.internal_first, row.internal_last), row, 'internal')


def _refuse(wanted: Range, there: Range, row: Any, side: str) -> None:
    if wanted[0] <= there[1] and there[0] <= wanted[1]:
        raise bad(
            f'The {side} ports {wanted[0]}:{wanted[1]} of {row.protocol} collide with {there[0]}:{there[1]} of '
            f'{row.id}, which are forwarded already'
        )


def _lead(tx: db.Tx, floating: Any, router_id: str) -> None:
    """The floating IP's router is that one, and its host knows what is forwarded."""
    if floating.router_id == router_id:
        forwarded_ports.changed(tx, floating)
    else:
        floating_addresses.lead(tx, floating, scheduling.host_of(tx, 'router', router_id), router_id=router_id)
