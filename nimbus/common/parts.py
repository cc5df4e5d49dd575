"""The shared objects of a process (configuration, database, bus ...): made once in cmd/ and passed down."""

import dataclasses
import logging
from typing import Any

from nimbus.common import context, failpoints
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.common.messaging import rpc

LOG = logging.getLogger(__name__)


@dataclasses.dataclass
class Parts:
    """The shared parts of one process."""

    conf: Any  # oslo.config, read here and in cmd/ only through explicit values
    db: db.Database
    bus: Any  # an oslo.messaging transport
    clock: Clock = dataclasses.field(default_factory=Clock)
    tokens: Any = None  # nimbus.identity's validator: validate(token) -> Context
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)  # a service's own: stores, drivers, keys

    def client(
        self, contract: type[rpc.Contract], asker: context.Context | None = None, host: str | None = None
    ) -> rpc.Client:
        """A way to speak the contract to one host, or to whichever server takes the message."""
        clients = self.extra.setdefault('_clients', {})
        if contract not in clients:
            clients[contract] = rpc.Client(self.bus, contract)
        return clients[contract].on(host, asker)

    def wake(self, topic: str) -> None:
        """`nudge` was cast to 'TOPIC', or to one host of it as 'TOPIC.HOST'; a bus that is away costs only a poll."""
        failpoints.hit(f'nudge.{topic}')
        name, _, host = topic.partition('.')
        try:
            rpc.nudge(self.bus, name, host or None)
        except Exception as why:  # whatever the bus meets, the poll finds the work
            LOG.warning('The nudge for %s was not sent: %s', topic, why)
