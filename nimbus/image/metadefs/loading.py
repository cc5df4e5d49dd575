"""Load metadata definitions: those of a new cloud, and files in the format that Glance's own set is published in."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.image.metadefs import definitions
from nimbus.image.models_metadefs import (
    Association,
    DefinedObject,
    DefinedProperty,
    DefinedTag,
    Namespace,
    ResourceType,
)

OWNER = 'admin'  # as Glance writes it; all see public namespaces, and only operators change them


def first(tx: db.Tx) -> None:
    """A cloud that never had a definition has those of `definitions`; what somebody deleted since stays away."""
    if tx.scalar(sa.select(ResourceType.seq).limit(1)) is None:
        _know(tx, definitions.TYPES)
        load(tx, definitions.SPACES)


def load(tx: db.Tx, spaces: Iterable[dict[str, Any]], replace: bool = False) -> dict[str, bool]:
    """Each namespace stands; one that did stays as it was, or is made anew.  Returns which were written, by name.

    Raises Invalid for a namespace that cannot be read.
    """
    written: dict[str, bool] = {}
    for space in spaces:
        name = space.get('namespace')
        if not name or not isinstance(name, str):
            raise errors.Invalid('A file of metadata definitions has one object with a namespace.')
        written[name] = replace or tx.scalar(sa.select(Namespace.seq).where(Namespace.namespace == name)) is None
        if written[name]:
            tx.delete(Namespace, Namespace.namespace == name)
            try:
                _write(tx, space)
            except (AttributeError, KeyError, TypeError) as why:
                raise errors.Invalid(f'The namespace {name} cannot be read: {why!r}.') from why
    return written


def _write(tx: db.Tx, space: dict[str, Any]) -> None:
    now = clock.Clock().now()
    moments = {'created_at': now, 'updated_at': now}
    tx.insert(
        Namespace,
        namespace=space['namespace'],
        display_name=space.get('display_name'),
        description=space.get('description'),
        visibility=space.get('visibility', 'private'),
        protected=space.get('protected', False),
        owner=space.get('owner', OWNER),
        **moments,
    )
    seq = tx.scalar(sa.select(Namespace.seq).where(Namespace.namespace == space['namespace']))
    mine = {'namespace_seq': seq, **moments}
    types = space.get('resource_type_associations', [])
    _know(tx, [one['name'] for one in types])
    for one in types:
        told = {name: one.get(name) for name in ('prefix', 'properties_target')}
        tx.insert(Association, name=one['name'], **told, **mine)
    for one in space.get('objects', []):
        told = {'description': one.get('description'), 'required': one.get('required', [])}
        tx.insert(DefinedObject, name=one['name'], properties=one.get('properties', {}), **told, **mine)
    for name, schema in space.get('properties', {}).items():
        tx.insert(DefinedProperty, name=name, schema=schema, **mine)
    for one in space.get('tags', []):
        tx.insert(DefinedTag, name=one['name'], **mine)


def _know(tx: db.Tx, names: Iterable[str]) -> None:
    known = set(tx.column(sa.select(ResourceType.name)))
    now = clock.Clock().now()
    for name in dict.fromkeys(names):
        if name not in known:
            tx.insert(ResourceType, name=name, created_at=now, updated_at=now)
