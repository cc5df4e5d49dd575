"""Unplug a port from a server."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import guest_orders, power, vif_plugging


def unplug(run: Run) -> None:
    """The guest has let go of the network card."""
    run.note(host=power.host_of(run))
    guest_orders.ask(run, 'unplug', run.subject, run.nic)


def plug(run: Run) -> None:
    """The guest has the network card as before."""
    guest_orders.take_back(run, 'plug', run.subject, run.nic)


def let_go(tx: db.Tx, run: Run) -> None:
    """The port is free, or gone if it was made for the server."""
    vif_plugging.release(tx, run, run.port_id)


def keep(run: Run) -> None:
    """The port stays the server's, and the server says why."""
    with run.world.db.write() as tx:
        told = run.job.error or 'The port could not be unplugged.'
        servers.failed(tx, run.subject, 'detach_interface', 500, told, run.get('inside'))


class DetachInterface(Workflow):
    """Unplug the port from the guest, then let the port go; on failure the guest has it as before."""

    steps = (Step(unplug, undo=plug),)
    on_done = staticmethod(let_go)
    on_failure = staticmethod(keep)
