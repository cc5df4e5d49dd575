"""Make an image of a server: its host copies the root disk, fills the image, and forgets the copy."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute import states
from nimbus.compute.servers import servers
from nimbus.compute.servers.images import backups, snapshots
from nimbus.conductor.workflows import guest_orders, power


def copy_disk(run: Run) -> None:
    """The host keeps a copy of the root disk as it was at one moment; the guest goes on as it did."""
    orders = (run.subject, run.image_id, run.quiesce)
    if run.image_id:
        guest_orders.ask(run, 'snapshot', *orders, host=power.host_of(run))


def drop_copy(run: Run) -> None:
    """The host keeps no copy; one that cannot be reached drops it with the next one, or with the guest."""
    guest_orders.take_back(run, 'drop_snapshot', run.subject)


def announce(run: Run) -> None:
    """It can be seen that the copy is about to be sent."""
    with run.env.db.write() as tx:
        servers.task(tx, run.subject, states.SENDING[run.verb][0])


def fill_image(run: Run) -> None:
    """The image is active and holds the copy."""

    def server() -> str:
        with run.env.db.write() as tx:
            servers.task(tx, run.subject, states.SENDING[run.verb][1])
        return run.subject

    if run.image_id:
        guest_orders.ask(run, 'upload_snapshot', server, run.image_id, run.quiesce, host=power.host_of(run))


def forget_copy(run: Run) -> None:
    """The host keeps no copy any more."""
    guest_orders.ask(run, 'drop_snapshot', run.subject, host=power.host_of(run))


def mark_made(tx: db.Tx, run: Run) -> None:
    """The server is as it was; its image stands on its own."""
    servers.finished(tx, run.subject, run.verb)


def mark_unmade(run: Run) -> None:
    """The server is as it was and says why, and no image is left that waits for bytes."""
    with run.env.db.write() as tx:
        snapshots.discard(tx, run.env.image_quotas, run.image_id)
    power.fail(run, run.verb)


class SnapshotServer(Workflow):
    """Copy the root disk, whatever the guest does, and make an image of it; on failure there is no image."""

    steps = (
        Step(copy_disk, undo=drop_copy),
        Step(announce),
        Step(fill_image),
        Step(forget_copy),
    )
    on_done = staticmethod(mark_made)
    on_failure = staticmethod(mark_unmade)


def mark_backed_up(tx: db.Tx, run: Run) -> None:
    """The server is as it was, and of its backups of the kind the newest are left."""
    backups.rotate(tx, run.context, run.env.image_quotas, run.subject, run.kind, run.rotation)
    mark_made(tx, run)


class BackupServer(SnapshotServer):
    """Make an image, and let the oldest of its kind go."""

    on_done = staticmethod(mark_backed_up)
