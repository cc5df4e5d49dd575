"""Types of resources over HTTP, and which of them a namespace is for."""

from typing import Any

from nimbus.api.image.metadefs import access, views
from nimbus.api.image.metadefs.shapes import read
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.image.metadefs import contents
from nimbus.image.metadefs.contents import ASSOCIATION


def index(call: Call) -> Any:
    """GET /v2/metadefs/resource_types."""
    access.check(call, 'list_metadef_resource_types')
    with call.db.read() as tx:
        return {'resource_types': [views.named(row) for row in contents.types(tx)]}


def associations(call: Call, namespace: str) -> Any:
    """GET /v2/metadefs/namespaces/{namespace}/resource_types."""
    with call.db.read() as tx:
        space = access.seen(call, tx, namespace, 'list_metadef_resource_types')
        found = contents.find(tx, space, ASSOCIATION)
    shown = found if call.allows('get_metadef_resource_type', **access.facts(call, space)) else []
    return {'resource_type_associations': [views.association(row) for row in shown]}


def associate(call: Call, namespace: str) -> Any:
    """POST /v2/metadefs/namespaces/{namespace}/resource_types."""
    body = read(call.body, 'resource_type_association')
    columns = {name: body.get(name) for name in ASSOCIATION.columns}
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'add_metadef_resource_type_association')
        return views.association(contents.add(tx, space, ASSOCIATION, body['name'], **columns))


def dissociate(call: Call, namespace: str, type: str) -> None:
    """DELETE /v2/metadefs/namespaces/{namespace}/resource_types/{type}."""
    with call.db.write() as tx:
        space = access.seen(call, tx, namespace, 'remove_metadef_resource_type_association')
        try:
            row = contents.show(tx, space, ASSOCIATION, type)
        except errors.NotFound:
            raise errors.NotFound(f'Failed to find resource type {type} to delete') from None
        contents.remove(tx, space, ASSOCIATION, row)
