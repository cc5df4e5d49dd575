"""Publishes the notifications of the outbox: one relay does so at a time, and another takes over when it stops."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, failpoints
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.common.messaging.outbox import Turn

LOG = logging.getLogger(__name__)
NAME = 'outbox'
BATCH = 100
POLL = 0.5  # seconds between looks; nobody nudges, for whoever waits for a notification does not wait for an answer
AWAY = 2.0  # seconds until a bus that did not take an event is tried again


class Lost(Exception):
    """Another relay has the turn; what this one published may be published again."""


class Relay:
    """Any number may run; an event is published at least once, and after those before it."""

    def __init__(
        self,
        database: db.Database,
        publish: Callable[[Any], None],
        *,
        keep: int = 100_000,
        still: float = 8.0,
        clock: Clock | None = None,
    ) -> None:
        """`publish` raises Unavailable when it must be tried again; about `keep` events wait for that at most."""
        self.db, self._publish, self._keep, self._still = database, publish, keep, still
        self._clock = clock or Clock()
        self.name = f'{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}'
        self._generation = -1  # of the turn this relay has
        self._seen: tuple[int, int] | None = None  # another's generation and beat, and since when they stand still
        self._since = self._beaten = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='relay', daemon=True)

    def start(self) -> None:
        """What waits is published from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Nothing is published any more, and another relay may go on at once."""
        self._stop.set()
        self._thread.join()
        if self._generation >= 0:
            with self.db.write() as tx:
                tx.update(Turn, *self._mine(), owner='')

    def relay(self) -> int:
        """Everything that waits has been published, if it is this relay's turn; returns how many events.

        Raises Unavailable when the bus or the database is away.
        """
        sent = 0
        while not self._stop.is_set():
            with self.db.read() as tx:
                events = outbox.waiting(tx, BATCH)
            if not events or not self._has_turn():
                return sent
            try:
                for event in events:
                    self._beat_in_time()
                    self._publish(event)
                failpoints.hit('relay.published')
                with self.db.write() as tx:
                    self._beat(tx)
                    outbox.published(tx, events)
            except Lost:
                LOG.info('Another relay publishes notifications now')
                self._generation = -1
                return sent
            sent += len(events)
        return sent

    def _run(self) -> None:
        while not self._stop.is_set():
            pause = POLL
            try:
                self.relay()
            except errors.Unavailable as why:
                LOG.warning('Notifications wait: %s', why)
                pause = AWAY
                self._bound()
            except Exception:
                LOG.exception('Notifications cannot be published')
                pause = AWAY
            self._stop.wait(pause)

    def _bound(self) -> None:
        """No more events wait than are kept."""
        try:
            with self.db.write() as tx:
                lost = outbox.forget(tx, self._keep)
        except errors.Unavailable:
            return  # nobody posts either while the database is away
        if lost:
            LOG.error('%d notifications were dropped: more than %d wait for the message bus', lost, self._keep)

    def _has_turn(self) -> bool:
        """Whether this relay may publish; one whose beat stood still while events waited loses its turn."""
        with self.db.write() as tx:
            tx.ensure(Turn, name=NAME, owner='', generation=0, beat=0)
            row = tx.row(sa.select(Turn).where(Turn.name == NAME))
            now, seen = self._clock.monotonic(), (row.generation, row.beat)
            if row.owner == self.name and row.generation == self._generation:
                self._beaten = now
                return bool(tx.update(Turn, *self._mine(), beat=Turn.beat + 1))
            if row.owner and seen != self._seen:
                self._seen, self._since = seen, now
            if row.owner and now - self._since < self._still:
                return False
            where = (Turn.name == NAME, Turn.generation == row.generation, Turn.beat == row.beat)
            if not tx.update(Turn, *where, owner=self.name, generation=row.generation + 1, beat=0):
                return False
        self._generation, self._beaten = row.generation + 1, now
        return True

    def _mine(self) -> tuple[Any, ...]:
        return Turn.name == NAME, Turn.owner == self.name, Turn.generation == self._generation

    def _beat(self, tx: db.Tx) -> None:
        if not tx.update(Turn, *self._mine(), beat=Turn.beat + 1):
            raise Lost
        self._beaten = self._clock.monotonic()

    def _beat_in_time(self) -> None:
        if self._clock.monotonic() - self._beaten > self._still / 4:
            with self.db.write() as tx:
                self._beat(tx)
