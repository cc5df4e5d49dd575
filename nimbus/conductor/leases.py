"""The statements that find, lease and save jobs: built once, because building one costs more than running it."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.jobs import BACK, FORWARD, UNDER_WAY, Job

KEPT = ('notes', 'heading', 'cursor', 'stop_at', 'rewinds', 'tries', 'moves', 'error', 'finished_at')
TABLE = Job.__table__
COL = TABLE.c
EARLIER = TABLE.alias('earlier')
BLOCKED = sa.exists().where(EARLIER.c.subject == COL.subject, EARLIER.c.seq < COL.seq, EARLIER.c.heading.in_(UNDER_WAY))


def _free(heading: str) -> sa.Select[Any]:
    """Due jobs of one heading that nobody holds: the index gives them in order and the limit ends the search."""
    due = sa.select(COL.id, COL.generation, COL.beat).where(
        COL.heading == heading, COL.run_at <= sa.bindparam('now'), COL.owner.is_(None), ~BLOCKED
    )
    return sa.select(due.order_by(COL.run_at).limit(sa.bindparam('most')).subquery())


FREE = db.Fixed(sa.union_all(_free(BACK), _free(FORWARD)))  # jobs that are being undone go first
HELD = sa.select(COL.id, COL.generation, COL.beat).where(
    COL.heading.in_(UNDER_WAY), COL.owner.is_not(None), COL.run_at <= sa.bindparam('now')
)
JOB = db.Fixed(sa.select(TABLE).where(COL.id == sa.bindparam('job')))
CANCELLED = db.Fixed(sa.select(COL.cancelled).where(COL.id == sa.bindparam('job')))
LEASE = db.Fixed(
    sa.update(TABLE)
    .where(
        COL.id == sa.bindparam('job'),
        COL.generation == sa.bindparam('was'),
        COL.beat == sa.bindparam('last_beat'),
        COL.heading.in_(UNDER_WAY),
    )
    .values(owner=sa.bindparam('me'), generation=COL.generation + 1, beat=0)
)
MINE = (COL.id == sa.bindparam('job'), COL.generation == sa.bindparam('mine'))
NEW = {name: sa.bindparam(f'new_{name}', type_=COL[name].type) for name in (*KEPT, 'owner')}
_SAVE = sa.update(TABLE).where(*MINE).values(updated_at=sa.bindparam('now'), **NEW)
SAVE = db.Fixed(_SAVE)
# A report that came in while the step was working must not wait for the next poll.
WAIT = db.Fixed(
    _SAVE.values(
        run_at=sa.case(
            (COL.woken == sa.bindparam('slept_over'), sa.bindparam('new_run_at', type_=COL.run_at.type)),
            else_=sa.bindparam('now'),
        )
    )
)


def beat(tx: db.Tx, owner: str, held: list[str]) -> None:
    """The owner's jobs show that it lives."""
    tx.execute(sa.update(TABLE).where(COL.id.in_(held), COL.owner == owner).values(beat=COL.beat + 1))
