"""Images over HTTP: create, list, show, delete, tags, deactivate and reactivate."""

import urllib.parse
from typing import Any

from nimbus.api.image import access, info
from nimbus.api.image.nouns import Image, image_view
from nimbus.api.kit import paging
from nimbus.api.kit.fields import CREATE
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import HIGHEST
from nimbus.common import errors
from nimbus.common.database.listing import Page
from nimbus.image.images import images, marks, search

DISALLOWED = ('direct_url', 'self', 'file', 'schema', 'stores')
READ_ONLY = (
    *('created_at', 'updated_at', 'status', 'checksum', 'size', 'virtual_size', 'direct_url', 'self', 'file'),
    *('schema', 'id', 'os_hash_algo', 'os_hash_value'),
)
RESERVED = ('location', 'locations', 'deleted', 'deleted_at')
NAMESPACE = marks.NAMESPACE
OWN = ('id', 'name', 'owner', 'visibility', 'protected', 'os_hidden', 'min_disk', 'min_ram')
FORMATS = ('disk_format', 'container_format')
SORTABLE = ('name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at')
DEFAULT_LIMIT, MAX_LIMIT = 25, 1000


def create(call: Call) -> Any:
    """POST /v2/images."""
    if not isinstance(call.body, dict):
        raise errors.Invalid('Body expected in request.')
    values, properties, tags = wanted(call, call.body)
    with call.db.write() as tx:
        image = images.create(tx, call.context, call.parts.extra['image'].quotas, values, properties, tags)
    headers = [('Location', f'{call.root_url}/v2/images/{image.id}')]
    if found := info.methods(call):
        headers.append(('OpenStack-image-import-methods', ','.join(found)))
    return Reply(image_view(call, image), headers=headers)


def wanted(call: Call, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """The values, properties and tags of the image that the body describes, and the asker may make.

    Raises Invalid, Forbidden and TooLarge.
    """
    for name in (*DISALLOWED, *READ_ONLY):
        if name in body and name != 'id':
            raise errors.Forbidden(f"Attribute '{name}' is read-only.")
    check_shape(body, call)
    properties = {name: value for name, value in body.items() if name not in (*OWN, *FORMATS, 'tags')}
    check_properties(properties)
    values = {name: body[name] for name in (*OWN, *FORMATS) if name in body}
    tags = body.get('tags', [])
    check_limits(call, properties, tags)
    owner = values.get('owner', call.context.project_id)
    facts = {'project_id': owner, 'owner': owner, 'visibility': values.get('visibility', 'private')}
    if not call.allows('add_image', **facts):
        if owner != call.context.project_id:
            raise errors.Forbidden(f"You are not permitted to create images owned by '{owner}'")
        raise errors.Forbidden('You are not authorized to complete add_image action.')
    access.check_visibility(call, facts['visibility'], facts)
    return values, properties, tags


def check_shape(body: dict[str, Any], call: Call) -> None:
    """Raises Invalid, naming the field, when a value does not match the schema."""
    limits = call.parts.extra['image'].limits
    try:
        Image.shape(CREATE, HIGHEST).check(body)
    except errors.Invalid as why:
        raise errors.Invalid(f"Provided object does not match schema 'image': {why.sentence}") from why
    for name, allowed in (('disk_format', limits.disk_formats), ('container_format', limits.container_formats)):
        if body.get(name) is not None and body[name] not in allowed:
            raise errors.Invalid(f"Invalid {name} '{body[name]}' for image; allowed are {', '.join(allowed)}.")
    for name in ('min_disk', 'min_ram'):
        if body.get(name, 0) < 0:
            raise errors.Invalid(f"Invalid value '{body[name]}' for parameter '{name}': Cannot be a negative value")


def check_properties(names: Any) -> None:
    """Raises Invalid or Forbidden when a name cannot be a user's custom property."""
    for name in names:
        if len(name) > 255:
            raise errors.Invalid('Custom property should not be greater than 255 characters.')
        if name in RESERVED or name.startswith(NAMESPACE):
            raise errors.Forbidden(f"Attribute '{name}' is reserved.")


def check_limits(call: Call, properties: dict[str, str], tags: Any) -> None:
    """Raises TooLarge when an image would have too many properties or tags."""
    limits = call.parts.extra['image'].limits
    for what, count, limit in (
        ('properties', len(marks.own(properties)), limits.properties),
        ('tags', len(set(tags)), limits.tags),
    ):
        if 0 <= limit < count:
            raise errors.TooLarge(
                f'The limit has been exceeded on the number of allowed image {what}. '
                f'Attempted: {count}, Maximum: {limit}'
            )


def index(call: Call) -> Any:
    """GET /v2/images."""
    tags = [tag.strip() for tag in call.query.get('tag', ())]
    limit = paging.limit(call, MAX_LIMIT, DEFAULT_LIMIT)
    page = Page(limit=limit, marker=call.arg('marker'), sorts=_sorts(call), filters=_filters(call))
    status = call.arg('member_status', 'accepted')
    if status not in ('pending', 'accepted', 'rejected', 'all'):
        raise errors.Invalid(f'Invalid status: {status}')
    with call.db.read() as tx:
        found = search.find(tx, call.context, page, tags=tags, member_status=status)
    shown = [image for image in found if call.allows('get_image', **access.target(image))]
    pairs = [(name, value) for name, values in call.query.items() for value in values if name != 'marker']
    body = {'images': [image_view(call, image) for image in shown], 'first': _with('/v2/images', pairs)}
    if shown and len(found) == limit:
        body['next'] = _with('/v2/images', [*pairs, ('marker', shown[-1].id)])
    return body | {'schema': '/v2/schemas/images'}


def _with(path: str, pairs: list[tuple[str, str]]) -> str:
    return f'{path}?{urllib.parse.urlencode(pairs)}' if pairs else path


def _filters(call: Call) -> dict[str, Any]:
    other = ('limit', 'marker', 'tag', 'member_status', 'sort', 'sort_key', 'sort_dir')
    filters: dict[str, Any] = {name: values[-1] for name, values in call.query.items() if name not in other}
    visibility = filters.get('visibility')
    if visibility is not None and visibility not in ('community', 'public', 'private', 'shared', 'all'):
        raise errors.Invalid(f'Invalid visibility value: {visibility}')
    if 'changes-since' in filters:
        raise errors.Invalid('The "changes-since" filter is no longer available on v2.')
    filters.setdefault('os_hidden', 'false')
    for name in ('os_hidden', 'protected'):
        if name in filters:
            text = filters[name].lower() if name == 'os_hidden' else filters[name]
            if text not in ('true', 'false'):
                raise errors.Invalid(f"Invalid value '{text}' for '{name}' filter. Valid values are 'true' or 'false'.")
            filters[name] = text == 'true'
    return filters


def _sorts(call: Call) -> tuple[tuple[str, str], ...]:
    keys, ways = call.query.get('sort_key', []), call.query.get('sort_dir', [])
    if 'sort' in call.query:
        if keys or ways:
            raise errors.Invalid('Old and new sorting syntax cannot be combined')
        items = [item.partition(':') for item in call.query['sort'][-1].strip().split(',')]
        keys, ways = [key.strip() for key, _, _ in items], [way.strip() or 'desc' for _, _, way in items]
    keys = keys or ['created_at']
    ways = ways or ['desc']
    if len(ways) not in (1, len(keys)):
        raise errors.Invalid('Number of sort dirs does not match the number of sort keys')
    ways = ways * len(keys) if len(ways) == 1 else ways
    for key in keys:
        if key not in SORTABLE:
            raise errors.Invalid(f'Invalid sort key: {key}. It must be one of the following: {", ".join(SORTABLE)}.')
    for way in ways:
        if way not in ('asc', 'desc'):
            raise errors.Invalid(f'Invalid sort direction: {way}')
    return tuple(zip(keys, ways, strict=True))


def show(call: Call, id: str) -> Any:
    """GET /v2/images/{id}."""
    with call.db.read() as tx:
        return image_view(call, access.seen(call, tx, id))


def delete(call: Call, id: str) -> None:
    """DELETE /v2/images/{id}: the row goes first, then the bytes, at once or when nobody may restore it any more."""
    service = call.parts.extra['image']
    with call.db.write() as tx:
        image = access.seen(call, tx, id, 'delete_image')
        if images.delete(tx, image, service.quotas, service.limits.keep_deleted):
            tx.after_commit(lambda: service.forget(id))


def deactivate(call: Call, id: str) -> None:
    """POST /v2/images/{id}/actions/deactivate."""
    with call.db.write() as tx:
        images.switch(tx, access.seen(call, tx, id, 'deactivate'), 'deactivate')


def reactivate(call: Call, id: str) -> None:
    """POST /v2/images/{id}/actions/reactivate."""
    with call.db.write() as tx:
        images.switch(tx, access.seen(call, tx, id, 'reactivate'), 'reactivate')


def add_tag(call: Call, id: str, tag: str) -> None:
    """PUT /v2/images/{id}/tags/{tag}."""
    if len(tag) > 255:
        raise errors.Invalid("Provided object does not match schema 'image': a tag has at most 255 characters.")
    with call.db.write() as tx:
        image = access.seen(call, tx, id, 'modify_image')
        check_limits(call, {}, [*image.tags, tag])
        images.retag(tx, image, {*image.tags, tag})


def remove_tag(call: Call, id: str, tag: str) -> None:
    """DELETE /v2/images/{id}/tags/{tag}."""
    with call.db.write() as tx:
        image = access.seen(call, tx, id, 'modify_image')
        if tag not in image.tags:
            raise errors.NotFound(f'Image {id} has no tag {tag}.')
        images.retag(tx, image, set(image.tags) - {tag})
