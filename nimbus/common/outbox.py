"""What must be told to the world, kept in the same transaction as what happened.

A noun posts an event; a relay publishes it as a notification and only then
forgets it, so that a death between commit and publish loses nothing.
"""

import datetime
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nimbus.common import clock, context, db

BATCH = 100


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


def post(
    tx: db.Tx,
    asker: context.Context,
    publisher: str,
    event_type: str,
    payload: dict[str, Any],
    priority: str = 'info',
) -> None:
    """The event is published once this transaction is durable, at least once and in order."""
    tx.insert(
        Event,
        publisher=publisher,
        event_type=event_type,
        priority=priority,
        payload=payload,
        asker=asker.to_dict(),
        at=clock.Clock().now(),
    )


def relay(database: db.Database, publish: Callable[[Any], None]) -> int:
    """Every event that waits has been handed to `publish` and is forgotten; returns how many."""
    sent = 0
    while True:
        with database.read() as tx:
            waiting = tx.rows(sa.select(Event).order_by(Event.seq).limit(BATCH))
        if not waiting:
            return sent
        for event in waiting:
            publish(event)
        with database.write() as tx:
            tx.delete(Event, Event.seq.in_([event.seq for event in waiting]))
        sent += len(waiting)
