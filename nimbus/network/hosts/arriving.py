"""The ports of a host, those included whose guests are on their way there."""

from typing import Any

import sqlalchemy as sa

from nimbus.common.database import db
from nimbus.network.models import Arrival, Port

COMING = db.Gathering(sa.select(Arrival.port_id, Arrival.host), Arrival.port_id)


def there(host: str) -> Any:
    """SQL: the ports that are wired on the host, those of guests on their way there included."""
    return sa.or_(Port.host == host, Port.id.in_(sa.select(Arrival.port_id).where(Arrival.host == host)))


def coming(tx: db.Tx, port_ids: set[str]) -> dict[str, str]:
    """Of those ports whose guests are on their way to another host, which host that is."""
    return {row.port_id: row.host for row in COMING.rows(tx, sorted(port_ids))}
