"""The ends that workflows share whose verb is a single order to the guest's host."""

from collections.abc import Callable

from nimbus.common.database import db
from nimbus.common.jobs import Run
from nimbus.compute.servers import servers


def ends(verb: str) -> tuple[Callable[[db.Tx, Run], None], Callable[[Run], None]]:
    """How a workflow of the verb ends: done, and failed."""

    def mark_done(tx: db.Tx, run: Run) -> None:
        servers.finished(tx, run.subject, verb)

    def mark_failed(run: Run) -> None:
        fail(run, verb)

    return staticmethod(mark_done), staticmethod(mark_failed)


def fail(run: Run, verb: str) -> None:
    """The server is as it is after the verb failed, with the cause."""
    with run.env.db.write() as tx, servers.counting(tx, run.subject):
        servers.failed(tx, run.subject, verb, 500, run.job.error or f'The server could not {verb}.', run.get('inside'))


def host_of(run: Run) -> str:
    """The host that the server is on."""
    with run.env.db.read() as tx:
        return servers.row_of(tx, run.subject).host
