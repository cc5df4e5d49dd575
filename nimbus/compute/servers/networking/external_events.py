"""What other services tell of servers: whoever waits for it looks at once."""

from nimbus.common import errors, jobs
from nimbus.common.database import db
from nimbus.compute.servers import servers

NETWORK = ('network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted')


def take(tx: db.Tx, server_id: str, name: str, tag: str | None) -> None:
    """The jobs of the server that wait look again.

    Raises NotFound for a server that is not there, Invalid without the tag that the event needs, and Conflict for a
    server on no host or an event that nothing here waits for.
    """
    row = servers.row_of(tx, server_id)
    if row.deleted_at is not None:
        raise errors.NotFound(f'Instance {server_id} could not be found.')
    if name not in NETWORK and tag is None:
        raise errors.Invalid(f'The event {name} needs a tag.')
    if row.host is None:
        raise errors.Conflict(f'Instance {server_id} is on no host.')
    if name not in NETWORK:
        raise errors.Conflict(f'Nothing in this cloud waits for the event {name}.')
    jobs.wake(tx, server_id)
