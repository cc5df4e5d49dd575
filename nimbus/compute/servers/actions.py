"""Instance actions and their events, read from a server's jobs and their steps."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.common.jobs import Job
from nimbus.compute.servers import servers

# The field's names of the workflows; a workflow not listed is not the user's own doing.
NAMES = {
    'build_server': 'create',
    'delete_server': 'delete',
    'start_server': 'start',
    'stop_server': 'stop',
    'reboot_server': 'reboot',
    'soft_delete_server': 'delete',
    'restore_server': 'restore',
    'rebuild_server': 'rebuild',
    'evacuate_server': 'evacuate',
    'rescue_server': 'rescue',
    'unrescue_server': 'unrescue',
    'pause_server': 'pause',
    'unpause_server': 'unpause',
    'suspend_server': 'suspend',
    'resume_server': 'resume',
    'resize_server': 'resize',
    'migrate_server': 'migrate',
    'live_migrate_server': 'live-migration',
    'live_migration_cancel': 'live_migration_cancel',
    'live_migration_force_complete': 'live_migration_force_complete',
    'confirm_resize': 'confirmResize',
    'revert_resize': 'revertResize',
    'snapshot_server': 'createImage',
    'backup_server': 'createBackup',
    'shelve_server': 'shelve',
    'offload_server': 'shelveOffload',
    'unshelve_server': 'unshelve',
    'bring_back_server': 'unshelve',
    'attach_volume': 'attach_volume',
    'detach_volume': 'detach_volume',
    'attach_interface': 'attach_interface',
    'detach_interface': 'detach_interface',
    # Done at once, and only recorded.
    'change_password': 'changePassword',
    'trigger_crash_dump': 'trigger_crash_dump',
    'lock_server': 'lock',
    'unlock_server': 'unlock',
    'reset_server': 'resetState',
}
AT_ONCE = frozenset({'lock_server', 'unlock_server', 'reset_server', 'change_password', 'trigger_crash_dump'})
RESULTS = {'ok': 'Success', 'failed': 'Error', 'stuck': 'Error', 'rewound': 'Error'}


def subject(tx: db.Tx, asker: context.Context, server_id: str, *, deleted: bool) -> Any:
    """The row of the server whose actions are asked for; a deleted one only if `deleted`.  Raises NotFound."""
    row = servers.row_of(tx, server_id)
    if not deleted or not (asker.is_admin or row.project_id == asker.project_id):
        return servers.show(tx, asker, server_id)
    return row


def find(
    tx: db.Tx,
    server_id: str,
    *,
    limit: int | None = None,
    marker: str | None = None,
    since: datetime.datetime | None = None,
    before: datetime.datetime | None = None,
) -> list[Any]:
    """The server's jobs, newest first, changed within the times.  Raises Invalid on an unknown marker."""
    where: list[Any] = [Job.subject == server_id, Job.workflow.in_(NAMES)]
    where += [Job.updated_at >= since] if since else []
    where += [Job.updated_at <= before] if before else []
    if marker is not None:
        after = tx.row(sa.select(Job.seq).where(Job.subject == server_id, Job.request_id == marker))
        if after is None:
            raise errors.Invalid(f'Marker {marker} could not be found.')
        where.append(Job.seq < after.seq)
    query = sa.select(Job).where(*where).order_by(Job.seq.desc())
    return list(tx.rows(query.limit(limit) if limit is not None else query))


def show(tx: db.Tx, server_id: str, request_id: str) -> Any:
    """The job that the request started for the server.  Raises NotFound."""
    where = (Job.subject == server_id, Job.request_id == request_id, Job.workflow.in_(NAMES))
    row = tx.row(sa.select(Job).where(*where).order_by(Job.seq.desc()))
    if row is None:
        raise errors.NotFound(f'Action {request_id} not found')
    return row


def events(tx: db.Tx, job_id: str) -> list[Any]:
    """The steps of a job that came to an end, newest first."""
    return [row for row in reversed(jobs.steps(tx, job_id)) if row.outcome in RESULTS]
