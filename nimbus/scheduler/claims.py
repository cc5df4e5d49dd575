"""Claims: what each server holds of a host's capacity, counted in the host's row by guarded updates."""

import datetime
import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.scheduler.models import Claim, Host
from nimbus.scheduler.request_spec import RESOURCES, Request

LOG = logging.getLogger(__name__)
BINARY = 'nova-compute'
GRACE = datetime.timedelta(minutes=1)  # a claim may be newer than the list of servers it is compared with
HOST, SERVICE = Host.__table__.c, services.Service.__table__.c


def _room(name: str) -> Any:
    """SQL: how much of a resource may be claimed of a host at all."""
    whole, kept = getattr(HOST, name), getattr(HOST, f'reserved_{name}')
    return (whole - kept) * getattr(HOST, f'{name}_ratio')


def _taking(*off: Any) -> Any:
    """The guarded UPDATE that takes :n_vcpus and so on of host :the_host, unless one of `off` holds for its service.

    Statements of the path that every boot goes through are built once: building them costs more than running them.
    """
    asks = {name: sa.bindparam(f'n_{name}', type_=sa.Integer()) for name in RESOURCES}
    used = {name: getattr(HOST, f'used_{name}') for name in RESOURCES}
    fits = [sa.or_(n == 0, used[name] + n <= _room(name)) for name, n in asks.items()]
    away = sa.exists().where(SERVICE.host == HOST.host, SERVICE.binary == BINARY, sa.or_(*off))
    return (
        sa.update(Host.__table__)
        .where(HOST.id == sa.bindparam('the_host'), ~away, *fits)
        .values(
            generation=HOST.generation + 1,
            updated_at=sa.bindparam('now'),
            **{f'used_{name}': used[name] + n for name, n in asks.items()},
        )
    )


TAKE = db.Fixed(_taking(SERVICE.forced_down.is_(True), SERVICE.disabled.is_(True)))
TAKE_NAMED = db.Fixed(_taking(SERVICE.forced_down.is_(True)))  # an operator may name a host that is disabled
OF = db.Fixed(
    sa.select(Claim.__table__, HOST.host, HOST.node, HOST.zone)
    .join(Host.__table__, HOST.id == Claim.__table__.c.host_id)
    .where(Claim.__table__.c.server_id == sa.bindparam('server'))
)


def take(tx: db.Tx, server_id: str, host_id: str, request: Request) -> bool:
    """The server has its claim on the host, if the host has the room and is in service; returns whether.

    The caller has looked that the server has no claim yet; two that race for one server meet the unique key.
    """
    asks = {name: getattr(request, name) for name in RESOURCES}
    now = clock.Clock().now()
    values = {'the_host': host_id, 'now': now, **{f'n_{name}': n for name, n in asks.items()}}
    if not tx.change(TAKE_NAMED if request.host else TAKE, values):
        return False
    tx.insert(
        Claim,
        server_id=server_id,
        host_id=host_id,
        project_id=request.project_id,
        user_id=request.user_id,
        created_at=now,
        **asks,
    )
    return True


def of(tx: db.Tx, server_id: str) -> Any:
    """The server's claim with its host's name, node and zone, or None."""
    return tx.row(OF, {'server': server_id})


def on(tx: db.Tx, host_id: str) -> Sequence[Any]:
    """Every claim on the host, oldest first."""
    return tx.rows(sa.select(Claim).where(Claim.host_id == host_id).order_by(Claim.seq))


def servers_on(tx: db.Tx, host: str) -> set[str]:
    """The ids of the servers that have a claim on the host of that name."""
    query = sa.select(Claim.server_id).join(Host, Host.id == Claim.host_id)
    return set(tx.column(query.where(Host.host == host)))


def hosts_of(tx: db.Tx, server_ids: Sequence[str], project_id: str | None = None) -> dict[str, int]:
    """How many of the servers have a claim on each host, by the host's name; hosts without one are left out.

    Only those of the project, if one is named.
    """
    query = sa.select(Host.host, sa.func.count()).join(Claim, Claim.host_id == Host.id)
    whose = [Claim.server_id.in_(server_ids), *([Claim.project_id == project_id] if project_id else [])]
    return dict(tuple(row) for row in tx.rows(query.where(*whose).group_by(Host.host)))


def counts(tx: db.Tx) -> dict[str, int]:
    """How many servers have a claim on each host, by the host's id; hosts without one are left out."""
    query = sa.select(Claim.host_id, sa.func.count()).group_by(Claim.host_id)
    return {row[0]: row[1] for row in tx.rows(query)}


def used_by(tx: db.Tx, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """What the project's servers hold of each resource; only the user's, if one is named."""
    sums = [db.total(getattr(Claim, name)) for name in RESOURCES]
    whose = [Claim.project_id == project_id, *([Claim.user_id == user_id] if user_id else [])]
    return dict(zip(RESOURCES, tx.rows(sa.select(*sums).where(*whose))[0], strict=True))


def count_by(tx: db.Tx, project_id: str, user_id: str | None = None) -> int:
    """How many servers of the project, or of its user, hold anything."""
    whose = [Claim.project_id == project_id, *([Claim.user_id == user_id] if user_id else [])]
    return int(tx.scalar(sa.select(sa.func.count()).select_from(Claim).where(*whose)))


def release(tx: db.Tx, server_id: str) -> bool:
    """The server has no claim; returns whether it had one."""
    claim = tx.row(sa.select(Claim).where(Claim.server_id == server_id))
    if claim is None or not tx.delete(Claim, Claim.seq == claim.seq):
        return False
    shrunk: dict[str, Any] = {
        f'used_{name}': getattr(Host, f'used_{name}') - getattr(claim, name) for name in RESOURCES
    }
    tx.update(
        Host,
        Host.id == claim.host_id,
        generation=Host.generation + 1,
        updated_at=clock.Clock().now(),
        **shrunk,
    )
    return True


def hand_over(tx: db.Tx, server_id: str, other_id: str) -> bool:
    """The other holds what the server held, and the server nothing; False when the other holds something already."""
    if tx.row(sa.select(Claim.seq).where(Claim.server_id == other_id)) is not None:
        return False
    return bool(tx.update(Claim, Claim.server_id == server_id, server_id=other_id))


def heal(tx: db.Tx, alive: set[str]) -> list[str]:
    """Claims of servers that are not `alive` are gone and counters say what the claims add up to.

    `alive` are the ids of all servers that exist, also of those being built.  Returns a sentence for each mend.
    """
    mended = []
    for claim in tx.rows(sa.select(Claim).where(Claim.created_at < clock.Clock().now() - GRACE)):
        if claim.server_id not in alive:
            release(tx, claim.server_id)
            mended.append(f'The claim of server {claim.server_id}, which does not exist, was given back.')
    mended += _recount(tx)
    for sentence in mended:
        LOG.warning('%s', sentence)
    return mended


def _recount(tx: db.Tx) -> list[str]:
    sums = [db.total(getattr(Claim, name)) for name in RESOURCES]
    query: Any = sa.select(Host, *sums).outerjoin(Claim, Claim.host_id == Host.id).group_by(Host.seq)
    mended = []
    for row in tx.rows(query):
        counted = dict(zip(RESOURCES, row[-len(RESOURCES) :], strict=True))
        was = {name: getattr(row, f'used_{name}') for name in RESOURCES}
        if counted == was:
            continue
        fixed: dict[str, Any] = {f'used_{name}': n for name, n in counted.items()}
        # The guard leaves a host alone that is being claimed at this moment; the next round sees it.
        if tx.update(
            Host,
            Host.id == row.id,
            Host.generation == row.generation,
            generation=Host.generation + 1,
            updated_at=clock.Clock().now(),
            **fixed,
        ):
            mended.append(f'The counters of host {row.host} said {was}, its claims add up to {counted}.')
    return mended
