"""Volumes and snapshots in the Compute API (/os-volumes, /os-snapshots, gone since 2.36), a proxy for Cinder's."""

from typing import Any

from nimbus.api.compute import shapes
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Any_, Int, Noun, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.volume import volumes as api
from nimbus.common import errors
from nimbus.common.clock import iso_micro
from nimbus.common.database import listing
from nimbus.volume import hosts
from nimbus.volume.volumes import search, volumes

TEXT: shapes.Schema = {'type': 'string', 'maxLength': 255}
SIZE: shapes.Schema = {'type': ['integer', 'string'], 'pattern': '^[0-9]+$', 'minimum': 1}
_VOLUME = {
    'size': SIZE,
    'display_name': TEXT,
    'display_description': TEXT,
    'volume_type': TEXT,
    'metadata': api.PAIRS,
    'availability_zone': TEXT,
    'snapshot_id': TEXT,
}
CREATE = shapes.under('volume', shapes.closed(_VOLUME, ['size']))
_SNAPSHOT = {
    'volume_id': TEXT,
    'display_name': TEXT,
    'display_description': TEXT,
    'force': shapes.BOOLEAN,
}
CREATE_SNAPSHOT = shapes.under('snapshot', shapes.closed(_SNAPSHOT, ['volume_id']))


def attached(row: Any, _call: Call) -> list[dict[str, Any]]:
    """The first server that has the volume; an empty object stands for none."""
    for one in row.attachments:
        if one.status in ('attached', 'detaching'):
            device = {'device': one.device} if one.device else {}
            return [{'id': row.id, 'volumeId': row.id, 'serverId': one.server_id, **device}]
    return [{}]


class Volume(Noun):
    """A volume, with the names that its fields had."""

    one, many = 'volume', 'volumes'
    id = Text()
    status = Text()
    size = Int()
    availabilityZone = Text(source='availability_zone')
    createdAt = Text(source=lambda row, call: iso_micro(row.created_at))
    attachments = Any_(source=attached)
    displayName = Text(source='name')
    displayDescription = Text(source='description')
    volumeType = Text(source='type_name')
    snapshotId = Text(source=lambda row, call: None)
    metadata = Any_(source=api.metadata)


def index(call: Call) -> dict[str, Any]:
    """The project's volumes; the detailed list is the same."""
    part = paging.part(call)
    with call.db.read() as tx:
        rows = search.find(tx, call.context, listing.Page())
    return call.views(Volume, rows[part])


def show(call: Call, id: str) -> dict[str, Any]:
    """One volume."""
    with call.db.read() as tx:
        return call.view(Volume, volumes.show(tx, call.context, id))


def create(call: Call) -> Reply:
    """The volume is being made."""
    given = call.body['volume']
    if given.get('snapshot_id') is not None:
        raise _no_snapshot(given['snapshot_id'])
    size = api.gibibytes('size', given['size'])
    zone, host = api.destination(call, given.get('availability_zone'))
    wanted = {name: given.get(f'display_{name}') for name in ('name', 'description')}
    try:
        with call.db.write() as tx:
            row = volumes.create(
                tx,
                call.context,
                size=size,
                volume_type=given.get('volume_type') or None,
                zone=hosts.zone_for(tx, zone),
                host=host,
                metadata=given.get('metadata') or {},
                **wanted,
            )
    except errors.OverQuota as why:
        raise errors.Forbidden(why.sentence) from None
    return Reply(call.view(Volume, row), headers=[('Location', f'{call.root_url}{call.path}/{row.id}')])


def delete(call: Call, id: str) -> None:
    """202: the volume is being deleted."""
    with call.db.write() as tx:
        volumes.delete(tx, call.context, id)


def snapshots(call: Call) -> dict[str, Any]:
    """No volume has snapshots."""
    paging.part(call)
    return {'snapshots': []}


def show_snapshot(call: Call, key: str) -> None:
    """404."""
    raise _no_snapshot(key)


def create_snapshot(call: Call) -> None:
    """501 for a volume that is there, 404 for one that is not."""
    with call.db.read() as tx:
        volumes.show(tx, call.context, call.body['snapshot']['volume_id'])
    raise errors.NotBuilt('Volumes have no snapshots in this cloud.')


def delete_snapshot(call: Call, key: str) -> None:
    """404."""
    raise _no_snapshot(key)


def _no_snapshot(snapshot_id: str) -> errors.NotFound:
    return errors.NotFound(f'Snapshot {snapshot_id[:80]} could not be found.')
