"""Stop a server: shut its guest down."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import guest_orders, power


def power_off(run: Run) -> None:
    """The guest is off; it had some time to shut down by itself before it was switched off."""
    guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout, host=power.host_of(run))


def mark_stopped(tx: db.Tx, run: Run) -> None:
    """The server is SHUTOFF."""
    servers.finished(tx, run.subject, 'stop')


def mark_failed(run: Run) -> None:
    """The server is as it was, and says why."""
    power.fail(run, 'stop')


class StopServer(Workflow):
    """Shut the guest down."""

    steps = (Step(power_off),)
    on_done = staticmethod(mark_stopped)
    on_failure = staticmethod(mark_failed)
