"""Each tenant has a server that is being moved while it runs, and does not arrive."""

import contextlib
from collections.abc import Iterator
from typing import Any

from nimbus.compute.agent.fake.host import FakeHost
from tests.wire.foreign.tenants import Maker

THERE = 'h2'  # where they are moved to; it comes late, so that all else stands on the first host
NEWEST = {'OPENSTACK_API_VERSION': 'compute 2.90'}


@contextlib.contextmanager
def under_way(world: Any) -> Iterator[None]:
    """The moves run until this ends."""
    makers = [
        Maker(world, things, f'{whose} member') for whose, things in (('mine', world.mine), ('theirs', world.theirs))
    ]
    for maker in makers:
        _boot(maker)
    let_go = FakeHost.named(world.cloud.hosts[0]).hold('live_move')
    try:
        world.cloud.start('compute', THERE)
        admin = Maker(world, world.mine)
        hypervisors = '/v2.1/os-hypervisors'
        world.cloud.wait(lambda: len(admin.ask('compute', 'GET', hypervisors).json['hypervisors']) == 2)
        for maker in makers:
            _move(admin, maker.things)
        yield
    finally:
        let_go.set()


def _boot(maker: Maker) -> None:
    things = maker.things
    told = {'flavorRef': things['flavor'], 'imageRef': things['image'], 'networks': 'none', 'name': 'moving'}
    made = maker.ask('compute', 'POST', '/v2.1/servers', {'server': told}, **NEWEST).json['server']
    things['moving server'] = made['id']
    path = f'/v2.1/servers/{made["id"]}'
    maker.world.cloud.wait(lambda: maker.ask('compute', 'GET', path).json['server']['status'] == 'ACTIVE')


def _move(admin: Maker, things: dict[str, str]) -> None:
    path = f'/v2.1/servers/{things["moving server"]}'
    asked = {'os-migrateLive': {'host': None, 'block_migration': 'auto'}}
    admin.ask('compute', 'POST', f'{path}/action', asked, **NEWEST)

    def running() -> bool:
        rows = admin.ask('compute', 'GET', f'{path}/migrations', **NEWEST).json['migrations']
        things['migration'] = str(rows[0]['id']) if rows else ''
        return bool(rows) and rows[0]['status'] == 'running'

    admin.world.cloud.wait(running)
