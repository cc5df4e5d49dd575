"""Evacuate servers: have them on another host when their own is down, and remember what still stands on it."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import context, errors, jobs
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.models import Move, Server
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import moves


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A request to evacuate a server; its schema and policy are checked already."""

    down_time: float  # seconds of silence after which a host is down
    host: str | None = None  # None: the scheduler chooses
    forced: bool = False  # the host is taken whatever the scheduler's filters say of it
    shared: bool | None = None  # whether both hosts share the storage with the disks; None: they find out
    admin_pass: str | None = None
    stopped: bool = False  # the server is off afterwards, whatever it was


def evacuate(tx: db.Tx, asker: context.Context, server_id: str, wanted: Wanted) -> None:
    """The server is being brought to another host.

    Raises NotFound, Conflict, WrongState, and Invalid while its own host is up or for a host that it cannot go to.
    """
    row = servers.show(tx, asker, server_id)
    if wanted.host and not _daemons(tx, wanted.host):
        raise errors.NotFound(f'Compute host {wanted.host} not found.')
    if wanted.host and wanted.host == row.host:
        raise errors.Invalid("The target host can't be the same one.")
    servers.begin(tx, asker, server_id, 'evacuate', admin_pass=wanted.admin_pass)
    _may_leave(tx, row, wanted.down_time)
    kind = {'kind': moves.EVACUATION, 'status': moves.ACCEPTED}
    move_id = moves.begin(tx, row, asker.user_id, row.flavor_id, row.flavor, **kind)
    moves.go(tx, move_id, moves.ACCEPTED, target_host=wanted.host)
    jobs.start(
        tx,
        asker,
        'evacuate_server',
        server_id,
        move_id=move_id,
        source=row.host,
        source_node=row.node,
        source_zone=row.zone,
        to_host=wanted.host,
        forced=wanted.forced,
        shared=wanted.shared,
        starts=row.vm_state != states.STOPPED and not wanted.stopped,
    )


def _daemons(tx: db.Tx, host: str | None) -> list[Any]:
    return services.find(tx, room='compute', host=host, binary='nova-compute')


def _may_leave(tx: db.Tx, row: Any, down_time: float) -> None:
    """Nothing, when the server's host is down and nothing else is held for it.  Raises Conflict and Invalid."""
    if row.host is None:
        raise errors.Conflict(f'Instance {row.id} is on no host that it could be evacuated from.')
    if any(services.is_up(daemon, down_time) for daemon in _daemons(tx, row.host)):
        raise errors.Invalid(f'Compute service of {row.host} is still in use.')
    if (left := moves.of(tx, row.id)) is not None:
        raise errors.Conflict(f'Instance {row.id} still holds what it had before migration {left.id}.')


def done(tx: db.Tx, server_id: str, move_id: str, *, starts: bool, kept: bool) -> None:
    """The server is on its new host, and its old one is to forsake it when it comes back."""
    moves.go(tx, move_id, moves.UNDER_WAY, disk_kept=kept)
    moves.end(tx, moves.show(tx, move_id), moves.DONE)
    values: dict[str, Any] = {'fault': None, 'admin_pass': None}
    if not starts:
        values |= {'vm_state': states.STOPPED, 'power_state': states.SHUTDOWN}
    servers.finished(tx, server_id, 'evacuate', **values)


def leftovers(tx: db.Tx, host: str) -> list[Any]:
    """The evacuations from the host whose servers stand elsewhere for certain, and which it has not forsaken yet."""
    elsewhere = sa.or_(Server.host.is_(None), Server.host != host)
    where = (Move.kind == moves.EVACUATION, Move.status == moves.DONE, Move.source_host == host, elsewhere)
    query = sa.select(Move.id, Move.server_id, Move.disk_kept).join(Server, Server.id == Move.server_id)
    return list(tx.rows(query.where(*where).order_by(Move.seq)))


def forsaken(tx: db.Tx, host: str, move_id: str) -> None:
    """The host has nothing that runs of the server which left it; said twice is fine."""
    where = (Move.id == move_id, Move.source_host == host)
    if tx.scalar(sa.select(Move.id).where(*where)):
        moves.go(tx, move_id, moves.COMPLETED, since=frozenset({moves.DONE}))


def unforsaken(tx: db.Tx) -> dict[str, int]:
    """How many evacuated servers each host may still run, by its name."""
    where = (Move.kind == moves.EVACUATION, Move.status == moves.DONE)
    query = sa.select(Move.source_host, sa.func.count()).where(*where).group_by(Move.source_host)
    return {host: count for host, count in tx.execute(query)}


def forget_host(tx: db.Tx, host: str) -> None:
    """A host that will not come back has nothing that could still run."""
    where = (Move.kind == moves.EVACUATION, Move.status == moves.DONE, Move.source_host == host)
    for move_id in tx.column(sa.select(Move.id).where(*where)):
        forsaken(tx, host, move_id)
