"""SIGTERM ends a whole cloud within two seconds, whatever it is at."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest
import yaml

from bench import slow_clients
from bench.beside import Side
from devstack.place import TEST_OFFSETS

ROOT = pathlib.Path(__file__).resolve().parents[2]
UP = 'import sys; from nimbus.cmd import embedded; sys.exit(embedded.main(sys.argv[1:]))'
WITHIN = 2.0  # seconds
HALF = b'POST /v3/auth/tokens HTTP/1.1\r\nContent-Length: 9\r\n\r\n{'


@pytest.fixture
def cloud(tmp_path):
    """A cloud as a process of its own, and where its clouds.yaml is."""
    words = ['--fake', '--state', str(tmp_path), '--port-offset', str(TEST_OFFSETS['stopping'])]
    process = subprocess.Popen([sys.executable, '-c', UP, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout and 'is ready' in process.stdout.readline()
        yield process, tmp_path / 'clouds.yaml'
    finally:
        process.kill()
        process.communicate()


def stop(process):
    """Seconds from the signal to the end."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    return time.monotonic() - began


def test_a_cloud_at_rest(cloud):
    assert stop(cloud[0]) < WITHIN


def test_a_cloud_in_the_middle_of_builds_and_answers(cloud):
    process, clouds = cloud
    side = Side(str(clouds), str(process.pid))  # a first server
    project, compute = side.login.project, side.compute
    assert compute.ask('PUT', f'/os-quota-sets/{project}', {'quota_set': {'instances': -1, 'cores': -1, 'ram': -1}})[0]
    flavor = compute.ask('GET', '/flavors')[2]['flavors'][0]['id']
    image = side.image.ask('GET', '/v2/images')[2]['images'][0]['id']
    network = side.network.ask('GET', '/v2.0/networks')[2]['networks'][0]['id']
    for n in range(30):
        body = {'name': f's{n}', 'flavorRef': flavor, 'imageRef': image, 'networks': [{'uuid': network}]}
        assert compute.ask('POST', '/servers', {'server': body})[0] == 202
    place = yaml.safe_load(clouds.read_text())['clouds']['nimbus']['auth']['auth_url']
    with slow_clients.slow([(slow_clients.place_of(place), HALF)], 50, False):
        side.close()
        assert stop(process) < WITHIN
