"""Moves of servers to another size or host: what each was and will be, and what is held for both until it is over."""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db
from nimbus.compute import quotas, user_quotas
from nimbus.compute.models import Move, Server

RESIZE, MIGRATION, LIVE, EVACUATION = 'resize', 'migration', 'live-migration', 'evacuation'
BEFORE, UNDER_WAY, AFTER, FINISHED = 'pre-migrating', 'migrating', 'post-migrating', 'finished'
CONFIRMING, REVERTING = 'confirming', 'reverting'
# Of a server that runs; an evacuation is completed too, once nothing runs on the old host any more.
QUEUED, PREPARING, RUNNING, COMPLETED, CANCELLED = 'queued', 'preparing', 'running', 'completed', 'cancelled'
CONFIRMED, REVERTED, FAILED = 'confirmed', 'reverted', 'error'
# Of an evacuation: asked for, and over.
ACCEPTED, DONE = 'accepted', 'done'
OPEN = quotas.OPEN_MOVES
# A confirm that failed may have forgotten what was kept: it can only be asked for again.
CONFIRMABLE, REVERTIBLE = frozenset({FINISHED, CONFIRMING}), frozenset({FINISHED})


def begin(
    tx: db.Tx,
    row: Any,
    asker_id: str | None,
    flavor_id: str,
    flavor: dict[str, Any],
    *,
    kind: str = RESIZE,
    status: str = BEFORE,
) -> str:
    """The server of the row is on its way to the flavor, or with its own to another host; returns the move's id.

    Its project holds enough for both flavors.

    Raises OverQuota.
    """
    user_quotas.take(tx, row.project_id, row.user_id, **quotas.beyond(row.flavor, flavor))
    move_id = ids.dashed()
    now = clock.Clock().now()
    tx.insert(
        Move,
        id=move_id,
        server_id=row.id,
        project_id=row.project_id,
        user_id=asker_id,
        kind=kind,
        status=status,
        vm_state=row.vm_state,
        source_host=row.host,
        source_node=row.node,
        old_flavor_id=row.flavor_id,
        old_flavor=row.flavor,
        new_flavor_id=flavor_id,
        new_flavor=flavor,
        created_at=now,
        updated_at=now,
    )
    return move_id


def show(tx: db.Tx, move_id: str) -> Any:
    """The move's row.  Raises NotFound."""
    row = tx.row(sa.select(Move).where(Move.id == move_id))
    if row is None:
        raise errors.NotFound(f'Migration {move_id} could not be found.')
    return row


def of(tx: db.Tx, server_id: str) -> Any:
    """The server's move that nobody has decided about yet, or None."""
    return tx.row(sa.select(Move).where(Move.server_id == server_id, Move.status.in_(OPEN)))


def on_host(tx: db.Tx, host: str) -> set[str]:
    """The ids of the servers that come to the host or leave it, or of which it keeps something until that is over."""
    there = sa.or_(Move.source_host == host, Move.target_host == host)
    return set(tx.column(sa.select(Move.server_id).where(Move.status.in_(OPEN), there)))


def leaving(tx: db.Tx, host: str) -> list[Any]:
    """The moves off the host, of servers that may still go back there, oldest first."""
    where = (Move.status.in_(OPEN), Move.source_host == host, Move.target_host != host)
    return list(tx.rows(sa.select(Move).where(*where).order_by(Move.seq)))


def none_open(tx: db.Tx, server_id: str) -> None:
    """Nothing, when no earlier move of the server waits for anybody.  Raises Conflict."""
    if (left := of(tx, server_id)) is not None:
        raise errors.Conflict(f'Instance {server_id} still holds what it had before migration {left.id}.')


def ids_of_open(tx: db.Tx) -> set[str]:
    """The ids of all moves that hold something."""
    return set(tx.column(sa.select(Move.id).where(Move.status.in_(OPEN))))


def go(tx: db.Tx, move_id: str, status: str, *, since: frozenset[str] = OPEN, **values: Any) -> bool:
    """The move has come to the status, and has the values; False when it is over, or was not where it is said to be."""
    where = [Move.id == move_id, Move.status.in_(since)]
    return bool(tx.update(Move, *where, status=status, updated_at=clock.Clock().now(), **values))


def end(tx: db.Tx, move: Any, status: str) -> bool:
    """The move is over, and what its project held beyond the server's own flavor is given back, once."""
    flavor = tx.scalar(sa.select(Server.flavor).where(Server.id == move.server_id))
    if not go(tx, move.id, status):
        return False
    larger = quotas.larger(move.old_flavor, move.new_flavor)
    quotas.QUOTAS.give_back(tx, move.project_id, **quotas.beyond(flavor, larger))
    return True


def finished_before(tx: db.Tx, moment: datetime.datetime, most: int) -> list[Any]:
    """The moves that wait for a decision since the moment or longer, oldest first."""
    where = (Move.status.in_(CONFIRMABLE), Move.updated_at < moment)
    return list(tx.rows(sa.select(Move).where(*where).order_by(Move.seq).limit(most)))


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Which moves are asked for."""

    equal: dict[str, str] = dataclasses.field(default_factory=dict)  # columns, and `host`: source or target
    since: datetime.datetime | None = None
    before: datetime.datetime | None = None
    limit: int | None = None  # None: all, oldest first; with a limit the newest come first
    marker: str | None = None


def find(tx: db.Tx, wanted: Wanted) -> list[Any]:
    """The moves asked for.  Raises Invalid on a marker that is none."""
    where: list[Any] = [_equal(name, value) for name, value in wanted.equal.items()]
    where += [Move.updated_at >= wanted.since] if wanted.since else []
    where += [Move.updated_at <= wanted.before] if wanted.before else []
    if wanted.marker:
        among = [Move.project_id == wanted.equal['project_id']] if 'project_id' in wanted.equal else []
        after = tx.scalar(sa.select(Move.seq).where(Move.id == wanted.marker, *among))
        if after is None:
            raise errors.Invalid(f'Marker {wanted.marker} could not be found.')
        where.append(Move.seq < after)
    query = sa.select(Move).where(*where)
    if wanted.limit is None:
        return list(tx.rows(query.order_by(Move.seq)))
    return list(tx.rows(query.order_by(Move.seq.desc()).limit(wanted.limit)))


def _equal(name: str, value: str) -> Any:
    if name == 'host':
        return sa.or_(Move.source_host == value, Move.target_host == value)
    return getattr(Move, name) == value


def forget(tx: db.Tx, server_ids: list[str]) -> None:
    """Servers that have no row any more have no moves."""
    tx.delete(Move, Move.server_id.in_(server_ids))


def stale_hosts(tx: db.Tx, server_id: str) -> list[str]:
    """The hosts that the server is or was evacuated from and that may still run a guest of it."""
    unsure = (ACCEPTED, BEFORE, DONE)
    where = (Move.server_id == server_id, Move.kind == EVACUATION, Move.status.in_(unsure))
    return sorted({host for host in tx.column(sa.select(Move.source_host).where(*where)) if host})
