"""What a namespace defines: its objects, properties, tags, and the types of resources it is for.

All four are rows of a namespace under a name; a `Kind` says what sets one apart.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db, listing
from nimbus.common.messaging import outbox
from nimbus.image.metadefs import namespaces
from nimbus.image.models_metadefs import Association, DefinedObject, DefinedProperty, DefinedTag, ResourceType


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of things that namespaces define."""

    model: Any
    event: str  # the notifications' name of it
    sentence: str  # what one is called, with its {name}
    columns: tuple[str, ...] = ()  # beside its name


OBJECT = Kind(
    DefinedObject,
    'metadef_object',
    'metadata definition object with name={name}',
    ('description', 'required', 'properties'),
)
PROPERTY = Kind(DefinedProperty, 'metadef_property', 'metadata definition property with name={name}', ('schema',))
TAG = Kind(DefinedTag, 'metadef_tag', 'metadata tag with name={name}')
ASSOCIATION = Kind(
    Association,
    'metadef_resource_type',
    'metadata definition resource-type association of resource-type={name}',
    ('prefix', 'properties_target'),
)


def find(tx: db.Tx, space: Any, kind: Kind, page: listing.Page | None = None) -> list[Any]:
    """What the namespace defines of the kind, oldest first or a page as asked for.  Raises NotFound for the marker."""
    mine = [kind.model.namespace_seq == space.seq]
    if page is None:
        return tx.rows(sa.select(kind.model).where(*mine).order_by(kind.model.seq))
    if page.marker is not None:
        show(tx, space, kind, page.marker)
    return listing.rows(tx, kind.model, [], page, seen=mine, key='name')


def associations(tx: db.Tx, spaces: list[Any]) -> dict[int, list[Any]]:
    """The types of resources that each of the namespaces is for, by the namespace's number."""
    found: dict[int, list[Any]] = {space.seq: [] for space in spaces}
    query = sa.select(Association).where(Association.namespace_seq.in_(list(found))).order_by(Association.seq)
    for row in tx.rows(query) if found else ():
        found[row.namespace_seq].append(row)
    return found


def types(tx: db.Tx) -> list[Any]:
    """Every type of resources that was ever named."""
    return tx.rows(sa.select(ResourceType).order_by(ResourceType.seq))


def show(tx: db.Tx, space: Any, kind: Kind, name: str) -> Any:
    """One of them.  Raises NotFound."""
    row = _row(tx, space, kind, name)
    if row is None:
        raise errors.NotFound(f'The {kind.sentence.format(name=name)} was not found in namespace={space.namespace}.')
    return row


def add(tx: db.Tx, space: Any, kind: Kind, name: str, **values: Any) -> Any:
    """The namespace defines one more; a type of resources that nobody named yet is known.  Raises Conflict."""
    _check_free(tx, space, kind, name)
    now = clock.Clock().now()
    if kind is ASSOCIATION:
        know_type(tx, name)
    tx.insert(kind.model, namespace_seq=space.seq, name=name, created_at=now, updated_at=now, **values)
    row = _row(tx, space, kind, name)
    _notify(tx, space, kind, row, 'create')
    return row


def add_tags(tx: db.Tx, space: Any, names: Iterable[str], append: bool) -> None:
    """The namespace has the tags, after those it had or instead of them; none leaves it as it is.  Raises Conflict."""
    wanted = list(names)
    if wanted and not append:
        tx.delete(DefinedTag, DefinedTag.namespace_seq == space.seq)
    for name in wanted:
        add(tx, space, TAG, name)


def change(tx: db.Tx, space: Any, kind: Kind, row: Any, name: str, **values: Any) -> Any:
    """The row has this name and these values.  Raises Conflict."""
    if name != row.name:
        _check_free(tx, space, kind, name)
    tx.update(kind.model, kind.model.seq == row.seq, name=name, updated_at=clock.Clock().now(), **values)
    changed = _row(tx, space, kind, name)
    _notify(tx, space, kind, changed, 'update', name_old=row.name)
    return changed


def remove(tx: db.Tx, space: Any, kind: Kind, row: Any) -> None:
    """The namespace does not define it any more.  Raises Forbidden when the namespace is protected."""
    if space.protected:
        raise errors.Forbidden(f'The {kind.sentence.format(name=row.name)} is protected and cannot be deleted.')
    tx.delete(kind.model, kind.model.seq == row.seq)
    gone = {'deleted': True, 'deleted_at': clock.iso(clock.Clock().now())}
    _notify(tx, space, kind, row, 'delete', **gone)


def clear(tx: db.Tx, space: Any, kind: Kind, many: str) -> None:
    """The namespace defines none of the kind any more.  Raises Forbidden when it is protected."""
    namespaces.check_open(space)
    tx.delete(kind.model, kind.model.namespace_seq == space.seq)
    namespaces.notify_cleared(tx, space, many)


def know_type(tx: db.Tx, name: str) -> None:
    """The type of resources is among those that are listed."""
    if tx.scalar(sa.select(ResourceType.seq).where(ResourceType.name == name)) is None:
        now = clock.Clock().now()
        tx.insert(ResourceType, name=name, created_at=now, updated_at=now)


def _row(tx: db.Tx, space: Any, kind: Kind, name: str) -> Any:
    mine = kind.model.namespace_seq == space.seq, kind.model.name == name
    return tx.row(sa.select(kind.model).where(*mine))


def _check_free(tx: db.Tx, space: Any, kind: Kind, name: str) -> None:
    if _row(tx, space, kind, name) is not None:
        raise errors.Conflict(f'A {kind.sentence.format(name=name)} already exists in namespace={space.namespace}.')


def _notify(tx: db.Tx, space: Any, kind: Kind, row: Any, what: str, **more: Any) -> None:
    def payload() -> dict[str, Any]:
        told = {'namespace': space.namespace, 'name': row.name, 'name_old': row.name}
        if kind is PROPERTY:
            told |= {name: value for name, value in row.schema.items() if name not in told}
        else:
            told |= {name: getattr(row, name) for name in kind.columns}
            told |= {'created_at': clock.iso(row.created_at), 'updated_at': clock.iso(row.updated_at)}
        if kind is OBJECT:
            told['properties'] = [{'name': name, **schema} for name, schema in row.properties.items()]
        return told | {'deleted': False, 'deleted_at': None} | more

    outbox.post(tx, None, 'image', f'{kind.event}.{what}', payload)
