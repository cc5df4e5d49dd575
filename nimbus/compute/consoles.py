"""Opening a server's console: where it is reached, and a token for whoever asked."""

from typing import Any

from nimbus.common import context, errors
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.servers import servers

BUSY = frozenset({states.DELETING, 'migrating'})  # its guest is about to be gone from its host


def ready(tx: db.Tx, asker: context.Context, server_id: str, verb: str) -> Any:
    """The row of the server, whose host may be asked for its console.

    Raises NotFound, WrongState, and Conflict when it has no host.
    """
    row = servers.show(tx, asker, server_id)
    if not row.host:
        raise not_ready(server_id)
    if row.task_state in BUSY:
        raise errors.WrongState(
            f"Cannot '{verb}' instance {server_id} while it is in task_state {row.task_state}", busy=row.task_state
        )
    return row


def not_ready(server_id: str) -> errors.Conflict:
    """That the server has no guest that runs."""
    return errors.Conflict(f'Instance {server_id} is not ready')
