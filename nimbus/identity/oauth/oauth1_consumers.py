"""OAuth 1 consumers: programs to which users may delegate some of their roles."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids
from nimbus.common.database import db, listing
from nimbus.identity import lists, revocations
from nimbus.identity.models_oauth import AccessToken, Consumer, RequestToken


def show(tx: db.Tx, consumer_id: str) -> Any:
    """The consumer's row.  Raises NotFound."""
    row = find_one(tx, consumer_id)
    if row is None:
        raise errors.NotFound('Consumer not found')
    return row


def find_one(tx: db.Tx, consumer_id: str) -> Any:
    """The consumer's row, None when there is none."""
    return tx.row(sa.select(Consumer).where(Consumer.id == consumer_id))


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of the consumers."""
    return lists.some(tx, Consumer, [], page)


def create(tx: db.Tx, description: str | None, extra: dict[str, Any]) -> tuple[str, str]:
    """A new consumer exists; returns its id, and its secret, which is not shown again."""
    consumer_id, secret = ids.plain(), ids.plain()
    encrypted, key_name = tx.encryption.encrypt(secret)
    tx.insert(
        Consumer,
        id=consumer_id,
        description=description,
        secret=encrypted,
        key_name=key_name,
        extra=extra,
        created_at=clock.Clock().now(),
    )
    return consumer_id, secret


def update(tx: db.Tx, consumer_id: str, values: dict[str, Any], extra: dict[str, Any]) -> None:
    """The consumer has the values; others stay.  Raises NotFound."""
    kept = show(tx, consumer_id).extra
    tx.update(Consumer, Consumer.id == consumer_id, **values, extra={**kept, **extra})


def delete(tx: db.Tx, consumer_id: str) -> None:
    """The consumer and its tokens are deleted, and what was issued for them is revoked.  Raises NotFound."""
    if not tx.delete(Consumer, Consumer.id == consumer_id):
        raise errors.NotFound('Consumer not found')
    tx.delete(RequestToken, RequestToken.consumer_id == consumer_id)
    tx.delete(AccessToken, AccessToken.consumer_id == consumer_id)
    revocations.revoke(tx, 'consumer', consumer_id)
