"""A Placement API over two hosts, one of which runs a server."""

import types

import pytest

from nimbus.api.placement import app
from nimbus.common.agents import services
from nimbus.compute.hosts import aggregates
from nimbus.scheduler import hosts
from nimbus.scheduler.manager import SchedulerServer
from tests.conftest import ADMIN, MEMBER
from tests.wire.client import Client

KIND = services.Kind('compute', 'nova-compute')
SERVER = '5e4fe4ad-0000-4000-8000-000000000001'


def facts(node: str, **more) -> dict:
    return {'hypervisor_hostname': node, 'vcpus': 4, 'memory_mb': 8192, 'disk_gb': 100, **more}


@pytest.fixture
def cloud(database):
    """Ids of the hosts and of the second one's aggregate; MEMBER's server holds 2 vCPUs and 1 GiB of the second."""
    with database.write() as tx:
        for name in ('h1', 'h2'):
            services.report(tx, KIND, name, {})
        first = hosts.report(tx, 'h1', facts('n1', memory_mb=512))
        second = hosts.report(tx, 'h2', facts('n2', reserved={'memory_mb': 512}, traits=['COMPUTE_NODE']))
    wish = {
        'vcpus': 2,
        'memory_mb': 1024,
        'disk_gb': 0,
        'project_id': MEMBER.project_id,
        'user_id': MEMBER.user_id,
    }
    assert SchedulerServer(database).place(MEMBER, SERVER, wish)['host'] == 'h2'
    with database.write() as tx:
        rack = aggregates.create(tx, 'rack', None)
        aggregates.add_host(tx, rack.seq, 'h2')
    return types.SimpleNamespace(first=first, second=second, rack=rack.id)


@pytest.fixture
def client(parts, cloud):
    """Speaks as the administrator, in the version of `client.version` or the oldest."""
    made = Client(app.make(parts))

    def ask(method: str, path: str, version: str | None = None, asker=ADMIN, **more):
        return made(method, path, asker=asker, version=version and f'placement {version}', **more)

    return ask
