"""Image stores over HTTP: which there are, which a request names, and removing an image from one of them."""

from typing import Any

from nimbus.api.image import access
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.image.data import uploads
from nimbus.image.images import images
from nimbus.image.stores.stores import Stores

HEADER = 'X-Image-Meta-Store'


def _stores(call: Call) -> Stores:
    found: Stores = call.parts.extra['image'].stores
    return found


def index(call: Call) -> Any:
    """GET /v2/info/stores.  Raises NotFound where stores have no names."""
    stores = _stores(call)
    if not stores.named:
        raise errors.NotFound('Multi backend is not supported at this site.')
    return {'stores': [_shown(stores, name) for name in stores.places]}


def detail(call: Call) -> Any:
    """GET /v2/info/stores/detail."""
    stores, found = _stores(call), index(call)
    call.check('stores_info_detail')
    for shown in found['stores']:
        place = stores.places[shown['id']]
        shown |= {'type': place.store.kind, 'weight': place.weight, 'properties': place.store.about()}
    return found


def _shown(stores: Stores, name: str) -> dict[str, str]:
    place, found = stores.places[name], {'id': name}
    if place.description:
        found['description'] = place.description
    if name == stores.default:
        found['default'] = 'true'
    if place.store.read_only:
        found['read-only'] = 'true'
    return found


def of_upload(call: Call) -> str | None:
    """The store that an upload names; None for the default one.  Raises Invalid."""
    stores, name = _stores(call), call.header(HEADER)
    if name is None or not stores.named:
        return None
    if name not in stores.writable():
        raise errors.Invalid(f'Store {name} is not there, or takes no images.')
    return name


def of_import(call: Call, body: dict[str, Any]) -> list[str]:
    """The stores that an import names, or the default one.  Raises Invalid, Conflict."""
    stores, header = _stores(call), call.header(HEADER)
    if not stores.named:
        if body.get('stores'):
            raise errors.Invalid('Stores cannot be named: there is one store, which has no name.')
        if not body.get('all_stores_must_succeed', True):
            raise errors.Invalid('All_stores_must_succeed can only be set where there are several stores.')
        return [stores.default]
    if body.get('all_stores', False):
        if 'stores' in body or header is not None:
            raise errors.Invalid(
                "All_stores parameter can't be used with x-image-meta-store header or stores parameter"
            )
        return stores.writable()
    if 'stores' in body and header is not None:
        raise errors.Invalid("Stores parameter and x-image-meta-store header can't be both specified")
    names = body.get('stores', [stores.default if header is None else header])
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise errors.Invalid("'stores' is a list of the names of stores.")
    for name in names:
        if name not in stores.writable():
            raise errors.Conflict(f'Store {name} is not there, or takes no images.')
    return list(dict.fromkeys(names))


def to_copy(call: Call, image: Any, names: list[str], every: bool) -> list[str]:
    """Those of the stores that an active image is not in yet.  Raises Invalid for one that was named and has it."""
    held = _stores(call).holders(image.stores)
    if not every and (there := [name for name in names if name in held]):
        raise errors.Invalid(f"Image is already present at store '{there[0]}'")
    return [name for name in names if name not in held]


def delete(call: Call, store: str, image: str) -> None:
    """DELETE /v2/stores/{store}/{image}: the row goes first, then the bytes."""
    stores, service = _stores(call), call.parts.extra['image']
    if not stores.named:
        raise errors.NotFound('Multi backend is not supported at this site.')
    if store not in stores.places:
        raise errors.Conflict(f'The selected store {store} is not available on this node.')
    with call.db.write() as tx:
        found = _found(call, tx, image)
        if found.status != 'active':
            raise errors.Conflict("It's not allowed to remove image data from store if image status is not 'active'")
        held = stores.holders(found.stores)
        if len(held) == 1:
            raise errors.Forbidden(
                'Cannot delete image data from the only store containing it. Consider deleting the image instead.'
            )
        if store not in held:
            raise errors.NotFound(f'Image {image} is not stored in store {store}.')
        uploads.keep_in(tx, found, [name for name in held if name != store], service.quotas)
        tx.after_commit(lambda: service.remove_from(image, store))


def _found(call: Call, tx: Any, image_id: str) -> Any:
    try:
        image = images.show(tx, call.context, image_id)
    except errors.NotFound:
        raise errors.NotFound(f'Failed to find image {image_id}') from None
    access.check(call, 'get_image_location', image)
    access.check(call, 'delete_image_location', image)
    return image
