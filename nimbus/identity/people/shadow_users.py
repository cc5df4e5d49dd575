"""Shadow users: users and groups of LDAP directories, stored as rows so that they can have roles and tokens.

A public id is a hash of the domain and the directory's own id: it is the same
after the row was deleted and created anew, and in every cloud.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.identity import lists, revocations
from nimbus.identity.ldap.entries import Entry
from nimbus.identity.models import Group, IdMapping, Membership, User
from nimbus.identity.people import activity


def public_id(domain_id: str, kind: str, local_id: str) -> str:
    """The public id of a directory's user or group in this cloud."""
    return hashlib.sha256(f'{domain_id}{kind}{local_id}'.encode()).hexdigest()


def mapped(tx: db.Tx, row_id: str) -> Any:
    """The mapping of a public id to a directory's user or group, None for one that is not a directory's."""
    return tx.row(sa.select(IdMapping).where(IdMapping.id == row_id))


def check_local(tx: db.Tx, *row_ids: str) -> None:
    """Raises Forbidden when one of the users or groups is a directory's, as directories are read-only."""
    if tx.scalar(sa.select(IdMapping.seq).where(IdMapping.id.in_(row_ids)).limit(1)) is not None:
        raise read_only()


def read_only() -> errors.Forbidden:
    """The error for an attempt to change a directory's user or group."""
    return errors.Forbidden('LDAP does not support write operations')


def keep_user(tx: db.Tx, domain_id: str, entry: Entry) -> str:
    """The user's row is what the directory says; returns its id."""
    row_id = _map(tx, domain_id, 'user', entry.local_id)
    kept = tx.row(sa.select(User).where(User.id == row_id))
    values = {
        'name': entry.name,
        'enabled': entry.enabled,
        'extra': entry.extra,
        'default_project_id': entry.default_project_id,
        'last_active_at': activity.ELSEWHERE,
    }
    if kept is not None and all(getattr(kept, name) == value for name, value in values.items()):
        return row_id
    _free_name(tx, User, domain_id, entry.name, row_id)
    if kept is None:
        now = clock.Clock().now()
        lists.add_once(tx, User, id=row_id, domain_id=domain_id, options={}, created_at=now, **values)
    else:
        tx.update(User, User.id == row_id, **values)
    (revocations.refresh if entry.enabled else revocations.revoke)(tx, 'user', row_id)
    return row_id


def keep_group(tx: db.Tx, domain_id: str, entry: Entry) -> str:
    """The group's row is what the directory says; returns its id."""
    row_id = _map(tx, domain_id, 'group', entry.local_id)
    kept = tx.row(sa.select(Group).where(Group.id == row_id))
    values = {'name': entry.name, 'description': entry.description or '', 'extra': entry.extra}
    if kept is not None and all(getattr(kept, name) == value for name, value in values.items()):
        return row_id
    _free_name(tx, Group, domain_id, entry.name, row_id)
    if kept is None:
        lists.add_once(tx, Group, id=row_id, domain_id=domain_id, created_at=clock.Clock().now(), **values)
    else:
        tx.update(Group, Group.id == row_id, **values)
    return row_id


def keep_groups_of(tx: db.Tx, domain_id: str, user_id: str, entries: Iterable[Entry]) -> None:
    """The user is in exactly these of the directory's groups."""
    wanted = {keep_group(tx, domain_id, entry) for entry in entries}
    theirs = sa.select(IdMapping.id).where(IdMapping.domain_id == domain_id, IdMapping.kind == 'group')
    query = sa.select(Membership.group_id).where(Membership.user_id == user_id, Membership.group_id.in_(theirs))
    kept = set(tx.column(query))
    for group_id in wanted - kept:
        lists.add_once(tx, Membership, group_id=group_id, user_id=user_id)
    if gone := kept - wanted:
        tx.delete(Membership, Membership.user_id == user_id, Membership.group_id.in_(gone))
    if wanted != kept:
        revocations.refresh(tx, 'user', user_id)


def keep_members(tx: db.Tx, domain_id: str, group_id: str, entries: Iterable[Entry]) -> None:
    """Exactly these of the directory's users are in the group."""
    wanted = {keep_user(tx, domain_id, entry) for entry in entries}
    kept = set(tx.column(sa.select(Membership.user_id).where(Membership.group_id == group_id)))
    for user_id in wanted - kept:
        lists.add_once(tx, Membership, group_id=group_id, user_id=user_id)
    if gone := kept - wanted:
        tx.delete(Membership, Membership.group_id == group_id, Membership.user_id.in_(gone))
    for user_id in wanted ^ kept:
        revocations.refresh(tx, 'user', user_id)


def drop(tx: db.Tx, row_id: str) -> None:
    """The row is deleted and its tokens are revoked; its role assignments stay, should the directory have it again."""
    tx.delete(Membership, sa.or_(Membership.user_id == row_id, Membership.group_id == row_id))
    if tx.delete(User, User.id == row_id):
        revocations.revoke(tx, 'user', row_id)
    if tx.delete(Group, Group.id == row_id):
        revocations.refresh(tx, 'group', row_id)


def drop_others(tx: db.Tx, domain_id: str, kind: str, kept: set[str]) -> None:
    """The rows of the domain's directory whose ids are not in `kept` are deleted."""
    model = User if kind == 'user' else Group
    query = sa.select(IdMapping.id).join(model, model.id == IdMapping.id)
    for row_id in tx.column(query.where(IdMapping.domain_id == domain_id, IdMapping.kind == kind)):
        if row_id not in kept:
            drop(tx, row_id)


def forget(tx: db.Tx, domain_id: str) -> None:
    """The public ids of the domain's directory are deleted."""
    tx.delete(IdMapping, IdMapping.domain_id == domain_id)


def _map(tx: db.Tx, domain_id: str, kind: str, local_id: str) -> str:
    row_id = public_id(domain_id, kind, local_id)
    if mapped(tx, row_id) is None:
        lists.add_once(tx, IdMapping, id=row_id, domain_id=domain_id, kind=kind, local_id=local_id)
    return row_id


def _free_name(tx: db.Tx, model: Any, domain_id: str, name: str, row_id: str) -> None:
    """No other row of the domain has the name: one of the directory's has lost it, one of the cloud's own keeps it.

    Raises Conflict.
    """
    other = tx.scalar(sa.select(model.id).where(model.domain_id == domain_id, model.name == name))
    if other is None or other == row_id:
        return
    if mapped(tx, other) is None:
        raise errors.Conflict(lists.duplicate(model.__name__.lower(), name, domain_id))
    drop(tx, other)
