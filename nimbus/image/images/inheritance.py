"""Which properties of an image one that is made later of the same disk has too."""

from collections.abc import Mapping
from typing import Any

# Properties of an image's very bytes, or of where they are kept.
OF_ITS_BYTES = frozenset(
    {
        *('cache_in_nova', 'bittorrent', 'cinder_encryption_key_id', 'os_encrypt_key_id'),
        *('img_signature', 'img_signature_hash_method', 'img_signature_key_type'),
        'img_signature_certificate_uuid',
    }
)
# What every image has: a property cannot have the name of such a field.
FIELDS = frozenset(
    {
        *('id', 'name', 'owner', 'visibility', 'protected', 'os_hidden', 'min_disk', 'min_ram', 'disk_format'),
        *('container_format', 'tags', 'created_at', 'updated_at', 'deleted_at', 'deleted', 'status', 'checksum'),
        *('size', 'virtual_size', 'direct_url', 'self', 'file', 'schema', 'stores', 'location', 'locations'),
        *('os_hash_algo', 'os_hash_value', 'image_id', 'image_name'),
    }
)


def inherited(properties: Mapping[str, Any] | None) -> dict[str, str]:
    """Those of the properties that hold for the disk, not for the bytes of one image of it."""
    return {name: str(value) for name, value in (properties or {}).items() if name not in OF_ITS_BYTES | FIELDS}
