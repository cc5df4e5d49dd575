"""PATCH /v2/images/{id}: updates an image by a JSON patch, in either of Glance's media types."""

import dataclasses
import re
from typing import Any

from nimbus.api.image import access
from nimbus.api.image.images import (
    DISALLOWED,
    FORMATS,
    NAMESPACE,
    READ_ONLY,
    RESERVED,
    check_limits,
    check_properties,
    check_shape,
)
from nimbus.api.image.nouns import image_view
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.image.images import images

DRAFTS = {
    'application/openstack-images-v2.0-json-patch': 4,
    'application/openstack-images-v2.1-json-patch': 10,
}
OPS = ('add', 'remove', 'replace')
OWN = ('name', 'owner', 'visibility', 'protected', 'os_hidden', 'min_disk', 'min_ram', *FORMATS)
FIELDS = (*OWN, 'tags')


@dataclasses.dataclass(frozen=True)
class Change:
    """One operation of a patch."""

    op: str
    name: str
    value: Any
    draft: int


@dataclasses.dataclass
class Wanted:
    """The image as it is to be."""

    values: dict[str, Any]
    properties: dict[str, str]
    tags: list[str]

    @classmethod
    def of(cls, image: Any) -> 'Wanted':
        """The image as it is."""
        return cls({name: getattr(image, name) for name in OWN}, dict(image.properties), list(image.tags))


def update(call: Call, id: str) -> Any:
    """PATCH /v2/images/{id}."""
    media = (call.header('Content-Type') or '').split(';')[0].strip().lower()
    if media not in DRAFTS:
        allowed = ', '.join(sorted(DRAFTS))
        raise errors.WrongMedia(
            f'Image PATCH expects Content-Type one of: {allowed}', headers=[('Accept-Patch', allowed)]
        )
    changes = _read(call, DRAFTS[media])
    with call.db.write() as tx:
        image = access.seen(call, tx, id)
        wanted = Wanted.of(image)
        for change in changes:
            _apply(call, image, wanted, change)
        if changes:
            check_limits(call, wanted.properties, wanted.tags)
            quotas = call.parts.extra['image'].quotas
            images.change(tx, image, wanted.values, wanted.properties, wanted.tags, quotas)
        return image_view(call, images.show(tx, call.context, id))


def _read(call: Call, draft: int) -> list[Change]:
    """The patch's operations, each valid by itself.  Raises Invalid, Forbidden."""
    if not isinstance(call.body, list):
        raise errors.Invalid('Request body must be a JSON array of operation objects.')
    changes = []
    for raw in call.body:
        if not isinstance(raw, dict):
            raise errors.Invalid('Operations must be JSON objects.')
        op, path = _operation_10(raw) if draft == 10 else _operation_4(raw)
        change = Change(op, _name(path), _value(raw, op), draft)
        _check(call, change)
        changes.append(change)
    return changes


def _operation_10(raw: dict[str, Any]) -> tuple[str, Any]:
    op = raw.get('op')
    if op not in OPS:
        what = 'Unable to find `op` in JSON Schema change.' if op is None else f'Invalid operation: `{op}`.'
        raise errors.Invalid(f'{what} It must be one of the following: {", ".join(OPS)}.')
    if 'path' not in raw:
        raise errors.Invalid("Unable to find 'path' in JSON Schema change")
    return str(op), raw['path']


def _operation_4(raw: dict[str, Any]) -> tuple[str, Any]:
    found = [op for op in OPS if op in raw]
    if len(found) != 1:
        raise errors.Invalid(
            f'Operation objects must contain {"only" if found else "exactly"} one member named "add", "remove", '
            'or "replace".'
        )
    return found[0], raw[found[0]]


def _name(pointer: Any) -> str:
    """What the JSON pointer names: always a whole field, never a part of one.  Raises Invalid."""
    if not isinstance(pointer, str) or not pointer.startswith('/'):
        raise errors.Invalid(f'Pointer `{pointer}` does not start with "/".')
    if re.search(r'/\s*?/', pointer[1:]):
        raise errors.Invalid(f'Pointer `{pointer}` contains adjacent "/".')
    if len(pointer) > 1 and pointer.endswith('/'):
        raise errors.Invalid(f'Pointer `{pointer}` end with "/".')
    if re.search('~[^01]', pointer) or pointer.endswith('~'):
        raise errors.Invalid(f'Pointer `{pointer}` contains "~" not part of a recognized escape sequence.')
    parts = [part.replace('~1', '/').replace('~0', '~').strip() for part in pointer.lstrip('/').split('/')]
    if len(parts) != 1 or not parts[0]:
        raise errors.Invalid(f"Invalid JSON pointer for this resource: '/{'/'.join(parts)}'")
    return parts[0]


def _value(raw: dict[str, Any], op: str) -> Any:
    if op == 'remove':
        return None
    if 'value' not in raw:
        raise errors.Invalid(f'Operation "{op}" requires a member named "value".')
    return raw['value']


def _check(call: Call, change: Change) -> None:
    if change.name in (*READ_ONLY, *DISALLOWED):
        raise errors.Forbidden(f"Attribute '{change.name}' is read-only.")
    if change.name in RESERVED or change.name.startswith(NAMESPACE):
        raise errors.Forbidden(f"Attribute '{change.name}' is reserved.")
    if change.op != 'remove':
        check_shape({change.name: change.value}, call)
        check_properties([change.name])


def _apply(call: Call, image: Any, wanted: Wanted, change: Change) -> None:
    """The wanted image has the change.  Raises Forbidden and Conflict."""
    if change.name == 'owner' and change.op == 'replace' and not call.context.is_admin:
        raise errors.Forbidden("Owner can't be updated by non admin.")
    if change.name == 'visibility' and change.op != 'remove':
        access.check_visibility(call, change.value, access.target(image))
    access.check(call, 'modify_image', image)
    there = change.name in FIELDS or change.name in wanted.properties
    if change.op == 'remove':
        _remove(wanted, change.name)
        return
    if change.op == 'replace' and not there:
        raise errors.Conflict(f'Property {change.name} does not exist.')
    if change.op == 'add' and there and change.draft == 4:
        raise errors.Conflict(f'Property {change.name} already present.')
    if change.name == 'tags':
        wanted.tags = list(dict.fromkeys(change.value))
    elif change.name in OWN:
        wanted.values[change.name] = change.value
    else:
        wanted.properties[change.name] = change.value


def _remove(wanted: Wanted, name: str) -> None:
    if name in FIELDS:
        raise errors.Forbidden(f'Property {name} may not be removed.')
    if name not in wanted.properties:
        raise errors.Conflict(f'Property {name} does not exist.')
    del wanted.properties[name]
