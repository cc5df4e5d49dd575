"""Rebuild a server: its guest gets new disks from an image, where it is."""

from typing import Any

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute import states
from nimbus.compute.metadata import documents
from nimbus.compute.servers import guests, rebuilds, servers
from nimbus.conductor.workflows import guest_orders, power


def rebuild(run: Run) -> dict[str, Any]:
    """The guest runs on new disks."""

    def guest() -> dict[str, Any]:
        with run.env.db.write() as tx:
            servers.task(tx, run.subject, states.REBUILT_SPAWNING)
            drive = documents.config_drive(tx, run.subject, run.env.force_config_drive)
            return guests.describe(tx, run.subject, drive)

    orders = (guest, run.preserve, run.env.shutdown_timeout)
    return guest_orders.ask(run, 'rebuild', *orders, host=power.host_of(run))


def stop_again(run: Run) -> None:
    """The guest of a server that was off is off."""
    if run.stopped:
        guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout, host=power.host_of(run))


def mark_rebuilt(tx: db.Tx, run: Run) -> None:
    """The server is ACTIVE, or SHUTOFF as it was."""
    rebuilds.finish(tx, run.subject, stopped=run.stopped)


def mark_error(run: Run) -> None:
    """The server is ERROR with the cause: its old disks may be gone, and it may be rebuilt again."""
    power.fail(run, 'rebuild')


class RebuildServer(Workflow):
    """Give the guest new disks; there is no way back to the old ones."""

    steps = (Step(rebuild), Step(stop_again))
    on_done = staticmethod(mark_rebuilt)
    on_failure = staticmethod(mark_error)
