"""Trunks: made of a port, given and relieved of subports, and deleted."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import holders, quotas, standard_attributes
from nimbus.network.models import Network, Port
from nimbus.network.models_wiring import Subport, Trunk
from nimbus.network.ports import port_visibility, ports, trunk_ports

VLAN, INHERIT = 'vlan', 'inherit'
FIRST_VLAN, LAST_VLAN = 1, 4094
ACTIVE, DOWN, ERROR = 'ACTIVE', 'DOWN', 'ERROR'
MTU = sa.select(Network.mtu, Network.network_type, Network.segmentation_id)

_PARENT = sa.select(Port.status).where(Port.id == Trunk.port_id).scalar_subquery()
_OTHER = sa.exists().where(Subport.trunk_id == Trunk.id, Subport.port_id == Port.id)
STATUS = sa.case(
    (sa.or_(_PARENT == ERROR, _OTHER.where(Port.status == ERROR)), ERROR),
    (sa.or_(_PARENT != ACTIVE, _OTHER.where(Port.status != ACTIVE)), DOWN),
    else_=ACTIVE,
)


def show(tx: db.Tx, ctx: Context, trunk_id: str) -> Any:
    """The trunk.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, Trunk, trunk_id)
    if row is None:
        raise standard_attributes.missing('Trunk', trunk_id)
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the trunks that the asker may see."""
    where = standard_attributes.scope(ctx, Trunk)
    return standard_attributes.lists(tx, Trunk, where, page, {'status': lambda values: STATUS.in_(values)})


def statuses(tx: db.Tx, trunk_ids: Sequence[str]) -> dict[str, str]:
    """Of each trunk whether all its ports are wired: ACTIVE, DOWN, or ERROR where one cannot be."""
    rows = tx.execute(sa.select(Trunk.id, STATUS).where(Trunk.id.in_(list(trunk_ids)))).all() if trunk_ids else ()
    return {trunk_id: status for trunk_id, status in rows}


def create(
    tx: db.Tx, ctx: Context, *, project_id: str, port_id: str, sub_ports: Sequence[dict[str, Any]], **values: Any
) -> str:
    """The port is a trunk with these subports; returns the trunk's id.  Raises NotFound, Invalid, Conflict."""
    parent = port_visibility.show(tx, ctx, port_id)
    if trunk_ports.trunk_with(tx, port_id):
        raise _in_another(port_id)
    if trunk_ports.trunk_of(tx, port_id) or holders.is_own(parent):
        raise _no_parent(port_id)
    quotas.take(tx, project_id, trunk=1)
    stamp = standard_attributes.stamp(ctx, project_id)
    try:
        with tx.trial():
            tx.insert(Trunk, port_id=port_id, **values, **stamp)
    except sa.exc.IntegrityError as why:
        raise _no_parent(port_id) from why
    _add(tx, ctx, show(tx, ctx, stamp['id']), parent, sub_ports)
    return str(stamp['id'])


def update(tx: db.Tx, row: Any, **values: Any) -> None:
    """The trunk has the values."""
    standard_attributes.touch(tx, Trunk, row.id, **values)


def delete(tx: db.Tx, ctx: Context, row: Any) -> None:
    """The trunk is gone; its port stays, and what were its subports are wired nowhere.  Raises Conflict."""
    _refuse_disabled(row)
    ports.end_trunk(tx, ctx, row.port_id)
    standard_attributes.touch(tx, Port, row.port_id)


def add_subports(tx: db.Tx, ctx: Context, trunk_id: str, wanted: Sequence[dict[str, Any]]) -> None:
    """The trunk has these subports too.  Raises NotFound, Invalid, Conflict."""
    row = _lock(tx, ctx, trunk_id)
    if statuses(tx, [trunk_id])[trunk_id] == ERROR:
        raise errors.Conflict(
            f'Trunk {trunk_id} is in error state: one of its ports cannot be wired, and that comes first.',
            type='TrunkInErrorState',
        )
    _add(tx, ctx, row, ports.get(tx, row.port_id), wanted)


def remove_subports(tx: db.Tx, ctx: Context, trunk_id: str, unwanted: Sequence[dict[str, Any]]) -> None:
    """The trunk has none of these subports any more.  Raises NotFound, Conflict."""
    _lock(tx, ctx, trunk_id)
    there = {one.port_id for one in trunk_ports.of(tx, [trunk_id]).get(trunk_id, ())}
    for one in unwanted:
        if one['port_id'] not in there:
            raise errors.NotFound(
                f'SubPort {one["port_id"]} on trunk {trunk_id} could not be found.', type='SubPortNotFound'
            )
        ports.free_subport(tx, ctx, one['port_id'])


def _lock(tx: db.Tx, ctx: Context, trunk_id: str) -> Any:
    """The trunk, which nobody else changes before the transaction ends.  Raises NotFound, Conflict."""
    row = show(tx, ctx, trunk_id)
    standard_attributes.touch(tx, Trunk, trunk_id)
    _refuse_disabled(row)
    return row


def _refuse_disabled(row: Any) -> None:
    if not row.admin_state_up:
        raise errors.Conflict(f'Trunk {row.id} is currently disabled.', type='TrunkDisabled')


def _no_parent(port_id: str) -> errors.Conflict:
    return errors.Conflict(
        f'Port {port_id} is currently in use and is not eligible for use as a parent port.', type='ParentPortInUse'
    )


def _in_another(port_id: str) -> errors.Conflict:
    return errors.Conflict(f'Port {port_id} is in use by another trunk.', type='TrunkPortInUse')


def _add(tx: db.Tx, ctx: Context, trunk: Any, parent: Any, wanted: Sequence[dict[str, Any]]) -> None:
    network = tx.row(MTU.where(Network.id == parent.network_id))
    for one in wanted:
        port = _checked(tx, ctx, trunk, parent, network, one)
        kind, number = _segmentation(tx, port, one)
        try:
            with tx.trial():
                tx.insert(Subport, trunk_id=trunk.id, port_id=port.id, segmentation_type=kind, segmentation_id=number)
        except sa.exc.IntegrityError as why:
            if trunk_ports.trunk_with(tx, port.id):
                raise _in_another(port.id) from why
            raise errors.Conflict(
                f'segmentation_type {kind} and segmentation_id {number} already in use on trunk {trunk.id}.',
                type='DuplicateSubPort',
            ) from why
        held = {'holder': holders.SUBPORT, 'holder_id': trunk.id, 'device_owner': holders.OWNER[holders.SUBPORT]}
        ports.move(tx, ctx, port, parent.host, **held)


def _checked(tx: db.Tx, ctx: Context, trunk: Any, parent: Any, network: Any, one: dict[str, Any]) -> Any:
    """The port that is to be a subport.  Raises NotFound, Conflict where something else has it."""
    if one['port_id'] == parent.id:
        raise _no_parent(parent.id)
    port = port_visibility.show(tx, ctx, one['port_id'])
    mtu = tx.row(MTU.where(Network.id == port.network_id)).mtu
    if mtu > network.mtu:
        raise errors.Conflict(
            f'MTU {mtu} of subport {port.id} cannot be greater than MTU {network.mtu} of trunk {trunk.id}.',
            type='SubPortMtuGreaterThanTrunkPortMtu',
        )
    if trunk_ports.trunk_with(tx, port.id):
        raise _in_another(port.id)
    if trunk_ports.trunk_of(tx, port.id):
        raise _no_parent(port.id)
    if port.device_id or port.holder or holders.is_own(port):
        raise errors.Conflict(
            f'Unable to complete operation on port {port.id} for network {port.network_id}. Port already has an '
            f'attached device {port.device_id or port.device_owner}.',
            type='PortInUse',
        )
    return port


def _segmentation(tx: db.Tx, port: Any, one: dict[str, Any]) -> tuple[str, int]:
    """The kind and number of the tag of the subport's frames.  Raises Invalid."""
    kind, number = one.get('segmentation_type'), one.get('segmentation_id')
    if kind == INHERIT:
        network = tx.row(MTU.where(Network.id == port.network_id))
        kind, number = network.network_type, network.segmentation_id
    if kind is None or number is None and kind == VLAN:
        raise bad(
            f"Invalid subport details '{one}': missing segmentation information. Must specify both segmentation_id "
            'and segmentation_type'
        )
    if kind != VLAN:
        raise bad(f"Unknown segmentation_type '{kind}'")
    if number is None or not FIRST_VLAN <= number <= LAST_VLAN:
        raise bad(f"Segmentation ID '{number}' is not in range")
    return kind, number


def bad(sentence: str) -> errors.Invalid:
    """Neutron's refusal of what is to be a subport."""
    return errors.Invalid(f'Invalid input for operation: {sentence}.', type='InvalidInput')
