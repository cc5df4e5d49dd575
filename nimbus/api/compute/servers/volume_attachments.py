"""A server's volume attachments over HTTP (/servers/{id}/os-volume_attachments)."""

from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Flag, Noun, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import Version
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.devices import block_devices
from nimbus.compute.servers import servers, volume_attachments

DEVICE = {'type': ['string', 'null'], 'maxLength': 255, 'pattern': r'(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$'}


class Attachment(Noun):
    """A volume that a server has."""

    one, many = 'volumeAttachment', 'volumeAttachments'
    id = Text(source='volume_id', until=(2, 88))
    volumeId = Text(source='volume_id')
    serverId = Text(source='server_id')
    device = Text(omit_none=True)
    tag = Text(since=microversions.AttachmentTags.number)
    delete_on_termination = Flag(since=microversions.KeepOrDelete.number)
    attachment_id = Text(since=microversions.AttachmentIds.number)
    bdm_uuid = Text(source='id', since=microversions.AttachmentIds.number)


class CreateShapes:
    """The shape of a request to attach, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        fields: dict[str, Any] = {'volumeId': shapes.UUID, 'device': DEVICE}
        if version >= microversions.TagsOnAttach.number:
            fields['tag'] = shapes.DEVICE_TAG
        if version >= microversions.KeepOrDelete.number:
            fields['delete_on_termination'] = shapes.BOOLEAN
        return shapes.under('volumeAttachment', shapes.closed(fields, ['volumeId']))


UPDATE = shapes.under(
    'volumeAttachment',
    shapes.closed(
        {
            'volumeId': shapes.UUID,
            'device': DEVICE,
            'tag': shapes.DEVICE_TAG,
            'delete_on_termination': shapes.BOOLEAN,
            'serverId': shapes.UUID,
            'id': shapes.UUID,
        },
        ['volumeId'],
    ),
)


def index(call: Call, id: str) -> dict[str, Any]:
    """The server's volumes."""
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, 'limit', 'offset')
    part = paging.part(call)
    with call.db.read() as tx:
        servers.show(tx, call.context, id)
        rows = block_devices.volumes_of(tx, [id]).get(id, [])[part]
    return call.views(Attachment, rows)


def show(call: Call, id: str, volume_id: str) -> dict[str, Any]:
    """One volume of the server."""
    with call.db.read() as tx:
        servers.show(tx, call.context, id)
        return call.view(Attachment, block_devices.volume(tx, id, volume_id))


def create(call: Call, id: str) -> dict[str, Any] | Reply:
    """The volume is being attached to the server."""
    given = call.body['volumeAttachment']
    with call.db.write() as tx:
        _check_shelved(call, tx, id, 'attach_volume')
        row = volume_attachments.attach(
            tx,
            call.context,
            id,
            given['volumeId'],
            device=given.get('device'),
            tag=given.get('tag'),
            delete_on_termination=shapes.flag(given.get('delete_on_termination', False)),
        )
    if call.speaks(microversions.AttachedLater):
        return Reply(status=202)
    body = {'id': row.volume_id, 'serverId': id, 'volumeId': row.volume_id, 'device': row.device}
    if call.speaks(microversions.AttachmentTags):
        body['tag'] = row.tag
    if call.speaks(microversions.KeepOrDelete):
        body['delete_on_termination'] = row.delete_on_termination
    return {'volumeAttachment': body}


def update(call: Call, id: str, volume_id: str) -> None:
    """202: the attachment's delete_on_termination has the new value."""
    given = call.body['volumeAttachment']
    if given['volumeId'] != volume_id:
        raise errors.NotBuilt('Swapping a volume of a server for another is not part of this cloud.')
    with call.db.write() as tx:
        servers.show(tx, call.context, id)
        row = block_devices.volume(tx, id, volume_id)
        fixed = {'id': volume_id, 'serverId': id, 'device': row.device, 'tag': row.tag}
        for name, value in fixed.items():
            if given.get(name, value) != value:
                raise errors.Invalid(f'The {name} property is not mutable')
        if 'delete_on_termination' in given:
            block_devices.change(tx, row.id, delete_on_termination=shapes.flag(given['delete_on_termination']))


def delete(call: Call, id: str, volume_id: str) -> None:
    """202: the volume is being detached from the server."""
    with call.db.write() as tx:
        _check_shelved(call, tx, id, 'detach_volume')
        volume_attachments.detach(tx, call.context, id, volume_id)


def _check_shelved(call: Call, tx: db.Tx, server_id: str, verb: str) -> None:
    """Nothing, when the version lets the volumes of a shelved server change.  Raises NotFound and WrongState."""
    if not call.speaks(microversions.VolumesOfShelved):
        row = servers.show(tx, call.context, server_id)
        if row.vm_state in (states.SHELVED, states.OFFLOADED):
            raise errors.WrongState(f"Cannot '{verb}' instance {server_id} while it is in vm_state {row.vm_state}")
