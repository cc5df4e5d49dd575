"""SIGTERM ends every daemon within two seconds, in the middle of builds, and what it left is taken up again."""

import signal
import time

import pytest

from tests.cases import one_first
from tests.chaos.cloud import AGENTS, CONTROL, wait

WITHIN = 2.0  # seconds


@pytest.mark.parametrize('name', one_first(*CONTROL, *AGENTS))
def test_a_daemon_is_gone_soon_and_builds_go_on_without_it(cloud, name):
    client, user = cloud.client(), cloud.user
    body = {'flavorRef': user.flavor['id'], 'imageRef': user.image, 'networks': [{'uuid': user.network}]}
    made = [client.post('compute', '/servers', {'server': {'name': f'stop-{n}', **body}}) for n in range(6)]
    process = cloud.registry.get(name)
    began = time.monotonic()
    process.send(signal.SIGTERM)
    wait(lambda: not process.alive(), 30, f'{name} is gone')
    took = time.monotonic() - began
    cloud.start(name)
    wait(lambda: cloud.serves(name), 30, f'{name} serves again')
    for one in made:
        path = f'/servers/{one["server"]["id"]}'
        wait(lambda path=path: client.get('compute', path)['server']['status'] != 'BUILD', 60, f'{path} is built')
        server = client.get('compute', path)['server']
        assert server['status'] == 'ACTIVE', server.get('fault')
        client.delete('compute', path)
    print(f'{name} was gone after {took:.2f} s')
    assert took < WITHIN + 0.1  # of looking
