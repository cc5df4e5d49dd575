"""GET /v2/schemas/metadefs/*: the published schemas of metadata definitions."""

from typing import Any

from nimbus.api.image.metadefs.shapes import published
from nimbus.api.kit.routes import Call

LINKS = [
    {'rel': 'first', 'href': '{first}'},
    {'rel': 'next', 'href': '{next}'},
    {'rel': 'describedby', 'href': '{schema}'},
]


def _collection(name: str, one: str, kind: str = 'array', within: str = 'items') -> dict[str, Any]:
    item = published(one)
    definitions = item.pop('definitions', None)
    links = {link: {'type': 'string'} for link in ('first', 'next', 'schema')}
    return {
        'name': name,
        'properties': {name: {'type': kind, within: item}, **links},
        'links': LINKS,
        **({'definitions': definitions} if definitions else {}),
    }


def namespace(call: Call) -> Any:
    """GET /v2/schemas/metadefs/namespace."""
    return published('namespace')


def namespaces(call: Call) -> Any:
    """GET /v2/schemas/metadefs/namespaces."""
    return _collection('namespaces', 'namespace')


def object_(call: Call) -> Any:
    """GET /v2/schemas/metadefs/object."""
    return published('object')


def objects(call: Call) -> Any:
    """GET /v2/schemas/metadefs/objects."""
    return _collection('objects', 'object')


def property_(call: Call) -> Any:
    """GET /v2/schemas/metadefs/property."""
    return published('property')


def properties(call: Call) -> Any:
    """GET /v2/schemas/metadefs/properties: by their names, which are not in them."""
    found = _collection('properties', 'property', 'object', 'additionalProperties')
    item = found['properties']['properties']['additionalProperties']
    item['required'] = [name for name in item['required'] if name != 'name']
    return found


def tag(call: Call) -> Any:
    """GET /v2/schemas/metadefs/tag."""
    return published('tag')


def tags(call: Call) -> Any:
    """GET /v2/schemas/metadefs/tags."""
    return _collection('tags', 'tag')


def resource_type(call: Call) -> Any:
    """GET /v2/schemas/metadefs/resource_type."""
    return published('resource_type_association')


def resource_types(call: Call) -> Any:
    """GET /v2/schemas/metadefs/resource_types."""
    return _collection('resource_type_associations', 'resource_type_association')
