"""Start a server from a rescue image, and from its own disk again."""

from typing import Any

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.metadata import documents
from nimbus.compute.servers import guests, rescues
from nimbus.conductor.workflows import guest_orders, power


def rescue(run: Run) -> None:
    """The guest runs from the rescue image."""

    def guest() -> dict[str, Any]:
        with run.env.db.write() as tx:
            drive = documents.config_drive(tx, run.subject, run.env.force_config_drive)
            return guests.describe(tx, run.subject, drive)

    orders = (guest, run.rescue, run.env.shutdown_timeout)
    guest_orders.ask(run, 'rescue', *orders, host=power.host_of(run))


def unrescue_again(run: Run) -> None:
    """The guest runs from its own disk, or is off, as before."""
    guest_orders.take_back(run, 'unrescue', lambda: guest_orders.described(run), run.running)


def mark_rescued(tx: db.Tx, run: Run) -> None:
    """The server is RESCUE."""
    rescues.rescued(tx, run.subject)


def mark_unrescued(run: Run) -> None:
    """The server is as it was, and says why."""
    power.fail(run, 'rescue')


class RescueServer(Workflow):
    """Start the guest from another image."""

    steps = (Step(rescue, undo=unrescue_again),)
    on_done = staticmethod(mark_rescued)
    on_failure = staticmethod(mark_unrescued)


def unrescue(run: Run) -> None:
    """The guest runs from its own disk."""
    guest_orders.ask(run, 'unrescue', lambda: guest_orders.described(run), True, host=power.host_of(run))


class UnrescueServer(Workflow):
    """Start the guest from its own disk again; one that cannot be is ERROR, for its rescue disk is gone."""

    steps = (Step(unrescue),)
    on_done, on_failure = power.ends('unrescue')
