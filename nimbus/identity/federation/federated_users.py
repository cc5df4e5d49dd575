"""Shadow users of federated logins, stored as rows of users.

A user is found by identity provider, protocol and the provider's own id of the user together, never by a name: one
with the name of an existing user is another user.
"""

import dataclasses
import datetime
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists, revocations
from nimbus.identity.models import User
from nimbus.identity.models_federation import ExpiringMembership, FederatedUser
from nimbus.identity.people import shadow_users, users

MAX_NAME = 255  # characters of an id, a name or an email address
MARK = 8  # characters of the id that distinguish users of the same name


@dataclasses.dataclass(frozen=True)
class Shadow:
    """The identity of a user as an identity provider asserts it."""

    provider_id: str
    protocol_id: str
    unique_id: str
    name: str
    domain_id: str
    email: str | None = None

    def where(self) -> tuple[Any, ...]:
        """The SQL conditions that select the row of this identity."""
        return (
            FederatedUser.identity_provider_id == self.provider_id,
            FederatedUser.protocol_id == self.protocol_id,
            FederatedUser.unique_id == self.unique_id,
        )


def find(tx: db.Tx, who: Shadow) -> str | None:
    """The id of the user, None when that identity has not logged in yet."""
    return tx.scalar(sa.select(FederatedUser.user_id).where(*who.where()))


def is_known(tx: db.Tx, who: Shadow, now: datetime.datetime) -> bool:
    """Whether the user's row has exactly these values, and a login of today is recorded."""
    row = tx.row(
        sa.select(FederatedUser.display_name, User.extra, User.last_active_at)
        .join(User, User.id == FederatedUser.user_id)
        .where(*who.where())
    )
    if row is None or row.last_active_at is None or row.last_active_at < now.date():
        return False
    return row.display_name == who.name and who.email in (None, row.extra.get('email'))


def keep(tx: db.Tx, who: Shadow, now: datetime.datetime) -> str:
    """The user's row has the values of the identity provider; returns its id.  Raises Transient on a race.

    The login is recorded as activity, so that inactivity never disables a user whom the identity provider lets in.
    """
    user_id = find(tx, who)
    if user_id is None:
        return _make(tx, who, now)
    row = users.show(tx, user_id)
    known = tx.scalar(sa.select(FederatedUser.display_name).where(*who.where()))
    values: dict[str, Any] = {}
    if known != who.name:
        values['name'] = _free_name(tx, who, user_id) if _is_shadow(tx, user_id) else row.name
        tx.update(FederatedUser, *who.where(), display_name=who.name)
    if who.email and row.extra.get('email') != who.email:
        values['extra'] = {**row.extra, 'email': who.email}
    if row.last_active_at is None or row.last_active_at < now.date():
        values['last_active_at'] = now.date()
    if values:
        tx.update(User, User.id == user_id, **values)
        revocations.refresh(tx, 'user', user_id)
    return user_id


def _is_shadow(tx: db.Tx, user_id: str) -> bool:
    """Whether the user was created by a federated login."""
    where = (FederatedUser.user_id == user_id, FederatedUser.is_origin.is_(True))
    return tx.scalar(sa.select(FederatedUser.seq).where(*where).limit(1)) is not None


def _make(tx: db.Tx, who: Shadow, now: datetime.datetime) -> str:
    # The id is a hash, the same in every cloud and after the row was deleted and created anew.
    user_id = shadow_users.public_id(who.domain_id, 'user', who.unique_id)
    if tx.scalar(sa.select(User.seq).where(User.id == user_id)) is not None:
        user_id = shadow_users.public_id(who.domain_id, f'user of {who.provider_id}/{who.protocol_id}/', who.unique_id)
    lists.add_once(
        tx,
        User,
        id=user_id,
        name=_free_name(tx, who, user_id),
        domain_id=who.domain_id,
        enabled=True,
        extra={'email': who.email} if who.email else {},
        options={},
        created_at=now,
        last_active_at=now.date(),
    )
    lists.add_once(
        tx,
        FederatedUser,
        user_id=user_id,
        identity_provider_id=who.provider_id,
        protocol_id=who.protocol_id,
        unique_id=who.unique_id,
        display_name=who.name,
        is_origin=True,
    )
    return user_id


def _free_name(tx: db.Tx, who: Shadow, user_id: str) -> str:
    """The name, with a suffix when another user of the domain has it, as names are unique in a domain."""
    taken = tx.scalar(sa.select(User.id).where(User.name == who.name, User.domain_id == who.domain_id))
    return who.name if taken in (None, user_id) else f'{who.name[: MAX_NAME - MARK - 1]}#{user_id[:MARK]}'


def join(
    tx: db.Tx, provider_id: str, user_id: str, group_ids: Iterable[str], minutes: int, now: datetime.datetime
) -> None:
    """The user is in exactly these groups by the identity provider, for that many minutes."""
    wanted = list(group_ids)
    theirs = (ExpiringMembership.user_id == user_id, ExpiringMembership.identity_provider_id == provider_id)
    kept = set(tx.column(sa.select(ExpiringMembership.group_id).where(*theirs)))
    times = {'last_verified': now, 'expires_at': now + datetime.timedelta(minutes=minutes)}
    if gone := kept - set(wanted):
        tx.delete(ExpiringMembership, *theirs, ExpiringMembership.group_id.in_(gone))
    tx.update(ExpiringMembership, *theirs, **times)
    for group_id in wanted:
        if group_id not in kept:
            lists.add_once(
                tx,
                ExpiringMembership,
                user_id=user_id,
                group_id=group_id,
                identity_provider_id=provider_id,
                **times,
            )
    if wanted or kept:
        revocations.refresh(tx, 'user', user_id)


def forget(tx: db.Tx, provider_id: str, protocol_id: str | None = None) -> None:
    """The identities of the identity provider, or of its protocol, are deleted, with the users created by it alone."""
    where: list[Any] = [FederatedUser.identity_provider_id == provider_id]
    if protocol_id is None:
        tx.delete(ExpiringMembership, ExpiringMembership.identity_provider_id == provider_id)
        revocations.refresh(tx, 'all')  # many users may have group memberships by it
    else:
        where.append(FederatedUser.protocol_id == protocol_id)
    made = tx.column(sa.select(FederatedUser.user_id).where(*where, FederatedUser.is_origin.is_(True)).distinct())
    tx.delete(FederatedUser, *where)
    for user_id in made:
        if not tx.update(FederatedUser, FederatedUser.user_id == user_id, is_origin=True) and not _knows(tx, user_id):
            users.forget(tx, user_id)


def _knows(tx: db.Tx, user_id: str) -> bool:
    """Whether the user has had a password set since."""
    return tx.scalar(sa.select(User.password_hash).where(User.id == user_id)) is not None


def check_size(*texts: str) -> None:
    """Raises Unauthenticated when an id, a name or an email address is too long to be stored."""
    if any(len(text) > MAX_NAME for text in texts):
        raise errors.Unauthenticated(
            f'The id, the name and the email address of a user may have {MAX_NAME} characters each.'
        )
