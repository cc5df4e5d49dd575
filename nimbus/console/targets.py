"""What a token of a console leads to, and whether it still does."""

import dataclasses
from collections.abc import Callable
from typing import Any

from nimbus.common import errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.compute import console_tokens
from nimbus.compute.guest import SERIAL, VNC

BATCH = 200  # tokens forgotten in one transaction, so that no other writer waits long
KINDS = {'novnc': VNC, 'serial': SERIAL}


@dataclasses.dataclass(frozen=True)
class Target:
    """A guest's console."""

    server_id: str
    host: str  # where the guest is
    kind: str  # VNC or SERIAL
    address: str
    port: int
    seconds: float  # for which the token is still good


class Targets:
    """Finds the consoles that tokens lead to."""

    def __init__(self, database: db.Database, agent: Callable[[str], Any], clock: Clock | None = None) -> None:
        """`agent` is a way to speak to the compute agent of a host."""
        self._db, self._agent, self._clock = database, agent, clock or Clock()

    def of(self, token: str) -> Target:
        """What the token leads to.  Raises NotFound when it is none, or not any more."""
        with self._db.read() as tx:
            row = console_tokens.find(tx, token)
        if row is None:
            raise errors.NotFound('The token of a console is not known, or its time is over.')
        left = (row.expires_at - self._clock.now()).total_seconds()
        return Target(row.server_id, row.host, KINDS[row.kind], row.address, row.port, left)

    def confirm(self, target: Target) -> None:
        """Nothing, where the console is the guest's now.  Raises NotFound when it is not, and Unavailable.

        It is asked once there is a connection: the port of a guest that is off may be another guest's.
        """
        try:
            place = self._agent(target.host).console_address(target.server_id, target.kind)
        except (errors.NotFound, errors.Conflict, errors.Invalid) as why:
            raise errors.NotFound(f'Server {target.server_id} has no such console any more: {why.sentence}') from why
        if (place['host'], place['port']) != (target.address, target.port):
            raise errors.NotFound(f'Server {target.server_id} has its console at another port by now.')

    def forget_ended(self) -> None:
        """Tokens whose time is over have left no row."""
        while self._db.with_retries(lambda tx: console_tokens.forget_ended(tx, BATCH)) == BATCH:
            pass
