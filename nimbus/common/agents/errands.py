"""An agent's errands: acknowledged at once, done in the background, reported until the conductor has the report.

Each errand names its job, a key to report under, its subject and a fence.  A
fence lower than the highest seen for the subject is refused, also after a
restart: that is how an order from a late or zombie worker changes nothing.
"""

import contextvars
import datetime
import json
import logging
import os
import pathlib
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from nimbus.common import clock, errors, failpoints, log
from nimbus.common.workers import Executor

LOG = logging.getLogger(__name__)
ACCEPTED, BUSY = 'accepted', 'busy'
Report = Callable[..., Any]  # (job_id, key, ok, result, error, kind) -> None; raises Unavailable


class Fences:
    """The highest fence seen for each subject, kept on disk."""

    def __init__(self, path: str) -> None:
        self._dir = pathlib.Path(path)
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}

    def pass_(self, subject: str, fence: int) -> None:
        """The fence is now the subject's highest.  Raises Stale when a higher one was seen."""
        with self._lock:
            highest = self._seen.get(subject)
            if highest is None:
                highest = self._read(subject)
            if fence < highest:
                raise errors.Stale(f'An order for {subject} with fence {fence} came after one with {highest}.')
            if fence > highest:
                self._write(subject, fence)
            self._seen[subject] = fence

    def older_than(self, seconds: float) -> list[str]:
        """The subjects whose last order is longer ago than that."""
        now = clock.Clock().now().replace(tzinfo=datetime.UTC).timestamp()
        files = [path for path in self._dir.iterdir() if not path.name.startswith('.')]
        return sorted(path.name for path in files if now - path.stat().st_mtime > seconds)

    def forget_all(self) -> None:
        """No fence counts: for a cloud whose database was put back to an earlier state."""
        with self._lock:
            names = [path.name for path in self._dir.iterdir() if not path.name.startswith('.')]
        self.forget(names)

    def forget(self, subjects: Iterable[str]) -> None:
        """The fences of the subjects are removed; for subjects that will have no job again."""
        with self._lock:
            for subject in subjects:
                self._seen.pop(subject, None)
                (self._dir / subject).unlink(missing_ok=True)

    def _read(self, subject: str) -> int:
        try:
            return int(json.loads((self._dir / subject).read_text()))
        except (FileNotFoundError, ValueError):
            return 0

    def _write(self, subject: str, fence: int) -> None:
        if '/' in subject or subject.startswith('.'):
            raise errors.Invalid(f'{subject} cannot name a fence.')
        draft = self._dir / f'.{subject}'
        draft.write_text(str(fence))
        os.replace(draft, self._dir / subject)


class _Turn:
    """The lock that the errands of one subject take, so that they run one after another."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def outcome_of(job_id: str, do: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """The report of an errand's result or error; the text of an error not nimbus's own stands in the log only."""
    try:
        return {'ok': True, 'result': do() or {}}
    except errors.NimbusError as why:
        return {'ok': False, 'error': why.sentence, 'kind': type(why).__name__, 'result': why.kwargs}
    except Exception as why:
        LOG.exception('An errand of job %s failed', job_id)
        return {'ok': False, 'error': errors.sentence(why, log.REQUEST.get()), 'kind': type(why).__name__}


class Errands:
    """The errands that one agent is working on."""

    def __init__(self, report: Report, path: str, workers: int = 8) -> None:
        """`report` sends a report to the desk; it is called again until it does not raise."""
        self._report, self.fences = report, Fences(path)
        self._pool = Executor(workers)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._in_hand: set[tuple[str, str]] = set()
        # Forgotten with the last errand of its subject.
        self._order: weakref.WeakValueDictionary[str, _Turn] = weakref.WeakValueDictionary()

    def take(self, job_id: str, key: str, subject: str, fence: int, do: Callable[[], dict[str, Any] | None]) -> str:
        """`do` runs in the background and its outcome is reported; one already accepted is left alone.

        Errands of one subject run one after another.  Raises Stale, and Unavailable once the agent stops.
        """
        self.fences.pass_(subject, fence)
        with self._lock:
            if (job_id, key) in self._in_hand:
                return BUSY
            self._in_hand.add((job_id, key))
            order = self._order.setdefault(subject, _Turn())
        ctx = contextvars.copy_context()
        ctx.run(log.INSTANCE.set, subject)
        try:
            self._pool.submit(ctx.run, self._run, job_id, key, order, do)
        except RuntimeError as why:
            with self._lock:
                self._in_hand.discard((job_id, key))
            raise errors.Unavailable('The agent is stopping.') from why
        failpoints.hit('errand.taken')
        return ACCEPTED

    def _run(self, job_id: str, key: str, order: _Turn, do: Callable[[], dict[str, Any] | None]) -> None:
        with order.lock:
            outcome = outcome_of(job_id, do)
        LOG.info('Errand %s of job %s is over: %s', key, job_id, 'done' if outcome['ok'] else 'refused')
        failpoints.hit('errand.done')
        self._deliver(job_id, key, outcome)
        failpoints.hit('errand.reported')
        with self._lock:
            self._in_hand.discard((job_id, key))

    def _deliver(self, job_id: str, key: str, outcome: dict[str, Any]) -> None:
        pause = 0.2
        while not self._stop.is_set():
            try:
                self._report(job_id, key, **outcome)
                return
            except Exception as why:
                LOG.warning('The report on job %s did not reach the desk: %s', job_id, why)
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)

    def close(self) -> None:
        """No errand is begun any more; those being worked on end on their own."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
