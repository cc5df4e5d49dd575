"""The delegation chain of a trust: from itself up to the first trust, of which it was redelegated."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.identity.models import Trust

MAX_LINKS = 64  # no chain is longer; stops a loop in broken data


def of(tx: db.Tx, trust_id: str) -> list[Any]:
    """The rows of the trust, of the one it was redelegated from, and so on; empty when one of them is deleted."""
    found: list[Any] = []
    wanted: str | None = trust_id
    while wanted:
        row = tx.row(sa.select(Trust).where(Trust.id == wanted))
        if row is None or len(found) >= MAX_LINKS:
            return []
        found.append(row)
        wanted = row.redelegated_trust_id
    return found
