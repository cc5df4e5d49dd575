"""Hosts, requests and schedulers for the tests of the scheduler."""

from typing import Any

import pytest

from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.compute.hosts import aggregates
from nimbus.scheduler import hosts, options
from nimbus.scheduler.manager import SchedulerServer
from tests.conftest import MEMBER

KIND = services.Kind('compute', 'nova-compute')


def facts(vcpus: int = 8, memory_mb: int = 8192, disk_gb: int = 100, **more) -> dict[str, Any]:
    """What an agent reports of its host."""
    known = {'hypervisor_hostname': 'node', 'hypervisor_type': 'QEMU', 'vcpus': vcpus, 'memory_mb': memory_mb}
    return {**known, 'disk_gb': disk_gb, **more}


def known(database, name: str, zone: str = 'nova', **more) -> str:
    """The host has reported; its id."""
    with database.write() as tx:
        services.report(tx, KIND, name, facts(**more))
        return hosts.report(tx, name, facts(**more), zone)


def grouped(database, *names: str, **properties: str) -> int:
    """An aggregate of the hosts with the properties; its number."""
    with database.write() as tx:
        number = aggregates.create(tx, '-'.join([*names, *properties]), None).seq
        for name in names:
            aggregates.add_host(tx, number, name)
        aggregates.change(tx, number, properties=properties)
    return number


def wish(vcpus: int = 1, memory_mb: int = 1024, disk_gb: int = 10, **more) -> dict[str, Any]:
    """A request for a host."""
    return {'vcpus': vcpus, 'memory_mb': memory_mb, 'disk_gb': disk_gb, **more}


def serving(database, filters=(), weighers=('RAMWeigher',), **settings) -> SchedulerServer:
    """A scheduler with these filters and weighers, and with settings other than the default."""
    said = {**options.settings(), **settings}
    return SchedulerServer(database, filters=list(filters), weighers=list(weighers), settings=said)


def refusal(scheduler, **more) -> str:
    """What an operator reads of a request that no host can take."""
    with pytest.raises(errors.NoValidHost) as why:
        scheduler.place(MEMBER, 'refused', wish(**more))
    return str(why.value.inside)


def fitting(scheduler, **more) -> list[str]:
    """The names of the hosts that the scheduler would take for the request, one after the other."""
    found: list[str] = []
    while True:
        try:
            found.append(scheduler.place(MEMBER, 'trial', wish(avoid=found, **more))['host'])
        except errors.NoValidHost:
            return sorted(found)
        scheduler.release(MEMBER, 'trial')
