"""Make, take in, delete and restore backups of volumes."""

from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import Refused, Run, Step, Workflow
from nimbus.volume.backups import progress as backup_progress
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import copies, progress


def keep(run: Run) -> dict[str, Any] | None:
    """The store of backups has what the volume or snapshot holds."""
    with run.env.db.read() as tx:
        backup = backup_progress.look(tx, run.subject)
    if backup is None:
        return None
    source = {'kind': 'snapshot', 'id': run.snapshot_id} if run.snapshot_id else {'kind': 'volume', 'id': run.volume_id}
    agent = run.env.client(Volume, run.context, backup.host)
    told = run.ask(
        'keep', lambda key: agent.back_up(run.job.id, key, backup.id, run.fence, source, backup.parent_place)
    )
    return {'objects': told['objects']}


def remove(run: Run) -> None:
    """The store has nothing of the backup, unless another one is kept at the same place."""
    with run.env.db.read() as tx:
        backup = backup_progress.look(tx, run.subject)
        shared = backup is not None and backup_progress.sharers(tx, backup)
    if backup is None or shared:
        return
    agent = run.env.client(Volume, run.context, backup.host)
    run.ask('remove', lambda key: agent.delete_backup(run.job.id, key, backup.id, run.fence, backup.place))


def mark_made(tx: db.Tx, run: Run) -> None:
    """The backup is there for its user, and what it was made of may be used again."""
    backup_progress.made(tx, run.subject, run.get('objects') or 0)
    backup_progress.release(tx, run.volume_id, run.snapshot_id)


def mark_not_made(run: Run) -> None:
    """The backup is in error and says why; what it was to be made of may be used again."""
    with run.env.db.write() as tx:
        backup_progress.failed(tx, run.subject, 'create', run.job.error)
        backup_progress.release(tx, run.volume_id, run.snapshot_id)


class CreateBackup(Workflow):
    """Keep what the volume holds, whose state says so meanwhile; on failure leave nothing and a backup in error."""

    steps = (Step(keep, undo=remove),)
    on_done = staticmethod(mark_made)
    on_failure = staticmethod(mark_not_made)


def forget(tx: db.Tx, run: Run) -> None:
    """The row is gone and the quota given back."""
    backup_progress.gone(tx, run.subject)


def mark_kept(run: Run) -> None:
    """The backup stays, and its row says why."""
    with run.env.db.write() as tx:
        backup_progress.failed(tx, run.subject, 'delete', run.job.error)


class DeleteBackup(Workflow):
    """Remove what is kept, then the row; what cannot be removed keeps its row."""

    steps = (Step(remove),)
    on_done = staticmethod(forget)
    on_failure = staticmethod(mark_kept)


def verify(run: Run) -> dict[str, Any] | None:
    """The store has the backup that the record tells of, and it is no larger.  Raises NimbusError."""
    with run.env.db.read() as tx:
        backup = backup_progress.look(tx, run.subject)
    if backup is None:
        return None
    agent = run.env.client(Volume, run.context, backup.host)
    told = run.ask('verify', lambda key: agent.verify_backup(run.job.id, key, backup.id, run.fence, backup.place))
    if told['size'] > backup.size << 30:
        raise errors.NimbusError(f'The backup that is kept is larger than the {backup.size} GiB of its record.')
    return {'objects': told['objects']}


def mark_taken_in(tx: db.Tx, run: Run) -> None:
    """The backup is there for its user."""
    backup_progress.made(tx, run.subject, run.get('objects') or 0)


def mark_not_taken_in(run: Run) -> None:
    """The backup is in error, and its row says why."""
    with run.env.db.write() as tx:
        backup_progress.failed(tx, run.subject, 'create', run.job.error)


class ImportBackup(Workflow):
    """Look for what the record tells of; nothing is changed where it is kept."""

    steps = (Step(verify),)
    on_done = staticmethod(mark_taken_in)
    on_failure = staticmethod(mark_not_taken_in)


def put_back(run: Run) -> None:
    """The volume has what the backup has.  Raises Refused, and all is as it was."""
    with run.env.db.read() as tx:
        volume, backup = progress.look(tx, run.subject), backup_progress.look(tx, run.backup_id)
    if volume is None:
        return
    if backup is None:
        raise Refused('NotFound', f'Backup {run.backup_id} is gone.')
    copies.wait(volume)
    agent = run.env.client(Volume, run.context, volume.host)
    run.ask('put back', lambda key: agent.restore(run.job.id, key, volume.id, run.fence, volume.size, backup.place))


def mark_restored(tx: db.Tx, run: Run) -> None:
    """The volume and the backup are available."""
    backup_progress.refilled(tx, run.subject, run.backup_id)


def mark_not_restored(run: Run) -> None:
    """The volume says why; its disk is whole, before or after.  The backup is available."""
    with run.env.db.write() as tx:
        backup_progress.not_refilled(tx, run.subject, run.backup_id, run.job.error)


class RestoreBackup(Workflow):
    """Replace the disk by what the backup has, at once."""

    steps = (Step(put_back),)
    on_done = staticmethod(mark_restored)
    on_failure = staticmethod(mark_not_restored)
