"""Server actions of users: start, stop, reboot, lock, unlock, reset state and update."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, jobs
from nimbus.common.database import db
from nimbus.compute.models import Server
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import resizes


def start(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server is being switched on.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'start')
    jobs.start(tx, asker, 'start_server', server_id)


def stop(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server is being shut down.  Raises NotFound, Conflict and WrongState."""
    servers.begin(tx, asker, server_id, 'stop')
    jobs.start(tx, asker, 'stop_server', server_id)


def reboot(tx: db.Tx, asker: context.Context, server_id: str, *, hard: bool) -> None:
    """The server is being rebooted.  Raises NotFound, Conflict and WrongState."""
    verb = 'reboot_hard' if hard else 'reboot'
    servers.begin(tx, asker, server_id, verb)
    jobs.start(tx, asker, 'reboot_server', server_id, hard=hard, verb=verb)


def lock(tx: db.Tx, asker: context.Context, server_id: str, *, reason: str | None) -> None:
    """Nobody but an operator changes the server until it is unlocked; a lock that stands stays.  Raises NotFound."""
    row = servers.show(tx, asker, server_id)
    is_owner = row.project_id == asker.project_id
    if not (row.locked and is_owner):
        jobs.record(tx, asker, 'lock_server', server_id, 'lock')
        _write(tx, server_id, locked=True, locked_by='owner' if is_owner else 'admin', locked_reason=reason)


def unlock(tx: db.Tx, asker: context.Context, server_id: str, *, override: bool) -> None:
    """The server's owner may change it again.

    Raises NotFound, and Forbidden when the lock is another's and the asker may not override it.
    """
    row = servers.show(tx, asker, server_id)
    expected = 'owner' if row.project_id == asker.project_id else 'admin'
    if row.locked and row.locked_by != expected and not override:
        raise errors.Forbidden(
            "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed."
        )
    jobs.record(tx, asker, 'unlock_server', server_id, 'unlock')
    _write(tx, server_id, locked=False, locked_by=None, locked_reason=None)


def reset_state(tx: db.Tx, asker: context.Context, server_id: str, state: str) -> None:
    """An operator says which state the server is in.  Raises NotFound.

    A job under way keeps its task state, so that a second one cannot begin beside it.
    """
    servers.show(tx, asker, server_id)
    values: dict[str, Any] = {'vm_state': state}
    if not jobs.under_way(tx, server_id):
        values['task_state'] = None
    jobs.record(tx, asker, 'reset_server', server_id)
    with servers.counting(tx, server_id):
        _write(tx, server_id, **values)
    resizes.let_stand(tx, asker, server_id)


def change(tx: db.Tx, asker: context.Context, server_id: str, **values: Any) -> Any:
    """The server's row has the values: name, description, hostname, disk_config, access_ip_v4 and _v6; returns it.

    A lock is no matter: it guards what the server is and does, not how it is called.  Raises NotFound.
    """
    servers.show(tx, asker, server_id)
    if values:
        _write(tx, server_id, **values)
    return servers.row_of(tx, server_id)


def pin(tx: db.Tx, asker: context.Context, server_id: str, zone: str | None) -> None:
    """The server is kept to the zone where it is, or to none.

    Raises NotFound, and Conflict where it is kept to another zone or stands in another.
    """
    row = servers.show(tx, asker, server_id)
    if zone == row.pinned_zone:
        return
    if zone is not None and row.pinned_zone is not None:
        raise errors.Conflict(
            'Cannot change pinned availability zone directly. Unpin first by setting pinned_availability_zone to null.'
        )
    if zone is not None and zone != row.zone:
        raise errors.Conflict(
            f"Server can only be pinned to its current availability zone '{row.zone}', but '{zone}' was requested."
        )
    _write(tx, server_id, pinned_zone=zone)


def _write(tx: db.Tx, server_id: str, **values: Any) -> None:
    tx.execute(sa.update(Server).where(Server.id == server_id).values(updated_at=clock.Clock().now(), **values))
