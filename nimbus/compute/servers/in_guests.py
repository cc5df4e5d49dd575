"""What is done in a running guest while its user waits: its password is changed, its kernel dumps its memory.

None of it is a job: a password is kept nowhere, and neither must happen twice because an answer was lost.
"""

import dataclasses
from collections.abc import Callable

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.compute.servers import servers

ADMINISTRATORS = {'windows': 'Administrator'}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a guest is, and who its administrator is."""

    host: str
    user: str
    has_agent: bool


def ready(tx: db.Tx, asker: context.Context, server_id: str, verb: str) -> Place:
    """Where the verb is to be done.  Raises NotFound, Conflict and WrongState."""
    row = servers.begin(tx, asker, server_id, verb)
    if not row.host:
        raise errors.Conflict(f'Instance {server_id} is not ready')
    properties = (row.image or {}).get('properties') or {}
    user = properties.get('os_admin_user') or ADMINISTRATORS.get(str(properties.get('os_type')).lower(), 'root')
    agent = str(properties.get('hw_qemu_guest_agent', 'yes')).lower() in ('1', 't', 'true', 'on', 'y', 'yes')
    return Place(row.host, user, agent)


def do(database: db.Database, asker: context.Context, server_id: str, verb: str, act: Callable[[Place], None]) -> None:
    """The verb was done by `act`, and stands in the server's history with how it went.

    Raises what `act` does, NotFound, Conflict and WrongState.
    """
    with database.write() as tx:
        place = ready(tx, asker, server_id, verb)
    error = None
    try:
        act(place)
    except errors.NimbusError as why:
        error = why.sentence
        raise
    finally:
        with database.write() as tx:
            if verb == 'change_password':
                jobs.record(tx, asker, 'change_password', server_id, verb, error)
            else:
                jobs.record(tx, asker, 'trigger_crash_dump', server_id, verb, error)
