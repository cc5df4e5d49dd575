"""Making images of a server: actions of `POST /servers/{id}/action`."""

from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import numbers
from nimbus.common.database import db
from nimbus.compute.servers.images import backups, snapshots
from nimbus.identity.catalog import catalog

ROTATION: shapes.Schema = shapes.number(0)
CREATE_IMAGE: Shape = shapes.action(
    'createImage', shapes.closed({'name': shapes.NAME, 'metadata': shapes.METADATA}, ['name'])
)
CREATE_BACKUP: Shape = shapes.action(
    'createBackup',
    shapes.closed(
        {
            'name': shapes.NAME,
            'backup_type': {'type': 'string'},
            'rotation': ROTATION,
            'metadata': shapes.METADATA,
        },
        ['name', 'backup_type', 'rotation'],
    ),
)


def create_image(call: Call, id: str) -> Any:
    """202: an image of the server is being made; its id, or before 2.45 its address."""
    with call.db.write() as tx:
        image_id = snapshots.snapshot(tx, call.context, id, _wanted(call))
        return _told(call, tx, image_id)


def create_backup(call: Call, id: str) -> Any:
    """202: an image of the server is being made, and older ones of its kind go; its id, or before 2.45 its address."""
    kind, rotation = call.given['backup_type'], numbers.whole(call.given['rotation'], 'rotation', least=0)
    with call.db.write() as tx:
        image_id = backups.backup(tx, call.context, id, _wanted(call), kind, rotation)
        return _told(call, tx, image_id) if image_id else None


def _wanted(call: Call) -> snapshots.Wanted:
    counted = not call.speaks(microversions.NoImageMetadata)
    quotas = call.parts.extra['compute'].image_quotas
    return snapshots.Wanted(call.given['name'], quotas, call.given.get('metadata') or {}, counted)


def _told(call: Call, tx: db.Tx, image_id: str) -> Reply:
    if call.speaks(microversions.ImageIdInBody):
        return Reply({'image_id': image_id})
    found = [
        one.url for one in catalog.endpoints(tx) if (one.service_type, one.interface) == ('image', 'public') and one.url
    ]
    url = (found[0] if found else call.host_url).rstrip('/')
    return Reply(headers=[('Location', f'{url}/images/{image_id}')])
