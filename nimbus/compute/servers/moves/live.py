"""Give a running server another host, look at how that goes, break it off or force its end."""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, errors, jobs, numbers
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.models import Move
from nimbus.compute.servers import boot_checks, servers
from nimbus.compute.servers.moves import moves

TASK = 'migrating'
# The move's own bounds are its host's options; this is for what nobody bounds.
DEADLINE = datetime.timedelta(hours=24)
IN_PROGRESS = (moves.QUEUED, moves.PREPARING, moves.RUNNING, moves.AFTER)
FIGURES = ('memory_total', 'memory_processed', 'memory_remaining', 'disk_total', 'disk_processed', 'disk_remaining')


@dataclasses.dataclass(frozen=True)
class How:
    """How a server is moved while it runs."""

    host: str | None = None  # None: any that is found fit
    block: bool | None = None  # whether its disks are copied; None: where the hosts do not share them
    forced: bool = False  # the scheduler is not asked whether the host is fit
    at_once: bool = False  # what is known of the host now is told in the answer, as before 2.34


def migrate(tx: db.Tx, asker: context.Context, server_id: str, how: How) -> None:
    """The server is being moved while it runs.

    Raises NotFound, Conflict and WrongState, and Invalid for a host that is not there.
    """
    row = servers.begin(tx, asker, server_id, 'migrate_live')
    if how.host:
        boot_checks.hosts_exist(tx, how.host, None)
    if how.host and how.at_once:
        _check(tx, row, how.host)
    moves.none_open(tx, server_id)
    told = {'kind': moves.LIVE, 'status': moves.QUEUED}
    move_id = moves.begin(tx, row, asker.user_id, row.flavor_id, row.flavor, **told)
    params = {'move_id': move_id, 'to_host': how.host, 'block': how.block, 'forced': how.forced}
    jobs.start(tx, asker, 'live_migrate_server', server_id, deadline=DEADLINE, **params)


def _check(tx: db.Tx, row: Any, host: str) -> None:
    if host == row.host:
        raise errors.Invalid(f'Unable to migrate instance ({row.id}) to current host ({host}).')
    (service,) = services.find(tx, 'compute', host=host, binary='nova-compute')
    if service.forced_down:
        raise errors.Invalid(f'Compute service of {host} is unavailable at this time.')


def in_progress(tx: db.Tx, server_id: str) -> list[Any]:
    """The server's moves while it runs that are under way."""
    where = (Move.server_id == server_id, Move.kind == moves.LIVE, Move.status.in_(IN_PROGRESS))
    return list(tx.rows(sa.select(Move).where(*where).order_by(Move.seq)))


def one(tx: db.Tx, server_id: str, number: str) -> Any:
    """The move of the server that has the number, or None."""
    seq = numbers.read(number)
    return None if seq is None else tx.row(sa.select(Move).where(Move.server_id == server_id, Move.seq == seq))


def _known(tx: db.Tx, server_id: str, number: str) -> Any:
    found = one(tx, server_id, number)
    if found is None:
        raise errors.NotFound(f'Migration {number} not found for instance {server_id}')
    return found


def _moving(tx: db.Tx, asker: context.Context, server_id: str, told: str, vm_states: frozenset[str]) -> Any:
    """The row of a server that is being moved.  Raises NotFound, Conflict when it is locked, and WrongState."""
    row = servers.show(tx, asker, server_id)
    servers.unlocked(asker, row)
    for name, value, well in (
        ('vm_state', row.vm_state, row.vm_state in vm_states),
        ('task_state', row.task_state, row.task_state == TASK),
    ):
        if not well:
            raise errors.WrongState(f"Cannot '{told}' instance {server_id} while it is in {name} {value}")
    return row


def abort(tx: db.Tx, asker: context.Context, server_id: str, number: str, *, waiting_too: bool) -> None:
    """The move is being broken off; the server stays where it is.  One that has not begun only if `waiting_too`.

    Raises NotFound, Conflict, WrongState, and Invalid for a move that is not under way.
    """
    _moving(tx, asker, server_id, 'abort live migration', states.LIVING)
    move = _known(tx, server_id, number)
    may = {moves.RUNNING, moves.QUEUED, moves.PREPARING} if waiting_too else {moves.RUNNING}
    _must_be(move, may, 'abort live migration')
    jobs.cancel(tx, server_id)
    jobs.record(tx, asker, 'live_migration_cancel', server_id)


def force_complete(tx: db.Tx, asker: context.Context, server_id: str, number: str) -> str:
    """The end of the move is being forced; returns the host that the server leaves, which is to be told.

    Raises NotFound, Conflict, WrongState, and Invalid for a move that is not under way.
    """
    row = _moving(tx, asker, server_id, 'force_complete', frozenset({states.ACTIVE}))
    found = one(tx, server_id, number)
    if found is None:
        raise errors.Invalid(f'Migration {number} not found for instance {server_id}')
    _must_be(found, {moves.RUNNING}, 'force complete')
    jobs.record(tx, asker, 'live_migration_force_complete', server_id)
    return str(row.host)


def _must_be(move: Any, allowed: set[str], told: str) -> None:
    if move.kind != moves.LIVE or move.status not in allowed:
        raise errors.Invalid(
            f'Migration {move.seq} state of instance {move.server_id} is {move.status}. Cannot {told} while the '
            'migration is in this state.'
        )


def progressed(tx: db.Tx, host: str, server_id: str, figures: dict[str, int]) -> None:
    """So much was moved, as the host that the server leaves counts it."""
    values = {name: int(figures[name]) for name in FIGURES if figures.get(name) is not None}
    move = moves.of(tx, server_id)
    if values and move is not None and move.kind == moves.LIVE and move.source_host == host:
        moves.go(tx, move.id, moves.RUNNING, since=frozenset({moves.RUNNING}), **values)
