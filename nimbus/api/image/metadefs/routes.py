"""Every endpoint of metadata definitions; their handlers check the rules, as the namespace is the target."""

from nimbus.api.image.metadefs import namespaces, objects, properties, resource_types, schemas, tags
from nimbus.api.kit.routes import Route

SPACE = '/v2/metadefs/namespaces/{namespace}'
SCHEMAS = '/v2/schemas/metadefs'

ROUTES = (
    Route('GET', '/v2/metadefs/resource_types', resource_types.index, None),
    Route('GET', '/v2/metadefs/namespaces', namespaces.index, None),
    Route('POST', '/v2/metadefs/namespaces', namespaces.create, None, 201),
    Route('GET', SPACE, namespaces.show, None),
    Route('PUT', SPACE, namespaces.update, None),
    Route('DELETE', SPACE, namespaces.delete, None, 204),
    Route('GET', f'{SPACE}/resource_types', resource_types.associations, None),
    Route('POST', f'{SPACE}/resource_types', resource_types.associate, None, 201),
    Route('DELETE', f'{SPACE}/resource_types/{{type}}', resource_types.dissociate, None, 204),
    Route('GET', f'{SPACE}/properties', properties.index, None),
    Route('POST', f'{SPACE}/properties', properties.create, None, 201),
    Route('DELETE', f'{SPACE}/properties', namespaces.delete_properties, None, 204),
    Route('GET', f'{SPACE}/properties/{{property}}', properties.show, None),
    Route('PUT', f'{SPACE}/properties/{{property}}', properties.update, None),
    Route('DELETE', f'{SPACE}/properties/{{property}}', properties.delete, None, 204),
    Route('GET', f'{SPACE}/objects', objects.index, None),
    Route('POST', f'{SPACE}/objects', objects.create, None, 201),
    Route('DELETE', f'{SPACE}/objects', namespaces.delete_objects, None, 204),
    Route('GET', f'{SPACE}/objects/{{object}}', objects.show, None),
    Route('PUT', f'{SPACE}/objects/{{object}}', objects.update, None),
    Route('DELETE', f'{SPACE}/objects/{{object}}', objects.delete, None, 204),
    Route('GET', f'{SPACE}/tags', tags.index, None),
    Route('POST', f'{SPACE}/tags', tags.create_many, None, 201),
    Route('DELETE', f'{SPACE}/tags', namespaces.delete_tags, None, 204),
    Route('POST', f'{SPACE}/tags/{{tag}}', tags.create, None, 201),
    Route('GET', f'{SPACE}/tags/{{tag}}', tags.show, None),
    Route('PUT', f'{SPACE}/tags/{{tag}}', tags.update, None),
    Route('DELETE', f'{SPACE}/tags/{{tag}}', tags.delete, None, 204),
    Route('GET', f'{SCHEMAS}/namespace', schemas.namespace, None),
    Route('GET', f'{SCHEMAS}/namespaces', schemas.namespaces, None),
    Route('GET', f'{SCHEMAS}/resource_type', schemas.resource_type, None),
    Route('GET', f'{SCHEMAS}/resource_types', schemas.resource_types, None),
    Route('GET', f'{SCHEMAS}/object', schemas.object_, None),
    Route('GET', f'{SCHEMAS}/objects', schemas.objects, None),
    Route('GET', f'{SCHEMAS}/property', schemas.property_, None),
    Route('GET', f'{SCHEMAS}/properties', schemas.properties, None),
    Route('GET', f'{SCHEMAS}/tag', schemas.tag, None),
    Route('GET', f'{SCHEMAS}/tags', schemas.tags, None),
)
