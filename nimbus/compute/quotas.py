"""Quotas of the compute service: servers, vCPUs, memory, key pairs and the rest."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.common.quotas import Quotas, Recount
from nimbus.compute import states
from nimbus.compute.models import Move, Server, ServerGroup

DEFAULTS = {
    'instances': 10,
    'cores': 20,
    'ram': 51200,  # MiB
    'metadata_items': 128,  # of one server
    'injected_files': 5,  # of one server
    'injected_file_content_bytes': 10240,
    'injected_file_path_bytes': 255,
    'key_pairs': 100,  # of one user
    'server_groups': 10,
    'server_group_members': 10,  # of one group
}


def held_by(row: Any) -> bool:
    """Whether the server counts: one that waits for its end does not, until it is being restored."""
    return row.deleted_at is None and (row.vm_state != states.SOFT_DELETED or row.task_state == states.RESTORING)


def _counting() -> list[Any]:
    """The conditions of the rows that `held_by` is true of."""
    kept = sa.or_(Server.vm_state != states.SOFT_DELETED, Server.task_state == states.RESTORING)
    return [Server.deleted_at.is_(None), kept]


def follow(tx: db.Tx, before: Any, after: Any) -> None:
    """The project holds what the server's row says after a change, whatever its limits are."""
    flavor, count = after.flavor, held_by(after) - held_by(before)
    amounts = {'instances': 1, 'cores': flavor['vcpus'], 'ram': flavor['ram']}
    if count > 0:
        QUOTAS.hold(tx, after.project_id, **amounts)
    elif count < 0:
        QUOTAS.give_back(tx, after.project_id, **amounts)


OPEN_MOVES = frozenset(
    {'accepted', 'pre-migrating', 'migrating', 'post-migrating', 'finished', 'confirming', 'reverting'}
    | {'queued', 'preparing', 'running'}
)


def larger(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What is enough for either flavor."""
    return {name: max(one[name], other[name]) for name in ('vcpus', 'ram')}


def beyond(flavor: dict[str, Any], larger: dict[str, Any]) -> dict[str, int]:
    """What the larger one needs more than the flavor, as amounts of the quota."""
    return {'cores': max(0, larger['vcpus'] - flavor['vcpus']), 'ram': max(0, larger['ram'] - flavor['ram'])}


def _moving(tx: db.Tx, project_id: str | None, user_id: str | None) -> list[tuple[str, dict[str, int]]]:
    """What projects hold for servers that may go back to another flavor, or are about to get one."""
    query = sa.select(Move.project_id, Server.flavor, Move.old_flavor, Move.new_flavor)
    query = query.join(Server, Server.id == Move.server_id).where(Move.status.in_(OPEN_MOVES))
    query = query if project_id is None else query.where(Move.project_id == project_id)
    query = query if user_id is None else query.where(Server.user_id == user_id)
    return [(owner, beyond(flavor, larger(old, new))) for owner, flavor, old, new in tx.execute(query)]


def rows(tx: db.Tx, project_id: str | None, user_id: str | None = None) -> dict[str, dict[str, int]]:
    """What projects hold, counted from the rows: of one or of all, and of one user or of all, by project."""
    where = _counting()
    where += [Server.project_id == project_id] if project_id is not None else []
    where += [Server.user_id == user_id] if user_id is not None else []
    found: dict[str, dict[str, int]] = {}
    for owner, flavor in tx.execute(sa.select(Server.project_id, Server.flavor).where(*where)):
        held = found.setdefault(owner, {'instances': 0, 'cores': 0, 'ram': 0})
        held['instances'] += 1
        held['cores'] += flavor['vcpus']
        held['ram'] += flavor['ram']
    for owner, more in _moving(tx, project_id, user_id):
        held = found.setdefault(owner, {'instances': 0, 'cores': 0, 'ram': 0})
        held['cores'] += more['cores']
        held['ram'] += more['ram']
    groups = sa.select(ServerGroup.project_id, sa.func.count()).group_by(ServerGroup.project_id)
    groups = groups if project_id is None else groups.where(ServerGroup.project_id == project_id)
    groups = groups if user_id is None else groups.where(ServerGroup.user_id == user_id)
    for owner, count in tx.execute(groups):
        found.setdefault(owner, {'instances': 0, 'cores': 0, 'ram': 0})['server_groups'] = count
    return found


QUOTAS = Quotas('compute', DEFAULTS, rows)
RECOUNT = Recount(QUOTAS, ('instances', 'cores', 'ram', 'server_groups'), rows)
