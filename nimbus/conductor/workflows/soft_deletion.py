"""Put a deleted server away for a while, and bring it back."""

import logging

from nimbus.common.database import db
from nimbus.common.jobs import Run, Step, Workflow
from nimbus.compute.servers import deletion, servers
from nimbus.conductor.workflows import guest_orders, power

LOG = logging.getLogger(__name__)


def power_off(run: Run) -> None:
    """The guest is off; one on a host that is down is switched off when the host comes back."""
    try:
        guest_orders.ask(run, 'power_off', run.subject, run.env.shutdown_timeout, host=power.host_of(run))
    except guest_orders.HostDown as why:
        LOG.warning('Server %s is deleted while its guest cannot be reached: %s', run.subject, why.inside)


def mark_deleted(tx: db.Tx, run: Run) -> None:
    """The server is SOFT_DELETED."""
    deletion.put_away(tx, run.context, run.subject)


def mark_kept(run: Run) -> None:
    """The server is as it was, and says why."""
    power.fail(run, 'soft_delete')


class SoftDeleteServer(Workflow):
    """Shut a deleted server off, and keep it."""

    steps = (Step(power_off),)
    on_done = staticmethod(mark_deleted)
    on_failure = staticmethod(mark_kept)


def power_on(run: Run) -> None:
    """The guest runs."""
    guest_orders.ask(run, 'power_on', lambda: guest_orders.described(run), host=power.host_of(run))


def mark_active(tx: db.Tx, run: Run) -> None:
    """The server is ACTIVE."""
    servers.finished(tx, run.subject, 'restore')


def mark_unrestored(run: Run) -> None:
    """The server still waits for its end, says why, and holds nothing of the quota."""
    power.fail(run, 'restore')


class RestoreServer(Workflow):
    """Start a deleted server that was kept."""

    steps = (Step(power_on),)
    on_done = staticmethod(mark_active)
    on_failure = staticmethod(mark_unrestored)
