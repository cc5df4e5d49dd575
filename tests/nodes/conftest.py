"""Three nodes with a cloud on them, for all the tests of a run."""

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from devstack import nodes, roots
from tests.nodes import cloud as clouds

IMAGE = roots.CACHE / 'guest'
# The modules build on each other: guests that the first ones make are there for the faults of the later ones.
ORDER = (
    'test_install',
    'test_guests',
    'test_hosts',
    'test_operating',
    'test_faults',
    'test_across',
    'test_live',
    'test_copies',
    'test_leaving',
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The modules run in their order; what belongs to other folders stays where it is."""
    here = pathlib.Path(__file__).parent
    places = [n for n, item in enumerate(items) if item.path.parent == here]
    ours = sorted((items[n] for n in places), key=lambda item: ORDER.index(item.path.stem))
    for n, item in zip(places, ours, strict=True):
        items[n] = item


@pytest.fixture(scope='session')
def cloud() -> Iterator[clouds.Cloud]:
    """The cloud that the guide's commands put up."""
    if os.geteuid() != 0:
        pytest.skip('nodes need root')
    built = subprocess.run([clouds.REPO / 'devstack/guest/build', IMAGE], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    with nodes.Lab() as lab:
        made = clouds.build(lab, IMAGE / 'nimbus-guest.qcow2')
        try:
            yield made
        finally:
            _keep_journals(made)


@pytest.fixture(scope='session')
def guests(cloud: clouds.Cloud) -> dict[str, str]:
    """The id of a server on each host, all of them on one network; each with a volume of its own host."""
    if not cloud.ask('image', 'GET', '/v2/images')['images']:
        cloud.first_server()  # test_install does so too, when it is run before
    (image,) = cloud.ask('image', 'GET', '/v2/images')['images']
    (flavor,) = cloud.ask('compute', 'GET', '/flavors')['flavors']
    network = cloud.ask('network', 'POST', '/v2.0/networks', {'network': {'name': 'guests'}})['network']['id']
    subnet = {'network_id': network, 'ip_version': 4, 'cidr': '10.30.0.0/24'}
    cloud.ask('network', 'POST', '/v2.0/subnets', {'subnet': subnet})
    made: dict[str, str] = {}
    for host in clouds.HOSTS:
        asked = {
            'name': f'guest-{host}',
            'imageRef': image['id'],
            'flavorRef': flavor['id'],
            'networks': [{'uuid': network}],
            'availability_zone': f'nova:{host}',
        }
        made[host] = cloud.ask('compute', 'POST', '/servers', {'server': asked})['server']['id']
    for host, server in made.items():
        nodes.until(lambda server=server: cloud.is_active(server), 120, lambda server=server: str(cloud.server(server)))
        assert cloud.server(server)['OS-EXT-SRV-ATTR:host'] == host
    return made


@pytest.fixture(scope='session')
def tunnels(cloud: clouds.Cloud) -> None:
    """Networks reach across the hosts."""
    for host in clouds.HOSTS:
        cloud[host].carry_tunnels()
        cloud[host].must('systemctl', 'restart', 'nimbus-network')
    nodes.until(cloud.is_whole, 90, lambda: str(cloud.up()))


def _keep_journals(made: clouds.Cloud) -> None:
    """What the daemons said stands with the other reports, for whoever looks into a failure."""
    folder = pathlib.Path(os.environ.get('NIMBUS_REPORTS', clouds.REPO / '.reports')) / 'nodes'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'guide.json').write_text(json.dumps(made.said, indent=1))
    for name in ('ctl', *clouds.HOSTS):
        if made[name].pid:
            journal = made[name].run('journalctl', '-u', 'nimbus-*', '--no-pager', '-o', 'short-iso-precise')
            (folder / f'{name}.log').write_text(journal.stdout)
