"""Runs jobs: leases each one, runs its steps or undoes them, and never works on a job that another runner holds."""

import datetime
import logging
import os
import socket
import threading
import types
import uuid
from collections.abc import Callable
from typing import Any

from nimbus.common import errors, failpoints, log, retries
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.common.jobs import (
    BACK,
    DEADLINE,
    DONE,
    FORWARD,
    STUCK,
    UNDER_WAY,
    UNDONE,
    Answer,
    Job,
    JobStep,
    NotYet,
    Rewind,
    Run,
    Workflow,
)
from nimbus.common.workers import Executor
from nimbus.conductor import leases

LOG = logging.getLogger(__name__)
STILL = 8.0  # seconds a beat must be seen standing still before its job may be taken over
BEAT = 2.0  # seconds between beats; a quarter of STILL rides out a slow commit or two
POLL = 1.0  # seconds between looks when nobody nudges
AWAY = 2.0  # seconds to wait for a part that cannot be reached; the job's deadline bounds the waiting
UNDO_TRIES = 5  # an undo is tried this often, ever more slowly, before its job is stuck


def _blame(job: Any, why: Exception | None) -> str:
    """The job says why it does not go on: `error` to users, the note `inside` to operators, which is returned."""
    job.error = why and errors.sentence(why, job.request_id)
    given = errors.inside(why, job.request_id) if why else ''
    notes = {name: value for name, value in job.notes.items() if name != 'inside'}
    job.notes = {**notes, 'inside': given} if given and given != job.error else notes
    return given


class Lost(Exception):
    """Another runner took the job over; whatever this one does with it is void."""


class Runner:
    """Runs every due job of the database, a few at a time."""

    def __init__(
        self,
        database: db.Database,
        workflows: dict[str, type[Workflow]],
        env: Any,
        *,
        workers: int = 8,
        clock: Clock | None = None,
        still: float = STILL,
    ) -> None:
        """`env` is what steps reach the rest of nimbus through; it has at least `db`."""
        self.db, self.workflows, self.env = database, workflows, env
        self.clock, self.still, self.workers = clock or Clock(), still, workers
        self.name = f'{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}'
        self.look_at_others, self._looked = min(POLL, still / 4), -still
        self._seen: dict[str, tuple[int, int, float]] = {}
        self._held: dict[str, int] = {}  # job id -> generation
        self._holding = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._pool: Executor | None = None

    def start(self) -> None:
        """The runner looks for work from now on, in threads of its own."""
        self._pool = Executor(self.workers)
        for target in (self._look, self._beat):
            thread = threading.Thread(target=target, name=f'runner{target.__name__}', daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """No new job is taken; those being worked on go on to the end of their step and are released."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        if self._pool:
            self._pool.shutdown(wait=True)

    def nudge(self) -> None:
        """The runner looks for work at once."""
        self._wake.set()

    def run_due(self) -> int:
        """Every job due now has been run as far as it goes, in this thread; returns how often one was taken up."""
        pushed = 0
        while not self._stop.is_set() and (taken := self._take(1)):
            self._push(taken[0])
            pushed += 1
        return pushed

    # Finding and holding

    def _look(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(POLL)
            self._wake.clear()
            try:
                while not self._stop.is_set() and len(self._held) < self.workers:
                    # Twice as many as can be worked on, so that looking is paid for once for several jobs.
                    taken = self._take(2 * self.workers - len(self._held))
                    for job in taken:
                        assert self._pool
                        self._pool.submit(self._push, job)
                    if not taken:
                        break
            except errors.Unavailable as why:
                LOG.warning('Jobs cannot be looked for: %s', why)
            except Exception:
                LOG.exception('Jobs cannot be looked for')

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            with self._holding:
                held = list(self._held)
            if not held:
                continue
            try:
                self.db.with_retries(lambda tx, held=held: leases.beat(tx, self.name, held))
            except errors.Unavailable as why:
                LOG.warning('Leases cannot be kept alive: %s', why)

    def _take(self, most: int) -> list[Any]:
        """Lease up to `most` due jobs that nobody works on and no earlier job of their subject precedes."""
        candidates = self._candidates(most)
        if not candidates:
            return []
        taken = self.db.with_retries(lambda tx: self._lease(tx, candidates))
        jobs = [types.SimpleNamespace(**row._mapping) for row in taken]
        with self._holding:
            self._held.update((job.id, job.generation) for job in jobs)
        return jobs

    def _lease(self, tx: db.Tx, candidates: list[Any]) -> list[Any]:
        """The rows of the candidates that nobody else took meanwhile, held from now on."""
        taken = []
        for row in sorted(candidates, key=lambda row: row.id):  # in one order, so that two runners do not deadlock
            lease = {'job': row.id, 'was': row.generation, 'last_beat': row.beat, 'me': self.name}
            if tx.change(leases.LEASE, lease):
                taken.append(tx.row(leases.JOB, {'job': row.id}))
        return sorted(taken, key=lambda row: row.run_at)

    def _candidates(self, most: int) -> list[Any]:
        """Due jobs that are free, those being undone first, and those whose holder has died."""
        with self.db.read() as tx:
            found = list(tx.rows(leases.FREE, {'now': self.clock.now(), 'most': most}))
            if self.clock.monotonic() - self._looked >= self.look_at_others:
                self._looked = self.clock.monotonic()
                held = tx.rows(leases.HELD, {'now': self.clock.now()})
                self._seen = {row.id: self._seen[row.id] for row in held if row.id in self._seen}
                found += [row for row in held if self._is_still(row)]
        return found[:most]

    def _is_still(self, row: Any) -> bool:
        """Whether the beat of a job's holder was seen standing still for long enough."""
        if row.id in self._held:
            return False
        now = self.clock.monotonic()
        generation, beat, since = self._seen.get(row.id, (-1, -1, now))
        if (generation, beat) != (row.generation, row.beat):
            self._seen[row.id] = (row.generation, row.beat, now)
            return False
        return now - since >= self.still

    # Moving

    def _push(self, job: Any) -> None:
        """Run one leased job as far as it goes and release it."""
        try:
            with log.about(job.request_id, job.subject):
                while self._move(job):
                    if self._stop.is_set():
                        self._save(job, None, release=True)
                        break
        except Lost:
            LOG.warning('Job %s was taken over by another conductor', job.id)
        except errors.Unavailable as why:
            LOG.warning('Job %s waits: %s', job.id, why)
            self._let_go(job)
        except Exception:
            LOG.exception('Job %s cannot be worked on', job.id)
            self._let_go(job)
        finally:
            with self._holding:  # let go by its last save, it may be held anew already
                if self._held.get(job.id) == job.generation:
                    del self._held[job.id]
            if len(self._held) < self.workers:
                self._wake.set()

    def _let_go(self, job: Any) -> None:
        """Give the lease back if the database can be reached; if not, it is seen standing still."""
        try:
            with self.db.write() as tx:
                tx.update(
                    Job,
                    Job.id == job.id,
                    Job.generation == job.generation,
                    owner=None,
                    run_at=self.clock.now() + datetime.timedelta(seconds=1),
                )
        except errors.Unavailable:
            pass

    def _move(self, job: Any) -> bool:
        """Run or undo one step; no transaction is open while it works."""
        recipe = self.workflows[job.workflow]
        run = Run(job, self.env)
        began = self.clock.now()
        if job.heading == FORWARD:
            self._see_wishes(job)
        if job.heading == FORWARD:
            return self._forward(job, run, recipe, began)
        return self._back(job, run, recipe, began)

    def _see_wishes(self, job: Any) -> None:
        """The job turns back where it was cancelled, which every save reads anew, or is past its deadline."""
        if job.cancelled:
            job.heading, job.error = BACK, 'It was asked to end before it was done.'
        elif self.clock.now() > job.deadline:
            job.heading, job.error = BACK, job.error or 'It was not done within its deadline.'
        if job.heading == BACK:
            job.moves += 1

    def _forward(self, job: Any, run: Run, recipe: type[Workflow], began: datetime.datetime) -> bool:
        if job.cursor >= len(recipe.steps):
            return self._finish(job, run, recipe, began)
        step = recipe.steps[job.cursor]
        failpoints.hit(f'{job.workflow}.{step.name}.before')
        try:
            found = retries.with_retries(lambda: step.do(run))
        except NotYet as pause:
            return self._wait(job, pause.after)
        except errors.Unavailable as why:
            _blame(job, why)
            return self._wait(job, AWAY)
        except Rewind as again:
            job.rewinds, job.notes = job.rewinds + 1, {**job.notes, **again.notes}
            if job.rewinds < recipe.max_rewinds:
                job.stop_at = [s.do for s in recipe.steps].index(again.step)
            return self._turn_back(job, step.name, 'rewound', _blame(job, again.why), began)
        except Exception as why:
            if not isinstance(why, errors.NimbusError):
                LOG.exception('Step %s of job %s failed', step.name, job.id)
            return self._turn_back(job, step.name, 'failed', _blame(job, why), began)
        failpoints.hit(f'{job.workflow}.{step.name}.after')
        _blame(job, None)
        job.notes = {**job.notes, **(found or {})}
        job.cursor, job.moves = job.cursor + 1, job.moves + 1
        LOG.info('Step %s of %s is done', step.name, job.workflow)
        last = job.cursor >= len(recipe.steps) and recipe.on_done is None
        if last:
            job.heading = DONE
        return self._save(job, self._record(job, step.name, FORWARD, 'ok', None, began), release=last)

    def _finish(self, job: Any, run: Run, recipe: type[Workflow], began: datetime.datetime) -> bool:
        """The job is done, and what it led to is written in the same transaction."""
        if recipe.on_done is None:
            job.heading = DONE
            return self._save(job, None, release=True)
        name = recipe.on_done.__name__
        failpoints.hit(f'{job.workflow}.{name}.before')
        unfinished = job.moves, job.error
        try:
            job.heading, job.error, job.moves = DONE, None, job.moves + 1
            record = self._record(job, name, FORWARD, 'ok', None, began)
            self._save(job, record, release=True, also=lambda tx: recipe.on_done(tx, run))
            failpoints.hit(f'{job.workflow}.{name}.after')
            return False
        except (Lost, errors.Unavailable):
            job.heading, job.finished_at, (job.moves, job.error) = FORWARD, None, unfinished
            raise
        except Exception as why:
            if not isinstance(why, errors.NimbusError):
                LOG.exception('The end of job %s failed', job.id)
            job.finished_at, (job.moves, _) = None, unfinished
            return self._turn_back(job, name, 'failed', _blame(job, why), began)

    def _turn_back(self, job: Any, step: str, outcome: str, why: str, began: datetime.datetime) -> bool:
        record = self._record(job, step, FORWARD, outcome, why, began)
        job.heading, job.moves = BACK, job.moves + 1
        return self._save(job, record)

    def _back(self, job: Any, run: Run, recipe: type[Workflow], began: datetime.datetime) -> bool:
        if job.cursor >= len(recipe.steps):
            job.cursor = len(recipe.steps) - 1
        if job.cursor < max(job.stop_at, 0):
            return self._turn(job, run, recipe, began)
        step = recipe.steps[job.cursor]
        failpoints.hit(f'{job.workflow}.{step.name}.undo')
        try:
            if step.undo:
                retries.with_retries(lambda: step.undo and step.undo(run))
        except NotYet as pause:
            return self._wait(job, pause.after)
        except errors.Unavailable as why:
            if self.clock.now() < job.deadline + DEADLINE:
                return self._wait(job, AWAY)
            return self._undo_failed(job, step.name, why, began)
        except Exception as why:
            return self._undo_failed(job, step.name, why, began)
        record = self._record(job, step.name, BACK, 'ok', None, began) if step.undo else None
        job.cursor, job.moves, job.tries = job.cursor - 1, job.moves + 1, 0
        return self._save(job, record)

    def _turn(self, job: Any, run: Run, recipe: type[Workflow], began: datetime.datetime) -> bool:
        """All that had to be undone is: try again from the step rewound to, or end as failed."""
        if job.stop_at >= 0 and not job.cancelled:
            job.cursor, job.stop_at, job.heading, job.moves = job.stop_at, -1, FORWARD, job.moves + 1
            return self._save(job, None)
        if job.stop_at > 0:
            job.stop_at = 0
            return True
        try:
            recipe.on_failure(run)
        except Exception as why:
            return self._undo_failed(job, 'on_failure', why, began)
        job.heading = UNDONE
        return self._save(job, None, release=True)

    def _undo_failed(self, job: Any, step: str, why: Exception, began: datetime.datetime) -> bool:
        job.tries += 1
        LOG.warning(
            'Undo of %s in job %s failed (%s of %s): %s',
            *(step, job.id, job.tries, UNDO_TRIES, why),
            exc_info=None if isinstance(why, errors.NimbusError) else why,
        )
        given = errors.inside(why, job.request_id)
        record = self._record(job, step, BACK, 'failed', given, began)
        if job.tries < UNDO_TRIES:
            return self._wait(job, 2.0**job.tries / 2, record)
        job.heading, job.error = STUCK, f'{step} could not be undone: {given} (after: {job.error})'
        return self._save(job, record, release=True)

    def _wait(self, job: Any, seconds: float, record: dict[str, Any] | None = None) -> bool:
        job.run_at = self.clock.now() + datetime.timedelta(seconds=seconds)
        return self._save(job, record, release=True, waiting=True)

    def _record(
        self, job: Any, step: str, heading: str, outcome: str, detail: str | None, began: datetime.datetime
    ) -> dict[str, Any]:
        return {
            'job_id': job.id,
            'subject': job.subject,
            'step': step,
            'heading': heading,
            'outcome': outcome,
            'detail': detail,
            'host': job.notes.get('host'),
            'started_at': began,
            'finished_at': self.clock.now(),
        }

    def _save(
        self,
        job: Any,
        record: dict[str, Any] | None,
        release: bool = False,
        waiting: bool = False,
        also: Callable[[db.Tx], None] | None = None,
    ) -> bool:
        """Write the job as it now is, if it is still ours; returns whether to go on with it at once."""
        now = self.clock.now()
        if job.heading not in UNDER_WAY:
            job.finished_at = now
        values = {f'new_{name}': getattr(job, name) for name in leases.KEPT}
        values |= {'job': job.id, 'mine': job.generation, 'now': now, 'new_owner': None if release else self.name}
        values |= {'slept_over': job.woken, 'new_run_at': job.run_at} if waiting else {}

        def write(tx: db.Tx) -> None:
            if not tx.change(leases.WAIT if waiting else leases.SAVE, values):
                raise Lost(job.id)
            if also:
                also(tx)
            if record:
                tx.insert(JobStep, **record)
            if job.heading in (DONE, UNDONE):
                tx.delete(Answer, Answer.job_id == job.id)
            if not release:
                job.cancelled = tx.scalar(leases.CANCELLED, {'job': job.id})

        self.db.with_retries(write)
        return not release
