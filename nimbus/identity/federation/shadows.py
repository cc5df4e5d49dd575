"""The users that identity providers know, as rows beside the others."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import db
from nimbus.identity import users
from nimbus.identity.federation.models import ExpiringMembership, FederatedUser
from nimbus.identity.models import User


def forget(tx: db.Tx, provider_id: str, protocol_id: str | None = None) -> None:
    """Nobody is known by the identity provider, or by its protocol, any more; users whom only it knew are gone."""
    where: list[Any] = [FederatedUser.identity_provider_id == provider_id]
    if protocol_id is None:
        tx.delete(ExpiringMembership, ExpiringMembership.identity_provider_id == provider_id)
    else:
        where.append(FederatedUser.protocol_id == protocol_id)
    made = tx.column(sa.select(FederatedUser.user_id).where(*where, FederatedUser.is_origin.is_(True)).distinct())
    tx.delete(FederatedUser, *where)
    for user_id in made:
        if not tx.update(FederatedUser, FederatedUser.user_id == user_id, is_origin=True) and not _knows(tx, user_id):
            users.forget(tx, user_id)


def _knows(tx: db.Tx, user_id: str) -> bool:
    """Whether the user has been given a password since."""
    return tx.scalar(sa.select(User.password_hash).where(User.id == user_id)) is not None
