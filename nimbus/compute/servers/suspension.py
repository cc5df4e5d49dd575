"""Server actions that hold a guest still: pause keeps its memory on the host, suspend writes it to the host's disk."""

from nimbus.common import context, jobs
from nimbus.common.database import db
from nimbus.compute.servers import servers


def pause(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server is being paused.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'pause')
    jobs.start(tx, asker, 'pause_server', server_id)


def unpause(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server is being let go on from where it was paused.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'unpause')
    jobs.start(tx, asker, 'unpause_server', server_id)


def suspend(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server's memory is being written to disk.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'suspend')
    jobs.start(tx, asker, 'suspend_server', server_id)


def resume(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server is being brought back with its memory.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'resume')
    jobs.start(tx, asker, 'resume_server', server_id)
