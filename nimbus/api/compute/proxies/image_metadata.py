"""The metadata of images in the Compute API (/images/{id}/metadata, until 2.38): the image service's properties."""

from typing import Any

from nimbus.api.compute import shapes
from nimbus.api.compute.proxies import images as proxies
from nimbus.api.image.images import check_properties
from nimbus.api.image.patches import Wanted
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.compute.quotas import QUOTAS
from nimbus.image.images import images

METADATA = shapes.under('metadata', shapes.METADATA)
META = shapes.under('meta', {**shapes.METADATA, 'minProperties': 1, 'maxProperties': 1})


def index(call: Call, id: str) -> dict[str, Any]:
    """The image's metadata."""
    return {'metadata': _metadata(call, id)}


def show(call: Call, id: str, key: str) -> dict[str, Any]:
    """One item of metadata."""
    held = _metadata(call, id)
    if key not in held:
        raise errors.NotFound('The resource could not be found.')
    return {'meta': {key: held[key]}}


def _metadata(call: Call, image_id: str) -> dict[str, str]:
    with call.db.read() as tx:
        found: dict[str, str] = proxies.seen(call, tx, image_id).properties
        return found


def create(call: Call, id: str) -> dict[str, Any]:
    """The metadata with what was given."""
    with call.db.write() as tx:
        image = _changeable(call, tx, id)
        return {'metadata': _put(call, tx, image, {**image.properties, **call.body['metadata']})}


def update_all(call: Call, id: str) -> dict[str, Any]:
    """The metadata that was given, and nothing else."""
    with call.db.write() as tx:
        return {'metadata': _put(call, tx, _changeable(call, tx, id), call.body['metadata'])}


def update(call: Call, id: str, key: str) -> dict[str, Any]:
    """The item that was given."""
    if key not in call.body['meta']:
        raise errors.Invalid('Request body and URI mismatch')
    with call.db.write() as tx:
        image = _changeable(call, tx, id)
        _put(call, tx, image, {**image.properties, **call.body['meta']})
    return {'meta': call.body['meta']}


def delete(call: Call, id: str, key: str) -> None:
    """204: the image has no such item."""
    with call.db.write() as tx:
        image = _changeable(call, tx, id)
        if key not in image.properties:
            raise errors.NotFound('Invalid metadata key')
        _put(call, tx, image, {name: value for name, value in image.properties.items() if name != key})


def _changeable(call: Call, tx: db.Tx, image_id: str) -> Any:
    try:
        return proxies.seen(call, tx, image_id, 'modify_image')
    except errors.Forbidden:
        raise errors.Forbidden(f'Not authorized for image {image_id}.') from None


def _put(call: Call, tx: db.Tx, image: Any, properties: dict[str, str]) -> dict[str, str]:
    """The image has these properties and no others.  Raises Invalid and Forbidden."""
    new = {name: value for name, value in properties.items() if image.properties.get(name) != value}
    if taken := sorted(proxies.FIELDS & set(new)):
        raise errors.Invalid(f'Image metadata cannot have the key {taken[0]}: every image has a field of that name.')
    check_properties(new)
    settings = call.parts.extra['compute']
    most = [QUOTAS.limits(tx, call.context.project_id or '')['metadata_items'], settings.image_properties]
    if any(0 <= limit < len(properties) for limit in most):
        raise errors.Forbidden('Image metadata limit exceeded')
    wanted = Wanted.of(image)
    images.change(tx, image, wanted.values, properties, wanted.tags, settings.image_quotas)
    return properties
