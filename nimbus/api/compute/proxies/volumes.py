"""Volumes and snapshots in the Compute API (/os-volumes, /os-snapshots, gone since 2.36), a proxy for Cinder's."""

from typing import Any

from nimbus.api.compute import shapes
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Any_, Int, Noun, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.volume import volumes as api
from nimbus.api.volume.volume_actions import truth
from nimbus.common import errors
from nimbus.common.clock import iso_micro
from nimbus.common.database import listing
from nimbus.volume.volumes import search, snapshot_search, snapshots, volumes

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
    snapshotId = Text(source='snapshot_id')
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
    size = api.gibibytes('size', given['size'])
    zone, host = api.destination(call, given.get('availability_zone'))
    wanted = {name: given.get(f'display_{name}') for name in ('name', 'description')}
    try:
        with call.db.write() as tx:
            source = snapshots.source(tx, call.context, given['snapshot_id']) if given.get('snapshot_id') else None
            zone, host = api.place_for(tx, zone, host, source)
            row = volumes.create(
                tx,
                call.context,
                size=api.fitting(size, source),
                source=source,
                volume_type=given.get('volume_type') or None,
                zone=zone,
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


class Snapshot(Noun):
    """A snapshot, with the names that its fields had."""

    one, many = 'snapshot', 'snapshots'
    id = Text()
    status = Text()
    size = Int()
    createdAt = Text(source=lambda row, call: iso_micro(row.created_at))
    displayName = Text(source='name')
    displayDescription = Text(source='description')
    volumeId = Text(source='volume_id')


def list_snapshots(call: Call) -> dict[str, Any]:
    """The project's snapshots; the detailed list is the same."""
    part = paging.part(call)
    with call.db.read() as tx:
        rows = snapshot_search.find(tx, call.context, listing.Page())
    return call.views(Snapshot, rows[part])


def show_snapshot(call: Call, id: str) -> dict[str, Any]:
    """One snapshot."""
    with call.db.read() as tx:
        return call.view(Snapshot, snapshots.show(tx, call.context, id))


def create_snapshot(call: Call) -> dict[str, Any]:
    """The snapshot is being made."""
    given = call.body['snapshot']
    wanted = {name: given.get(f'display_{name}') for name in ('name', 'description')}
    try:
        with call.db.write() as tx:
            in_use = 'force' in given and truth(given['force'])
            row = snapshots.create(tx, call.context, given['volume_id'], in_use=in_use, **wanted)
    except errors.OverQuota as why:
        raise errors.Forbidden(why.sentence) from None
    return call.view(Snapshot, row)


def delete_snapshot(call: Call, id: str) -> None:
    """202: the snapshot is being deleted."""
    with call.db.write() as tx:
        snapshots.delete(tx, call.context, id)
