"""Extend a volume, where its server has it or at rest."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.devices import block_devices
from nimbus.conductor.workflows.volumes import copying
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import copies, progress


def grow_disk(run: Run) -> None:
    """The disk has the new size."""
    with run.env.db.read() as tx:
        volume = progress.look(tx, run.subject)
    if volume is None:
        return
    copies.wait(volume)
    if run.get('attached'):
        copying.grown_by_guest(run, volume)
    agent = run.env.client(Volume, run.context, volume.host)
    run.ask('extend', lambda key: agent.extend(run.job.id, key, volume.id, run.fence, run.size))


def mark_grown(tx: db.Tx, run: Run) -> None:
    """The volume has the new size."""
    row = progress.look(tx, run.subject)
    if row is not None and row.status == 'extending':
        progress.grown(tx, run.subject, run.size, attached=bool(run.get('attached')))
        if found := run.get('grown_by'):
            block_devices.resized(tx, found['server'], run.subject, run.size)


def mark_error(run: Run) -> None:
    """The volume has its old size, and is in the state error_extending, or in use as it was."""
    with run.env.db.write() as tx:
        progress.not_grown(tx, run.subject, run.grown, run.job.error, attached=bool(run.get('attached')))


class ExtendVolume(Workflow):
    """Grow the disk, then say so; a disk that was grown and not said so is only larger than it needs to be."""

    steps = (Step(grow_disk),)
    on_done = staticmethod(mark_grown)
    on_failure = staticmethod(mark_error)
