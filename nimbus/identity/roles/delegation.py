"""The chain of trusts that one came of: from itself up to the one that was given first."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.identity.models import Trust

MAX_LINKS = 64  # no chain is longer; stops a loop in broken data


def of(tx: db.Tx, trust_id: str) -> list[Any]:
    """The trust's row, then of each the one it was passed on from; empty when one of them is gone."""
    found: list[Any] = []
    wanted: str | None = trust_id
    while wanted:
        row = tx.row(sa.select(Trust).where(Trust.id == wanted))
        if row is None or len(found) >= MAX_LINKS:
            return []
        found.append(row)
        wanted = row.redelegated_trust_id
    return found
