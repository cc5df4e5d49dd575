"""Delete a volume: its disk first, then its row."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import progress


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

    steps = (Step(remove_disk),)
    on_done = staticmethod(forget)
    on_failure = staticmethod(mark_error)
