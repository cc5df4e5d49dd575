"""Tasks of the image service: their rows, and who may write them.

Every write of a taker says `generation = mine`, so that one who was taken for
dead changes nothing any more.
"""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids
from nimbus.common.database import db, listing
from nimbus.image.models_tasks import ImageTask

IMPORT, API_IMPORT, LOCATION_IMPORT = 'import', 'api_image_import', 'location_import'
TYPES = (IMPORT, API_IMPORT, LOCATION_IMPORT)
PENDING, PROCESSING, SUCCESS, FAILURE = 'pending', 'processing', 'success', 'failure'
STATUSES = (PENDING, PROCESSING, SUCCESS, FAILURE)
UNDER_WAY = (PENDING, PROCESSING)
KEPT = datetime.timedelta(hours=48)  # how long a task that ended is shown


def create(tx: db.Tx, ctx: context.Context, kind: str, given: dict[str, Any], image_id: str | None = None) -> str:
    """A pending task of the asker's project stands; returns its id."""
    task_id, now = ids.dashed(), clock.Clock().now()
    tx.insert(
        ImageTask,
        id=task_id,
        type=kind,
        status=PENDING,
        owner=ctx.project_id,
        user_id=ctx.user_id,
        request_id=ctx.request_id,
        asker=ctx.to_dict(),
        image_id=image_id,
        input=given,
        message='',
        created_at=now,
        updated_at=now,
        generation=0,
        beat=0,
    )
    return task_id


def show(tx: db.Tx, ctx: context.Context, task_id: str) -> Any:
    """The task, if it is of the asker's project or they are an operator.  Raises NotFound."""
    row = tx.row(sa.select(ImageTask).where(ImageTask.id == task_id, *_seen(ctx)))
    if row is None:
        raise errors.NotFound(f'No task found with ID {task_id}')
    return row


def find(tx: db.Tx, ctx: context.Context, page: listing.Page) -> list[Any]:
    """A page of the tasks that the asker sees.  Raises Invalid."""
    where = [getattr(ImageTask, name) == value for name, value in page.filters.items()]
    return listing.rows(tx, ImageTask, where, page, seen=_seen(ctx), noun='Task marker')


def of_image(tx: db.Tx, ctx: context.Context, image_id: str) -> list[Any]:
    """Those of the image's tasks that the asker may see, newest first: many see an image, and few where it is from."""
    query = sa.select(ImageTask).where(ImageTask.image_id == image_id, *_seen(ctx))
    return list(tx.rows(query.order_by(ImageTask.seq.desc())))


def _seen(ctx: context.Context) -> list[Any]:
    return [] if ctx.is_admin else [ImageTask.owner.is_not_distinct_from(ctx.project_id)]


def under_way(tx: db.Tx) -> list[Any]:
    """Every task that did not end yet, oldest first."""
    return list(tx.rows(sa.select(ImageTask).where(ImageTask.status.in_(UNDER_WAY)).order_by(ImageTask.seq)))


def claim(tx: db.Tx, task_id: str, generation: int, place: str) -> Any | None:
    """The task, which this place works on from now on; None when another took it or it has ended."""
    taken = tx.update(
        ImageTask,
        ImageTask.id == task_id,
        ImageTask.generation == generation,
        ImageTask.status.in_(UNDER_WAY),
        status=PROCESSING,
        place=place,
        generation=generation + 1,
        updated_at=clock.Clock().now(),
    )
    return tx.row(sa.select(ImageTask).where(ImageTask.id == task_id)) if taken else None


def beat(tx: db.Tx, held: dict[str, int]) -> None:
    """Whoever watches sees that the takers of these tasks, by their generations, live."""
    for task_id, generation in held.items():
        tx.update(ImageTask, ImageTask.id == task_id, ImageTask.generation == generation, beat=ImageTask.beat + 1)


def check_mine(tx: db.Tx, task: Any) -> None:
    """Raises Stale when another taker has the task."""
    if not tx.update(ImageTask, *_mine(task), updated_at=clock.Clock().now()):
        raise errors.Stale(f'Task {task.id} is worked on elsewhere.')


def succeed(tx: db.Tx, task: Any, result: dict[str, Any] | None = None) -> None:
    """The task has ended well.  Raises Stale when another taker has it."""
    _end(tx, task, SUCCESS, '', result)


def fail(tx: db.Tx, task: Any, why: str) -> None:
    """The task has failed, and says why.  Raises Stale when another taker has it."""
    _end(tx, task, FAILURE, why, None)


def _end(tx: db.Tx, task: Any, status: str, message: str, result: dict[str, Any] | None) -> None:
    now = clock.Clock().now()
    values = {'status': status, 'message': message, 'result': result, 'expires_at': now + KEPT, 'updated_at': now}
    if not tx.update(ImageTask, *_mine(task), **values):
        raise errors.Stale(f'Task {task.id} is worked on elsewhere.')


def _mine(task: Any) -> tuple[Any, ...]:
    return (
        ImageTask.id == task.id,
        ImageTask.generation == task.generation,
        ImageTask.status == PROCESSING,
    )


def expire(tx: db.Tx, now: datetime.datetime) -> int:
    """Tasks past their time are gone; returns how many."""
    return tx.delete(ImageTask, ImageTask.expires_at.is_not(None), ImageTask.expires_at < now)
