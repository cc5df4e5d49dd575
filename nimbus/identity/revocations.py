"""Token revocations, in one numbered sequence that every validator reads.

A row either revokes the tokens of a subject that were issued before a moment,
or only invalidates what validators have cached of the subject.  Subjects:
`audit` one token, `chain` a token and all that were made from it, `user`, `group`,
`project`, `domain`, `credential`, `trust`, `consumer` and `access_token` of OAuth,
`provider` and `protocol` of federated logins, `catalog`, and `all`.
"""

import datetime
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock
from nimbus.common.database import db
from nimbus.identity.models import Revocation, RevocationCounter

PAGE = 5000  # rows read at a time, so that a validator that starts late stays small


def revoke(tx: db.Tx, kind: str, subject: str) -> None:
    """Tokens of the subject that were issued until now are refused everywhere within a second of the commit."""
    _append(tx, kind, subject, clock.Clock().now())


def refresh(tx: db.Tx, kind: str, subject: str = '') -> None:
    """Every validator drops what it has cached of the subject within a second of the commit."""
    _append(tx, kind, subject, None)


def _append(tx: db.Tx, kind: str, subject: str, before: datetime.datetime | None) -> None:
    if not tx.update(RevocationCounter, RevocationCounter.id == 1, number=RevocationCounter.number + 1):
        tx.ensure(RevocationCounter, id=1, number=0)
        tx.update(RevocationCounter, RevocationCounter.id == 1, number=RevocationCounter.number + 1)
    number = newest(tx)
    tx.insert(Revocation, number=number, kind=kind, subject=subject, before=before, created_at=clock.Clock().now())


def newest(tx: db.Tx) -> int:
    """The number of the last row there was, 0 before the first."""
    return tx.scalar(sa.select(RevocationCounter.number)) or 0


def since(tx: db.Tx, number: int, refusing: bool = False) -> list[Any]:
    """A page of the rows after that number, in the order of their commits.

    `refusing` leaves out those that only invalidate caches, for a validator that has cached nothing yet.
    """
    query = sa.select(Revocation).where(Revocation.number > number).order_by(Revocation.number).limit(PAGE)
    return list(tx.rows(query.where(Revocation.before.is_not(None)) if refusing else query))


def refused(tx: db.Tx, kinds: tuple[str, ...], since: datetime.datetime | None = None) -> list[Any]:
    """The rows of those kinds that refuse tokens, made at that moment or later, oldest first; at most a page."""
    where = [Revocation.before.is_not(None), Revocation.kind.in_(kinds)]
    where += [Revocation.created_at >= since] if since else []
    return list(tx.rows(sa.select(Revocation).where(*where).order_by(Revocation.number).limit(PAGE)))


def prune(tx: db.Tx, before: datetime.datetime, stale: datetime.datetime) -> int:
    """Rows from before that moment are deleted, as every token they revoke has expired; returns how many were.

    So are those from before `stale` that only invalidate caches: a validator that has not read them by then accepts
    no cached token any more.
    """
    idle = sa.and_(Revocation.before.is_(None), Revocation.created_at < stale)
    return tx.delete(Revocation, sa.or_(Revocation.created_at < before, idle))
