"""Delete a server, whatever state it is in, and release all it used."""

from typing import Any

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.compute.servers.images import shelving
from nimbus.compute.servers.moves import moves, resizes
from nimbus.conductor.workflows import disks, guest_orders, vif_plugging
from nimbus.scheduler import claims


def destroy_guest(run: Run) -> dict[str, Any]:
    """Nothing of the guest is left on any host; one that is down destroys it when it comes back."""
    host = run.get('host')
    if 'host' not in run.job.notes:
        with run.env.db.read() as tx:
            host = servers.row_of(tx, run.subject).host
            move = moves.of(tx, run.subject)
        also = {move.source_host, move.target_host} - {host, None} if move else set()
        run.note(host=host, also=sorted(also))
    guest_orders.destroy(run, host)
    for number, other in enumerate(run.get('also', ()), 1):
        guest_orders.destroy(run, other, f':{number}')
    return {'host': host}


def give_back_volumes(run: Run) -> None:
    """The server has no volumes; those that were to go with it are on their way out."""
    disks.disconnect_all(run)
    with run.env.db.write() as tx:
        disks.give_back_all(tx, run)


def forget(tx: db.Tx, run: Run) -> None:
    """The server's ports, claim and quota are given back and its row is deleted, all at once."""
    vif_plugging.give_back_all(tx, run)
    claims.release(tx, run.subject)
    resizes.drop(tx, run.subject)
    shelving.forget(tx, run.env.image_quotas, run.subject)
    servers.gone(tx, run.subject)


def mark_error(run: Run) -> None:
    """The server is ERROR with the cause; it may be deleted again."""
    with run.env.db.write() as tx, servers.counting(tx, run.subject):
        servers.failed(
            tx, run.subject, 'delete', 500, run.job.error or 'The server could not be deleted.', run.get('inside')
        )


class DeleteServer(Workflow):
    """Destroy the guest, release what it used, and delete the server."""

    steps = (Step(destroy_guest), Step(give_back_volumes))
    on_done = staticmethod(forget)
    on_failure = staticmethod(mark_error)
