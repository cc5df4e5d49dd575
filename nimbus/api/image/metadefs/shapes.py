"""The JSON schemas of metadata definitions, as published and as bodies are checked by."""

import functools
from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.common import errors

KINDS = ['array', 'boolean', 'integer', 'number', 'object', 'string', None]
TEXT: dict[str, Any] = {'type': 'string'}
NAME: dict[str, Any] = {'type': 'string', 'maxLength': 80}
SIZE, SIZE_FROM_0 = {'$ref': '#/definitions/positiveInteger'}, {'$ref': '#/definitions/positiveIntegerDefault0'}
TEXTS, PROPERTIES = {'$ref': '#/definitions/stringArray'}, {'$ref': '#/definitions/property'}
LINK = {'readOnly': True, 'type': 'string'}


def _moment(about: str) -> dict[str, Any]:
    return {'type': 'string', 'readOnly': True, 'description': about, 'format': 'date-time'}


PROPERTY: dict[str, Any] = {
    'name': NAME,
    'title': TEXT,
    'description': TEXT,
    'operators': {'type': 'array', 'items': TEXT},
    'type': {'type': 'string', 'enum': KINDS},
    'required': TEXTS,
    'minimum': {'type': 'number'},
    'maximum': {'type': 'number'},
    'maxLength': SIZE,
    'minLength': SIZE_FROM_0,
    'pattern': {'type': 'string', 'format': 'regex'},
    'enum': {'type': 'array'},
    'readonly': {'type': 'boolean'},
    'default': {},
    'items': {'type': 'object', 'properties': {'type': {'type': 'string', 'enum': KINDS}, 'enum': {'type': 'array'}}},
    'maxItems': SIZE,
    'minItems': SIZE_FROM_0,
    'uniqueItems': {'type': 'boolean', 'default': False},
    'additionalItems': {'type': 'boolean'},
}
DEFINITIONS: dict[str, Any] = {
    'positiveInteger': {'type': 'integer', 'minimum': 0},
    'positiveIntegerDefault0': {'allOf': [{'$ref': '#/definitions/positiveInteger'}, {'default': 0}]},
    'stringArray': {'type': 'array', 'items': TEXT, 'uniqueItems': True},
    'property': {
        'type': 'object',
        'additionalProperties': {'type': 'object', 'required': ['title', 'type'], 'properties': PROPERTY},
    },
}
ALONE = {name: value for name, value in DEFINITIONS.items() if name != 'property'} | {
    'stringArray': {**DEFINITIONS['stringArray'], 'minItems': 1}
}


def _items(**properties: Any) -> dict[str, Any]:
    return {'type': 'array', 'items': {'type': 'object', 'properties': properties}}


SCHEMAS: dict[str, dict[str, Any]] = {
    'namespace': {
        'properties': {
            'namespace': {**NAME, 'description': 'The name of the namespace, which is unique in the cloud.'},
            'display_name': {**NAME, 'description': 'What user interfaces call the namespace.'},
            'description': {'type': 'string', 'description': 'What the namespace is for.', 'maxLength': 500},
            'visibility': {
                'type': 'string',
                'description': 'Who sees the namespace.',
                'enum': ['public', 'private'],
            },
            'protected': {'type': 'boolean', 'description': 'Whether deleting the namespace is refused.'},
            'owner': {'type': 'string', 'description': 'The project the namespace belongs to.', 'maxLength': 255},
            'created_at': _moment('When the namespace was made.'),
            'updated_at': _moment('When the namespace last changed.'),
            'schema': LINK,
            'self': LINK,
            'resource_type_associations': _items(name=TEXT, prefix=TEXT, properties_target=TEXT),
            'properties': PROPERTIES,
            'objects': _items(name=TEXT, description=TEXT, required=TEXTS, properties=PROPERTIES),
            'tags': _items(name=TEXT),
        },
        'definitions': DEFINITIONS,
        'required': ['namespace'],
    },
    'object': {
        'properties': {
            'name': NAME,
            'description': TEXT,
            'required': TEXTS,
            'properties': PROPERTIES,
            'schema': LINK,
            'self': LINK,
            'created_at': _moment('When the object was made.'),
            'updated_at': _moment('When the object last changed.'),
        },
        'definitions': DEFINITIONS,
        'required': ['name'],
    },
    'property': {'properties': PROPERTY, 'definitions': ALONE, 'required': ['type', 'title', 'name']},
    'tag': {
        'properties': {
            'name': NAME,
            'created_at': _moment('When the tag was made.'),
            'updated_at': _moment('When the tag last changed.'),
        },
        'required': ['name'],
    },
    'tags': {
        'properties': {
            'tags': {
                'type': 'array',
                'items': {
                    'type': 'object',
                    'properties': {'name': TEXT},
                    'required': ['name'],
                    'additionalProperties': False,
                },
            }
        },
        'required': ['tags'],
    },
    'resource_type_association': {
        'properties': {
            'name': {**NAME, 'description': 'The type of resources, by the name that Heat has for it.'},
            'prefix': {**NAME, 'description': 'What stands before the names of properties for this type.'},
            'properties_target': {
                **NAME,
                'description': 'Which metadata of the resource is meant, where it has several kinds of it.',
            },
            'created_at': _moment('When the association was made.'),
            'updated_at': _moment('When the association last changed.'),
        },
        'required': ['name'],
    },
}


def published(name: str) -> dict[str, Any]:
    """The schema of one thing, as clients read it."""
    return {'name': name, 'additionalProperties': False, **SCHEMAS[name]}


@functools.cache
def _shape(name: str) -> Shape:
    """What a body is checked by: an object, whose patterns and times nobody interprets."""
    return Shape(_plain({'type': 'object', **published(name)}))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: item for name, item in value.items() if not (name == 'format' and isinstance(item, str))}
    return {name: _plain(item) for name, item in kept.items()}


def read(body: Any, name: str, fixed: tuple[str, ...] = ('created_at', 'updated_at')) -> dict[str, Any]:
    """The body, once it matches the schema.  Raises Invalid, and Forbidden for what is read only."""
    if body is None:
        raise errors.Invalid('Body expected in request.')
    for read_only in fixed if isinstance(body, dict) else ():
        if read_only in body:
            raise errors.Forbidden(f"Attribute '{read_only}' is read-only.")
    return matching(body, name)


def matching(body: Any, name: str) -> dict[str, Any]:
    """The value, once it matches the schema.  Raises Invalid."""
    try:
        found: dict[str, Any] = _shape(name).check(body)
    except errors.Invalid as why:
        raise errors.Invalid(f"Provided object does not match schema '{name}': {why.sentence}") from why
    for field in ('namespace', 'name'):
        if field in found and not found[field].strip():
            raise errors.Invalid(f"Provided object does not match schema '{name}': its {field} is empty.")
    return found
