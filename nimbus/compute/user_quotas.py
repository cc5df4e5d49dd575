"""Limits of one user within a project, beside the project's own; what a user holds is counted from the rows.

Whoever takes something holds the project's counter of it until the transaction ends, so that nobody else takes of it
between the count and the row.
"""

import sqlalchemy as sa

from nimbus.common import quotas
from nimbus.common.database import db
from nimbus.common.quotas import UNLIMITED, Quota
from nimbus.compute.models import UserLimit
from nimbus.compute.quotas import QUOTAS, rows

OWN = db.Fixed(
    sa.select(db.table_of(UserLimit)).where(
        UserLimit.project_id == sa.bindparam('project'), UserLimit.user_id == sa.bindparam('user')
    )
)


def own(tx: db.Tx, project_id: str, user_id: str) -> dict[str, int]:
    """The limits that an operator set for the user in the project."""
    return {row.resource: row.hard_limit for row in tx.rows(OWN, {'project': project_id, 'user': user_id})}


def limits(tx: db.Tx, project_id: str, user_id: str) -> dict[str, int]:
    """The limit on each resource: the user's own where there is one, else the project's."""
    return {**QUOTAS.limits(tx, project_id), **own(tx, project_id, user_id)}


def show(tx: db.Tx, project_id: str, user_id: str) -> dict[str, Quota]:
    """Limit and use of every resource, as the user sees it."""
    used = _used(tx, project_id, user_id)
    return {name: Quota(name, limit, used.get(name, 0)) for name, limit in limits(tx, project_id, user_id).items()}


def _used(tx: db.Tx, project_id: str, user_id: str) -> dict[str, int]:
    return rows(tx, project_id, user_id).get(project_id, {})


def given_out(tx: db.Tx, project_id: str) -> dict[str, int]:
    """How much of each resource is set apart for single users of the project."""
    found: dict[str, int] = {}
    for row in tx.rows(sa.select(UserLimit).where(UserLimit.project_id == project_id)):
        found[row.resource] = found.get(row.resource, 0) + max(0, row.hard_limit)
    return found


def set(tx: db.Tx, project_id: str, user_id: str, limits: dict[str, int]) -> None:
    """The user's own limits in the project are these."""
    for resource, limit in limits.items():
        key = {'project_id': project_id, 'user_id': user_id, 'resource': resource}
        tx.ensure(UserLimit, **key, hard_limit=limit)
        tx.update(UserLimit, *(getattr(UserLimit, name) == value for name, value in key.items()), hard_limit=limit)


def reset(tx: db.Tx, project_id: str, user_id: str | None = None) -> None:
    """The user has no limits of his own in the project; without a name, no user has."""
    where = [UserLimit.project_id == project_id] + ([UserLimit.user_id == user_id] if user_id is not None else [])
    tx.delete(UserLimit, *where)


def take(tx: db.Tx, project_id: str, user_id: str | None, **amounts: int) -> None:
    """The project holds so much more, for the user.  Raises OverQuota, naming what is over for either."""
    QUOTAS.take(tx, project_id, **amounts)
    mine = own(tx, project_id, user_id or '')
    asked = {name: amount for name, amount in amounts.items() if amount > 0 and mine.get(name, UNLIMITED) != UNLIMITED}
    if not asked:
        return
    used = {**dict.fromkeys(asked, 0), **_used(tx, project_id, user_id or '')}
    overs = [name for name in sorted(asked) if used[name] + asked[name] > mine[name]]
    if overs:
        raise quotas.over(overs, asked, used, mine)
