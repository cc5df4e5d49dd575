"""Namespaces of metadata definitions over HTTP, and what empties one."""

import urllib.parse
from typing import Any

from nimbus.api.image.metadefs import access, values, views
from nimbus.api.image.metadefs.shapes import read
from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.database.listing import Page
from nimbus.image.metadefs import contents, namespaces
from nimbus.image.metadefs.contents import ASSOCIATION, OBJECT, PROPERTY, TAG

READ_ONLY = ('self', 'schema', 'created_at', 'updated_at')
DEFAULT_LIMIT, MAX_LIMIT = 25, 1000
ADDING = (
    ('resource_type_associations', 'add_metadef_resource_type_association'),
    ('objects', 'add_metadef_object'),
    ('properties', 'add_metadef_property'),
    ('tags', 'add_metadef_tag'),
)
SHOWING = (
    'get_metadef_namespace',
    'list_metadef_resource_types',
    'get_metadef_objects',
    'get_metadef_properties',
    'get_metadef_tags',
)


def index(call: Call) -> Any:
    """GET /v2/metadefs/namespaces."""
    page = Page(
        limit=paging.limit(call, MAX_LIMIT, DEFAULT_LIMIT),
        marker=call.arg('marker'),
        sorts=sorts(call, namespaces.SORTS),
        filters={'visibility': wanted} if (wanted := visibility(call, ('public', 'private'))) else {},
    )
    types = call.arg('resource_types')
    access.check(call, 'get_metadef_namespaces')
    access.check(call, 'list_metadef_resource_types')
    with call.db.read() as tx:
        found = namespaces.find(tx, call.context, page, None if types is None else types.split(','))
        shown = [space for space in found if call.allows('get_metadef_namespace', **access.facts(call, space))]
        of = contents.associations(tx, shown)
    rows = [
        views.namespace(space, resource_type_associations=[views.association(row) for row in of[space.seq]])
        for space in shown
    ]
    body = {'namespaces': rows, 'schema': '/v2/schemas/metadefs/namespaces', 'first': _with(call)}
    if rows and len(rows) == page.limit:
        body['next'] = _with(call, rows[-1]['namespace'])
    return body


def sorts(call: Call, known: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The order asked for, by one column.  Raises Invalid."""
    key, way = call.arg('sort_key', 'created_at') or '', call.arg('sort_dir', 'desc') or ''
    if way not in ('asc', 'desc'):
        raise errors.Invalid(f'Invalid sort direction: {way}')
    if key not in known:
        raise errors.Invalid(f'Invalid sort key: {key}. It must be one of the following: {", ".join(known)}.')
    return ((key, way),)


def visibility(call: Call, known: tuple[str, ...]) -> str | None:
    """The visibility asked for.  Raises Invalid."""
    wanted = call.arg('visibility')
    if wanted and wanted not in known:
        raise errors.Invalid(f'Invalid visibility value: {wanted}')
    return wanted or None


def _with(call: Call, marker: str | None = None) -> str:
    pairs = [(name, value) for name, told in call.query.items() for value in told if name != 'marker']
    pairs += [('marker', marker)] if marker is not None else []
    return '/v2/metadefs/namespaces' + (f'?{urllib.parse.urlencode(pairs)}' if pairs else '')


def create(call: Call) -> Any:
    """POST /v2/metadefs/namespaces: the namespace with all that the body defines, or nothing."""
    body = read(call.body, 'namespace', READ_ONLY)
    access.check(call, 'add_metadef_namespace')
    for name, rule in ADDING:
        if body.get(name):
            access.check(call, rule)
    given = {name: body[name] for name in namespaces.COLUMNS if name in body}
    given.setdefault('owner', call.context.project_id or '')
    told = {
        'objects': body.get('objects', []),
        'tags': body.get('tags', []),
        'properties': values.properties(body.get('properties', {})),
        'resource_type_associations': body.get('resource_type_associations', []),
    }
    with call.db.write() as tx:
        space = namespaces.create(tx, given)
        _fill(tx, space, **told)
    where = f'{call.root_url}/v2/metadefs/namespaces/{urllib.parse.quote(space.namespace, safe="")}'
    return Reply(views.namespace(space, **told), headers=[('Location', where)])


def _fill(
    tx: db.Tx,
    space: Any,
    objects: list[dict[str, Any]],
    tags: list[dict[str, Any]],
    properties: dict[str, Any],
    resource_type_associations: list[dict[str, Any]],
) -> None:
    for one in resource_type_associations:
        columns = {name: one.get(name) for name in ASSOCIATION.columns}
        contents.add(tx, space, ASSOCIATION, _name(one, 'resource type'), **columns)
    for one in objects:
        contents.add(tx, space, OBJECT, _name(one, 'object'), **values.object_(one))
    contents.add_tags(tx, space, [_name(one, 'tag') for one in tags], append=True)
    for name, schema in properties.items():
        contents.add(tx, space, PROPERTY, name, schema=schema)


def _name(given: dict[str, Any], what: str) -> str:
    name = given.get('name', '')
    if not name.strip() or len(name) > 80:
        raise errors.Invalid(f'The name of the {what} has 1 to 80 characters; {name[:80]!r} has {len(name)}.')
    long = [field for field in ('prefix', 'properties_target') if len(given.get(field, '')) > 80]
    if long:
        raise errors.Invalid(f'The {long[0]} of the {what} {name} has at most 80 characters.')
    return str(name)


def show(call: Call, namespace: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}: with all that it defines, prefixed as for `resource_type`."""
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, *SHOWING)
        objects, properties, tags, types = (
            contents.find(tx, space, kind) for kind in (OBJECT, PROPERTY, TAG, ASSOCIATION)
        )
    prefix = _prefix(types, call.arg('resource_type'))
    return views.namespace(
        space,
        objects=[_prefixed(views.object_(space, row), prefix) for row in objects],
        properties={prefix + row.name: row.schema for row in properties},
        tags=[{'name': row.name} for row in tags],
        resource_type_associations=[views.association(row) for row in types],
    )


def _prefix(types: list[Any], wanted: str | None) -> str:
    return next((row.prefix for row in types if row.name == wanted and row.prefix), '')


def _prefixed(shown: dict[str, Any], prefix: str) -> dict[str, Any]:
    return shown | {
        'properties': {prefix + name: schema for name, schema in shown['properties'].items()},
        'required': [prefix + name for name in shown['required']],
    }


def update(call: Call, namespace: str) -> Any:
    """PUT /v2/metadefs/namespaces/{namespace}: its own values; what it defines stays."""
    body = read(call.body, 'namespace', READ_ONLY)
    given = {name: body[name] for name in namespaces.COLUMNS if name in body}
    given['owner'] = given.get('owner') or call.context.project_id or ''
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'modify_metadef_namespace')
        return views.namespace(namespaces.change(tx, space, given))


def delete(call: Call, namespace: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}."""
    with call.db.write() as tx:
        namespaces.delete(tx, access.seen(call, tx, namespace, 'delete_metadef_namespace'))


def delete_objects(call: Call, namespace: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}/objects: all of them."""
    with call.db.write() as tx:
        contents.clear(tx, access.seen(call, tx, namespace, 'delete_metadef_namespace'), OBJECT, 'objects')


def delete_properties(call: Call, namespace: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}/properties: all of them."""
    with call.db.write() as tx:
        contents.clear(tx, access.seen(call, tx, namespace, 'delete_metadef_namespace'), PROPERTY, 'properties')


def delete_tags(call: Call, namespace: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}/tags: all of them."""
    rules = ('delete_metadef_namespace', 'delete_metadef_tags')
    with call.db.write() as tx:
        contents.clear(tx, access.seen(call, tx, namespace, *rules), TAG, 'tags')
