"""Namespaces of metadata definitions: find, show, create, change and delete them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors
from nimbus.common.database import db, listing
from nimbus.common.messaging import outbox
from nimbus.image.models_metadefs import Association, Namespace

COLUMNS = ('namespace', 'display_name', 'description', 'visibility', 'protected', 'owner')
SORTS = (*COLUMNS, 'created_at', 'updated_at')


def find(tx: db.Tx, ctx: context.Context, page: listing.Page, types: Sequence[str] | None = None) -> list[Any]:
    """A page of the namespaces that the asker sees, of those types of resources.  Raises NotFound for the marker."""
    where: list[Any] = [getattr(Namespace, name) == value for name, value in page.filters.items()]
    if types is not None:
        of = sa.exists().where(Association.namespace_seq == Namespace.seq, Association.name.in_(types))
        where.append(of.correlate(Namespace))
    if page.marker is not None:
        show(tx, ctx, page.marker)
    return listing.rows(tx, Namespace, where, page, seen=_seen(ctx), key='namespace')


def _seen(ctx: context.Context) -> list[Any]:
    if ctx.is_admin:
        return []
    return [sa.or_(Namespace.visibility == 'public', Namespace.owner == (ctx.project_id or ''))]


def show(tx: db.Tx, ctx: context.Context, name: str) -> Any:
    """The namespace.  Raises NotFound, also for one that the asker may not see."""
    row = tx.row(sa.select(Namespace).where(Namespace.namespace == name, *_seen(ctx)))
    if row is None:
        raise errors.NotFound(f'Metadata definition namespace={name} was not found.')
    return row


def create(tx: db.Tx, values: dict[str, Any]) -> Any:
    """The namespace stands.  Raises Conflict when its name is taken, whoever has it."""
    name = values['namespace']
    if _taken(tx, name):
        raise errors.Conflict(f'The metadata definition namespace={name} already exists.')
    now = clock.Clock().now()
    tx.insert(
        Namespace, **{'visibility': 'private', 'protected': False} | values | {'created_at': now, 'updated_at': now}
    )
    row = _row(tx, name)
    _notify(tx, row, 'create')
    return row


def change(tx: db.Tx, space: Any, values: dict[str, Any]) -> Any:
    """The namespace has these values, all of them; those not given are as in a new one.  Raises Conflict."""
    name = values['namespace']
    if name != space.namespace and _taken(tx, name):
        raise errors.Conflict(
            f'Invalid update. It would result in a duplicate metadata definition namespace with the same name of {name}'
        )
    whole = {'display_name': None, 'description': None, 'visibility': 'private', 'protected': False} | values
    tx.update(Namespace, Namespace.seq == space.seq, updated_at=clock.Clock().now(), **whole)
    row = _row(tx, name)
    _notify(tx, row, 'update', namespace_old=space.namespace)
    return row


def delete(tx: db.Tx, space: Any) -> None:
    """The namespace and all that it defines are gone.  Raises Forbidden when it is protected."""
    check_open(space)
    tx.delete(Namespace, Namespace.seq == space.seq)
    _notify(tx, space, 'delete', deleted=True, deleted_at=clock.iso(clock.Clock().now()))


def check_open(space: Any) -> None:
    """Raises Forbidden when nothing may be taken from the namespace."""
    if space.protected:
        raise errors.Forbidden(f'Metadata definition namespace {space.namespace} is protected and cannot be deleted.')


def notify_cleared(tx: db.Tx, space: Any, many: str) -> None:
    """The notification that all objects, properties or tags of the namespace are gone is posted."""
    _notify(tx, space, f'delete_{many}')


def _taken(tx: db.Tx, name: str) -> bool:
    return tx.scalar(sa.select(Namespace.seq).where(Namespace.namespace == name)) is not None


def _row(tx: db.Tx, name: str) -> Any:
    return tx.row(sa.select(Namespace).where(Namespace.namespace == name))


def _notify(tx: db.Tx, row: Any, what: str, **more: Any) -> None:
    def payload() -> dict[str, Any]:
        told = {name: getattr(row, name) for name in COLUMNS} | {'namespace_old': row.namespace}
        told |= {'created_at': clock.iso(row.created_at), 'updated_at': clock.iso(row.updated_at)}
        return told | {'deleted': False, 'deleted_at': None} | more

    outbox.post(tx, None, 'image', f'metadef_namespace.{what}', payload)
