"""What the workflows that start, stop and reboot a server share."""

from nimbus.common.jobs import Run
from nimbus.compute.servers import servers


def fail(run: Run, verb: str) -> None:
    """The server is as it is after the verb failed, with the cause."""
    with run.env.db.write() as tx:
        servers.failed(tx, run.subject, verb, 500, run.job.error or f'The server could not {verb}.', run.get('inside'))


def host_of(run: Run) -> str:
    """The host that the server is on."""
    with run.env.db.read() as tx:
        return servers.row_of(tx, run.subject).host
