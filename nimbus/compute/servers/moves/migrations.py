"""Give a server another host and keep what it leaves behind until somebody decides, as a resize does."""

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.compute.servers import boot_checks, servers
from nimbus.compute.servers.moves import moves


def migrate(tx: db.Tx, asker: context.Context, server_id: str, host: str | None = None) -> None:
    """The server is being shut down and taken to another host: the one that is named, or any that is found fit.

    Raises NotFound, Conflict and WrongState, and Invalid for a host that is not there or where the server is already.
    """
    row = servers.begin(tx, asker, server_id, 'migrate')
    if host is not None:
        boot_checks.hosts_exist(tx, host, None)
        if host == row.host:
            raise errors.Invalid('Cannot migrate to the host where the server exists.')
    moves.none_open(tx, server_id)
    move_id = moves.begin(tx, row, asker.user_id, row.flavor_id, row.flavor, kind=moves.MIGRATION)
    jobs.start(tx, asker, 'migrate_server', server_id, move_id=move_id, to_host=host)
