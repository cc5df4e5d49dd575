"""Scheduler weighers: the host with the largest sum of weights is taken.

A weigher of one's own subclasses Weigher, stands under the entry point
`nimbus.scheduler.weighers` and is named in `[scheduler] enabled_weighers`.
"""

import abc
import logging
from collections.abc import Mapping
from typing import Any

from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request

LOG = logging.getLogger(__name__)


class Weigher(abc.ABC):
    """Base of every weigher."""

    option: str | None = None  # the option, and the property of aggregates, that says how much it counts
    sign = 1.0  # -1 where more is worse
    least: float | None = None  # what counts as 0, and all that is below it; None: the least of the hosts
    needs: tuple[str, ...] = ()  # of `instances`, `io_ops` and `metrics`: what is to be known of the hosts

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """The settings are the options of the scheduler by name."""
        self.settings = settings
        self.multiplier = self.sign * float(settings[self.option]) if self.option else self.sign

    def applies(self, request: Request) -> bool:
        """Whether the request has anything that the weigher looks at."""
        return True

    @abc.abstractmethod
    def weigh(self, host: HostState, request: Request) -> float:
        """How much the host has of what counts."""

    def weights(self, hosts: list[HostState], request: Request) -> list[float]:
        """How much each host has; a weigher of a large cloud says it in one loop."""
        return [self.weigh(host, request) for host in hosts]

    def multiplier_of(self, host: HostState) -> float:
        """How much the weigher counts for the host: what its aggregates say, the lowest of several."""
        given = host.given(self.option) if self.option else []
        try:
            return self.sign * min(map(float, given)) if given else self.multiplier
        except ValueError:
            LOG.warning('An aggregate of host %s says %s=%s, which is no number', host.host, self.option, given)
            return self.multiplier

    def scores(self, hosts: list[HostState], request: Request, keys: frozenset[str]) -> list[float]:
        """The weights of the hosts brought to 0 to 1, times what the weigher counts.

        `keys` are the properties that any aggregate has.
        """
        raw = self.weights(hosts, request)
        low, high = min(raw) if self.least is None else self.least, max(raw)
        if high <= low:
            return [0.0] * len(raw)
        if self.option in keys:
            span = high - low
            return [max(n - low, 0) / span * self.multiplier_of(h) for h, n in zip(hosts, raw, strict=True)]
        scale = self.multiplier / (high - low)
        if self.least is None:
            return [(n - low) * scale for n in raw]
        return [(n - low) * scale if n > low else 0.0 for n in raw]


class RAMWeigher(Weigher):
    """Spreads servers: the more memory is free, the better."""

    option, least = 'ram_weight_multiplier', 0.0

    def weigh(self, host: HostState, request: Request) -> float:
        return host.free_memory_mb

    def weights(self, hosts: list[HostState], request: Request) -> list[float]:
        return [host.free_memory_mb for host in hosts]


class CPUWeigher(Weigher):
    """Spreads servers: the more virtual CPUs are free, the better."""

    option, least = 'cpu_weight_multiplier', 0.0

    def weigh(self, host: HostState, request: Request) -> float:
        return host.free_vcpus


class DiskWeigher(Weigher):
    """Spreads servers: the more disk is free, the better."""

    option, least = 'disk_weight_multiplier', 0.0

    def weigh(self, host: HostState, request: Request) -> float:
        return host.free_disk_gb


class IoOpsWeigher(Weigher):
    """Avoids hosts whose servers are being built, imaged or moved: the option is negative where fewer are better."""

    option, least, needs = 'io_ops_weight_multiplier', 0.0, ('io_ops',)

    def weigh(self, host: HostState, request: Request) -> float:
        return host.io_ops


class BuildFailureWeigher(Weigher):
    """Avoids hosts on which builds failed since one succeeded."""

    option, sign = 'build_failure_weight_multiplier', -1.0

    def weigh(self, host: HostState, request: Request) -> float:
        return host.failed_builds


class MetricsWeigher(Weigher):
    """Weighs what the hosts measured of themselves: the sum of the named metrics times their factors."""

    option, needs = 'metrics_weight_multiplier', ('metrics',)

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Raises LookupError that names a setting which is no NAME=FACTOR."""
        super().__init__(settings)
        self.factors = metrics_named(settings)

    def applies(self, request: Request) -> bool:
        return bool(self.factors)

    def weigh(self, host: HostState, request: Request) -> float:
        if self.factors.keys() <= host.metrics.keys():
            return sum(host.metrics[name] * factor for name, factor in self.factors.items())
        return float(self.settings['metrics_weight_of_unavailable'])


class ServerGroupSoftAffinityWeigher(Weigher):
    """Brings the servers of a group together where that can be: the more of them a host has, the better."""

    option = 'soft_affinity_weight_multiplier'

    def applies(self, request: Request) -> bool:
        return request.policy == 'soft-affinity'

    def weigh(self, host: HostState, request: Request) -> float:
        return request.group_hosts.get(host.host, 0)


class ServerGroupSoftAntiAffinityWeigher(Weigher):
    """Keeps the servers of a group apart where that can be: the fewer of them a host has, the better."""

    option, sign = 'soft_anti_affinity_weight_multiplier', -1.0

    def applies(self, request: Request) -> bool:
        return request.policy == 'soft-anti-affinity'

    def weigh(self, host: HostState, request: Request) -> float:
        return request.group_hosts.get(host.host, 0)


def metrics_named(settings: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are added up and their factors.  Raises LookupError that names what is no NAME=FACTOR."""
    found = {}
    for given in settings['metrics_weight_setting']:
        name, equals, factor = given.partition('=')
        try:
            found[name.strip()] = float(factor)
        except ValueError:
            name = ''
        if not (name.strip() and equals):
            raise LookupError(f'[metrics] weight_setting has {given}, which is no NAME=FACTOR.')
    return found
