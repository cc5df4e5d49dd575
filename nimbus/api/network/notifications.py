"""What the world is told of network nouns: Neutron's notifications, with what was asked and what was answered."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common.database import db
from nimbus.common.messaging import outbox


def tell(call: Call, tx: db.Tx, event_type: str, payload: dict[str, Any]) -> None:
    """The world hears of it once the request's transaction is durable."""
    outbox.post(tx, call.context, 'network', event_type, lambda: payload)
