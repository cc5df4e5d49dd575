"""What trunks have to do with ports: a port's tagged frames belong to the subports of the trunk that it is."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network.models import Port
from nimbus.network.models_wiring import Subport, Trunk

BY_PARENT = db.Gathering(sa.select(Trunk.port_id, Trunk.id), Trunk.port_id)
BY_TRUNK = db.Gathering(
    sa.select(Subport.trunk_id, Subport.port_id, Subport.segmentation_type, Subport.segmentation_id, Port.mac_address)
    .join(Port, Port.id == Subport.port_id)
    .order_by(Subport.seq),
    Subport.trunk_id,
)
OF_PARENT = db.Fixed(
    sa.select(db.table_of(Port))
    .join(db.table_of(Subport), Subport.port_id == Port.id)
    .join(db.table_of(Trunk), Trunk.id == Subport.trunk_id)
    .where(Trunk.port_id == sa.bindparam('of'))
    .order_by(Port.seq)
)


def of(tx: db.Tx, trunk_ids: Sequence[str]) -> dict[str, list[Any]]:
    """The subports of each trunk that has any, in the order in which they came."""
    found: dict[str, list[Any]] = {}
    for row in BY_TRUNK.rows(tx, trunk_ids):
        found.setdefault(row.trunk_id, []).append(row)
    return found


def carried(tx: db.Tx, parent_id: str) -> list[Any]:
    """The ports that are subports of the trunk that the port is."""
    return list(tx.rows(OF_PARENT, {'of': parent_id}))


def details(tx: db.Tx, port_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What each of the ports that is a trunk shows of it."""
    trunks = {port_id: trunk_id for port_id, trunk_id in BY_PARENT.rows(tx, port_ids)}
    subports = of(tx, list(trunks.values())) if trunks else {}
    names = ('segmentation_id', 'segmentation_type', 'port_id', 'mac_address')
    return {
        port_id: {
            'trunk_id': trunk_id,
            'sub_ports': [{name: getattr(row, name) for name in names} for row in subports.get(trunk_id, ())],
        }
        for port_id, trunk_id in trunks.items()
    }


def trunk_of(tx: db.Tx, parent_id: str) -> Any:
    """The trunk that the port is; None where it is none."""
    return tx.row(sa.select(Trunk).where(Trunk.port_id == parent_id))


def trunk_with(tx: db.Tx, port_id: str) -> str | None:
    """The id of the trunk whose subport the port is; None where it is none's."""
    return tx.scalar(sa.select(Subport.trunk_id).where(Subport.port_id == port_id))


def refuse_deletion(tx: db.Tx, port_id: str) -> None:
    """Nothing, when the port is no trunk and none's subport.  Raises Conflict."""
    trunk_id = trunk_with(tx, port_id)
    if trunk_id is not None:
        raise errors.Conflict(f'Port {port_id} is currently a subport for trunk {trunk_id}.', type='PortInUseAsSubPort')
    trunk = trunk_of(tx, port_id)
    if trunk is not None:
        raise errors.Conflict(
            f'Port {port_id} is currently a parent port for trunk {trunk.id}.', type='PortInUseAsTrunkParent'
        )
