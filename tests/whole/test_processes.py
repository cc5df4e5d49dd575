"""A cloud whose APIs several processes serve: one cloud for its clients, and none of its processes outlives it."""

import concurrent.futures
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import pytest

from bench import measure
from bench.beside import Side
from devstack.place import TEST_OFFSETS

ROOT = pathlib.Path(__file__).resolve().parents[2]
UP = 'import sys; from nimbus.cmd import embedded; sys.exit(embedded.main(sys.argv[1:]))'
WORKERS = 3
CONNECTIONS = 12


class Cloud:
    """A cloud as a process of its own, with those that serve beside it."""

    def __init__(self, folder):
        self.folder, self.policy = folder, folder / 'policy.yaml'
        config = folder / 'nimbus.conf'
        config.write_text(f'[api]\nworkers = {WORKERS}\npolicy_file = {self.policy}\n[identity]\nbcrypt_rounds = 4\n')
        words = ['--config-file', str(config), '--fake', '--state', str(folder / 'state')]
        words += ['--port-offset', str(TEST_OFFSETS['processes'])]
        self.log = folder / 'log'
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-c', UP, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout and 'is ready' in self.process.stdout.readline(), self.log.read_text()
        self.pid = self.process.pid
        self.clouds = folder / 'state/clouds.yaml'

    def others(self):
        """The pids of the supervisor, and of the processes that serve."""
        supervisor, *serving = [pid for pid in measure.with_children([self.pid]) if pid != self.pid] or [None]
        return supervisor, serving

    def serving(self):
        """The pids of all that serve beside the cloud, when all of them do."""
        return until(lambda: len(found := self.others()[1]) == WORKERS - 1 and all(map(listens, found)) and found)

    def side(self):
        return Side(str(self.clouds), str(self.pid))


def listens(pid):
    """Whether the process serves, as its hub waits for connections by then."""
    return any('eventpoll' in os.readlink(handle) for handle in pathlib.Path(f'/proc/{pid}/fd').iterdir())


def until(condition):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError('it never came')


def ended(pids, seconds=5):
    """Whether all of the processes have ended, or do so in time."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        if not select.select([handle], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        os.close(handle)
    return True


@pytest.fixture(scope='module')
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp('cloud'))
    made.serving()
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.fixture
def side(cloud):
    made = cloud.side()
    yield made
    made.close()


@pytest.fixture
def many(side):
    """Connections to compute, so many that every process has some."""
    made = [side.login.to('compute') for _ in range(CONNECTIONS)]
    for one in made:
        assert one.ask('GET', '/flavors')[0] == 200
    yield made
    for one in made:
        one.close()


def spent(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return int(fields[11]) + int(fields[12])


def test_every_process_serves_its_share(cloud, many):
    pids = [cloud.pid, *cloud.serving()]
    before = {pid: spent(pid) for pid in pids}
    for _ in range(60):
        for one in many:
            assert one.ask('GET', '/servers/detail')[0] == 200
    assert all(spent(pid) > before[pid] for pid in pids)


def test_a_token_that_one_process_revoked_all_refuse_at_once(side, many):
    identity = side.login.identity
    for _ in range(10):
        status, headers, _ = identity.ask('POST', '/auth/tokens', side.login.request())
        assert status == 201
        token = headers['X-Subject-Token']
        for one in many:
            one.headers['X-Auth-Token'] = token
            assert one.ask('GET', '/flavors')[0] == 200
        revoker = side.login.to('identity')
        revoker.base = identity.base
        assert revoker.ask('DELETE', '/auth/tokens', X_Subject_Token=token)[0] == 204
        revoker.close()
        assert [one.ask('GET', '/flavors')[0] for one in many] == [401] * CONNECTIONS


def test_what_one_process_wrote_all_show_at_once(side, many):
    for n in range(20):
        body = {'flavor': {'name': f'written-{n}', 'ram': 64, 'vcpus': 1, 'disk': 1}}
        flavor = many[n % CONNECTIONS].ask('POST', '/flavors', body)[2]['flavor']['id']
        assert {one.ask('GET', f'/flavors/{flavor}')[0] for one in many} == {200}
        assert many[0].ask('DELETE', f'/flavors/{flavor}')[0] == 202
        assert {one.ask('GET', f'/flavors/{flavor}')[0] for one in many} == {404}


def test_writes_of_all_processes_at_once_are_all_kept(side):
    network = side.network.ask('POST', '/v2.0/networks', {'network': {'name': 'wide'}})[2]['network']['id']
    subnet = {'network_id': network, 'cidr': '10.77.0.0/16', 'ip_version': 4}
    assert side.network.ask('POST', '/v2.0/subnets', {'subnet': subnet})[0] == 201

    def make(_):
        with measure.contextlib.closing(side.login.to('network')) as one:
            made = [one.ask('POST', '/v2.0/ports', {'port': {'network_id': network}}) for _ in range(10)]
        return [(status, body['port']['fixed_ips'][0]['ip_address']) for status, _, body in made]

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        found = [one for made in pool.map(make, range(CONNECTIONS)) for one in made]
    assert {status for status, _ in found} == {201}
    assert len({address for _, address in found}) == 10 * CONNECTIONS


def test_servers_asked_of_any_process_are_built_and_their_hosts_answer(side, many):
    flavor = many[0].ask('GET', '/flavors')[2]['flavors'][0]['id']
    image = side.image.ask('GET', '/v2/images')[2]['images'][0]['id']
    made = []
    for n, one in enumerate(many[:6]):
        body = {'name': f's{n}', 'flavorRef': flavor, 'imageRef': image, 'networks': 'none'}
        status, _, answer = one.ask('POST', '/servers', {'server': body}, OpenStack_API_Version='compute 2.37')
        assert status == 202, answer
        made.append(answer['server']['id'])
    for server in made:
        until(lambda server=server: many[0].ask('GET', f'/servers/{server}')[2]['server']['status'] == 'ACTIVE')
    for one in many:  # a call to the host's agent, which is in one of the processes
        status, _, answer = one.ask('POST', f'/servers/{made[0]}/action', {'os-getConsoleOutput': {'length': 5}})
        assert (status, type(answer['output'])) == (200, str)


def test_the_policy_is_read_again_by_all_at_once(cloud, many):
    cloud.policy.write_text('"os_compute_api:os-hypervisors:list": "!"\n')
    os.kill(cloud.pid, signal.SIGHUP)
    until(lambda: {one.ask('GET', '/os-hypervisors')[0] for one in many} == {403})
    cloud.policy.write_text('')
    os.kill(cloud.pid, signal.SIGHUP)
    until(lambda: {one.ask('GET', '/os-hypervisors')[0] for one in many} == {200})


def test_a_process_that_was_killed_has_a_successor(cloud, side):
    victim = cloud.serving()[0]
    os.kill(victim, signal.SIGKILL)
    for _ in range(50):
        with measure.contextlib.closing(side.login.to('compute')) as one:
            assert one.ask('GET', '/flavors')[0] == 200
    assert victim not in cloud.serving()
    assert f'Process {victim}' in cloud.log.read_text()


def test_with_the_cloud_all_its_processes_end(cloud, tmp_path):
    supervisor, serving = cloud.others()[0], cloud.serving()
    began = time.monotonic()
    os.kill(cloud.pid, signal.SIGTERM)
    assert cloud.process.wait(30) == 0
    assert time.monotonic() - began < 2
    assert ended([supervisor, *serving], 0)
    # Killed, it takes them with it as well, and its ports are free for the next.
    again = Cloud(cloud.folder)
    try:
        supervisor, serving = again.others()[0], again.serving()
        again.process.kill()
        again.process.wait(10)
        assert ended([supervisor, *serving])
        third = Cloud(cloud.folder)
        third.process.kill()
        third.process.communicate()
    finally:
        again.process.communicate()
