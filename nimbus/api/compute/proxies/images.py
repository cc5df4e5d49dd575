"""Images in the Compute API (/images, gone since 2.36), a proxy for Glance's, whose policy it asks."""

from typing import Any

from nimbus.api.image import access, nouns
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Int, Listing, Mapping, Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors
from nimbus.common.database import db, listing
from nimbus.identity.catalog import catalog
from nimbus.image.images import images, search

STATUS = {'active': 'ACTIVE', 'queued': 'SAVING', 'saving': 'SAVING', 'killed': 'ERROR', 'pending_delete': 'DELETED'}
PROGRESS = {'queued': 25, 'saving': 50, 'active': 100}
FILTERS = {'name': 'name', 'type': 'image_type', 'minRam': 'min_ram', 'minDisk': 'min_disk'}
PROPERTY = 'property-'  # what the name of a filter by a property begins with
MEDIA = 'application/vnd.openstack.image'
FIELDS = frozenset(name for name, _ in nouns.Image.fields)  # what no property can be called


def links(row: Any, call: Call) -> list[dict[str, str]]:
    """Where the image is found: here, with and without the version, and in the image service."""
    return [
        *paging.links_of('images')(row, call),
        {'rel': 'alternate', 'type': MEDIA, 'href': f'{call.given["service"]}/images/{row.id}'},
    ]


def _server(row: Any, call: Call) -> dict[str, Any] | None:
    """The server that the image was made of."""
    server_id = row.properties.get('instance_uuid')
    if server_id is None:
        return None
    at = [('self', call.root_url), ('bookmark', call.host_url)]
    return {'id': server_id, 'links': [{'rel': rel, 'href': f'{url}/servers/{server_id}'} for rel, url in at]}


def _disk_config(row: Any, _call: Call) -> str | None:
    said = row.properties.get('auto_disk_config')
    if said is None:
        return None
    return 'AUTO' if said.strip().lower() in ('1', 't', 'true', 'on', 'y', 'yes') else 'MANUAL'


class Summary(Noun):
    """An image in the short list."""

    one, many = 'image', 'images'
    id = Text()
    name = Text()
    links = Listing(source=links)


class Image(Summary):
    """An image with all that compute told of it."""

    minRam = Int(source='min_ram')
    minDisk = Int(source='min_disk')
    metadata = Mapping(source='properties')
    created = Text(source=lambda row, call: clock.iso(row.created_at))
    updated = Text(source=lambda row, call: clock.iso(row.updated_at))
    status = Text(source=lambda row, call: STATUS.get(row.status, 'UNKNOWN'))
    progress = Int(source=lambda row, call: PROGRESS.get(row.status, 0))
    size = Int(wire='OS-EXT-IMG-SIZE:size', source=lambda row, call: row.size or 0)
    server = Mapping(source=_server, omit_none=True)
    disk_config = Text(wire='OS-DCF:diskConfig', source=_disk_config, omit_none=True)


def asked(call: Call) -> Call:
    """The request as the image service's policy judges it."""
    return call.under(call.parts.extra['image_policy'])


def seen(call: Call, tx: db.Tx, image_id: str, rule: str = 'get_image') -> Any:
    """The image, which the asker may apply the rule to.  Raises NotFound, Forbidden."""
    try:
        return access.seen(asked(call), tx, image_id, rule)
    except errors.NotFound:
        raise errors.NotFound('Image not found.') from None


def index(call: Call) -> dict[str, Any]:
    """The images that the asker sees, in short."""
    return _list(call, Summary)


def detail(call: Call) -> dict[str, Any]:
    """The images that the asker sees."""
    return _list(call, Image)


def _list(call: Call, noun: type[Noun]) -> dict[str, Any]:
    judge = asked(call)
    judge.check('get_images')
    page = listing.Page(_limit(call), call.arg('marker') or None, (('created_at', 'desc'),), _filters(call))
    with call.db.read() as tx:
        call.given['service'] = _service(call, tx)
        found = search.find(tx, call.context, page, tags=[])
    rows = [row for row in found if judge.allows('get_image', **access.target(row))]
    more = {}
    if rows and len(found) == page.limit:
        more['images_links'] = [{'rel': 'next', 'href': paging.page_url(call, rows[-1].id)}]
    return call.views(noun, rows, **more)


def _service(call: Call, tx: db.Tx) -> str:
    """The image service's public URL, or this one's where the catalog has none."""
    for shown in catalog.endpoints(tx):
        if shown.service_type == 'image' and shown.interface == 'public' and shown.url:
            who = call.context
            return (catalog.url_for(shown.url, who.user_id or '', who.project_id) or call.host_url).rstrip('/')
    return call.host_url


def _limit(call: Call) -> int:
    limit = paging.limit(call, paging.MAX_LIMIT)
    if not limit:
        raise errors.Invalid('Invalid input for query parameters limit. Value: 0. It must be a positive whole number.')
    return limit


def _filters(call: Call) -> dict[str, Any]:
    """The filters as the image service knows them; others are passed over."""
    found: dict[str, Any] = {'os_hidden': False}
    for name, values in call.query.items():
        value = values[-1]
        if name in FILTERS:
            found[FILTERS[name]] = value
        elif name == 'status':
            found['status'] = value.lower()
        elif name == 'server':
            found['instance_uuid'] = value.rpartition('/')[2]
        elif name == 'changes-since':
            found['updated_at'] = f'gte:{value}'
        elif name.startswith(PROPERTY) and name.removeprefix(PROPERTY) not in FIELDS:
            found[name.removeprefix(PROPERTY)] = value
    return found


def show(call: Call, id: str) -> dict[str, Any]:
    """One image."""
    with call.db.read() as tx:
        call.given['service'] = _service(call, tx)
        return call.view(Image, seen(call, tx, id))


def delete(call: Call, id: str) -> None:
    """204: the image is gone; the image service removes its bytes."""
    try:
        with call.db.write() as tx:
            settings = call.parts.extra['compute']
            image = seen(call, tx, id, 'delete_image')
            images.delete(tx, image, settings.image_quotas, settings.keep_deleted_images)
    except errors.Forbidden:
        raise errors.Forbidden('You are not allowed to delete the image.') from None
