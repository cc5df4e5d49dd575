"""What is told of images and of imports into them."""

from tests.wire.foreign.bodies import Body

READ_BY_HANDLERS: dict[str, tuple[str, ...]] = {
    'image POST /v2/images/{id}/import': ('method.name', 'method.uri', 'all_stores', 'all_stores_must_succeed'),
    'image POST /v2/images/{id}/locations': (
        'url',
        'validation_data.os_hash_algo',
        'validation_data.os_hash_value',
        'validation_data.checksum',
    ),
    'image POST /v2/tasks': (
        'type',
        'input.import_from',
        'input.import_from_format',
        'input.image_properties.id',
        'input.image_properties.owner',
    ),
}
BODIES: dict[str, Body] = {
    'image POST /v2/images/{id}/locations': lambda t: {'url': 'http://8.8.8.8/'},
    'image POST /v2/tasks': lambda t: {
        'type': 'import',
        'input': {
            'import_from': 'http://8.8.8.8/',  # no task begins in this world
            'import_from_format': 'raw',
            'image_properties': {'disk_format': 'raw'},
        },
    },
}
