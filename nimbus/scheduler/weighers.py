"""Weighers: the host with the largest sum of weights is taken.

A weigher of one's own subclasses Weigher, stands under the entry point
`nimbus.scheduler.weighers` and is named in `[scheduler] enabled_weighers`.
"""

import abc

from nimbus.scheduler.request import Request
from nimbus.scheduler.resident import HostState


class Weigher(abc.ABC):
    """Base of every weigher."""

    @abc.abstractmethod
    def weigh(self, host: HostState, request: Request) -> float:
        """How good the host is for the server; more is better."""


class RAMWeigher(Weigher):
    """Spreads servers: the more memory is free, the better."""

    def weigh(self, host: HostState, request: Request) -> float:
        return host.free_memory_mb
