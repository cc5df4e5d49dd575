"""Roles, and which of them imply others."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models import ROOT, Assignment, ImpliedRole, Project, Role
from nimbus.identity.roles import assignments

NEVER_IMPLIED = ('admin',)


def show(tx: db.Tx, role_id: str) -> Any:
    """The role's row.  Raises NotFound."""
    return lists.one(tx, Role, 'role', role_id)


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of the global roles, or of those of the domain that is filtered by."""
    where = [] if 'domain_id' in page.filters else [Role.domain_id == ROOT]
    return lists.some(tx, Role, where, page)


def create(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any]) -> str:
    """A new role exists; returns its id.  Raises Conflict on a taken name, NotFound on no such domain."""
    domain_id = values.get('domain_id') or ROOT
    if domain_id:
        lists.one(tx, Project, 'domain', domain_id)
    role_id = ids.plain()
    lists.add(
        tx,
        Role,
        lists.duplicate('role', values['name'], domain_id),
        id=role_id,
        name=values['name'],
        domain_id=domain_id,
        description=values.get('description'),
        extra=extra,
        options=lists.merged({}, values.get('options')),
        created_at=clock.Clock().now(),
    )
    return role_id


def update(tx: db.Tx, role_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The role has the values.  Raises NotFound, Conflict, Invalid and Forbidden."""
    row = show(tx, role_id)
    lists.mutable(row, 'role', 'update', values.get('options'))
    if (values.get('domain_id', row.domain_id) or ROOT) != row.domain_id:
        raise errors.Invalid('Update of `domain_id` is not allowed.')
    changes = {name: values[name] for name in ('name', 'description') if name in values}
    if 'options' in values:
        changes['options'] = lists.merged(row.options, values['options'])
    taken = lists.duplicate('role', values.get('name', row.name), row.domain_id)
    lists.change(tx, Role, taken, role_id, **changes, extra={**row.extra, **extra})
    revocations.refresh(tx, 'all')


def delete(tx: db.Tx, role_id: str) -> None:
    """The role and its assignments are deleted.  Raises NotFound and Forbidden."""
    lists.mutable(show(tx, role_id), 'role', 'delete')
    forget(tx, role_id)


def forget(tx: db.Tx, role_id: str) -> None:
    """Every row of the role is deleted."""
    for row in tx.rows(sa.select(Assignment).where(Assignment.role_id == role_id)):
        kept = ('actor_type', 'actor_id', 'target_type', 'target_id', 'role_id', 'inherited')
        assignments.take_back(tx, assignments.Grant(**{name: getattr(row, name) for name in kept}))
    tx.delete(ImpliedRole, sa.or_(ImpliedRole.prior_id == role_id, ImpliedRole.implied_id == role_id))
    tx.delete(Role, Role.id == role_id)
    revocations.refresh(tx, 'all')


def imply(tx: db.Tx, prior_id: str, implied_id: str) -> None:
    """The prior role implies the other.  Raises NotFound, Forbidden and Conflict."""
    prior, implied = show(tx, prior_id), show(tx, implied_id)
    if implied.name in NEVER_IMPLIED and implied.domain_id == ROOT:
        raise errors.Forbidden(f'{implied_id} cannot be an implied roles.')
    if implied.domain_id and not prior.domain_id:
        raise errors.Forbidden('Global role cannot imply a domain-specific role')
    lists.add(
        tx,
        ImpliedRole,
        'Conflict occurred attempting to store role - Duplicate entry.',
        prior_id=prior_id,
        implied_id=implied_id,
    )
    revocations.refresh(tx, 'all')


def implied_by(tx: db.Tx, prior_id: str) -> list[Any]:
    """The roles that the prior role implies directly.  Raises NotFound."""
    show(tx, prior_id)
    query = sa.select(Role).join(ImpliedRole, ImpliedRole.implied_id == Role.id)
    return list(tx.rows(query.where(ImpliedRole.prior_id == prior_id).order_by(Role.seq)))


def rule(tx: db.Tx, prior_id: str, implied_id: str) -> tuple[Any, Any]:
    """The rows of both roles of an implication.  Raises NotFound."""
    where = (ImpliedRole.prior_id == prior_id, ImpliedRole.implied_id == implied_id)
    prior, implied = show(tx, prior_id), show(tx, implied_id)
    if tx.scalar(sa.select(ImpliedRole.seq).where(*where)) is None:
        raise errors.NotFound(f'{prior_id} does not imply {implied_id}.')
    return prior, implied


def imply_no_more(tx: db.Tx, prior_id: str, implied_id: str) -> None:
    """The prior role does not imply the other any more.  Raises NotFound."""
    if not tx.delete(ImpliedRole, ImpliedRole.prior_id == prior_id, ImpliedRole.implied_id == implied_id):
        raise errors.NotFound(f'{prior_id} does not imply {implied_id}.')
    revocations.refresh(tx, 'all')


def every_rule(tx: db.Tx) -> list[tuple[Any, list[Any]]]:
    """Each role that implies others, with the roles it implies directly."""
    rows = {row.id: row for row in tx.rows(sa.select(Role).order_by(Role.seq))}
    rules = assignments.implications(tx)
    return [(rows[prior], [rows[one] for one in implied]) for prior, implied in rules.items()]
