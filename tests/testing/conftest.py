"""One fake cloud that is steered, for the tests of what steers it."""

import pytest

from nimbus.testing import child, controls
from nimbus.testing.seeds import rest


@pytest.fixture(scope='session')
def process():
    with child.ChildCloud('--seed', 'devstack', '--hosts', '2', '--chance-seed', '7') as cloud:
        steered = controls.Controls(cloud.facts['auth_url'], cloud.facts['users']['nimbus']['password'])
        steered.take()
        cloud.steered = steered
        yield cloud


@pytest.fixture
def steered(process):
    """The controls of the cloud, which is as it was at its beginning."""
    process.steered.restore()
    return process.steered


@pytest.fixture
def cloud(process, steered):
    """The cloud, of which nobody has a token yet."""
    return rest.Cloud(process.facts['auth_url'], process.facts['users']['nimbus']['password'])


@pytest.fixture
def demo(cloud):
    return cloud.login('demo', 'demo')


@pytest.fixture
def boot(demo):
    """Boots a server of demo's and returns what became of it."""

    def booted(name='s'):
        image = demo.get('image', '/v2/images')['images'][0]['id']
        network = demo.get('network', '/v2.0/networks?name=private')['networks'][0]['id']
        body = {'name': name, 'flavorRef': '42', 'imageRef': image, 'networks': [{'uuid': network}]}
        made = demo.post('compute', '/servers', {'server': body})['server']['id']

        def ended():
            found = demo.get('compute', f'/servers/{made}')['server']
            return found if found['status'] in ('ACTIVE', 'ERROR') else None

        return demo.until(ended, f'The server {made} is neither ACTIVE nor ERROR')

    return booted
