"""Filters by what a host has to do, and by what it is kept for."""

import logging

from nimbus.scheduler.filters import Filter, Hosts, names
from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request
from nimbus.scheduler.weighers import metrics_named

LOG = logging.getLogger(__name__)


class Most(Filter):
    """Base of the filters that pass over hosts which have as many of something as they may."""

    limit: str  # the option that says how many
    by_aggregate = False  # whether a property of that name of an aggregate goes before it, the lowest of several

    def has(self, host: HostState) -> int:
        """How many of it the host has."""
        raise NotImplementedError

    def most(self, host: HostState) -> int:
        """How many of it the host may have."""
        given = host.given(self.limit) if self.by_aggregate else []
        try:
            return min(map(int, given)) if given else int(self.settings[self.limit])
        except ValueError:
            LOG.warning('An aggregate of host %s says %s=%s, which is no number', host.host, self.limit, given)
            return int(self.settings[self.limit])

    def passes(self, host: HostState, request: Request) -> bool:
        return self.has(host) < self.most(host)

    def wish(self, request: Request) -> str:
        return 'a host that has less to do'


class IoOpsFilter(Most):
    """Passes over hosts with many servers that are being built, imaged, resized or rescued."""

    limit, needs = 'max_io_ops_per_host', ('io_ops',)

    def has(self, host: HostState) -> int:
        return host.io_ops

    def why(self, removed: Hosts, request: Request) -> str:
        host = removed[0]
        return f'{host.host} works on the disks of {host.io_ops} servers, and may on those of {self.most(host)}'


class AggregateIoOpsFilter(IoOpsFilter):
    """The same, where aggregates may say how many."""

    by_aggregate = True


class NumInstancesFilter(Most):
    """Passes over hosts that have as many servers as a host may."""

    limit, needs = 'max_instances_per_host', ('instances',)

    def has(self, host: HostState) -> int:
        return host.instances

    def why(self, removed: Hosts, request: Request) -> str:
        host = removed[0]
        return f'{host.host} has {host.instances} servers and may have {self.most(host)}'


class AggregateNumInstancesFilter(NumInstancesFilter):
    """The same, where aggregates may say how many."""

    by_aggregate = True


class IsolatedHostsFilter(Filter):
    """Keeps the isolated images on the isolated hosts, and others off these where they are restricted."""

    def passes(self, host: HostState, request: Request) -> bool:
        restricted = self.settings['restrict_isolated_hosts_to_isolated_images']
        kept_host = host.host in self.settings['isolated_hosts']
        kept_image = request.image_id in self.settings['isolated_images']
        return kept_host if kept_image else not (kept_host and restricted)

    def why(self, removed: Hosts, request: Request) -> str:
        if request.image_id in self.settings['isolated_images']:
            return f'{names(removed)} are not among the hosts for the image {request.image_id}'
        return f'{names(removed)} are kept for other images'

    def wish(self, request: Request) -> str:
        return 'a host for such an image'


class MetricsFilter(Filter):
    """Passes over hosts that lack a metric which MetricsWeigher weighs."""

    needs = ('metrics',)

    def passes(self, host: HostState, request: Request) -> bool:
        return metrics_named(self.settings).keys() <= host.metrics.keys()

    def why(self, removed: Hosts, request: Request) -> str:
        lacking = sorted(metrics_named(self.settings).keys() - removed[0].metrics.keys())
        return f'{removed[0].host} measures no {", ".join(lacking)}'
