"""Users: create, list, update and delete them, and set their passwords."""

import datetime
import operator
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models import (
    AccessRule,
    ApplicationCredential,
    Assignment,
    Credential,
    Membership,
    PastPassword,
    Project,
    Trust,
    User,
)
from nimbus.identity.models_federation import ExpiringMembership, FederatedUser
from nimbus.identity.models_oauth import AccessToken, RequestToken
from nimbus.identity.people import activity, lockouts, shadow_users
from nimbus.identity.roles import assignments, trusts
from nimbus.identity.settings.compliance import Compliance

NO_RULES = Compliance()


def show(tx: db.Tx, user_id: str) -> Any:
    """The user's row.  Raises NotFound."""
    return lists.one(tx, User, 'user', user_id)


# How password_expires_at may be compared with a moment.
COMPARISONS = {
    'lt': operator.lt,
    'lte': operator.le,
    'gt': operator.gt,
    'gte': operator.ge,
    'eq': operator.eq,
    'neq': operator.ne,
}


def find(
    tx: db.Tx,
    page: listing.Page,
    group_id: str | None = None,
    expires: tuple[str, datetime.datetime] | None = None,
    federated: Any = None,
) -> list[Any]:
    """A page of users, of one group where it is given, and whose password expiry matches `expires` where it is given.

    `federated` are the user ids that the list is restricted to.
    """
    where = [] if federated is None else [User.id.in_(federated)]
    if expires is not None:
        where.append(COMPARISONS[expires[0]](User.password_expires_at, expires[1]))
    if group_id is not None:
        where.append(User.id.in_(sa.select(Membership.user_id).where(Membership.group_id == group_id)))
    return lists.some(tx, User, where, page)


def create(
    tx: db.Tx,
    values: dict[str, Any],
    extra: dict[str, Any],
    password_hash: str | None,
    rules: Compliance = NO_RULES,
) -> str:
    """A new user exists; returns its id.  Raises Conflict on a taken name, NotFound on no such domain."""
    domain_id = lists.domain(tx, values['domain_id']).id
    _check_default_project(tx, values)
    user_id, now, options = ids.plain(), clock.Clock().now(), lists.merged({}, values.get('options'))
    lists.add(
        tx,
        User,
        lists.duplicate('user', values['name'], domain_id),
        id=user_id,
        name=values['name'],
        domain_id=domain_id,
        enabled=values.get('enabled', True),
        default_project_id=values.get('default_project_id'),
        password_hash=password_hash,
        password_created_at=now if password_hash else None,
        password_expires_at=rules.expiry(now, options, by_admin=True) if password_hash else None,
        password_self_service=False,
        last_active_at=now.date() if values.get('enabled', True) else None,
        extra=extra,
        options=options,
        created_at=now,
    )
    if password_hash:
        rules.remember(tx, user_id, password_hash, now)
    return user_id


def _check_default_project(tx: db.Tx, values: dict[str, Any]) -> None:
    project_id = values.get('default_project_id')
    if project_id and tx.scalar(sa.select(Project.is_domain).where(Project.id == project_id)):
        raise errors.Invalid(f"User's default project ID cannot be a domain ID: {project_id}")


def update(
    tx: db.Tx,
    user_id: str,
    values: dict[str, Any],
    extra: dict[str, Any],
    password_hash: str | None = None,
    rules: Compliance = NO_RULES,
) -> None:
    """The user has the values; a new password, or being disabled, refuses every earlier token.

    Raises NotFound, Conflict, Invalid, and Forbidden on a directory's user.
    """
    row = show(tx, user_id)
    shadow_users.check_local(tx, user_id)
    if values.get('domain_id', row.domain_id) != row.domain_id:
        raise errors.Invalid('Cannot change Domain ID')
    _check_default_project(tx, values)
    changes = {name: values[name] for name in ('name', 'enabled', 'default_project_id') if name in values}
    now = clock.Clock().now()
    inactive = activity.is_inactive(row, rules, now)
    if inactive:
        # A user who is disabled by inactivity stays so, unless the update enables the user.
        changes.setdefault('enabled', False)
    if changes.get('enabled'):
        changes['last_active_at'] = now.date()
    if 'options' in values:
        changes['options'] = lists.merged(row.options, values['options'])
    taken = lists.duplicate('user', values.get('name', row.name), row.domain_id)
    lists.change(tx, User, taken, user_id, **changes, extra={**row.extra, **extra})
    if values.get('enabled'):
        lockouts.forget(tx, user_id)
    if password_hash is not None:
        set_password(tx, user_id, password_hash, rules)
    elif inactive or values.get('enabled', True) is False:
        revocations.revoke(tx, 'user', user_id)
    else:
        revocations.refresh(tx, 'user', user_id)


def set_password(
    tx: db.Tx, user_id: str, password_hash: str, rules: Compliance = NO_RULES, *, by_admin: bool = True
) -> None:
    """The user has another password, and every earlier token is refused.

    Raises NotFound, and Forbidden on a directory's user.
    """
    shadow_users.check_local(tx, user_id)
    now, options = clock.Clock().now(), show(tx, user_id).options
    tx.update(
        User,
        User.id == user_id,
        password_hash=password_hash,
        password_created_at=now,
        password_expires_at=rules.expiry(now, options, by_admin=by_admin),
        password_self_service=not by_admin,
    )
    rules.remember(tx, user_id, password_hash, now)
    revocations.revoke(tx, 'user', user_id)


def take_password(tx: db.Tx, user_id: str) -> None:
    """The user has no password any more, and cannot log in by one; existing tokens stay valid."""
    tx.update(User, User.id == user_id, password_hash=None, password_expires_at=None)


def delete(tx: db.Tx, user_id: str) -> None:
    """The user is deleted, with role assignments, credentials and trusts, and the tokens are revoked.

    Raises NotFound and Forbidden.
    """
    show(tx, user_id)
    shadow_users.check_local(tx, user_id)
    forget(tx, user_id)


def forget(tx: db.Tx, user_id: str) -> None:
    """Every row of the user is deleted."""
    assignments.forget(tx, Assignment.actor_type == 'user', Assignment.actor_id == user_id)
    tx.delete(Membership, Membership.user_id == user_id)
    tx.delete(ExpiringMembership, ExpiringMembership.user_id == user_id)
    tx.delete(FederatedUser, FederatedUser.user_id == user_id)
    tx.delete(ApplicationCredential, ApplicationCredential.user_id == user_id)
    tx.delete(Credential, Credential.user_id == user_id)
    tx.delete(AccessRule, AccessRule.user_id == user_id)
    tx.delete(RequestToken, RequestToken.user_id == user_id)
    tx.delete(AccessToken, AccessToken.user_id == user_id)
    trusts.forget(tx, sa.or_(Trust.trustor_user_id == user_id, Trust.trustee_user_id == user_id))
    tx.delete(PastPassword, PastPassword.user_id == user_id)
    lockouts.forget(tx, user_id)
    tx.delete(User, User.id == user_id)
    revocations.revoke(tx, 'user', user_id)
