"""A volume leaves a server."""

from typing import Any

from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute import servers
from nimbus.conductor.workflows import disks, power


def unplug(run: Run) -> dict[str, Any]:
    """The guest has let go of the volume."""
    run.note(host=power.host_of(run))
    disks.unplug(run, run.bdm_id)
    return {'host': run.host}


def disconnect(run: Run) -> None:
    """The server's host does not reach the volume."""
    disks.disconnect(run, run.attachment_id)


def let_go(run: Run) -> None:
    """The volume is available again."""
    with run.world.db.write() as tx:
        disks.drop(tx, run, run.bdm_id, run.attachment_id)


def keep(run: Run) -> None:
    """The volume stays in use, and the server says why."""
    with run.world.db.write() as tx:
        disks.complete(tx, run, run.bdm_id, run.get('device'))
        servers.failed(tx, run.subject, 'detach_volume', 500, run.job.error or 'The volume could not be detached.')


class DetachVolume(Workflow):
    """Unplug the volume from the guest, then from the host."""

    steps = (Step(unplug), Step(disconnect), Step(let_go))
    on_failure = staticmethod(keep)
