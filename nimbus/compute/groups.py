"""Server groups: servers that a scheduler keeps together or apart."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, db, errors, ids, listing
from nimbus.compute import quotas
from nimbus.compute.models import Group, Server


def find(tx: db.Tx, asker: context.Context, page: listing.Page, *, every: bool = False) -> list[Any]:
    """The project's groups, oldest first; everybody's if `every`."""
    query = sa.select(Group).where(*([] if every else [Group.project_id == asker.project_id]))
    query = query.order_by(Group.seq).offset(page.value('offset', 0))
    return list(tx.rows(query.limit(page.limit) if page.limit is not None else query))


def show(tx: db.Tx, asker: context.Context, group_id: str) -> Any:
    """The group's row, if it is there and the asker's.  Raises NotFound."""
    row = tx.row(sa.select(Group).where(Group.id == group_id))
    if row is None or not (asker.is_admin or row.project_id == asker.project_id):
        raise errors.NotFound(f'Instance group {group_id} could not be found.')
    return row


def members(tx: db.Tx, group_ids: list[str]) -> dict[str, list[str]]:
    """The ids of the living servers of each group, by one query."""
    found: dict[str, list[str]] = {}
    where = (Server.group_id.in_(group_ids), Server.deleted_at.is_(None))
    for row in tx.rows(sa.select(Server.group_id, Server.id).where(*where).order_by(Server.seq)):
        found.setdefault(row.group_id, []).append(row.id)
    return found


def create(tx: db.Tx, asker: context.Context, name: str, policy: str, rules: dict[str, Any]) -> Any:
    """The group stands, empty; returns its row.  Raises OverQuota."""
    try:
        quotas.QUOTAS.take(tx, asker.project_id or '', server_groups=1)
    except errors.OverQuota as why:
        raise errors.OverQuota('Quota exceeded, too many server groups.', **why.facts) from None
    values = {'project_id': asker.project_id, 'user_id': asker.user_id, 'name': name, 'policy': policy, 'rules': rules}
    group_id = ids.dashed()
    tx.insert(Group, id=group_id, created_at=clock.Clock().now(), **values)
    return tx.row(sa.select(Group).where(Group.id == group_id))


def delete(tx: db.Tx, asker: context.Context, group_id: str) -> None:
    """The group is gone; its servers stay where they are.  Raises NotFound."""
    row = show(tx, asker, group_id)
    if tx.delete(Group, Group.id == group_id):
        quotas.QUOTAS.give_back(tx, row.project_id, server_groups=1)
        tx.update(Server, Server.group_id == group_id, group_id=None)
