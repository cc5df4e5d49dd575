"""Trusts: a user delegates roles on a project to another user, who may redelegate them where the trust allows it."""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db
from nimbus.identity import lists, revocations
from nimbus.identity.models import Project, Role, Trust, User
from nimbus.identity.roles import assignments, delegation


def show(tx: db.Tx, trust_id: str, now: datetime.datetime | None = None) -> Any:
    """The trust's row.  Raises NotFound when it is deleted, expired or has no remaining uses."""
    row = tx.row(sa.select(Trust).where(Trust.id == trust_id))
    moment = now or clock.Clock().now()
    ended = row is None or (row.expires_at is not None and row.expires_at <= moment) or row.remaining_uses == 0
    if ended:
        raise errors.NotFound(f'Could not find trust: {trust_id}.')
    return row


def find(tx: db.Tx, **filters: Any) -> list[Any]:
    """The trusts whose columns have the values, oldest first."""
    where = [getattr(Trust, name) == value for name, value in filters.items()]
    return list(tx.rows(sa.select(Trust).where(*where).order_by(Trust.seq)))


def roles_of(tx: db.Tx, row: Any) -> list[Any]:
    """The rows of the roles that the trust delegates and that still exist."""
    return list(tx.rows(sa.select(Role).where(Role.id.in_(row.role_ids)).order_by(Role.seq)))


def named_roles(tx: db.Tx, given: list[dict[str, str]]) -> list[str]:
    """The ids of roles given by id, or by name, which must exist.  Raises NotFound."""
    found = []
    for one in given:
        if one.get('id'):
            found.append(
                one['id']
            )  # a role that does not exist is refused later, as one that the trustor does not have
            continue
        role_id = tx.scalar(sa.select(Role.id).where(Role.name == one['name'], Role.domain_id == ''))
        if role_id is None:
            raise errors.NotFound(f'Could not find role: {one["name"]}.')
        found.append(role_id)
    return list(dict.fromkeys(found))


def create(tx: db.Tx, values: dict[str, Any], parent_id: str | None, depth: int) -> str:
    """A new trust exists, redelegated from `parent_id` where it is given; returns its id.

    `depth` is how often a first trust may be redelegated.  Raises NotFound, Forbidden and Invalid.
    """
    lists.one(tx, User, 'user', values['trustee_user_id'])
    chain = delegation.of(tx, parent_id) if parent_id else []
    if parent_id and not chain:
        raise errors.NotFound(f'Could not find trust: {parent_id}.')
    lender = chain[-1].trustor_user_id if chain else values['trustor_user_id']
    _check_lender_has(tx, lender, values)
    expires_at = values.get('expires_at')
    if expires_at is not None and expires_at <= clock.Clock().now():
        raise errors.Invalid(
            "The 'expires_at' must not be before now. The server could not comply with the request since it is either "
            'malformed or otherwise incorrect. The client is assumed to be in error.'
        )
    count = _redelegations(values, chain[0] if chain else None, depth)
    for above in chain:
        _check_redelegation(above, values, depth)
    if chain and expires_at is None:
        expires_at = chain[0].expires_at
    trust_id = ids.plain()
    tx.insert(
        Trust,
        id=trust_id,
        trustor_user_id=values['trustor_user_id'],
        trustee_user_id=values['trustee_user_id'],
        project_id=values.get('project_id') or None,
        impersonation=values['impersonation'],
        role_ids=values['role_ids'],
        remaining_uses=values.get('remaining_uses'),
        redelegation_count=count,
        redelegated_trust_id=parent_id,
        expires_at=expires_at,
        created_at=clock.Clock().now(),
    )
    return trust_id


def _check_lender_has(tx: db.Tx, user_id: str, values: dict[str, Any]) -> None:
    """Raises NotFound when the trustor has no role on the project, or lacks one of the roles delegated."""
    project_id = values.get('project_id')
    held: set[str] = set()
    if project_id:
        row = lists.one(tx, Project, 'project', project_id)
        held = {role.id for role in assignments.effective(
            tx, user_id, assignments.groups_of(tx, user_id), 'project', row
        )}  # fmt: skip
        if not held:
            raise errors.NotFound(f'Could not find project: {project_id}.')
    for role_id in values['role_ids']:
        if role_id not in held:
            raise errors.NotFound(f'Could not find role: {role_id}.')


def _redelegations(values: dict[str, Any], parent: Any, depth: int) -> int:
    """How often the new trust may be redelegated.  Raises Forbidden and Invalid."""
    wanted = values.get('redelegation_count')
    if not values.get('allow_redelegation') or wanted == 0:
        return 0
    if wanted is not None and wanted > depth:
        raise errors.Forbidden(f'Requested redelegation depth of {wanted} is greater than allowed {depth}')
    if values.get('remaining_uses') is not None:
        raise errors.Invalid('remaining_uses must not be set if redelegation is allowed')
    if parent is None:
        return depth if wanted is None else wanted
    left = parent.redelegation_count - 1
    if wanted is not None and wanted != left:
        raise errors.Forbidden(
            'Modifying "redelegation_count" upon redelegation is forbidden. Omitting this parameter is advised.'
        )
    return left


def _check_redelegation(above: Any, values: dict[str, Any], depth: int) -> None:
    """Raises Forbidden when the new trust delegates more than the one it is redelegated from."""
    if not 0 < above.redelegation_count <= depth:
        raise errors.Forbidden(
            f'Remaining redelegation depth of {above.redelegation_count} out of allowed range of [0..{depth}]'
        )
    if values.get('remaining_uses') is not None:
        raise errors.Forbidden(
            f'Field "remaining_uses" is set to {values["remaining_uses"]} while it must not be set in order to '
            'redelegate a trust'
        )
    ends = values.get('expires_at')
    if ends is not None and above.expires_at is not None and above.expires_at < ends:
        raise errors.Forbidden('Requested expiration time is more than redelegated trust can provide')
    if (values.get('project_id') or None) != above.project_id or not set(values['role_ids']) <= set(above.role_ids):
        raise errors.Forbidden('Some of requested roles are not in redelegated trust')
    if values['impersonation'] and not above.impersonation:
        raise errors.Forbidden(
            'Impersonation is not allowed because redelegated trust does not specify impersonation. Redelegated trust '
            f'id: {above.id}'
        )


def consume(tx: db.Tx, trust_id: str) -> None:
    """The trust has one remaining use less.  Raises Forbidden when another request has taken the last one."""
    left = Trust.remaining_uses
    if not tx.update(Trust, Trust.id == trust_id, left > 0, remaining_uses=left - 1):
        raise errors.Forbidden(f'No remaining uses for trust: {trust_id}.')


def delete(tx: db.Tx, trust_id: str) -> None:
    """The trust and all redelegated from it are deleted, and their tokens revoked.  Raises NotFound."""
    if tx.scalar(sa.select(Trust.seq).where(Trust.id == trust_id)) is None:
        raise errors.NotFound(f'Could not find trust: {trust_id}.')
    forget(tx, Trust.id == trust_id)


def forget(tx: db.Tx, *where: Any) -> None:
    """Every trust that matches, and all redelegated from it, is deleted."""
    layer = tx.column(sa.select(Trust.id).where(*where))
    while layer:
        below = tx.column(sa.select(Trust.id).where(Trust.redelegated_trust_id.in_(layer)))
        tx.delete(Trust, Trust.id.in_(layer))
        for trust_id in layer:
            revocations.revoke(tx, 'trust', trust_id)
        layer = below
