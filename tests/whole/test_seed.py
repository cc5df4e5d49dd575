"""A fake cloud for other people's suites: what it has from its beginning, and how long its states last."""

import argparse
import os
import pathlib

import pytest
import yaml

from nimbus.cmd import embedded, ready_files, wiring
from nimbus.cmd.fake import seeding
from nimbus.testing.seeds import files, planter
from tests.cloud import PASSWORD, Cloud
from tests.testing.ways import way_to

LEAST = 0.5  # seconds
SEED = files.read('devstack')


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, hosts=1, **{'fake.least_seconds': LEAST}) as made:
        planter.plant(way_to(made), SEED)
        yield made


def names(body):
    (rows,) = [rows for rows in body.values() if isinstance(rows, list)]
    return [row['name'] for row in rows]


def test_a_seeded_cloud_has_what_suites_look_for(cloud, admin):
    demo = cloud.client('demo', 'demo', PASSWORD)
    flavors = demo.get('compute', '/flavors/detail')['flavors']
    found = [{name: row[name] for name in ('name', 'id', 'ram', 'vcpus', 'disk')} for row in flavors]
    assert sorted(found, key=str) == sorted(SEED['flavors'], key=str)
    assert names(demo.get('image', '/v2/images?status=active&visibility=public')) == ['cirros-0.6.3-x86_64-disk']
    assert sorted(names(demo.get('network', '/v2.0/networks'))) == ['private', 'public', 'shared']
    assert names(demo.get('network', '/v2.0/routers')) == ['router1']
    other = cloud.client('alt_demo', 'alt_demo', PASSWORD)
    assert sorted(names(other.get('network', '/v2.0/networks'))) == ['public', 'shared']
    (public,) = admin.get('network', '/v2.0/networks?router:external=true')['networks']
    assert public['name'] == 'public'
    assert [row['name'] for row in admin.get('identity', '/users?name=demo')['users']] == ['demo']


def test_a_seed_is_planted_once(cloud, admin):
    def everything():
        return [
            sorted(row['id'] for row in admin.get(service, path)[key])
            for service, path, key in (
                ('identity', '/users', 'users'),
                ('identity', '/projects', 'projects'),
                ('compute', '/flavors', 'flavors'),
                ('image', '/v2/images', 'images'),
                ('network', '/v2.0/networks', 'networks'),
                ('network', '/v2.0/subnets', 'subnets'),
                ('network', '/v2.0/routers', 'routers'),
            )
        ]

    before = everything()
    planter.plant(way_to(cloud), SEED)
    assert everything() == before
    cloud.client('demo', 'demo', PASSWORD).get('compute', '/servers')


def states(cloud, user, service, path, key, last):
    """The states that the noun is seen in, one after the other, until the last."""
    seen = []

    def look():
        seen.append(user.get(service, path)[key]['status'])
        return seen[-1] == last

    cloud.wait(look)
    return list(dict.fromkeys(seen))


def test_a_server_and_a_volume_are_seen_in_each_state(cloud):
    demo = cloud.client('demo', 'demo', PASSWORD)
    volume = demo.post('volume', '/volumes', {'volume': {'size': 1}})['volume']['id']
    assert states(cloud, demo, 'volume', f'/volumes/{volume}', 'volume', 'available') == ['creating', 'available']
    (image,) = demo.get('image', '/v2/images')['images']
    (network,) = [row for row in demo.get('network', '/v2.0/networks')['networks'] if row['name'] == 'private']
    body = {'name': 's', 'flavorRef': '42', 'imageRef': image['id']}
    body['networks'] = [{'uuid': network['id']}]
    server = demo.post('compute', '/servers', {'server': body})['server']['id']
    assert states(cloud, demo, 'compute', f'/servers/{server}', 'server', 'ACTIVE') == ['BUILD', 'ACTIVE']


def test_every_user_of_a_seeded_cloud_has_an_entry_in_its_clouds_yaml(tmp_path):
    conf = argparse.Namespace(region='R', api=argparse.Namespace(identity_port=5, port_offset=0))
    conf.api.public_host, conf.api.listen = 'cloud', ''
    seed = {
        'users': [
            {'name': 'demo', 'project': 'demo', 'roles': {'demo': ['member']}},
            {'name': '1', 'password': 'it\'s: "mine" #1', 'roles': {'yes': ['reader'], 'demo': ['member']}},
            {'name': 'none', 'project': 'demo'},
        ]
    }
    path = tmp_path / 'clouds.yaml'
    ready_files.write_clouds(path, conf, 'p', seeding.users(seed, 'p'))
    found = {name: entry['auth'] for name, entry in yaml.safe_load(path.read_text())['clouds'].items()}
    assert {name: (auth['username'], auth['project_name'], auth['password']) for name, auth in found.items()} == {
        'nimbus': ('admin', 'admin', 'p'),
        'nimbus-demo': ('demo', 'demo', 'p'),
        'nimbus-1': ('1', 'yes', 'it\'s: "mine" #1'),
    }
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert found['nimbus-demo']['auth_url'] == f'{wiring.url_of(conf, "identity")}/v3'


@pytest.mark.parametrize(
    'words', [['--seed', 'devstack'], ['--least-time', '1'], ['--port', '0'], ['--ready-file', 'f']]
)
def test_what_is_for_tests_goes_with_a_fake_cloud_alone(words, capsys):
    with pytest.raises(SystemExit) as ended:
        embedded.main(words)
    assert ended.value.code == 2
    assert (
        'these go with --fake: --seed, --least-time, --port, --ready-file, --controls, --chance-seed'
        in capsys.readouterr().err
    )


@pytest.mark.parametrize('text', ['-1', 'soon', 'nan', '1e9'])
def test_a_least_time_is_a_number_of_seconds(text):
    with pytest.raises(argparse.ArgumentTypeError, match='is no number of seconds from 0 to'):
        embedded._seconds(text)


def test_nobody_but_the_fake_drivers_reads_the_least_time():
    root = pathlib.Path(embedded.__file__).parents[1]
    readers = {str(path.relative_to(root)) for path in root.rglob('*.py') if 'least_seconds' in path.read_text()}
    assert readers == {
        'cmd/embedded.py',
        'cmd/services.py',
        'compute/options.py',
        'compute/agent/fake/guests.py',
        'compute/agent/fake/live_moves.py',
        'volume/agent/fake/driver.py',
    }
