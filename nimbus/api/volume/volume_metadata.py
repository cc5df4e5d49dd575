"""The metadata of volumes over HTTP (/volumes/{id}/metadata)."""

import hashlib
import json
from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.volume.microversions import Etags
from nimbus.api.volume.volumes import PAIRS
from nimbus.common import errors
from nimbus.volume.volumes import volumes

WHOLE = Shape(
    {'type': 'object', 'properties': {'metadata': PAIRS}, 'required': ['metadata'], 'additionalProperties': False}
)
ITEM = Shape({'type': 'object', 'properties': {'meta': {**PAIRS, 'minProperties': 1, 'maxProperties': 1}},
              'required': ['meta'], 'additionalProperties': False})  # fmt: skip


def index(call: Call, id: str) -> Reply:
    """Every pair."""
    found = _read(call, id)
    return Reply({'metadata': found}, headers=[('ETag', _tag(found))] if call.speaks(Etags) else [])


def _read(call: Call, id: str) -> dict[str, str]:
    with call.db.read() as tx:
        return dict(volumes.show(tx, call.context, id).metadata)


def _tag(pairs: dict[str, str]) -> str:
    """The ETag of the pairs: a digest, not for security."""
    return hashlib.sha256(json.dumps(pairs, sort_keys=True).encode()).hexdigest()[:32]


def show(call: Call, id: str, key: str) -> dict[str, Any]:
    """One pair."""
    found = _read(call, id)
    if key not in found:
        raise errors.NotFound(f'Volume {id} has no metadata with key {key}.')
    return {'meta': {key: found[key]}}


def _write(call: Call, id: str, change: Any) -> dict[str, str]:
    with call.db.write() as tx:
        volume = volumes.show(tx, call.context, id)
        if call.route.method == 'PUT':
            _check_match(call, volume.metadata)
        pairs = change(dict(volume.metadata))
        volumes.set_metadata(tx, id, pairs)
    return pairs


def _check_match(call: Call, pairs: dict[str, str]) -> None:
    """Raises Precondition when the request has an If-Match that is not the ETag of the pairs."""
    wanted = call.header('If-Match')
    if not call.speaks(Etags) or not wanted or wanted.strip() == '*':
        return
    if _tag(pairs) not in {tag.strip().strip('"') for tag in wanted.split(',')}:
        raise errors.Precondition('The metadata was changed since it was read; read it again.')


def create(call: Call, id: str) -> dict[str, Any]:
    """The given pairs are added to those that were there."""
    return {'metadata': _write(call, id, lambda pairs: {**pairs, **call.body['metadata']})}


def replace(call: Call, id: str) -> dict[str, Any]:
    """The given pairs replace all others."""
    return {'metadata': _write(call, id, lambda pairs: dict(call.body['metadata']))}


def update(call: Call, id: str, key: str) -> dict[str, Any]:
    """One pair has another value."""
    given = call.body['meta']
    if list(given) != [key]:
        raise errors.Invalid('Request body and URI mismatch')
    _write(call, id, lambda pairs: {**pairs, **given})
    return {'meta': given}


def delete(call: Call, id: str, key: str) -> None:
    """One pair is gone."""

    def without(pairs: dict[str, str]) -> dict[str, str]:
        if key not in pairs:
            raise errors.NotFound(f'Volume {id} has no metadata with key {key}.')
        return {name: value for name, value in pairs.items() if name != key}

    _write(call, id, without)
