"""The ports of a host, those included whose guests are on their way there."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network.models import Arrival, Port


def there(host: str) -> Any:
    """SQL: the ports that are wired on the host, those of guests on their way there included."""
    return sa.or_(Port.host == host, Port.id.in_(sa.select(Arrival.port_id).where(Arrival.host == host)))


def coming(tx: db.Tx, host: str, port_ids: set[str]) -> set[str]:
    """Those of the ports whose guests are on their way to the host."""
    where = (Arrival.host == host, Arrival.port_id.in_(sorted(port_ids)))
    return set(tx.column(sa.select(Arrival.port_id).where(*where))) if port_ids else set()
