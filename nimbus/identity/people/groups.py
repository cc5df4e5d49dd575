"""Groups of users."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models import Assignment, Group, Membership
from nimbus.identity.models_federation import ExpiringMembership
from nimbus.identity.people import shadow_users, users
from nimbus.identity.roles import assignments


def show(tx: db.Tx, group_id: str) -> Any:
    """The group's row.  Raises NotFound."""
    return lists.one(tx, Group, 'group', group_id)


def find(tx: db.Tx, page: listing.Page, user_id: str | None = None) -> list[Any]:
    """A page of groups, of one user where it is given."""
    where = []
    if user_id is not None:
        where.append(Group.id.in_(assignments.groups_of(tx, user_id)))
    return lists.some(tx, Group, where, page)


def create(tx: db.Tx, values: dict[str, Any], extra: dict[str, Any]) -> str:
    """A new group exists; returns its id.  Raises Conflict on a taken name, NotFound on no such domain."""
    domain_id = lists.domain(tx, values['domain_id']).id
    group_id = ids.plain()
    lists.add(
        tx,
        Group,
        lists.duplicate('group', values['name'], domain_id),
        id=group_id,
        name=values['name'],
        domain_id=domain_id,
        description=values.get('description') or '',
        extra=extra,
        created_at=clock.Clock().now(),
    )
    return group_id


def update(tx: db.Tx, group_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The group has the values.  Raises NotFound, Conflict, Invalid, and Forbidden on an LDAP directory's group."""
    row = show(tx, group_id)
    shadow_users.check_local(tx, group_id)
    if values.get('domain_id', row.domain_id) != row.domain_id:
        raise errors.Invalid('Cannot change Domain ID')
    changes = {name: values[name] or '' for name in ('name', 'description') if name in values}
    taken = lists.duplicate('group', values.get('name', row.name), row.domain_id)
    lists.change(tx, Group, taken, group_id, **changes, extra={**row.extra, **extra})


def delete(tx: db.Tx, group_id: str) -> None:
    """The group and its role assignments are deleted.  Raises NotFound and Forbidden."""
    show(tx, group_id)
    shadow_users.check_local(tx, group_id)
    forget(tx, group_id)


def forget(tx: db.Tx, group_id: str) -> None:
    """Every row of the group is deleted."""
    assignments.forget(tx, Assignment.actor_type == 'group', Assignment.actor_id == group_id)
    tx.delete(Membership, Membership.group_id == group_id)
    tx.delete(ExpiringMembership, ExpiringMembership.group_id == group_id)
    tx.delete(Group, Group.id == group_id)
    revocations.refresh(tx, 'group', group_id)


def add(tx: db.Tx, group_id: str, user_id: str) -> None:
    """The user is in the group, and may have been before.  Raises NotFound and Forbidden."""
    show(tx, group_id)
    shadow_users.check_local(tx, group_id)
    users.show(tx, user_id)
    if not has(tx, group_id, user_id):
        lists.add_once(tx, Membership, group_id=group_id, user_id=user_id)
        revocations.refresh(tx, 'user', user_id)


def has(tx: db.Tx, group_id: str, user_id: str) -> bool:
    """Whether the user is in the group."""
    where = (Membership.group_id == group_id, Membership.user_id == user_id)
    return tx.scalar(sa.select(Membership.seq).where(*where)) is not None


def remove(tx: db.Tx, group_id: str, user_id: str) -> None:
    """The user is not in the group any more.  Raises NotFound and Forbidden."""
    shadow_users.check_local(tx, group_id)
    if not tx.delete(Membership, Membership.group_id == group_id, Membership.user_id == user_id):
        raise errors.NotFound(f'User {user_id} not found in group {group_id}')
    revocations.refresh(tx, 'user', user_id)
