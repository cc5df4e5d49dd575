"""Attach a volume to a server that exists."""

from typing import Any

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import disks, guest_orders, power


def connect(run: Run) -> None:
    """The server's host reaches the volume."""
    run.note(host=power.host_of(run))
    disks.connect(run, disks.device(run, run.bdm_id))


def disconnect(run: Run) -> None:
    """The server's host does not reach the volume."""
    disks.disconnect(run, run.attachment_id)


def plug(run: Run) -> dict[str, Any]:
    """The guest has the volume as a disk."""
    return guest_orders.ask(run, 'attach', run.subject, disks.as_volume(run, run.bdm_id))


def unplug(run: Run) -> None:
    """The guest has not, or not any more, the volume."""
    disks.unplug(run, run.bdm_id)


def mark_in_use(tx: db.Tx, run: Run) -> None:
    """The volume is in use, under the name the guest gave it."""
    disks.complete(tx, run, run.bdm_id, run.get('device'))
    disks.notify(tx, run, run.bdm_id, 'attach')


def let_go(run: Run) -> None:
    """The volume is available again and the server knows nothing of it but the cause."""
    with run.env.db.write() as tx:
        disks.drop(tx, run, run.bdm_id, run.attachment_id)
        servers.failed(
            tx,
            run.subject,
            'attach_volume',
            500,
            run.job.error or 'The volume could not be attached.',
            run.get('inside'),
        )


class AttachVolume(Workflow):
    """Connect the host to the volume and plug it into the guest."""

    steps = (
        Step(connect, undo=disconnect),
        Step(plug, undo=unplug),
    )
    on_done = staticmethod(mark_in_use)
    on_failure = staticmethod(let_go)
