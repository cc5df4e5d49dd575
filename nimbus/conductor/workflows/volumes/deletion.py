"""Delete a volume: after its snapshots, its disk first, then its row."""

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import NotYet, Run, Step, Workflow
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import copies, progress


def await_copies(run: Run) -> None:
    """The volume has no snapshots any more, and no copy is made of it.

    Raises NotYet while those are under way, and NimbusError when a snapshot could not be deleted.
    """
    with run.env.db.read() as tx:
        volume = progress.look(tx, run.subject)
        left = copies.snapshots_of(tx, run.subject)
    kept = [row.id for row in left if row.status != 'deleting']
    if kept:
        raise errors.NimbusError(f'Snapshot {kept[0]} of the volume is still there.')
    if left:
        raise NotYet(1)
    if volume is not None:
        copies.wait(volume)


def remove_disk(run: Run) -> None:
    """The host has nothing of the disk."""
    with run.env.db.read() as tx:
        volume = progress.look(tx, run.subject)
    if volume is None or not volume.host:
        return
    agent = run.env.client(Volume, run.context, volume.host)
    run.ask('delete', lambda key: agent.delete(run.job.id, key, volume.id, run.fence))


def forget(tx: db.Tx, run: Run) -> None:
    """The row is gone and the quota given back."""
    progress.gone(tx, run.subject)


def mark_error(run: Run) -> None:
    """The volume stays, and its row says why."""
    with run.env.db.write() as tx:
        progress.failed(tx, run.subject, 'delete', run.job.error)


class DeleteVolume(Workflow):
    """Remove the disk, then the row; a disk that cannot be removed keeps its row."""

    steps = (Step(await_copies), Step(remove_disk))
    on_done = staticmethod(forget)
    on_failure = staticmethod(mark_error)
