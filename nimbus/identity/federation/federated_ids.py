"""Federated ids of users: a user's unique ids at identity providers, as an administrator sets them."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists
from nimbus.identity.federation import protocols, providers
from nimbus.identity.models_federation import FederatedUser

# Filters of a list of users -> the column.
FILTERS = {'idp_id': 'identity_provider_id', 'protocol_id': 'protocol_id', 'unique_id': 'unique_id'}


def of_user(tx: db.Tx, user_id: str) -> list[dict[str, Any]]:
    """The user's federated ids, as on the wire."""
    query = sa.select(FederatedUser).where(FederatedUser.user_id == user_id).order_by(FederatedUser.seq)
    found: dict[str, dict[str, Any]] = {}
    for row in tx.rows(query):
        one = found.setdefault(row.identity_provider_id, {'idp_id': row.identity_provider_id, 'protocols': []})
        one['protocols'].append({'protocol_id': row.protocol_id, 'unique_id': row.unique_id})
    return list(found.values())


def replace(tx: db.Tx, user_id: str, given: list[dict[str, Any]]) -> None:
    """The user has exactly these federated ids; an empty list changes nothing.

    Raises Invalid when a provider or protocol does not exist, Conflict when another user has one of the ids.
    """
    if not given:
        return
    mine = FederatedUser.user_id == user_id
    made = tx.scalar(sa.select(FederatedUser.seq).where(mine, FederatedUser.is_origin.is_(True)).limit(1)) is not None
    tx.delete(FederatedUser, mine)
    for one in given:
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
    """The ids of the users whose federated ids match; `known` is by the names of FILTERS.

    A list where the unique id is among the filters, as it then has few ids; else a query, which may find many.
    """
    where = [getattr(FederatedUser, FILTERS[name]) == value for name, value in known.items()]
    query = sa.select(FederatedUser.user_id).where(*where)
    return tx.column(query) if 'unique_id' in known else query
