"""Hosts whose volumes and snapshots an operator keeps as they are, as before their store is moved."""

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.database import db


def check(tx: db.Tx, host: str | None) -> None:
    """Nothing, when what the host keeps may be removed and copied.  Raises Invalid."""
    if host and services.find(tx, 'volume', host=host, frozen=True):
        raise errors.Invalid(
            'Invalid input received: Modification operations are not allowed on frozen storage backends.'
        )
