"""The outbox: notifications to publish, written in the same transaction as what happened.

A noun posts an event; a relay publishes it as a notification and only then
forgets it, so that a death between commit and publish loses nothing.
"""

import datetime
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, ids, log
from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column

INFO, ERROR = 'info', 'error'  # priorities


class Event(db.Base):
    """A notification on its way out."""

    __tablename__ = 'outbox'
    seq: Mapped[db.Seq]
    publisher: Mapped[str]  # 'compute.h1'
    event_type: Mapped[str]  # 'compute.instance.create.end'
    priority: Mapped[str] = mapped_column(sa.String(16))
    payload: Mapped[dict[str, Any]]
    asker: Mapped[dict[str, Any]]
    at: Mapped[datetime.datetime]


class Turn(db.Base):
    """Which relay publishes: one at a time, so that events are published in order."""

    __tablename__ = 'outbox_turns'
    name: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(128))  # '' when no relay has it
    generation: Mapped[int]  # grows with every taker
    beat: Mapped[int]  # grows with every batch


def post(
    tx: db.Tx,
    asker: context.Context | None,
    service: str,
    event_type: str,
    payload: Callable[[], dict[str, Any]],
    *,
    host: str | None = None,
    priority: str = INFO,
) -> None:
    """The event is published once this transaction is durable, at least once and in order; not if no driver is set.

    `payload` is called only if one is.  Without an asker it is the cloud's own doing, under the request id
    that is being worked on.
    """
    if tx.publisher is None:
        return
    asker = asker or context.internal(None if (found := log.REQUEST.get()) == '-' else found)
    tx.insert(
        Event,
        publisher=f'{service}.{host or tx.publisher}',
        event_type=event_type,
        priority=priority,
        payload=payload(),
        asker=asker.to_dict(),
        at=clock.Clock().now(),
    )


def waiting(tx: db.Tx, most: int) -> list[Any]:
    """The oldest events that wait, at most so many."""
    return list(tx.rows(sa.select(Event).order_by(Event.seq).limit(most)))


def message_id(event: Any) -> str:
    """The same each time the event is published, so that a consumer knows a repetition."""
    return ids.derived('00000000-0000-0000-0000-000000000000', 'outbox', event.seq, event.at.isoformat())


def published(tx: db.Tx, events: list[Any]) -> None:
    """The events do not wait any more."""
    tx.delete(Event, Event.seq.in_([event.seq for event in events]))


def forget(tx: db.Tx, keep: int) -> int:
    """Only about the `keep` newest events wait; returns how many of the oldest will never be published."""
    newest = tx.scalar(sa.select(sa.func.max(Event.seq)))
    return tx.delete(Event, Event.seq <= newest - keep) if newest is not None else 0
