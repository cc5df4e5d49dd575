"""Give a server that was resized or moved what it had: its size, its disks and its host."""

import logging
from collections.abc import Sequence
from typing import Any

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute import states
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import moves
from nimbus.conductor.workflows import disks, guest_orders, power
from nimbus.conductor.workflows.moves import destinations, resizes
from nimbus.scheduler import claims
from nimbus.volume.volumes import volumes as volume_rows

LOG = logging.getLogger(__name__)


def shut_down(run: Run) -> dict[str, Any]:
    """The guest is off."""
    with run.env.db.read() as tx:
        row, move = servers.row_of(tx, run.subject), moves.show(tx, run.move_id)
    ran = run.get('ran', row.power_state == states.RUNNING)
    run.note(host=row.host, source=move.source_host, ran=ran, starts=move.vm_state == states.ACTIVE)
    if run.ran:
        guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout)
    return {}


def take_old_disks(run: Run) -> None:
    """The guest has the disks it had; what happened since on those it has now is lost."""
    if not destinations.changes_host(run):
        guest_orders.ask(run, 'unresize', run.subject, run.move_id)


def resize_again(run: Run) -> None:
    """The guest's disks have the new sizes again, and hold what they held before."""
    if not destinations.changes_host(run):
        guest_orders.take_back(run, 'resize', lambda: guest_orders.described(run), run.move_id)


def move_ports_back(run: Run) -> dict[str, Any]:
    """The server's ports are bound to the host that it came from."""
    return {'ports': destinations.bring_ports(run, run.move_id)} if destinations.changes_host(run) else {}


def move_ports_again(run: Run) -> None:
    """The server's ports are wired where it went."""
    if destinations.changes_host(run):
        destinations.return_ports(run, run.subject)


def wait_for_wires(run: Run) -> None:
    """The server's ports are wired on the host that it came from."""
    if destinations.changes_host(run):
        destinations.wait_for_wires(run, run.move_id)


def start_old(run: Run) -> None:
    """The guest runs with the size and on the host it had, if it ran before."""
    if run.starts:
        guest_orders.ask(run, 'power_on', lambda: guest_orders.described(run), host=run.source)


def come_back(tx: db.Tx, run: Run) -> None:
    """The server is what and where it was, what it held beside that is given back, and its other host is being left."""
    if claims.of(tx, run.move_id) is not None:
        claims.release(tx, run.subject)
        claims.hand_over(tx, run.move_id, run.subject)
    moves.end(tx, moves.show(tx, run.move_id), moves.REVERTED)
    state, power_state = (states.ACTIVE, states.RUNNING) if run.starts else (states.STOPPED, states.SHUTDOWN)
    servers.finished(tx, run.subject, 'revert_resize', vm_state=state, power_state=power_state)
    if destinations.changes_host(run):
        leave(tx, run, run.host)


def leave(tx: db.Tx, run: Run, host: str, volumes: Sequence[dict[str, Any]] = (), *, keeps_disks: bool = False) -> None:
    """The host that the server is not on any more is being rid of it, and of how it reached the volumes.

    It `keeps_disks` that it shares with the server's new host.
    """
    params = {'host': host, 'volumes': list(volumes), 'keeps_disks': keeps_disks}
    jobs.start(tx, context.internal(run.context.request_id), 'leave_host', run.subject, **params)


def wait_again(run: Run) -> None:
    """The server waits for a decision as before, and says why."""
    with run.env.db.write() as tx:
        moves.go(tx, run.move_id, moves.FINISHED)
    power.fail(run, 'revert_resize')


class RevertResize(Workflow):
    """Shut the guest down, put back its disks, host and flavor, and start it; on failure it keeps what it has now."""

    steps = (
        Step(shut_down, undo=resizes.start_again),
        Step(take_old_disks, undo=resize_again),
        Step(resizes.move_volumes_back, undo=resizes.move_volumes),
        Step(move_ports_back, undo=move_ports_again),
        Step(wait_for_wires),
        Step(resizes.take_old_place, undo=resizes.take_place),
        Step(start_old, undo=resizes.shut_down_again),
    )
    on_done = staticmethod(come_back)
    on_failure = staticmethod(wait_again)


def destroy_guest(run: Run) -> None:
    """Nothing of the guest is left on the host; one that is down destroys it when it comes back."""
    with run.env.db.read() as tx:
        if servers.row_of(tx, run.subject).host == run.job.params['host']:
            return
    if run.get('keeps_disks'):
        guest_orders.take_back(run, 'live_drop', run.subject, True, host=run.job.params['host'])
    else:
        guest_orders.destroy(run, run.job.params['host'])


def disconnect_volumes(run: Run) -> None:
    """The host reaches none of the server's volumes any more; one that is gone is fine."""
    for left in run.get('volumes', ()):
        with run.env.db.read() as tx:
            try:
                host = volume_rows.show(tx, disks.CLOUD, left['volume_id']).host
            except errors.NotFound:
                continue
        run.env.volume(run.context, host).disconnect(left['volume_id'], run.fence, left['connector'])


def left(tx: db.Tx, run: Run) -> None:
    """The host has nothing of the server, and the log says so."""
    LOG.info('Host %s has nothing of server %s any more', run.job.params['host'], run.subject)


class LeaveHost(Workflow):
    """Destroy what a host still has of a server that is on another one now, also when the server is on its way out."""

    steps = (Step(destroy_guest, undo=destroy_guest), Step(disconnect_volumes, undo=disconnect_volumes))
    on_done = staticmethod(left)
