"""Make, delete and go back to snapshots of volumes."""

from nimbus.common.database import db
from nimbus.common.jobs import Refused, Run, Step, Workflow
from nimbus.conductor.workflows.volumes import copying
from nimbus.volume.rpc import Volume
from nimbus.volume.volumes import copies, progress, snapshot_progress


def hold_volume(run: Run) -> None:
    """Nobody but the server that has it writes the volume."""
    with run.env.db.write() as tx:
        if snapshot_progress.look(tx, run.subject) is not None:
            copies.hold(tx, run.volume_id, run.subject)


def release_volume(run: Run) -> None:
    """The volume may be written again."""
    with run.env.db.write() as tx:
        copies.release(tx, run.volume_id, run.subject)


def copy_disk(run: Run) -> None:
    """The host has the snapshot."""
    with run.env.db.read() as tx:
        snapshot = snapshot_progress.look(tx, run.subject)
        volume = progress.look(tx, run.volume_id)
    if snapshot is None or volume is None or copying.by_guest(run, 'snapshot', volume, snapshot.size):
        return
    agent = run.env.client(Volume, run.context, snapshot.host)
    run.ask('snapshot', lambda key: agent.snapshot(run.job.id, key, snapshot.id, run.fence, snapshot.volume_id))


def remove_copy(run: Run) -> None:
    """The host has nothing of the snapshot."""
    with run.env.db.read() as tx:
        snapshot = snapshot_progress.look(tx, run.subject)
    if snapshot is None:
        return
    agent = run.env.client(Volume, run.context, snapshot.host)
    run.ask('remove', lambda key: agent.delete_snapshot(run.job.id, key, snapshot.id, run.fence))


def unmake_copy(run: Run) -> None:
    """As `remove_copy`; where there never was one is fine."""
    copying.let_guest_go(run)
    try:
        remove_copy(run)
    except Refused as why:
        if why.kind != 'NotFound':
            raise


def mark_available(tx: db.Tx, run: Run) -> None:
    """The snapshot is there for its user, and the volume may be written again."""
    snapshot_progress.made(tx, run.subject)
    copies.release(tx, run.volume_id, run.subject)


def mark_error(run: Run) -> None:
    """The snapshot is in error, and its row says why."""
    with run.env.db.write() as tx:
        snapshot_progress.failed(tx, run.subject, 'create', run.job.error)


class CreateSnapshot(Workflow):
    """Keep everybody off the volume while it is copied; on failure leave no copy and a snapshot in error."""

    steps = (
        Step(hold_volume, undo=release_volume),
        Step(copy_disk, undo=unmake_copy),
    )
    on_done = staticmethod(mark_available)
    on_failure = staticmethod(mark_error)


def forget(tx: db.Tx, run: Run) -> None:
    """The row is gone and the quota given back."""
    snapshot_progress.gone(tx, run.subject)


def mark_kept(run: Run) -> None:
    """The snapshot stays, and its row says why."""
    with run.env.db.write() as tx:
        snapshot_progress.failed(tx, run.subject, 'delete', run.job.error)


class DeleteSnapshot(Workflow):
    """Remove the copy, then the row; a copy that cannot be removed keeps its row."""

    steps = (Step(remove_copy),)
    on_done = staticmethod(forget)
    on_failure = staticmethod(mark_kept)


def put_back(run: Run) -> None:
    """The disk has what the snapshot has."""
    with run.env.db.read() as tx:
        volume = progress.look(tx, run.subject)
    if volume is None:
        return
    copies.wait(volume)
    agent = run.env.client(Volume, run.context, volume.host)
    run.ask('revert', lambda key: agent.revert(run.job.id, key, volume.id, run.fence, run.snapshot_id))


def mark_reverted(tx: db.Tx, run: Run) -> None:
    """The volume and its snapshot are available."""
    snapshot_progress.reverted(tx, run.subject, run.snapshot_id)


def mark_not_reverted(run: Run) -> None:
    """The volume is in error, and its row says why; the disk is whole, before or after."""
    with run.env.db.write() as tx:
        snapshot_progress.not_reverted(tx, run.subject, run.snapshot_id, run.job.error)


class RevertVolume(Workflow):
    """Replace the disk by a copy of the snapshot, at once."""

    steps = (Step(put_back),)
    on_done = staticmethod(mark_reverted)
    on_failure = staticmethod(mark_not_reverted)
