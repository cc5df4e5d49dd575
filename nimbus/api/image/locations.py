"""Locations over HTTP: an image whose bytes stay where they lie, and where those of any image are."""

from typing import Any

from nimbus.api.image import access
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.common import errors

ADDED = Shape(
    {
        'type': 'object',
        'properties': {
            'url': {'type': 'string', 'maxLength': 2048},
            'validation_data': {
                'type': 'object',
                'properties': {
                    'checksum': {'type': 'string', 'minLength': 32, 'maxLength': 32},
                    'os_hash_algo': {'type': 'string', 'enum': ['sha512']},
                    'os_hash_value': {'type': 'string', 'maxLength': 128},
                },
                'required': ['os_hash_algo', 'os_hash_value'],
                'additionalProperties': False,
            },
        },
        'required': ['url'],
        'additionalProperties': False,
    }
)


def create(call: Call, id: str) -> None:
    """POST /v2/images/{id}/locations: the image gets the bytes at a URL, once a task has looked at them."""
    ADDED.check(call.body)
    url, service = call.body['url'], call.parts.extra['image imports']
    with call.db.write() as tx:
        image = access.seen(call, tx, id)
        if image.status != 'queued':
            raise errors.Conflict(f"It's not allowed to add locations if image status is {image.status}.")
        access.check(call, 'add_image_location', image)
        if service.transfers.stores.web() is None or not url.startswith(('http://', 'https://')):
            raise errors.Forbidden('http store must be enabled to use location API by normal user.')
        for name in ('container_format', 'disk_format'):
            if not getattr(image, name):
                raise errors.Conflict(f"'{name}' needs to be set before a location is added")
        service.ask_located(tx, call.context, image, url, call.body.get('validation_data'))


def index(call: Call, id: str) -> Any:
    """GET /v2/images/{id}/locations, for services: they may reach into the stores themselves."""
    service = call.parts.extra['image']
    with call.db.read() as tx:
        image = access.seen(call, tx, id)
        access.check(call, 'fetch_image_location', image)
    if image.size is None or image.status not in ('active', 'deactivated'):
        return []
    found = []
    for name in service.stores.holders(image.stores):
        url = service.stores.get(name).url(image.id) or image.location
        found.append({'url': url, 'metadata': {'store': name} if name else {}})
    return found
