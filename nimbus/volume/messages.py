"""Messages: what users are told of their requests that failed after they were accepted, under Cinder's numbers."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids, jobs
from nimbus.common.database import db, listing
from nimbus.volume.models import Message

ABSENT = 'Message {} could not be found.'
LIFE = datetime.timedelta(days=30)  # how long one is kept for certain
VOLUME, SNAPSHOT = 'VOLUME', 'VOLUME_SNAPSHOT'
ACTIONS = {
    '001': 'schedule allocate volume',
    '005': 'copy image to volume',
    '007': 'extend volume',
    '008': 'create volume from backend storage',
    '009': 'create snapshot',
    '010': 'delete snapshot',
}
DETAILS = {
    '001': 'An unknown error occurred.',
    '003': 'Could not find any available weighted backend.',
    '007': 'Image used for creating volume exceeds available space.',
    '010': 'Volume Driver failed to extend volume.',
    '012': 'Driver failed to create the volume.',
    '013': 'Snapshot failed to create.',
    '016': 'Snapshot failed to delete.',
}
PLAIN = ('resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level')  # columns that filter


def tell(tx: db.Tx, kind: str, row: Any, action: str, detail: str) -> None:
    """The project of the volume or snapshot is told which action failed and why, by their numbers."""
    now = clock.Clock().now()
    asker = jobs.asker(tx, row.id)
    tx.insert(
        Message,
        id=ids.dashed(),
        project_id=row.project_id,
        request_id=asker.request_id if asker else None,
        resource_type=kind,
        resource_uuid=row.id,
        event_id=f'VOLUME_{kind}_{action}_{detail}',
        action_id=action,
        detail_id=detail,
        message_level='ERROR',
        created_at=now,
        expires_at=now + LIFE,
    )


def tell_of_volume(tx: db.Tx, row: Any, verb: str, why: str | None) -> None:
    """The volume's project is told that the verb failed; of a deletion that did, Cinder tells operators alone."""
    if verb == 'create' and row.host is None:
        tell(tx, VOLUME, row, '001', '003')
    elif verb == 'create' and row.image and not (row.snapshot_id or row.source_volid):
        tell(tx, VOLUME, row, '005', '007' if 'does not fit' in (why or '') else '001')
    elif verb == 'create':
        tell(tx, VOLUME, row, '008', '012')
    elif verb == 'extend':
        tell(tx, VOLUME, row, '007', '010')


def tell_of_snapshot(tx: db.Tx, row: Any, verb: str) -> None:
    """The snapshot's project is told that it could not be created or deleted."""
    tell(tx, SNAPSHOT, row, *{'create': ('009', '013'), 'delete': ('010', '016')}[verb])


def text(row: Any) -> str:
    """What the message says."""
    return f'{ACTIONS.get(row.action_id, "unknown action")}:{DETAILS.get(row.detail_id, DETAILS["001"])}'


def show(tx: db.Tx, ctx: context.Context, message_id: str) -> Any:
    """One message of the asker's project.  Raises NotFound."""
    query = sa.select(Message).where(Message.id == message_id)
    if not ctx.is_admin:
        query = query.where(Message.project_id == ctx.project_id)
    row = tx.row(query)
    if row is None:
        raise errors.NotFound(ABSENT.format(message_id))
    return row


def find(tx: db.Tx, ctx: context.Context, page: listing.Page) -> list[Any]:
    """A page of the messages of the asker's project that match.  Raises Invalid."""
    seen = [Message.project_id == ctx.project_id]
    return listing.rows(tx, Message, _conditions(page.filters), page, seen=seen, absent=ABSENT)


def _conditions(filters: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for name, value in filters.items():
        column = getattr(Message, name.removesuffix('~'))
        found.append(column.contains(value, autoescape=True) if name.endswith('~') else column == value)
    return found


def delete(tx: db.Tx, ctx: context.Context, message_id: str) -> None:
    """The message is gone.  Raises NotFound."""
    show(tx, ctx, message_id)
    tx.delete(Message, Message.id == message_id)


def forget(tx: db.Tx, now: datetime.datetime, most: int) -> int:
    """So many messages at most that are kept no longer are gone; returns how many."""
    old = tx.column(sa.select(Message.id).where(Message.expires_at < now).limit(most))
    return tx.delete(Message, Message.id.in_(old)) if old else 0
