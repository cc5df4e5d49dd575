"""Start a server that is shut off."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import guest_orders, power


def power_on(run: Run) -> None:
    """The guest runs."""
    guest_orders.ask(run, 'power_on', lambda: guest_orders.described(run), host=power.host_of(run))


def mark_active(tx: db.Tx, run: Run) -> None:
    """The server is ACTIVE."""
    servers.finished(tx, run.subject, 'start')


def mark_stopped(run: Run) -> None:
    """The server is off as before, and says why."""
    power.fail(run, 'start')


class StartServer(Workflow):
    """Switch the guest on."""

    steps = (Step(power_on),)
    on_done = staticmethod(mark_active)
    on_failure = staticmethod(mark_stopped)
