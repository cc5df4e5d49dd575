"""Detach a volume from a server."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import disks, guest_orders, power


def unplug(run: Run) -> None:
    """The guest has let go of the volume."""
    run.note(host=power.host_of(run))
    disks.unplug(run, run.bdm_id)


def plug(run: Run) -> None:
    """The guest has the volume as before."""
    run.note(host=power.host_of(run))
    guest_orders.ask(run, 'attach', run.subject, disks.as_volume(run, run.bdm_id))


def disconnect(run: Run) -> None:
    """The server's host does not reach the volume."""
    disks.disconnect(run, run.attachment_id)


def connect(run: Run) -> None:
    """The server's host reaches the volume as before."""
    disks.connect(run, disks.device(run, run.bdm_id))


def let_go(tx: db.Tx, run: Run) -> None:
    """The volume is available again."""
    disks.notify(tx, run, run.bdm_id, 'detach')
    disks.drop(tx, run, run.bdm_id, run.attachment_id)


def keep(run: Run) -> None:
    """The volume stays in use, and the server says why."""
    with run.env.db.write() as tx:
        disks.complete(tx, run, run.bdm_id, run.get('device'))
        servers.failed(
            tx,
            run.subject,
            'detach_volume',
            500,
            run.job.error or 'The volume could not be detached.',
            run.get('inside'),
        )


class DetachVolume(Workflow):
    """Unplug the volume from the guest, then from the host; on failure the guest has it as before."""

    steps = (
        Step(unplug, undo=plug),
        Step(disconnect, undo=connect),
    )
    on_done = staticmethod(let_go)
    on_failure = staticmethod(keep)
