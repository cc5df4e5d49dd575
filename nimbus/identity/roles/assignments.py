"""Role assignments: granting and revoking roles, and the effective roles by groups, inheritance and implication."""

import dataclasses
import datetime
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.identity import lists, revocations
from nimbus.identity.models import (
    ROOT,
    ApplicationCredential,
    Assignment,
    ImpliedRole,
    Membership,
    Project,
    Role,
)
from nimbus.identity.models_federation import ExpiringMembership, IdentityProvider

SYSTEM = 'system'  # the target_id of system assignments
MAX_DEPTH = 32  # no tree of projects is deeper; stops a loop in broken data


@dataclasses.dataclass(frozen=True)
class Grant:
    """A role on a target for an actor."""

    actor_type: str
    actor_id: str
    target_type: str
    target_id: str
    role_id: str
    inherited: bool = False

    def where(self) -> list[Any]:
        """The SQL conditions that select the grant's row."""
        return [getattr(Assignment, field.name) == getattr(self, field.name) for field in dataclasses.fields(self)]


def grant(tx: db.Tx, wanted: Grant) -> None:
    """The actor has the role on the target, and may have had it before."""
    if tx.scalar(sa.select(Assignment.seq).where(*wanted.where())) is None:
        lists.add_once(tx, Assignment, **dataclasses.asdict(wanted))
        revocations.refresh(tx, wanted.actor_type, wanted.actor_id)


def has(tx: db.Tx, wanted: Grant) -> bool:
    """Whether exactly this grant exists."""
    return tx.scalar(sa.select(Assignment.seq).where(*wanted.where())) is not None


def take_back(tx: db.Tx, wanted: Grant) -> None:
    """The grant is deleted, and so are application credentials that delegate its role.  Raises NotFound."""
    if not tx.delete(Assignment, *wanted.where()):
        raise no_such(wanted)
    revocations.refresh(tx, wanted.actor_type, wanted.actor_id)
    if wanted.actor_type == 'user' and wanted.target_type == 'project':
        _drop_lent(tx, wanted)


def no_such(wanted: Grant) -> errors.NotFound:
    """The error for a grant that does not exist."""
    return errors.NotFound(
        f'Could not find role assignment with role: {wanted.role_id}, user or group: {wanted.actor_id}, '
        f'project, domain, or system: {wanted.target_id}.'
    )


def _drop_lent(tx: db.Tx, gone: Grant) -> None:
    lent = tx.rows(
        sa.select(ApplicationCredential.id, ApplicationCredential.role_ids).where(
            ApplicationCredential.user_id == gone.actor_id, ApplicationCredential.project_id == gone.target_id
        )
    )
    for row in lent:
        if gone.role_id in row.role_ids:
            tx.delete(ApplicationCredential, ApplicationCredential.id == row.id)
            revocations.revoke(tx, 'credential', row.id)


def roles_of(
    tx: db.Tx, actor_type: str, actor_id: str, target_type: str, target_id: str, inherited: bool = False
) -> list[Any]:
    """The role rows granted to exactly this actor on exactly this target."""
    query = (
        sa.select(Role)
        .join(Assignment, Assignment.role_id == Role.id)
        .where(
            Assignment.actor_type == actor_type,
            Assignment.actor_id == actor_id,
            Assignment.target_type == target_type,
            Assignment.target_id == target_id,
            Assignment.inherited == inherited,
        )
    )
    return list(tx.rows(query.order_by(Role.seq)))


def forget(tx: db.Tx, *where: Any) -> None:
    """Every assignment that matches is gone."""
    for row in tx.rows(sa.select(Assignment.actor_type, Assignment.actor_id).where(*where).distinct()):
        revocations.refresh(tx, row.actor_type, row.actor_id)
    tx.delete(Assignment, *where)


_own, _brought, _providers = Membership.__table__, ExpiringMembership.__table__, IdentityProvider.__table__
_UNTIL = (_brought.c.last_verified, _brought.c.expires_at, _providers.c.authorization_ttl)
_GROUPS = sa.union_all(
    sa.select(_own.c.group_id, *(sa.type_coerce(sa.null(), column.type).label(column.name) for column in _UNTIL)).where(
        _own.c.user_id == sa.bindparam('user_id')
    ),
    sa.select(_brought.c.group_id, *_UNTIL)
    .join(_providers, _providers.c.id == _brought.c.identity_provider_id)
    .where(_brought.c.user_id == sa.bindparam('user_id')),
)


def memberships_of(
    tx: db.Tx, user_id: str, now: datetime.datetime | None = None
) -> dict[str, datetime.datetime | None]:
    """The ids of the groups a user is in, each with the expiry of the membership, None where it does not expire."""
    now = now or clock.Clock().now()
    found: dict[str, datetime.datetime | None] = {}
    for row in tx.execute(_GROUPS, {'user_id': user_id}):
        ends = row.expires_at
        if row.authorization_ttl is not None:  # a provider's current setting goes before the one at the login
            ends = row.last_verified + datetime.timedelta(minutes=row.authorization_ttl)
        if ends is None or ends > now:
            known = found.get(row.group_id, ends)
            found[row.group_id] = None if known is None or ends is None else max(known, ends)
    return found


def groups_of(tx: db.Tx, user_id: str) -> list[str]:
    """The ids of the groups a user is in."""
    return list(memberships_of(tx, user_id))


def held_by(user_id: str, group_ids: Iterable[str]) -> Any:
    """The SQL condition for assignments to the user or to the user's groups."""
    own = sa.and_(Assignment.actor_type == 'user', Assignment.actor_id == user_id)
    groups = list(group_ids)
    if not groups:
        return own
    return sa.or_(own, sa.and_(Assignment.actor_type == 'group', Assignment.actor_id.in_(groups)))


def ancestors(tx: db.Tx, project_id: str) -> list[Any]:
    """A project's parents, nearest first, its domain last."""
    found: list[Any] = []
    row = tx.row(sa.select(Project).where(Project.id == project_id))
    while row is not None and row.parent_id and len(found) < MAX_DEPTH:
        row = tx.row(sa.select(Project).where(Project.id == row.parent_id))
        if row is not None:
            found.append(row)
    return found


# Built once: making a statement costs more than running it, and a login runs these every time.
_rows = Assignment.__table__
_EFFECTIVE = sa.select(_rows.c.role_id.label('id')).where(
    # An actor alone or a target alone may have many rows; the three columns together select few, by their index.
    _rows.c.actor_id.in_(sa.bindparam('actors', expanding=True)),
    _rows.c.actor_type.in_(('user', 'group')),
    _rows.c.target_id.in_(sa.bindparam('targets', expanding=True)),
    sa.or_(_rows.c.actor_type == 'group', _rows.c.actor_id == sa.bindparam('user_id')),
    sa.or_(
        sa.and_(
            _rows.c.target_type == sa.bindparam('target_type'),
            _rows.c.target_id == sa.bindparam('target_id'),
            _rows.c.inherited.is_(False),
        ),
        sa.and_(_rows.c.target_id.in_(sa.bindparam('above', expanding=True)), _rows.c.inherited.is_(True)),
    ),
)
_RULES = sa.select(ImpliedRole.__table__.c.prior_id, ImpliedRole.__table__.c.implied_id)


def _with_implied(query: Any) -> Any:
    """A statement for the (id, name) of the roles whose ids the query selects, and of all that they imply.

    Domain-specific roles are left out, as they only imply others.  One statement, as three take a login three times as
    long.
    """
    held = query.cte('held', recursive=True)
    rules, named = ImpliedRole.__table__, Role.__table__
    held = held.union(sa.select(rules.c.implied_id).join_from(held, rules, rules.c.prior_id == held.c.id))
    found = sa.select(named.c.id, named.c.name).where(named.c.id.in_(sa.select(held.c.id)), named.c.domain_id == ROOT)
    return found.order_by(named.c.seq)


_EFFECTIVE_NAMES = _with_implied(_EFFECTIVE)
_IMPLIED_NAMES = _with_implied(
    sa.select(Role.__table__.c.id.label('id')).where(Role.__table__.c.id.in_(sa.bindparam('roles', expanding=True)))
)


def effective(tx: db.Tx, user_id: str, group_ids: list[str], target_type: str, target: Any) -> list[Any]:
    """The (id, name) of the roles a user has on a target: granted, through groups, inherited and implied.

    `target` is a row of a project or domain, None for the system.
    """
    above: list[str] = []
    if target_type == 'project':
        above = [row_id for row_id in (target.domain_id, target.parent_id) if row_id]
        if target.parent_id != target.domain_id:
            above += [row.id for row in ancestors(tx, target.id)]
    target_id = target.id if target is not None else SYSTEM
    values = {
        'actors': [user_id, *group_ids],
        'targets': [target_id, *above],
        'user_id': user_id,
        'target_type': target_type,
        'target_id': target_id,
        'above': above,
    }
    return list(tx.execute(_EFFECTIVE_NAMES, values))


def implications(tx: db.Tx) -> dict[str, list[str]]:
    """Every role id that implies others, with the ids of those."""
    found: dict[str, list[str]] = {}
    for row in tx.execute(_RULES):
        found.setdefault(row.prior_id, []).append(row.implied_id)
    return found


def closure(role_ids: Iterable[str], rules: dict[str, list[str]]) -> list[str]:
    """The roles and all that they imply, each once."""
    found = list(dict.fromkeys(role_ids))
    for role_id in found:
        found += [more for more in rules.get(role_id, ()) if more not in found]
    return found


def implied(tx: db.Tx, role_ids: list[str]) -> list[Any]:
    """The (id, name) of the roles and all that they imply, without domain-specific ones."""
    if not role_ids:
        return []
    return list(tx.execute(_IMPLIED_NAMES, {'roles': role_ids}))
