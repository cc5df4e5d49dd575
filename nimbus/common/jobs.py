"""Jobs: a Workflow is the steps of a long operation, a Job is one durable run of it.

A workflow is a tuple of steps, read top to bottom.  The runner saves the
cursor before it enters a step, so a step whose process died is entered again:
do and undo must both be safe to repeat, and undo safe when do never happened.
Who may write a job is fenced by its generation, never by wall time.
"""

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids, log
from nimbus.common.database import db
from nimbus.common.database.tables import Mapped, mapped_column

FORWARD, BACK = 'forward', 'back'  # under way
DONE, UNDONE, STUCK = 'done', 'undone', 'stuck'  # ended; a stuck job needs an operator
UNDER_WAY = (FORWARD, BACK)
MAX_REWINDS = 3
DEADLINE = datetime.timedelta(minutes=30)
TOPIC = 'conductor'


class Job(db.Base):
    """One run of a workflow, and all that is needed to go on with it in another process."""

    __tablename__ = 'jobs'
    __table_args__ = (
        sa.Index('jobs_due', 'heading', 'run_at'),
        sa.Index('jobs_subject', 'subject', 'seq'),
        db.Base.__table_args__,
    )
    seq: Mapped[db.Seq]
    id: Mapped[db.Id] = mapped_column(unique=True)
    workflow: Mapped[str]
    subject: Mapped[str] = mapped_column(sa.String(64))
    project_id: Mapped[str | None] = mapped_column(sa.String(64))
    request_id: Mapped[str] = mapped_column(sa.String(64))
    asker: Mapped[dict[str, Any]]  # Context.to_dict()
    params: Mapped[dict[str, Any]]
    notes: Mapped[dict[str, Any]]
    heading: Mapped[str] = mapped_column(sa.String(16))
    cursor: Mapped[int] = mapped_column(sa.Integer)
    stop_at: Mapped[int] = mapped_column(sa.Integer)
    rewinds: Mapped[int] = mapped_column(sa.Integer)
    tries: Mapped[int] = mapped_column(sa.Integer)  # of the undo under the cursor
    moves: Mapped[int]  # grows with every change of cursor or heading
    cancelled: Mapped[bool]
    error: Mapped[str | None] = mapped_column(sa.Text())
    created_at: Mapped[datetime.datetime]
    updated_at: Mapped[datetime.datetime]
    finished_at: Mapped[datetime.datetime | None]
    run_at: Mapped[datetime.datetime]
    woken: Mapped[int] = mapped_column(sa.Integer)  # grows with every report, so that none is slept over
    deadline: Mapped[datetime.datetime]
    owner: Mapped[str | None] = mapped_column(sa.String(128))
    generation: Mapped[int]  # grows with every taker
    beat: Mapped[int]  # grows while the owner lives


class JobStep(db.Base):
    """What happened in one step of a job: the source of `nimbus why` and of a server's events."""

    __tablename__ = 'job_steps'
    __table_args__ = (sa.Index('job_steps_job', 'job_id', 'seq'), db.Base.__table_args__)
    seq: Mapped[db.Seq]
    job_id: Mapped[db.Id]
    subject: Mapped[str] = mapped_column(sa.String(64), index=True)
    step: Mapped[str] = mapped_column(sa.String(64))
    heading: Mapped[str] = mapped_column(sa.String(16))
    outcome: Mapped[str] = mapped_column(sa.String(16))  # ok, waiting, rewound, failed, stuck
    detail: Mapped[str | None] = mapped_column(sa.Text())
    host: Mapped[str | None]
    started_at: Mapped[datetime.datetime]
    finished_at: Mapped[datetime.datetime]


class Answer(db.Base):
    """What an agent reported of an errand a job sent it on."""

    __tablename__ = 'job_answers'
    job_id: Mapped[db.Id] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    ok: Mapped[bool]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(sa.Text())
    kind: Mapped[str | None] = mapped_column(sa.String(64))
    at: Mapped[datetime.datetime]


_ANSWERS = Answer.__table__.c
ANSWER = db.Fixed(
    sa.select(Answer.__table__).where(_ANSWERS.job_id == sa.bindparam('job'), _ANSWERS.key == sa.bindparam('errand'))
)


class NotYet(Exception):
    """Raised by a step that has to look again in `after` seconds; an agent's report wakes it sooner."""

    def __init__(self, after: float = 2) -> None:
        super().__init__(after)
        self.after = after


class Rewind(Exception):
    """Raised by a step to undo back to an earlier one and try again from there; `notes` are kept with the job."""

    def __init__(self, step: Callable[..., Any], why: errors.NimbusError, **notes: Any) -> None:
        super().__init__(why.sentence)
        self.step, self.why, self.notes = step, why, notes


class Refused(errors.NimbusError):
    """An agent's report that it could not do its errand; `kind` is the class name of what it met there."""

    def __init__(self, kind: str, why: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(why, **(facts or {}))  # the facts of the agent's error, beside its sentence
        self.kind = kind


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a workflow: what it does, and its undo."""

    do: Callable[['Run'], dict[str, Any] | None]
    undo: Callable[['Run'], None] | None = None

    @property
    def name(self) -> str:
        return self.do.__name__


class Workflow:
    """Base of every workflow; subclasses fill in the class attributes."""

    steps: tuple[Step, ...]
    on_done: Callable[[db.Tx, 'Run'], None] | None = None  # part of the very transaction that ends the job
    on_failure: Callable[['Run'], None] = staticmethod(lambda run: None)
    max_rewinds: int = MAX_REWINDS


class Run:
    """One run of a workflow as its steps see it: asker, parameters, and the notes of earlier steps."""

    def __init__(self, job: Any, env: Any) -> None:
        self.job, self.env, self.subject = job, env, job.subject
        self.context = context.Context.from_dict(job.asker)

    def __getattr__(self, name: str) -> Any:
        for source in (self.job.notes, self.job.params):
            if name in source:
                return source[name]
        raise AttributeError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """A note or parameter, or the default where there is none."""
        return self.job.notes.get(name, self.job.params.get(name, default))

    def note(self, **notes: Any) -> None:
        """The job's notes have these too; kept with the next save, so also what an undo found out."""
        self.job.notes = {**self.job.notes, **notes}

    @property
    def fence(self) -> int:
        """Grows with every job of the subject and every move of this one; agents refuse a lower one."""
        return (self.job.seq << 20) + self.job.moves

    def name_for(self, *parts: object) -> str:
        """An id that is the same every time this job asks for it."""
        return ids.derived(self.job.id, *parts)

    def ask(self, key: str, send: Callable[[str], Any], again: float = 10) -> dict[str, Any]:
        """The agent's report on the errand `key`; the first time, and each `again` seconds without one, it is sent.

        `send` gets the key to report under, which differs after each rewind.  Raises NotYet until the report
        is there and Refused when the report is that it failed.
        """
        key = f'{self.job.heading}:{key}:{self.job.rewinds}:{self.job.tries}'
        with self.env.db.read() as tx:
            answer = tx.row(ANSWER, {'job': self.job.id, 'errand': key})
        if answer is None:
            send(key)
            raise NotYet(again)
        if answer.ok:
            return answer.result or {}
        # The facts of an error come with it when it is one of nimbus's own; the text of any other is for no user.
        told = answer.error if answer.result is not None else errors.sentence(Exception(), self.job.request_id)
        raise Refused(answer.kind or 'Exception', told or 'The agent gave no reason.', answer.result)


def start(
    tx: db.Tx,
    asker: context.Context,
    workflow: str,
    subject: str,
    *,
    now: datetime.datetime | None = None,
    deadline: datetime.timedelta = DEADLINE,
    **params: Any,
) -> str:
    """A job for `subject` stands in the caller's own transaction; returns its id.

    The jobs of one subject run one after another, in the order they were asked for.
    """
    now = now or clock.Clock().now()
    job_id = _insert(tx, asker, workflow, subject, FORWARD, params, now, now + deadline)
    tx.nudge(TOPIC)
    return job_id


def record(
    tx: db.Tx,
    asker: context.Context,
    workflow: str,
    subject: str,
    step: str | None = None,
    error: str | None = None,
) -> None:
    """An action that was done at once is recorded in the subject's history as a finished job, with its step if any.

    One that failed has an error.
    """
    now = clock.Clock().now()
    job_id = _insert(tx, asker, workflow, subject, DONE, {}, now, now)
    tx.update(Job, Job.id == job_id, finished_at=now, error=error)
    if step:
        moment = {'started_at': now, 'finished_at': now}
        how = {'outcome': 'failed' if error else 'ok', 'detail': error}
        tx.insert(JobStep, job_id=job_id, subject=subject, step=step, heading=FORWARD, **how, **moment)


def _insert(
    tx: db.Tx,
    asker: context.Context,
    workflow: str,
    subject: str,
    heading: str,
    params: dict[str, Any],
    now: datetime.datetime,
    deadline: datetime.datetime,
) -> str:
    job_id = ids.dashed()
    tx.insert(
        Job,
        id=job_id,
        workflow=workflow,
        subject=subject,
        project_id=asker.project_id,
        request_id=asker.request_id,
        asker=asker.to_dict(),
        params=params,
        notes={},
        heading=heading,
        cursor=0,
        stop_at=-1,
        rewinds=0,
        tries=0,
        moves=0,
        cancelled=False,
        created_at=now,
        updated_at=now,
        run_at=now,
        woken=0,
        deadline=deadline,
        generation=0,
        beat=0,
    )
    return job_id


def cancel(tx: db.Tx, subject: str, *, but: Sequence[str] = ()) -> int:
    """The jobs under way for `subject`, `but` those of some workflows, are undone from their next step on.

    Returns how many they are.
    """
    wished = tx.update(
        Job,
        Job.subject == subject,
        Job.heading == FORWARD,
        Job.workflow.not_in(list(but)),
        Job.cancelled.is_(False),
        cancelled=True,
        run_at=clock.Clock().now(),
        woken=Job.woken + 1,
    )
    if wished:
        tx.nudge(TOPIC)
    return wished


def answer(
    tx: db.Tx,
    job_id: str,
    key: str,
    *,
    ok: bool,
    result: dict[str, Any] | None = None,
    error: str | None = None,
    kind: str | None = None,
) -> None:
    """An agent's report is kept, once, and its job looks at it at once.  A job that is over keeps nothing."""
    now = clock.Clock().now()
    if not tx.update(Job, Job.id == job_id, Job.heading.in_(UNDER_WAY), run_at=now, woken=Job.woken + 1):
        return
    if tx.row(ANSWER, {'job': job_id, 'errand': key}) is None:
        tx.insert(Answer, job_id=job_id, key=key, ok=ok, result=result, error=error, kind=kind, at=now)
    tx.nudge(TOPIC)


def wake(tx: db.Tx, subject: str) -> int:
    """The jobs of `subject` that wait are due at once; returns how many they are."""
    woken = tx.update(
        Job,
        Job.subject == subject,
        Job.heading.in_(UNDER_WAY),
        run_at=clock.Clock().now(),
        woken=Job.woken + 1,
    )
    if woken:
        tx.nudge(TOPIC)
    return woken


def look(tx: db.Tx) -> None:
    """Whoever works on jobs looks for them at once, as those do by themselves after a while."""
    tx.nudge(TOPIC)


def under_way(tx: db.Tx, subject: str) -> bool:
    """Whether any job of `subject` is still to come to its end."""
    found = tx.scalar(sa.select(Job.seq).where(Job.subject == subject, Job.heading.in_(UNDER_WAY)).limit(1))
    return found is not None


def asked(tx: db.Tx, subject: str, workflow: str, **params: Any) -> bool:
    """Whether such a job of `subject`, with these parameters among its own, is still to come to its end."""
    query: sa.Select[Any] = sa.select(Job.params).where(
        Job.subject == subject, Job.workflow == workflow, Job.heading.in_(UNDER_WAY)
    )
    return any(params.items() <= found.items() for found in tx.column(query))


def asker(tx: db.Tx, subject: str) -> context.Context | None:
    """The asker of the job of `subject` that is being worked on here; None when none is."""
    query: sa.Select[Any] = sa.select(Job.asker).where(Job.subject == subject, Job.request_id == log.REQUEST.get())
    found = tx.scalar(query.order_by(Job.seq.desc()).limit(1))
    return context.Context.from_dict(found) if found else None


def show(tx: db.Tx, job_id: str) -> Any:
    """The job's row.  Raises NotFound."""
    found = tx.row(sa.select(Job).where(Job.id == job_id))
    if found is None:
        raise errors.NotFound(f'Job {job_id} could not be found.')
    return found


def history(tx: db.Tx, subject: str) -> list[Any]:
    """Every job there ever was for `subject`, newest first."""
    return list(tx.rows(sa.select(Job).where(Job.subject == subject).order_by(Job.seq.desc())))


def forget(tx: db.Tx, before: datetime.datetime, most: int, living: tuple[Any, ...] = ()) -> int:
    """Jobs that ended before the time, their steps and answers are gone, `most` at once; returns how many.

    Those of subjects whose ids one of the selects `living` finds stay, and so do stuck ones and the newest of all:
    SQLite numbers a row by the highest number that is there, and agents would refuse one that they have heard of.
    """
    # The time of the last run stands in an index with the heading, and is no later than the end.
    where = [Job.heading.in_((DONE, UNDONE)), Job.run_at < before, Job.finished_at < before]
    where += [Job.subject.not_in(ids_of) for ids_of in living]
    where.append(Job.seq < tx.scalar(sa.select(sa.func.max(Job.seq))))
    gone = tx.column(sa.select(Job.id).where(*where).limit(most))
    for model, column in ((JobStep, JobStep.job_id), (Answer, Answer.job_id), (Job, Job.id)):
        tx.delete(model, column.in_(gone))
    return len(gone)


def stuck(tx: db.Tx) -> list[Any]:
    """The jobs that are stuck and need an operator, oldest first."""
    return list(tx.rows(sa.select(Job).where(Job.heading == STUCK).order_by(Job.seq)))


def steps(tx: db.Tx, job_id: str) -> list[Any]:
    """What happened in a job, oldest first."""
    return list(tx.rows(sa.select(JobStep).where(JobStep.job_id == job_id).order_by(JobStep.seq)))
