"""Images of volumes over HTTP: the action os-volume_upload_image."""

from typing import Any

from nimbus.api.kit.fields import Shape, ShapeByVersion
from nimbus.api.kit.routes import Call
from nimbus.api.volume.microversions import UploadParameters
from nimbus.api.volume.volume_actions import BOOLEAN, truth
from nimbus.common import errors
from nimbus.common.clock import iso_micro
from nimbus.volume.volumes import uploads

NAME = 'os-volume_upload_image'
CONTAINERS = ('bare', 'ovf')  # whose bytes are the disk's own
FORMATS = ('raw', 'vmdk', 'vdi', 'qcow2', 'vhd', 'vhdx', 'ploop')
_FIELDS: dict[str, Any] = {
    'image_name': {'type': 'string', 'minLength': 1, 'maxLength': 255},
    'force': BOOLEAN,
    'disk_format': {'type': 'string', 'enum': list(FORMATS)},
    'container_format': {'type': ['string', 'null'], 'maxLength': 255},
}
_MORE: dict[str, Any] = {
    'visibility': {'type': 'string', 'enum': ['community', 'public', 'private', 'shared']},
    'protected': BOOLEAN,
}


def _shape(fields: dict[str, Any]) -> dict[str, Any]:
    inner = {'type': 'object', 'properties': fields, 'required': ['image_name'], 'additionalProperties': False}
    return {'type': 'object', 'properties': {NAME: inner}, 'required': [NAME], 'additionalProperties': False}


WANTED = ShapeByVersion(
    ((3, 0), Shape(_shape(_FIELDS))), (UploadParameters.number, Shape(_shape({**_FIELDS, **_MORE})))
)


def upload(call: Call, id: str) -> dict[str, Any]:
    """os-volume_upload_image: an image of the volume is being made.

    `force` is read and changes nothing, as where upstream's operators do not allow it: a volume in use is refused.
    """
    given, more = call.given, call.speaks(UploadParameters)
    container = given.get('container_format') or 'bare'
    if given.get('disk_format') == 'ploop' or container not in CONTAINERS:
        raise errors.Invalid(
            f'Images of volumes are made in disk formats other than ploop, in the containers {", ".join(CONTAINERS)}.'
        )
    visibility = given.get('visibility', 'private') if more else 'shared'
    if visibility == 'public':
        call.check('volume_extension:volume_actions:upload_public')
    wanted = uploads.Wanted(
        name=given['image_name'],
        disk_format=given.get('disk_format', 'raw'),
        container_format=container,
        visibility=visibility,
        protected=more and truth(given.get('protected', False)),
        quotas=call.parts.extra['image_quotas'],
    )
    with call.db.write() as tx:
        volume, image = uploads.upload(tx, call.context, id, wanted)
    return {NAME: _shown(volume, image, more)}


def _shown(volume: Any, image: Any, more: bool) -> dict[str, Any]:
    kind = {'id': volume.type_id, 'name': volume.type_name} if volume.type_id else None
    found = {
        'id': volume.id,
        'updated_at': iso_micro(volume.updated_at),
        'status': volume.status,
        'display_description': volume.description,
        'size': volume.size,
        'volume_type': kind,
        'image_id': image.id,
        'container_format': image.container_format,
        'disk_format': image.disk_format,
        'image_name': image.name,
    }
    return {**found, **({'protected': image.protected, 'visibility': image.visibility} if more else {})}
