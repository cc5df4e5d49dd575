"""Plug a port into a server that exists, and unplug one."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import guest_orders, power, vif_plugging


def wait_for_wires(run: Run) -> None:
    """The host has wired and filtered the port, before the guest can send its first packet."""
    run.note(host=power.host_of(run), ports=[run.port_id])
    vif_plugging.wait(run)


def plug(run: Run) -> None:
    """The guest has the network card."""
    guest_orders.ask(run, 'plug', run.subject, run.nic)


def take_back_card(run: Run) -> None:
    """The guest has not, or not any more, the network card."""
    guest_orders.take_back(run, 'unplug', run.subject, run.nic)


def keep_port(tx: db.Tx, run: Run) -> None:
    """The server has the port among its networks, with its tag."""
    servers.keep_network(tx, run.subject, run.place, run.asked)


def give_up(run: Run) -> None:
    """The port is free, or gone if it was made for this, and the server knows nothing of it but the cause."""
    with run.env.db.write() as tx:
        vif_plugging.release(tx, run, run.port_id)
        why = run.job.error or 'The port could not be plugged in.'
        servers.failed(tx, run.subject, 'attach_interface', 500, why, run.get('inside'))


class AttachInterface(Workflow):
    """Wait until the host has wired the port, and plug it into the guest; on failure the port is as it was."""

    steps = (
        Step(wait_for_wires),
        Step(plug, undo=take_back_card),
    )
    on_done = staticmethod(keep_port)
    on_failure = staticmethod(give_up)


def unplug(run: Run) -> None:
    """The guest has let go of the network card."""
    run.note(host=power.host_of(run))
    guest_orders.ask(run, 'unplug', run.subject, run.nic)


def give_back_card(run: Run) -> None:
    """The guest has the network card as before."""
    guest_orders.take_back(run, 'plug', run.subject, run.nic)


def let_go(tx: db.Tx, run: Run) -> None:
    """The port is free, or gone if it was made for the server."""
    vif_plugging.release(tx, run, run.port_id)


def stay_plugged(run: Run) -> None:
    """The port stays the server's, and the server says why."""
    with run.env.db.write() as tx:
        why = run.job.error or 'The port could not be unplugged.'
        servers.failed(tx, run.subject, 'detach_interface', 500, why, run.get('inside'))


class DetachInterface(Workflow):
    """Unplug the port from the guest, then let the port go; on failure the guest has it as before."""

    steps = (Step(unplug, undo=give_back_card),)
    on_done = staticmethod(let_go)
    on_failure = staticmethod(stay_plugged)
