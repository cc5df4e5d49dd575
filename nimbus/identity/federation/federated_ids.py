"""Who a user of the cloud is at identity providers, as an administrator says it."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists
from nimbus.identity.federation import protocols, providers
from nimbus.identity.models_federation import FederatedUser

# What a list of users may be confined by -> the column.
FILTERS = {'idp_id': 'identity_provider_id', 'protocol_id': 'protocol_id', 'unique_id': 'unique_id'}


def told_of(tx: db.Tx, user_id: str) -> list[dict[str, Any]]:
    """Who the user is at identity providers, as it stands on the wire."""
    query = sa.select(FederatedUser).where(FederatedUser.user_id == user_id).order_by(FederatedUser.seq)
    found: dict[str, dict[str, Any]] = {}
    for row in tx.rows(query):
        one = found.setdefault(row.identity_provider_id, {'idp_id': row.identity_provider_id, 'protocols': []})
        one['protocols'].append({'protocol_id': row.protocol_id, 'unique_id': row.unique_id})
    return list(found.values())


def replace(tx: db.Tx, user_id: str, told: list[dict[str, Any]]) -> None:
    """The user is exactly these at identity providers; an empty list changes nothing.

    Raises Invalid when one is not there, Conflict when another user is one of them.
    """
    if not told:
        return
    mine = FederatedUser.user_id == user_id
    made = tx.scalar(sa.select(FederatedUser.seq).where(mine, FederatedUser.is_origin.is_(True)).limit(1)) is not None
    tx.delete(FederatedUser, mine)
    for one in told:
        for protocol in one['protocols']:
            _check(tx, one['idp_id'], protocol['protocol_id'])
            lists.add(
                tx,
                FederatedUser,
                'Conflict occurred attempting to store federated_user - Duplicate entry.',
                user_id=user_id,
                identity_provider_id=one['idp_id'],
                protocol_id=protocol['protocol_id'],
                unique_id=protocol['unique_id'],
                is_origin=made,
            )


def _check(tx: db.Tx, provider_id: str, protocol_id: str) -> None:
    try:
        providers.show(tx, provider_id)
        protocols.show(tx, provider_id, protocol_id)
    except errors.NotFound as why:
        raise errors.Invalid(why.sentence) from why


def having(tx: db.Tx, known: dict[str, str]) -> Any:
    """The ids of the users who are this at an identity provider; `known` is by the names of FILTERS.

    They are few, and read at once, where the provider's own id is told; else a query of however many there are.
    """
    where = [getattr(FederatedUser, FILTERS[name]) == value for name, value in known.items()]
    query = sa.select(FederatedUser.user_id).where(*where)
    return tx.column(query) if 'unique_id' in known else query
