"""Scheduler weighers: the host with the largest sum of weights is taken.

A weigher of one's own subclasses Weigher, stands under the entry point
`nimbus.scheduler.weighers` and is named in `[scheduler] enabled_weighers`.
"""

import abc

from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request


class Weigher(abc.ABC):
    """Base of every weigher."""

    @abc.abstractmethod
    def weigh(self, host: HostState, request: Request) -> float:
        """How good the host is for the server; more is better."""

    def weights(self, hosts: list[HostState], request: Request) -> list[float]:
        """How good each host is; a weigher of a large cloud says it in one loop."""
        return [self.weigh(host, request) for host in hosts]


class RAMWeigher(Weigher):
    """Spreads servers: the more memory is free, the better."""

    def weigh(self, host: HostState, request: Request) -> float:
        return host.free_memory_mb

    def weights(self, hosts: list[HostState], request: Request) -> list[float]:
        return [host.free_memory_mb for host in hosts]
