"""Reboot a server, soft or hard."""

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import guest_orders, power


def reboot(run: Run) -> None:
    """The guest has started anew."""
    orders = (lambda: guest_orders.described(run), run.hard, run.env.shutdown_timeout)
    guest_orders.ask(run, 'reboot', *orders, host=power.host_of(run))


def mark_active(tx: db.Tx, run: Run) -> None:
    """The server is ACTIVE."""
    servers.finished(tx, run.subject, run.verb)


def mark_error(run: Run) -> None:
    """The server is ERROR with the cause."""
    power.fail(run, run.verb)


class RebootServer(Workflow):
    """Restart the guest."""

    steps = (Step(reboot),)
    on_done = staticmethod(mark_active)
    on_failure = staticmethod(mark_error)
