"""Server groups: affinity and anti-affinity, and which servers belong to them."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors, ids
from nimbus.common.database import db
from nimbus.compute import states, user_quotas
from nimbus.compute.models import GroupedServer, Server, ServerGroup
from nimbus.compute.quotas import QUOTAS

AFFINITY, ANTI_AFFINITY, SOFT_AFFINITY, SOFT_ANTI_AFFINITY = POLICIES = (
    'affinity',
    'anti-affinity',
    'soft-affinity',
    'soft-anti-affinity',
)
MOST = 'max_server_per_host'


OF = db.Gathering(sa.select(GroupedServer.server_id, GroupedServer.group_id), GroupedServer.server_id)
GROUP_OF = db.Fixed(
    sa.select(db.table_of(ServerGroup))
    .join(db.table_of(GroupedServer), GroupedServer.group_id == ServerGroup.id)
    .where(GroupedServer.server_id == sa.bindparam('server'))
)


def create(tx: db.Tx, asker: context.Context, name: str, policy: str, most: int | None = None) -> Any:
    """A group of the asker's project stands; `most` servers of it may share a host.  Raises OverQuota and Invalid."""
    if most is not None and policy != ANTI_AFFINITY:
        raise errors.Invalid('Only anti-affinity policy supports rules.')
    project_id = asker.project_id or ''
    try:
        user_quotas.take(tx, project_id, asker.user_id, server_groups=1)
    except errors.OverQuota as why:
        raise errors.OverQuota('Quota exceeded, too many server groups.', **why.facts) from None
    group_id = ids.dashed()
    rules = {} if most is None else {MOST: most}
    values = {'id': group_id, 'project_id': project_id, 'user_id': asker.user_id, 'name': name, 'policy': policy}
    tx.insert(ServerGroup, **values, rules=rules, generation=0, created_at=clock.Clock().now())
    return _row(tx, group_id)


def show(tx: db.Tx, asker: context.Context, group_id: str) -> Any:
    """The group's row, if it is the asker's.  Raises NotFound."""
    row = _row(tx, group_id)
    if row is None or not (asker.is_admin or row.project_id == asker.project_id):
        raise errors.NotFound(f'Instance group {group_id} could not be found.')
    return row


def find(tx: db.Tx, asker: context.Context, *, every: bool = False, offset: int = 0, limit: int) -> list[Any]:
    """The groups of the asker's project, or `every` one, oldest first."""
    query = sa.select(ServerGroup).order_by(ServerGroup.seq).limit(limit).offset(offset)
    return list(tx.rows(query if every else query.where(ServerGroup.project_id == asker.project_id)))


def delete(tx: db.Tx, asker: context.Context, group_id: str) -> None:
    """The group is gone, and its servers are in none.  Raises NotFound."""
    row = show(tx, asker, group_id)
    if tx.delete(ServerGroup, ServerGroup.id == group_id):
        tx.delete(GroupedServer, GroupedServer.group_id == group_id)
        QUOTAS.give_back(tx, row.project_id, server_groups=1)


def members(tx: db.Tx, group_ids: list[str]) -> dict[str, list[str]]:
    """The ids of the servers in each group, in the order they came."""
    query = sa.select(GroupedServer.group_id, GroupedServer.server_id).where(GroupedServer.group_id.in_(group_ids))
    return _by_group(tx, query)


def shown_members(tx: db.Tx, group_ids: list[str]) -> dict[str, list[str]]:
    """The members without those that wait for their end, as users see them."""
    query = sa.select(GroupedServer.group_id, GroupedServer.server_id)
    query = query.join(Server, Server.id == GroupedServer.server_id)
    where = GroupedServer.group_id.in_(group_ids), Server.vm_state != states.SOFT_DELETED
    return _by_group(tx, query.where(*where))


def _by_group(tx: db.Tx, query: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for group_id, server_id in tx.rows(query.order_by(GroupedServer.seq)):
        found.setdefault(group_id, []).append(server_id)
    return found


def room(tx: db.Tx, asker: context.Context, group_id: str, count: int) -> Any:
    """The group's row, when so many more servers may join it in this transaction.  Raises Invalid and OverQuota."""
    row = _row(tx, group_id)
    if row is None or row.project_id != asker.project_id:
        raise errors.Invalid(f'Instance group {group_id} could not be found.')
    held = len(lock(tx, group_id))
    most = user_quotas.limits(tx, row.project_id, asker.user_id or '')['server_group_members']
    if most != -1 and held + count > most:
        raise errors.OverQuota('Quota exceeded, too many servers in group')
    return row


def join(tx: db.Tx, group_id: str, server_id: str) -> None:
    """The server is in the group."""
    tx.insert(GroupedServer, server_id=server_id, group_id=group_id)


def leave(tx: db.Tx, server_id: str) -> None:
    """The server is in no group."""
    tx.delete(GroupedServer, GroupedServer.server_id == server_id)


@dataclasses.dataclass(frozen=True)
class Rule:
    """What the group of a server says of hosts; crosses the bus as plain JSON."""

    id: str
    policy: str
    most: int  # servers of the group that may share a host, where they stand apart


def rule_of(tx: db.Tx, server_id: str) -> dict[str, Any] | None:
    """The rule of the server's group, None where it is in none."""
    row = tx.row(GROUP_OF, {'server': server_id})
    return dataclasses.asdict(Rule(row.id, row.policy, row.rules.get(MOST, 1))) if row else None


def groups_of(tx: db.Tx, server_ids: list[str]) -> dict[str, list[str]]:
    """The ids of the groups that each server is in."""
    return {server_id: [group_id] for server_id, group_id in OF.rows(tx, server_ids)}


def lock(tx: db.Tx, group_id: str) -> list[str]:
    """The ids of the group's servers; nobody else places or adds one before this transaction ends."""
    tx.update(ServerGroup, ServerGroup.id == group_id, generation=ServerGroup.generation + 1)
    return members(tx, [group_id]).get(group_id, [])


def _row(tx: db.Tx, group_id: str) -> Any:
    return tx.row(sa.select(ServerGroup).where(ServerGroup.id == group_id))
