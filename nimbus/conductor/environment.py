"""What the steps of a workflow use: the database, RPC clients of each daemon, and settings."""

from nimbus.common.agents import services
from nimbus.common.clock import Clock
from nimbus.common.context import Context
from nimbus.common.messaging import rpc
from nimbus.common.parts import Parts
from nimbus.common.quotas import Quotas
from nimbus.compute.rpc import Compute
from nimbus.image import quotas
from nimbus.scheduler.rpc import Scheduler
from nimbus.volume.rpc import Volume


class Environment:
    """The database, a way to speak to each daemon, and the few settings that steps need."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.db, self.clock = parts, parts.db, parts.clock or Clock()
        self._began = self.clock.monotonic()
        conf = parts.conf
        self.down_time: float = conf.service_down_time if conf else 30
        self.max_attempts: int = conf.scheduler.max_attempts if conf else 3
        self.shutdown_timeout: int = conf.compute.shutdown_timeout if conf else 60
        self.resize_to_same_host: bool = conf.compute.allow_resize_to_same_host if conf else False
        self.image_quotas: Quotas = quotas.of(conf)
        self.force_config_drive: bool = conf.compute.force_config_drive if conf else False

    def client(self, contract: type[rpc.Contract], asker: Context, host: str | None = None) -> rpc.Client:
        """A way to speak the contract to one host, or to whichever server takes the message."""
        return self.parts.client(contract, asker, host)

    def scheduler(self, asker: Context) -> rpc.Client:
        """Whichever scheduler takes the message."""
        return self.parts.client(Scheduler, asker)

    def compute(self, asker: Context, host: str) -> rpc.Client:
        """The compute agent of the host."""
        return self.parts.client(Compute, asker, host)

    def volume(self, asker: Context, host: str) -> rpc.Client:
        """The volume agent of the host."""
        return self.parts.client(Volume, asker, host)

    def is_down(self, host: str, binary: str = 'nova-compute') -> bool:
        """Whether the host's agent is known to be down: never heard of, forced down, or silent while others report.

        When nobody reports, or this process began a moment ago, the silence may be the bus's or its own.
        """
        with self.db.read() as tx:
            rows = services.find(tx)
        mine = [row for row in rows if (row.host, row.binary) == (host, binary)]
        if not mine or mine[0].forced_down:
            return True
        others = any(services.is_up(row, self.down_time) for row in rows if row.id != mine[0].id)
        settled = self.clock.monotonic() - self._began > self.down_time
        return settled and others and not services.is_up(mine[0], self.down_time)
