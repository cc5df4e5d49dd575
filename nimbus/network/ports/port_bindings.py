"""The hosts that a port is bound to: the one where it is active, and those that are prepared for it."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import tunnels
from nimbus.network.models import Arrival
from nimbus.network.models_wiring import Binding
from nimbus.network.ports import port_changes, port_visibility

ACTIVE, INACTIVE = 'ACTIVE', 'INACTIVE'
OF_GUESTS = ('compute:', 'manila:')  # owners whose ports may move with what is behind them
NORMAL = 'normal'


@dataclasses.dataclass(frozen=True)
class Bound:
    """A port's binding to a host; the port is wired where it is active."""

    host: str
    status: str
    vnic_type: str = NORMAL
    profile: dict[str, Any] = dataclasses.field(default_factory=dict)
    arriving: bool = False  # its server is on the way there


def owner(tx: db.Tx, ctx: Context, port_id: str) -> Any:
    """The port, where it may have several bindings.  Raises NotFound, Invalid."""
    port = port_visibility.show(tx, ctx, port_id)
    if not port.device_owner.startswith(OF_GUESTS):
        raise errors.Invalid(
            f'Bad port request: Invalid port {port_id}. Only ports of servers and of shared file systems have bindings '
            'that can be listed and changed one by one.',
            type='BadRequest',
        )
    return port


def of(tx: db.Tx, port: Any) -> list[Bound]:
    """The active binding of the port, and then the others."""
    found = {port.host: Bound(port.host, ACTIVE, port.vnic_type, port.profile)}
    for row in tx.rows(sa.select(Binding).where(Binding.port_id == port.id).order_by(Binding.host)):
        found.setdefault(row.host, Bound(row.host, INACTIVE, row.vnic_type, row.profile))
    for row in tx.rows(sa.select(Arrival).where(Arrival.port_id == port.id)):
        found.setdefault(row.host, Bound(row.host, INACTIVE, port.vnic_type, port.profile, arriving=True))
    return list(found.values())


def show(tx: db.Tx, port: Any, host: str) -> Bound:
    """The port's binding to that host.  Raises NotFound."""
    for one in of(tx, port):
        if one.host == host and host:
            return one
    raise errors.NotFound(f'Binding for port {port.id} for host {host} could not be found.', type='PortBindingNotFound')


def create(tx: db.Tx, port: Any, host: str, **values: Any) -> None:
    """The port is prepared for the host as well.  Raises Conflict where it is bound to it, or nobody could wire it."""
    if any(one.host == host for one in of(tx, port)):
        raise errors.Conflict(
            f'Binding for port {port.id} on host {host} already exists.', type='PortBindingAlreadyExists'
        )
    if not services.find(tx, 'network', binary=tunnels.AGENT, host=host):
        raise errors.Conflict(
            f'Binding for port {port.id} on host {host} could not be created: no network agent of that host is known.',
            type='PortBindingError',
        )
    tx.insert(Binding, port_id=port.id, host=host, **values)


def update(tx: db.Tx, ctx: Context, port: Any, host: str, **values: Any) -> None:
    """The binding has the values.  Raises NotFound, Conflict."""
    known = _settled(tx, port, host)
    if known.status == ACTIVE:
        port_changes.update(tx, ctx, port.id, values)
    else:
        tx.update(Binding, Binding.port_id == port.id, Binding.host == host, **values)


def activate(tx: db.Tx, ctx: Context, port: Any, host: str) -> None:
    """The port is wired on that host from now on; where it was, it is only prepared.  Raises NotFound, Conflict."""
    known = _settled(tx, port, host)
    if known.status == ACTIVE:
        raise errors.Conflict(
            f'Binding for port {port.id} on host {host} is already active.', type='PortBindingAlreadyActive'
        )
    tx.delete(Binding, Binding.port_id == port.id, Binding.host == host)
    if port.host:
        left = {'vnic_type': port.vnic_type, 'profile': port.profile}
        tx.insert(Binding, port_id=port.id, host=port.host, **left)
    taken = {'host': host, 'vnic_type': known.vnic_type, 'profile': known.profile}
    port_changes.update(tx, ctx, port.id, taken)


def delete(tx: db.Tx, ctx: Context, port: Any, host: str) -> None:
    """The port is not bound to the host.  Raises NotFound, Conflict."""
    if _settled(tx, port, host).status == ACTIVE:
        port_changes.update(tx, ctx, port.id, {'host': '', 'profile': {}})
    tx.delete(Binding, Binding.port_id == port.id, Binding.host == host)


def _settled(tx: db.Tx, port: Any, host: str) -> Bound:
    """The binding, where nobody else is about to change it.  Raises NotFound, Conflict."""
    found = show(tx, port, host)
    if found.arriving:
        raise errors.Conflict(
            f'Port {port.id} is still in use: its server is on its way to host {host}, and its binding goes with it.',
            type='PortInUse',
        )
    return found
