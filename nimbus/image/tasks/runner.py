"""Runs tasks in threads of this process, and takes over those whose process died.

A taker's beat grows while it lives.  Whoever watches measures on its own
monotonic clock how long a beat stands still, never by the time of another
host; one that stood still too long belongs to the watcher.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from nimbus.common import clock, errors, log, workers
from nimbus.common.database import db
from nimbus.image.tasks import tasks

LOG = logging.getLogger(__name__)
BEAT = 5.0  # seconds between two looks, each with a beat
STILL = 30.0  # seconds after which a taker counts as dead
FORGETTING = 60  # looks between two at what has expired
TAKERS = 5  # a task that so many began and none ended is one that kills its process
Work = Callable[[Any], None]
Undo = Callable[[db.Tx, Any], None]


class Runner:
    """At most `most` tasks at once; the others wait, and are this process's too."""

    def __init__(self, database: db.Database, work: Work, undo: Undo, place: str, most: int = 2) -> None:
        """`work` does what a task asks for and ends it, or raises what the task fails for.

        `undo` is part of the transaction in which it fails.
        """
        self._db, self._work, self._undo, self._place = database, work, undo, place
        self._pool = workers.Executor(most)
        self._idle = threading.Condition()
        self._held: dict[str, int] = {}  # task: its generation here, 0 while it waits for a thread
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}
        self._stop = threading.Event()

    def start(self) -> None:
        """Tasks that a process at this place left behind are gone on with, and others' are watched from now on."""
        with self._db.read() as tx:
            left = [task for task in tasks.under_way(tx) if self._is_ours(task.place)]
        for task in left:
            self.begin(task.id, task.generation)
        threading.Thread(target=self._watch, name='image-tasks', daemon=True).start()

    def _is_ours(self, place: str | None) -> bool:
        """Whether a process there is dead now that this one begins: its forerunner, or one that served beside that."""
        beside = '#' not in self._place and (place or '').startswith(f'{self._place}#')
        return place == self._place or beside

    def stop(self) -> None:
        """No task is watched any more; those that run are not waited for."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def begin(self, task_id: str, generation: int = 0) -> None:
        """The task is worked on as soon as a thread is free; once this has stopped, by another process."""
        with self._idle:
            if task_id in self._held or self._stop.is_set():
                return
            self._held[task_id] = 0
        self._pool.submit(self._run, task_id, generation)

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait until nothing is worked on here; returns whether that came true."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._held, timeout)

    def _run(self, task_id: str, generation: int) -> None:
        try:
            with self._db.write() as tx:
                task = tasks.claim(tx, task_id, generation, self._place)
            if task is not None:
                self._held[task_id] = task.generation
                with log.about(task.request_id):
                    self._try(task)
        except errors.NimbusError as why:
            LOG.warning('Task %s is not begun yet: %s', task_id, why)
        except Exception:
            LOG.exception('Task %s is not begun', task_id)
        finally:
            with self._idle:
                del self._held[task_id]
                self._idle.notify_all()

    def _try(self, task: Any) -> None:
        """The task ends, or its beat stops so that it is begun again."""
        try:
            if task.generation > TAKERS:
                raise errors.Unavailable(f'The task was begun {TAKERS} times and did not come to an end.')
            self._work(task)
        except errors.Stale as why:
            LOG.info('%s', why)
        except errors.Unavailable as why:
            if task.generation > TAKERS:
                self._fail(task, why)
            else:
                LOG.warning('Task %s is tried again later: %s', task.id, why.inside)
        except Exception as why:
            if not isinstance(why, errors.NimbusError):
                LOG.exception('Task %s failed', task.id)
            self._fail(task, why)

    def _fail(self, task: Any, why: Exception) -> None:
        LOG.warning('Task %s of image %s failed: %s', task.id, task.image_id, why)
        with self._db.write() as tx:
            self._undo(tx, task)
            tasks.fail(tx, task, errors.sentence(why, task.request_id))

    def _watch(self) -> None:
        looks = 0
        while not self._stop.wait(BEAT):
            looks += 1
            try:
                self.look()
                if not looks % FORGETTING:
                    self.expire()
            except errors.NimbusError as why:
                LOG.warning('Tasks cannot be looked at now: %s', why)
            except Exception:
                LOG.exception('Tasks cannot be looked at')

    def look(self, now: float | None = None) -> None:
        """This process's tasks beat once; those of others that stand still are taken; what expired is gone."""
        now = time.monotonic() if now is None else now
        with self._db.read() as tx:
            found = tasks.under_way(tx)
        mine = {task.id: task.generation for task in found if task.id in self._held}
        if mine:
            with self._db.write() as tx:
                tasks.beat(tx, mine)
        still = {task.id: self._since(task, now) for task in found if task.id not in self._held}
        self._seen = {task_id: seen for task_id, (_, seen) in still.items()}
        for task in found:
            if task.id in still and now - still[task.id][1][1] >= STILL:
                self.begin(task.id, task.generation)

    def _since(self, task: Any, now: float) -> tuple[str, tuple[tuple[int, int], float]]:
        """What the task's beat is, and since when it is that."""
        at = (task.generation, task.beat)
        seen = self._seen.get(task.id)
        return task.id, seen if seen and seen[0] == at else (at, now)

    def expire(self) -> None:
        """Tasks that ended long ago are gone."""
        with self._db.write() as tx:
            tasks.expire(tx, clock.Clock().now())
