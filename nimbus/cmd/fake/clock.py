"""Moves the clock of a fake cloud forward."""

import datetime
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock
from nimbus.common.agents.services import Service
from nimbus.common.database import db
from nimbus.conductor.rounds import Rounds

MOST = 10 * 366 * 86400  # seconds that the clock can be moved in all


def move(database: db.Database, seconds: float) -> None:
    """It is so much later for the whole process, and nobody who reported just now has fallen silent by that."""
    later = datetime.timedelta(seconds=seconds)
    with database.write() as tx:
        rows = tx.rows(sa.select(Service.seq, Service.seen_at))
        clock.Clock.ahead += later
        clock.Clock.ticks_ahead += seconds
        for row in rows:
            tx.update(Service, Service.seq == row.seq, seen_at=row.seen_at + later)


def ahead() -> float:
    """Seconds by which the cloud's clock is ahead of the machine's."""
    return clock.Clock.ahead.total_seconds()


def set_right(database: db.Database) -> None:
    """The cloud's time is the machine's; what measures lengths of time goes on, since it never goes back."""
    if clock.Clock.ahead:
        behind = clock.Clock.ahead
        clock.Clock.ahead = datetime.timedelta(0)
        with database.write() as tx:
            for row in tx.rows(sa.select(Service.seq, Service.seen_at)):
                tx.update(Service, Service.seq == row.seq, seen_at=row.seen_at - behind)


def make_rounds(daemons: Iterable[Any]) -> None:
    """Those of the daemons that look from time to time for what is old have looked."""
    for daemon in daemons:
        if isinstance(daemon, Rounds) and daemon.are_made:
            daemon.make()
