"""Posts Neutron's notifications of the API's changes, with the request's body or the response."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common.database import db
from nimbus.common.messaging import outbox


def notify(call: Call, tx: db.Tx, event_type: str, payload: dict[str, Any]) -> None:
    """The notification is posted: it is published once the request's transaction has been committed."""
    outbox.post(tx, call.context, 'network', event_type, lambda: payload)
