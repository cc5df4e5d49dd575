"""Scheduler filters: each removes the hosts that cannot take a server, and gives the reason.

A filter of one's own subclasses Filter, stands under the entry point
`nimbus.scheduler.filters` and is named in `[scheduler] enabled_filters`.
"""

import abc
from collections.abc import Mapping
from typing import Any

from nimbus.scheduler import specs, traits
from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request

Hosts = list[HostState]


class Filter(abc.ABC):
    """Base of every filter."""

    even_forced = False  # whether a host that an operator names must pass too
    hints: tuple[str, ...] = ()  # of a new server, that the filter looks at
    needs: tuple[str, ...] = ()  # of `instances`, `io_ops` and `metrics`: what is to be known of the hosts

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """The settings are the options of the scheduler by name."""
        self.settings = settings

    @classmethod  # noqa: B027 - most filters read no hint
    def check(cls, hints: Mapping[str, Any]) -> None:
        """Nothing, when the hints are of a form that the filter can read.  Raises Invalid."""

    def applies(self, request: Request) -> bool:
        """Whether the request has anything that the filter looks at."""
        return True

    @abc.abstractmethod
    def passes(self, host: HostState, request: Request) -> bool:
        """Whether the host may take the server."""

    @abc.abstractmethod
    def why(self, removed: Hosts, request: Request) -> str:
        """What the removed hosts lack, in a few words."""

    def wish(self, request: Request) -> str:
        """What the request asks of the filter, for users: it names no host; blank where the user did not ask for it."""
        return ''

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        """The hosts that pass; a filter that looks at every host of a large cloud says it in one loop."""
        return [host for host in hosts if self.passes(host, request)]


class RetryFilter(Filter):
    """Passes over hosts that refused the server already, or from which it was evacuated and which do not know it."""

    even_forced = True

    def applies(self, request: Request) -> bool:
        return bool(request.avoid)

    def passes(self, host: HostState, request: Request) -> bool:
        return host.host not in request.avoid

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} refused the server before, or may still run its guest'


class AvailabilityZoneFilter(Filter):
    """Keeps the hosts of the zone asked for."""

    def applies(self, request: Request) -> bool:
        return bool(request.zone)

    def passes(self, host: HostState, request: Request) -> bool:
        return host.zone == request.zone

    def why(self, removed: Hosts, request: Request) -> str:
        zones = sorted({host.zone for host in removed})
        return f'asked for zone {request.zone}; they stand in {", ".join(zones[:3])}'

    def wish(self, request: Request) -> str:
        return f'a host of zone {request.zone}'

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        zone = request.zone
        return [host for host in hosts if host.zone == zone]


class ComputeFilter(Filter):
    """Keeps the hosts whose agent is up and that nobody switched off."""

    even_forced = True

    def passes(self, host: HostState, request: Request) -> bool:
        return host.silent <= host.down_time and not host.forced_down and (not host.disabled or bool(request.host))

    def why(self, removed: Hosts, request: Request) -> str:
        host = removed[0]
        if host.forced_down:
            return f'{host.host} is forced down'
        if host.silent > host.down_time:
            return f'{host.host} has not reported for {host.silent:.0f} s'
        return f'{host.host} is disabled'

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        if not hosts:
            return hosts
        since = hosts[0].now() - hosts[0].down_time
        if request.host:
            return [host for host in hosts if host.seen >= since and not host.forced_down]
        return [host for host in hosts if host.seen >= since and not host.disabled and not host.forced_down]


class CoreFilter(Filter):
    """Keeps the hosts with enough virtual CPUs left to claim."""

    even_forced = True

    def passes(self, host: HostState, request: Request) -> bool:
        return host.free_vcpus >= request.vcpus

    def why(self, removed: Hosts, request: Request) -> str:
        best = max(removed, key=lambda host: host.free_vcpus)
        return f'needs {request.vcpus} vCPUs; the nearest, {best.host}, has {best.free_vcpus:.0f} free'

    def wish(self, request: Request) -> str:
        return f'{request.vcpus} vCPUs'

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        wanted = request.vcpus
        return [host for host in hosts if host.free_vcpus >= wanted]


class RamFilter(Filter):
    """Keeps the hosts with enough memory left to claim."""

    even_forced = True

    def passes(self, host: HostState, request: Request) -> bool:
        return host.free_memory_mb >= request.memory_mb

    def why(self, removed: Hosts, request: Request) -> str:
        best = max(removed, key=lambda host: host.free_memory_mb)
        return f'needs {request.memory_mb} MiB; the nearest, {best.host}, has {best.free_memory_mb:.0f} free'

    def wish(self, request: Request) -> str:
        return f'{request.memory_mb} MiB of memory'

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        wanted = request.memory_mb
        return [host for host in hosts if host.free_memory_mb >= wanted]


class DiskFilter(Filter):
    """Keeps the hosts with enough disk left to claim."""

    even_forced = True

    def applies(self, request: Request) -> bool:
        return request.disk_gb > 0

    def passes(self, host: HostState, request: Request) -> bool:
        return host.free_disk_gb >= request.disk_gb

    def why(self, removed: Hosts, request: Request) -> str:
        best = max(removed, key=lambda host: host.free_disk_gb)
        return f'needs {request.disk_gb} GiB of disk; the nearest, {best.host}, has {best.free_disk_gb:.0f} free'

    def wish(self, request: Request) -> str:
        return f'{request.disk_gb} GiB of disk'

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        wanted = request.disk_gb
        return [host for host in hosts if host.free_disk_gb >= wanted]


class ImagePropertiesFilter(Filter):
    """Keeps the hosts whose architecture, hypervisor and kind of guest the image asks for."""

    def applies(self, request: Request) -> bool:
        return any(specs.image_wish(request.image_properties, *names) for names in specs.IMAGE_WISHES)

    def passes(self, host: HostState, request: Request) -> bool:
        return specs.image_fits(host.facts, request.image_properties)

    def why(self, removed: Hosts, request: Request) -> str:
        wishes = _wishes(request)
        host = removed[0]
        has = f'{host.facts.get("arch", "x86_64")} and {host.facts.get("hypervisor_type", "no known hypervisor")}'
        return f'the image asks for {" and ".join(w for w in wishes if w)}; {host.host} has {has}'

    def wish(self, request: Request) -> str:
        return f'{" and ".join(filter(None, _wishes(request)))}, as the image asks'


class ComputeCapabilitiesFilter(Filter):
    """Keeps the hosts whose facts satisfy the flavor's `capabilities:` extra specs."""

    def applies(self, request: Request) -> bool:
        return any(specs.capability(name) for name in request.extra_specs)

    def passes(self, host: HostState, request: Request) -> bool:
        return not self._missing(host, request)

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{removed[0].host} does not satisfy {", ".join(self._missing(removed[0], request))}'

    def wish(self, request: Request) -> str:
        return f'{", ".join(sorted(filter(specs.capability, request.extra_specs)))}, as the flavor asks'

    def _missing(self, host: HostState, request: Request) -> list[str]:
        return [
            f'{name} {wanted}'
            for name, wanted in sorted(request.extra_specs.items())
            if (path := specs.capability(name)) and not specs.matches(specs.fact(host.facts, path), wanted)
        ]


class TraitsFilter(Filter):
    """Keeps the hosts with the traits that flavor and image require, and without those that they forbid."""

    even_forced = True

    def applies(self, request: Request) -> bool:
        return any(traits.wanted(request.extra_specs, request.image_properties))

    def passes(self, host: HostState, request: Request) -> bool:
        required, forbidden = traits.wanted(request.extra_specs, request.image_properties)
        return required <= host.traits and not forbidden & host.traits

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        required, forbidden = traits.wanted(request.extra_specs, request.image_properties)
        return [host for host in hosts if required <= host.traits and not forbidden & host.traits]

    def why(self, removed: Hosts, request: Request) -> str:
        required, forbidden = traits.wanted(request.extra_specs, request.image_properties)
        host = removed[0]
        lacks, has = sorted(required - host.traits), sorted(forbidden & host.traits)
        return f'{host.host} {" and ".join([f"lacks {name}" for name in lacks] + [f"has {name}" for name in has])}'

    def wish(self, request: Request) -> str:
        required, forbidden = traits.wanted(request.extra_specs, request.image_properties)
        told = [*sorted(required), *(f'not {name}' for name in sorted(forbidden))]
        return f'a host that is {", ".join(told)}, as flavor or image ask'


class ServerGroupAffinityFilter(Filter):
    """Keeps the host where the other servers of a group with affinity are."""

    def applies(self, request: Request) -> bool:
        return request.policy == 'affinity'

    def passes(self, host: HostState, request: Request) -> bool:
        return request.fits_group(host.host)

    def why(self, removed: Hosts, request: Request) -> str:
        return f'the servers of its group stand on {", ".join(sorted(request.group_hosts))}'

    def wish(self, request: Request) -> str:
        return 'the host of the other servers of its group'


class ServerGroupAntiAffinityFilter(Filter):
    """Passes over hosts that have as many servers of a group as its rule allows."""

    def applies(self, request: Request) -> bool:
        return request.policy == 'anti-affinity'

    def passes(self, host: HostState, request: Request) -> bool:
        return request.fits_group(host.host)

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} have servers of its group, of which {(request.group or {})["most"]} may share a host'

    def wish(self, request: Request) -> str:
        return 'a host apart from the other servers of its group'


def _wishes(request: Request) -> list[str]:
    """What the image asks of a host, blank where it asks nothing."""
    return [specs.image_wish(request.image_properties, *names) or '' for names in specs.IMAGE_WISHES]


def names(hosts: Hosts, most: int = 3) -> str:
    """The first few hosts by name, and how many more there are."""
    shown = ', '.join(host.host for host in hosts[:most])
    return shown if len(hosts) <= most else f'{shown} and {len(hosts) - most} more'
