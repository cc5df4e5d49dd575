"""Properties of a namespace over HTTP."""

from typing import Any

from nimbus.api.image.metadefs import access, values, views
from nimbus.api.image.metadefs.shapes import read
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.image.metadefs import contents
from nimbus.image.metadefs.contents import ASSOCIATION, PROPERTY


def index(call: Call, namespace: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}/properties."""
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, 'get_metadef_properties')
        found = contents.find(tx, space, PROPERTY)
    return {'properties': {row.name: row.schema for row in found}}


def create(call: Call, namespace: str) -> Any:
    """POST /v2/metadefs/namespaces/{namespace}/properties."""
    body = read(call.body, 'property')
    schema = values.property_(body, body['name'])
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'add_metadef_property')
        return views.property_(contents.add(tx, space, PROPERTY, body['name'], schema=schema))


def show(call: Call, namespace: str, property: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}/properties/{property}; with `resource_type`, by its prefixed name."""
    wanted = call.arg('resource_type')
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, 'get_metadef_property')
        if wanted:
            access.check(call, 'get_metadef_resource_type', space)
            prefix = contents.show(tx, space, ASSOCIATION, wanted).prefix
            if not prefix or not property.startswith(prefix):
                raise errors.NotFound(
                    f'Property {property} does not start with the expected resource type association prefix of '
                    f"'{prefix}'."
                )
            property = property.removeprefix(prefix)
        return views.property_(contents.show(tx, space, PROPERTY, property))


def update(call: Call, namespace: str, property: str) -> Any:
    """PUT /v2/metadefs/namespaces/{namespace}/properties/{property}: all of it."""
    body = read(call.body, 'property')
    schema = values.property_(body, body['name'])
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'modify_metadef_property')
        row = contents.show(tx, space, PROPERTY, property)
        return views.property_(contents.change(tx, space, PROPERTY, row, body['name'], schema=schema))


def delete(call: Call, namespace: str, property: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}/properties/{property}."""
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'remove_metadef_property')
        contents.remove(tx, space, PROPERTY, contents.show(tx, space, PROPERTY, property))
