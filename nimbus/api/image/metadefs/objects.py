"""Objects of a namespace over HTTP: properties that belong together."""

from typing import Any

from nimbus.api.image.metadefs import access, values, views
from nimbus.api.image.metadefs.namespaces import READ_ONLY, sorts, visibility
from nimbus.api.image.metadefs.shapes import matching, read
from nimbus.api.kit import paging
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.image.metadefs import contents
from nimbus.image.metadefs.contents import OBJECT

SORTS = ('name', 'description', 'created_at', 'updated_at')


def index(call: Call, namespace: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}/objects: all of them, as upstream, whatever page is asked for."""
    sorts(call, SORTS)
    visibility(call, ('public', 'private', 'shared'))
    if paging.limit(call, None, None) == 0:
        raise errors.Invalid('limit param must be positive')
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, 'get_metadef_objects')
        found = contents.find(tx, space, OBJECT)
    shown = found if call.allows('get_metadef_object', **access.facts(call, space)) else []
    return {'objects': [views.object_(space, row) for row in shown], 'schema': 'v2/schemas/metadefs/objects'}


def create(call: Call, namespace: str) -> Any:
    """POST /v2/metadefs/namespaces/{namespace}/objects."""
    body = read(call.body, 'object', READ_ONLY)
    for name, schema in body.get('properties', {}).items():
        matching({'name': name, **schema}, 'property')
    told = values.object_(body)
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'add_metadef_object')
        return views.object_(space, contents.add(tx, space, OBJECT, body['name'], **told))


def show(call: Call, namespace: str, object: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}/objects/{object}."""
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, 'get_metadef_object')
        return views.object_(space, contents.show(tx, space, OBJECT, object))


def update(call: Call, namespace: str, object: str) -> Any:
    """PUT /v2/metadefs/namespaces/{namespace}/objects/{object}: all of it."""
    body = read(call.body, 'object', READ_ONLY)
    told = values.object_(body)
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'modify_metadef_object')
        row = contents.show(tx, space, OBJECT, object)
        return views.object_(space, contents.change(tx, space, OBJECT, row, body['name'], **told))


def delete(call: Call, namespace: str, object: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}/objects/{object}."""
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'delete_metadef_object')
        contents.remove(tx, space, OBJECT, contents.show(tx, space, OBJECT, object))
