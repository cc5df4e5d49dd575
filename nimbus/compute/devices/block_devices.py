"""Block devices: what a server boots from and which volumes it has."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.compute.models import BlockDevice

FACTS = (
    'id',
    'source',
    'destination',
    'image_id',
    'snapshot_id',
    'volume_id',
    'volume_type',
    'attachment_id',
    'boot_index',
    'device',
    'disk_bus',
    'device_type',
    'guest_format',
    'size',
    'tag',
    'delete_on_termination',
)

TABLE = BlockDevice.__table__
OF_SERVER = db.Fixed(sa.select(TABLE).where(TABLE.c.server_id == sa.bindparam('server')).order_by(TABLE.c.seq))
VOLUMES = db.Gathering(
    sa.select(TABLE).where(TABLE.c.volume_id.is_not(None)).order_by(TABLE.c.seq),
    TABLE.c.server_id,
)


def of_server(tx: db.Tx, server_id: str) -> list[Any]:
    """The server's block devices, in the order they were asked for."""
    return list(tx.rows(OF_SERVER, {'server': server_id}))


def volumes_of(tx: db.Tx, server_ids: list[str]) -> dict[str, list[Any]]:
    """The rows of the volumes that each of many servers has, by one query."""
    found: dict[str, list[Any]] = {}
    for row in VOLUMES.rows(tx, server_ids):
        found.setdefault(row.server_id, []).append(row)
    return found


def facts(row: Any) -> dict[str, Any]:
    """The row as plain JSON."""
    return {name: getattr(row, name) for name in FACTS}


def volume(tx: db.Tx, server_id: str, volume_id: str) -> Any:
    """The row of one volume of a server.  Raises NotFound."""
    where = (BlockDevice.server_id == server_id, BlockDevice.volume_id == volume_id)
    row = tx.row(sa.select(BlockDevice).where(*where))
    if row is None:
        raise errors.NotFound(f'Instance {server_id} is not attached to volume {volume_id}')
    return row


def add(tx: db.Tx, bdm_id: str, server_id: str, **values: Any) -> None:
    """The server has one more block device; the columns not named are as for a volume that was attached."""
    row = dict.fromkeys(FACTS) | {'source': 'volume', 'destination': 'volume', 'delete_on_termination': False}
    row |= {'id': bdm_id, 'server_id': server_id, 'created_at': clock.Clock().now()}
    tx.insert(BlockDevice, **row | values)


def change(tx: db.Tx, bdm_id: str, **values: Any) -> bool:
    """The block device has the values: volume_id, attachment_id, device, size; False when it is gone."""
    return bool(tx.update(BlockDevice, BlockDevice.id == bdm_id, **values))


def resized(tx: db.Tx, server_id: str, volume_id: str, size: int) -> None:
    """The server's disk that is that volume has `size` GiB; a server without it is fine."""
    tx.update(BlockDevice, BlockDevice.server_id == server_id, BlockDevice.volume_id == volume_id, size=size)


def drop(tx: db.Tx, bdm_id: str) -> None:
    """The block device is gone; gone already is fine."""
    tx.delete(BlockDevice, BlockDevice.id == bdm_id)


def drop_all(tx: db.Tx, server_id: str) -> None:
    """The server has no block device."""
    tx.delete(BlockDevice, BlockDevice.server_id == server_id)
