"""Delete servers: at once, or after a time in which they are kept shut off and may be restored."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.common.jobs import Job
from nimbus.compute import states, user_quotas
from nimbus.compute.models import Server
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import resizes

LETTING_GO = ('detach_volume', 'detach_interface')


def delete(tx: db.Tx, asker: context.Context, server_id: str, *, later: bool = False) -> None:
    """The server is being deleted, and jobs under way for it are undone; being deleted already is fine.

    `later` only shuts it off; one that never ran has nothing to keep and goes at once.  Raises NotFound, and Conflict
    when it is locked.
    """
    row = servers.show(tx, asker, server_id)
    if later and row.vm_state == states.SOFT_DELETED and row.task_state is None:
        servers.unlocked(asker, row)
        return
    later = later and row.launched_at is not None and row.host is not None and row.task_state != states.DELETING
    going = {states.DELETING, states.SOFT_DELETING} if later else {states.DELETING}
    if row.task_state in going and jobs.under_way(tx, server_id):
        servers.unlocked(asker, row)
        return
    with servers.counting(tx, server_id):
        servers.begin(tx, asker, server_id, 'soft_delete' if later else 'delete')
    # A kept server lets go of what it was asked to let go of; one that is deleted loses all of it anyway.
    jobs.cancel(tx, server_id, but=LETTING_GO if later else ())
    if later:
        resizes.let_stand(tx, asker, server_id)
        jobs.start(tx, asker, 'soft_delete_server', server_id)
    else:
        jobs.start(tx, asker, 'delete_server', server_id)


def restore(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server that waits for its end is being started again.

    Raises NotFound, Conflict, WrongState, and OverQuota when its project has no room for it any more.
    """
    row = servers.show(tx, asker, server_id)
    flavor = row.flavor
    if states.MACHINE.allows('restore', row.vm_state, row.task_state):  # what waits for its end is not counted yet
        amounts = {'instances': 1, 'cores': flavor['vcpus'], 'ram': flavor['ram']}
        user_quotas.take(tx, row.project_id, row.user_id, **amounts)
    servers.begin(tx, asker, server_id, 'restore')
    jobs.start(tx, asker, 'restore_server', server_id)


def put_away(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server waits for its end, and holds nothing of the quota meanwhile, nor for a resize that it cut off."""
    with servers.counting(tx, server_id):
        servers.finished(tx, server_id, 'soft_delete')
    resizes.let_stand(tx, asker, server_id)


def reclaimable(tx: db.Tx, before: datetime.datetime, most: int) -> list[str]:
    """The ids of servers that wait for their end since that time or longer, `most` at once."""
    since = sa.select(sa.func.max(Job.finished_at)).where(
        Job.subject == Server.id, Job.workflow == 'soft_delete_server', Job.heading == jobs.DONE
    )
    where: list[Any] = [Server.vm_state == states.SOFT_DELETED, Server.deleted_at.is_(None)]
    where += [Server.task_state.is_(None), since.scalar_subquery() < before]
    return tx.column(sa.select(Server.id).where(*where).order_by(Server.seq).limit(most))


def reclaim(tx: db.Tx, server_id: str) -> bool:
    """The server is being deleted, if it still waits for its end; returns whether it does."""
    try:
        row = servers.row_of(tx, server_id)
    except errors.NotFound:
        return False
    if row.vm_state != states.SOFT_DELETED or row.task_state is not None:
        return False
    delete(tx, context.internal(), server_id)
    return True
