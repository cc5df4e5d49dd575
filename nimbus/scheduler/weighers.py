"""Scheduler weighers: the host with the largest sum of weights is taken.

A weigher of one's own subclasses Weigher, stands under the entry point
`nimbus.scheduler.weighers` and is named in `[scheduler] enabled_weighers`.
"""

import abc

from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request

GROUP = 1e9  # what a server of the same group weighs: more than any other weigher's hosts differ by


class Weigher(abc.ABC):
    """Base of every weigher."""

    def applies(self, request: Request) -> bool:
        """Whether the request has anything that the weigher looks at."""
        return True

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


class ServerGroupSoftAffinityWeigher(Weigher):
    """Brings the servers of a group together where that can be: the more of them a host has, the better."""

    def applies(self, request: Request) -> bool:
        return request.policy == 'soft-affinity'

    def weigh(self, host: HostState, request: Request) -> float:
        return GROUP * request.group_hosts.get(host.host, 0)


class ServerGroupSoftAntiAffinityWeigher(Weigher):
    """Keeps the servers of a group apart where that can be: the fewer of them a host has, the better."""

    def applies(self, request: Request) -> bool:
        return request.policy == 'soft-anti-affinity'

    def weigh(self, host: HostState, request: Request) -> float:
        return -GROUP * request.group_hosts.get(host.host, 0)
