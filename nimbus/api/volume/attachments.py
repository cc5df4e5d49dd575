"""Volume attachments over HTTP (/attachments, since 3.27)."""

from typing import Any

from nimbus.api.kit import paging
from nimbus.api.kit.fields import Shape, ShapeByVersion
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.clock import iso_micro
from nimbus.common.database import listing
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import attachments, search, volumes

FILTERS = ('volume_id', 'status', 'instance_id', 'attach_status')
SORTS = ('id', 'created_at', 'updated_at', 'status', 'volume_id')
CONNECTOR = {'type': ['object', 'null']}
GIVEN = {
    'instance_uuid': {'type': ['string', 'null'], 'format': 'uuid'},
    'volume_uuid': {'type': 'string', 'format': 'uuid'},
    'connector': CONNECTOR,
}


def _create(**more: Any) -> Shape:
    inner = {
        'type': 'object',
        'properties': {**GIVEN, **more},
        'required': ['volume_uuid'],
        'additionalProperties': False,
    }
    return Shape({'type': 'object', 'properties': {'attachment': inner}, 'required': ['attachment'],
                  'additionalProperties': False})  # fmt: skip


CREATE = ShapeByVersion(((3, 27), _create()), ((3, 54), _create(mode={'type': 'string', 'enum': ['rw', 'ro']})))
UPDATE = Shape({
    'type': 'object',
    'properties': {'attachment': {'type': 'object', 'properties': {'connector': {'type': 'object', 'minProperties': 1}},
                                  'required': ['connector'], 'additionalProperties': False}},
    'required': ['attachment'], 'additionalProperties': False,
})  # fmt: skip
# Clients send nothing, an empty object or the attachment's id here.
COMPLETE = Shape({'type': 'object', 'properties': {'os-complete': {}},
                  'required': ['os-complete'], 'additionalProperties': False})  # fmt: skip


def _summary(row: Any) -> dict[str, Any]:
    return {'id': row.id, 'instance': row.server_id, 'volume_id': row.volume_id, 'status': row.status}


def _whole(row: Any) -> dict[str, Any]:
    return {
        **_summary(row),
        'attached_at': iso_micro(row.attached_at) or '',
        'detached_at': '',
        'attach_mode': row.mode,
        'connection_info': _connection(row),
    }


def _connection(row: Any) -> dict[str, Any]:
    """The connection_info of the view, flat as clients read it; empty while the volume is not connected."""
    kept = row.connection
    if not kept:
        return {}
    return {'driver_volume_type': kept['driver_volume_type'], **kept.get('data', kept), 'attachment_id': row.id}


def index(call: Call) -> dict[str, Any]:
    """A page of attachments in the short view."""
    return {'attachments': [_summary(row) for row in _rows(call)]}


def detail(call: Call) -> dict[str, Any]:
    """A page of detailed attachments, without the secrets of their connection_info."""
    return {'attachments': [{**_whole(row), 'connection_info': {}} for row in _rows(call)]}


def _rows(call: Call) -> list[Any]:
    everyone = call.context.is_admin and (call.arg('all_tenants') or '').lower() in ('1', 'true')
    key, way = call.arg('sort_key') or 'created_at', call.arg('sort_dir') or 'desc'
    if key not in SORTS or way not in ('asc', 'desc'):
        raise errors.Invalid(f'Invalid sort keys provided: {key[:40]} {way[:10]}; allowed are {", ".join(SORTS)}.')
    page = listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT),
        marker=call.arg('marker') or None,
        offset=paging.part(call).start,
        sorts=((key, way),),
        filters={name: call.arg(name) for name in (*FILTERS, 'id') if call.arg(name)},
    )
    with call.db.read() as tx:
        return search.attached(tx, call.context, page, everyone=everyone)


def show(call: Call, id: str) -> dict[str, Any]:
    """One attachment."""
    with call.db.read() as tx:
        return {'attachment': _whole(attachments.show(tx, call.context, id))}


def create(call: Call) -> dict[str, Any]:
    """A volume is reserved for a server, and connected where a connector is given."""
    given = call.body['attachment']
    with call.db.write() as tx:
        made = attachments.reserve(
            tx,
            call.context,
            given['volume_uuid'],
            given.get('instance_uuid'),
            given.get('mode', attachments.UNSAID),
            by_service=call.context.is_service,
        )
    if given.get('connector'):
        try:
            _connect(call, made, given['connector'])
        except errors.NimbusError:
            with call.db.write() as tx:
                attachments.drop(tx, call.context, made)
            raise
    return show(call, made)


def update(call: Call, id: str) -> dict[str, Any]:
    """The attachment is connected by the connector; its response has the connection_info."""
    _connect(call, id, call.body['attachment']['connector'])
    return show(call, id)


def _connect(call: Call, id: str, connector: dict[str, Any]) -> None:
    with call.db.read() as tx:
        row = attachments.show(tx, call.context, id)
        attachments.check_changeable(call.context, row)
        volume = volumes.show(tx, call.context, row.volume_id)
    if not volume.host:
        raise errors.Invalid(f'Volume {volume.id} has no host yet; its status is {volume.status}.')
    if volume.copied_for:
        raise errors.Conflict(f'Volume {volume.id} is being copied; connect it when that is done.')
    agent = call.parts.client(Volume, call.context, volume.host)
    connection = agent.connect(volume.id, 0, connector)
    with call.db.write() as tx:
        attachments.connected(tx, call.context, id, connector.get('host'), connection, connector)


def complete(call: Call, id: str) -> None:
    """The attachment is complete: the volume is in use."""
    with call.db.write() as tx:
        row = attachments.show(tx, call.context, id)
        attachments.check_changeable(call.context, row)
        if row.status not in ('attaching', 'attached'):
            raise errors.Invalid(f'Invalid volume: Attachment {id} is {row.status}, not attaching.')
        attachments.complete(tx, call.context, id)


def delete(call: Call, id: str) -> dict[str, Any]:
    """The attachment is deleted; answers the remaining attachments of the volume."""
    with call.db.write() as tx:
        row = attachments.show(tx, call.context, id)
        attachments.check_deletable(call.context, row)
        attachments.drop(tx, call.context, id)
        left = attachments.of_volume(tx, row.volume_id)
    return {'attachments': [{'id': one.id, 'instance': one.server_id, 'volume_id': one.volume_id,
                             'status': one.status} for one in left]}  # fmt: skip
