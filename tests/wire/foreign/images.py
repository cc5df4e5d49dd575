"""The cases of images and metadata definitions: each tenant has a private namespace, made for it by an operator."""

from tests.wire.foreign.bodies import Body

_SPACE = '/v2/metadefs/namespaces/{namespace}'
_PROPERTY = {'title': 'x', 'type': 'string'}
_OBJECT = {'name': 'x', 'properties': {'x': _PROPERTY}}
READ = {
    'image POST /v2/images': (
        'id',
        'name',
        'owner',
        'visibility',
        'protected',
        'os_hidden',
        'min_disk',
        'min_ram',
        'disk_format',
        'container_format',
        'tags',
    ),
    'image PATCH /v2/images/{id}': ('owner', 'id'),
    'image PUT /v2/images/{id}/file': (),
    'image PUT /v2/images/{id}/stage': (),
    'image POST /v2/images/{id}/actions/deactivate': (),
    'image POST /v2/images/{id}/actions/reactivate': (),
    'image POST /v2/images/{id}/members': ('member',),
    'image PUT /v2/images/{id}/members/{member}': ('status',),
    **dict.fromkeys(
        ('image POST /v2/metadefs/namespaces', f'image PUT {_SPACE}'),
        (
            *('namespace', 'display_name', 'description', 'visibility', 'protected', 'owner'),
            *('objects[].name', 'objects[].required', 'tags[].name', 'properties'),
            *('resource_type_associations[].name', 'resource_type_associations[].prefix'),
        ),
    ),
    f'image POST {_SPACE}/resource_types': ('name', 'prefix', 'properties_target'),
    **dict.fromkeys(
        (f'image POST {_SPACE}/properties', f'image PUT {_SPACE}/properties/{{property}}'),
        ('name', 'title', 'type', 'description', 'operators', 'default', 'minimum', 'enum', 'items', 'readonly'),
    ),
    **dict.fromkeys(
        (f'image POST {_SPACE}/objects', f'image PUT {_SPACE}/objects/{{object}}'),
        ('name', 'description', 'required', 'properties'),
    ),
    f'image POST {_SPACE}/tags': ('tags[].name',),
    f'image PUT {_SPACE}/tags/{{tag}}': ('name',),
    f'image POST {_SPACE}/tags/{{tag}}': (),
}
IN_PATHS: dict[str, Body] = {
    'image POST /v2/images/{id}/import': lambda t: {'method': {'name': 'glance-direct'}},
    'image POST /v2/images/{id}/members': lambda t: {'member': 'x'},
    'image PUT /v2/images/{id}/members/{member}': lambda t: {'status': 'accepted'},
    'image POST /v2/metadefs/namespaces': lambda t: {'namespace': 'new'},
    f'image PUT {_SPACE}': lambda t: {'namespace': 'changed'},
    f'image POST {_SPACE}/resource_types': lambda t: {'name': 'new'},
    f'image POST {_SPACE}/properties': lambda t: {'name': 'new', **_PROPERTY},
    f'image PUT {_SPACE}/properties/{{property}}': lambda t: {'name': 'x', **_PROPERTY},
    f'image POST {_SPACE}/objects': lambda t: {**_OBJECT, 'name': 'new'},
    f'image PUT {_SPACE}/objects/{{object}}': lambda t: dict(_OBJECT),
    f'image POST {_SPACE}/tags': lambda t: {'tags': [{'name': 'new'}]},
    f'image PUT {_SPACE}/tags/{{tag}}': lambda t: {'name': 'x'},
}
BODIES: dict[str, Body] = {
    'image POST /v2/images': lambda t: {'name': 'x'},
    'image PATCH /v2/images/{id}': lambda t: {},
    'image POST /v2/images/{id}/members': lambda t: {},
    **{key: IN_PATHS[key] for key in ('image POST /v2/metadefs/namespaces', f'image PUT {_SPACE}')},
}
