"""Which projects beside its own may use a noun of this service, and for what."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import ids
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import quotas
from nimbus.network.models import Network, Sharing

SHARED, EXTERNAL = 'access_as_shared', 'access_as_external'
EVERYONE = '*'
OF = db.Gathering(sa.select(Sharing.object_id, Sharing.target_project, Sharing.action), Sharing.object_id)


def targets(project_id: str | None) -> tuple[str, str]:
    """What a policy may name that concerns the project."""
    return EVERYONE, project_id or ''


def given(project_id: str | None, *actions: str) -> Any:
    """The ids of what the project may use in one of these ways though it is another's."""
    return sa.select(Sharing.object_id).where(
        Sharing.target_project.in_(targets(project_id)), Sharing.action.in_(actions or (SHARED,))
    )


def seen(ctx: Context, model: Any, *actions: str) -> Any:
    """The condition that a row is shared with the asker's project."""
    return model.id.in_(given(ctx.project_id, *actions))


def shared(tx: db.Tx, ctx: Context, object_ids: Sequence[str]) -> set[str]:
    """Which of them are shared with the asker's project."""
    mine = targets(ctx.project_id)
    return {one for one, target, action in OF.rows(tx, object_ids) if action == SHARED and target in mine}


def by_shared(ctx: Context, model: Any) -> dict[str, Any]:
    """A filter of lists: what is shared with the asker's project, or what is not."""
    return {'shared': lambda values: sa.or_(*(seen(ctx, model) if value else ~seen(ctx, model) for value in values))}


def projects(tx: db.Tx, object_id: str, action: str) -> set[str]:
    """The projects that may use it so, '*' among them where every one may."""
    return {target for _, target, way in OF.rows(tx, [object_id]) if way == action}


def give(tx: db.Tx, kind: str, row: Any, action: str = SHARED, target_project: str = EVERYONE) -> None:
    """The projects may use the noun; what was given before is fine."""
    if target_project in projects(tx, row.id, action):
        return
    quotas.QUOTAS.hold(tx, row.project_id, rbac_policy=1)
    insert(tx, kind, row.id, action, target_project, row.project_id)


def insert(tx: db.Tx, kind: str, object_id: str, action: str, target_project: str, project_id: str) -> str:
    """The policy stands; returns its id.  Raises IntegrityError where there is one already."""
    policy_id = ids.dashed()
    tx.insert(
        Sharing,
        id=policy_id,
        project_id=project_id,
        object_type=kind,
        object_id=object_id,
        action=action,
        target_project=target_project,
    )
    mark(tx, kind, object_id)
    return policy_id


def take(tx: db.Tx, kind: str, object_id: str, *where: Any) -> None:
    """The policies of the noun that meet the conditions are gone, all where there is none."""
    rows = tx.rows(sa.select(Sharing).where(Sharing.object_id == object_id, *where))
    for row in rows:
        if tx.delete(Sharing, Sharing.id == row.id):
            quotas.give_back(tx, row.project_id, rbac_policy=1)
    if rows:
        mark(tx, kind, object_id)


def mark(tx: db.Tx, kind: str, object_id: str) -> None:
    """A network's row says whether every project shares it and whether it is external, as its policies do."""
    if kind == 'network':
        rows = list(OF.rows(tx, [object_id]))
        everyone = any(target == EVERYONE and action == SHARED for _, target, action in rows)
        external = any(action == EXTERNAL for _, _, action in rows)
        tx.update(Network, Network.id == object_id, shared=everyone, external=external)
