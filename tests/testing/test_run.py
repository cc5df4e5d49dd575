"""`nimbus run` and the ready file: a whole cloud as a process, for one command, with nothing left afterwards."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import urllib.request

import pytest

from nimbus.testing import child
from nimbus.testing.seeds import files

ROOT = pathlib.Path(__file__).resolve().parents[2]
NIMBUS = (sys.executable, '-m', 'nimbus.cli.main')
SHOW = 'import json, os; print(json.dumps(dict(os.environ)))'
STATUS = 'import sys; from nimbus.cli import main; sys.exit(main.main(["status"]))'


@pytest.fixture
def surroundings(tmp_path):
    """What `nimbus run` is started with: a folder for what is temporary, and another cloud's variables."""
    more = {'TMPDIR': str(tmp_path), 'PYTHONPATH': str(ROOT), 'OS_TOKEN': 'of another cloud', 'OS_CLOUD': 'other'}
    yield {**os.environ, **more}
    assert os.listdir(tmp_path) == []


def run(surroundings, *words, **more):
    told = {'capture_output': True, 'text': True, 'timeout': 110, 'env': surroundings, **more}
    return subprocess.run([*NIMBUS, 'run', *words], **told)


def test_a_command_finds_a_whole_cloud_and_its_exit_code_is_the_result(surroundings):
    ran = run(surroundings, '--', sys.executable, '-c', STATUS)
    assert (ran.returncode, 'parts are up' in ran.stdout) == (0, True), ran.stdout + ran.stderr
    ran = run(surroundings, '--', sys.executable, '-c', f'{SHOW}; raise SystemExit(7)')
    assert ran.returncode == 7, ran.stderr
    seen = json.loads(ran.stdout)
    assert seen['OS_CLOUD'] == 'nimbus' and seen['OS_AUTH_URL'].startswith('http://127.0.0.1:')
    assert 'OS_TOKEN' not in seen and not os.path.exists(seen['OS_CLIENT_CONFIG_FILE'])


@pytest.mark.long
def test_a_user_of_the_seed_may_be_chosen(surroundings):
    ran = run(surroundings, '--seed', 'devstack', '--user', 'demo', '--', sys.executable, '-c', SHOW)
    assert json.loads(ran.stdout)['OS_USERNAME'] == 'demo'
    ran = run(surroundings, '--user', 'nobody', '--', 'true')
    assert (ran.returncode, ran.stderr) == (125, 'nimbus run: there is no user nobody; there are admin.\n')


@pytest.mark.parametrize(
    'words, code, told',
    [
        (['--', 'no-such-program'], 127, 'no-such-program is not found'),
        (['--', '/'], 126, '/ cannot be run: Permission denied'),
        (['--hosts', '0', '--', 'true'], 125, '0 is no whole number from 1'),
        (['true'], 2, 'unrecognized arguments: true'),
        (['--'], 2, 'there is no command behind --'),
    ],
)
def test_what_cannot_be_run_is_told_in_a_sentence(surroundings, words, code, told):
    ran = run(surroundings, *words)
    assert ran.returncode == code and told in ran.stderr and 'Traceback' not in ran.stderr


def test_a_signal_reaches_the_command_and_its_end_is_told(surroundings):
    words = [*NIMBUS, 'run', '--', sys.executable, '-c', 'print("here", flush=True); input()']
    with subprocess.Popen(words, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdout.readline() == 'here\n'
        ran.send_signal(signal.SIGTERM)
        assert ran.wait(30) == 128 + signal.SIGTERM
    ran = run(surroundings, '--', sys.executable, '-c', 'import os; os.kill(os.getpid(), 9)')
    assert ran.returncode == 128 + signal.SIGKILL


def test_a_signal_before_the_cloud_is_ready_ends_both(surroundings):
    with subprocess.Popen([*NIMBUS, 'run', '--', 'true'], env=surroundings) as ran:
        while not os.listdir(surroundings['TMPDIR']):
            with contextlib.suppress(subprocess.TimeoutExpired):
                ran.wait(0.02)
        ran.send_signal(signal.SIGTERM)
        assert ran.wait(30) == 128 + signal.SIGTERM


@pytest.mark.long
def test_several_clouds_stand_side_by_side_and_each_file_is_private():
    with contextlib.ExitStack() as stack:
        clouds = [stack.enter_context(contextlib.closing(Closing())).cloud for _ in range(3)]
        for cloud in clouds:
            cloud.wait()
        urls = [url for cloud in clouds for url in cloud.facts['urls'].values()]
        assert len(set(urls)) == len(urls) == 18
        for cloud in clouds:
            assert stat.S_IMODE(os.stat(cloud.ready_file).st_mode) == 0o600
            with urllib.request.urlopen(cloud.facts['auth_url']) as answer:
                assert json.load(answer)['version']['links'][0]['href'].startswith(cloud.facts['urls']['identity'])
        folders = [cloud.folder for cloud in clouds]
    assert not any(folder.exists() for folder in folders)


class Closing:
    """A child cloud that has begun and is stopped at the end."""

    def __init__(self) -> None:
        self.cloud = child.ChildCloud()
        self.cloud.start()
        self.close = self.cloud.stop


def up(*words):
    return subprocess.run([*NIMBUS, 'up', '--fake', *words], cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.long
def test_what_keeps_a_cloud_from_starting_is_named(tmp_path):
    state = ['--state', str(tmp_path / 'state')]
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        ran = up(*state, '--port', str(port))
        assert ran.returncode == 1 and f'Port {port} of 127.0.0.1 cannot be listened on' in ran.stderr
    ran = up(*state, '--port', '65530')
    assert ran.returncode == 1 and 'the last of the ports is 65537; it can be at most 65535' in ran.stderr
    for words in (['--port', 'x'], ['--port', '0', '--port-offset', '1']):
        assert up(*state, *words).returncode == 2
    ran = up(*state, '--port', '0', '--ready-file', str(tmp_path / 'no' / 'file'))
    assert ran.returncode == 1 and 'is no folder that this user may write to' in ran.stderr
    with child.ChildCloud() as cloud:
        ran = up('--state', str(cloud.state), '--port', '0')
        assert ran.returncode == 1
        assert f'Process {cloud.facts["pid"]} already runs with the state in {cloud.state}' in ran.stderr


@pytest.mark.long
def test_a_seed_of_ones_own_is_there_when_the_command_begins(surroundings, tmp_path_factory):
    seed = tmp_path_factory.mktemp('seed') / 'mine.yaml'
    seed.write_text(
        'hosts: [{name: big, zone: east, vcpus: 100}]\n'
        'projects: [{name: blue}]\n'
        'users: [{name: ann, password: hers, roles: {blue: [member]}}]\n'
        'flavors: [{name: f, ram: 64, vcpus: 1, disk: 1}]\n'
        'images: [{name: i}]\n'
        'servers: [{name: s, project: blue, flavor: f, image: i, state: SHUTOFF}]\n'
    )
    ran = run(surroundings, '--seed', str(seed), '--', *NIMBUS, 'fake', 'dump')
    assert ran.returncode == 0, ran.stderr
    found = files.parse(ran.stdout)
    assert [(row['name'], row['state'], row['user']) for row in found['servers']] == [('s', 'SHUTOFF', 'ann')]
    assert found['hosts'][0] == {'name': 'big', 'zone': 'east', 'vcpus': 100, 'memory_mb': 262144, 'disk_gb': 4096}
    seed.write_text('hosts: [{name: 7}]\n')
    ran = run(surroundings, '--seed', str(seed), '--', 'true')
    assert (ran.returncode, f'{seed}:1: hosts.0.name: 7 is not of type' in ran.stderr) == (125, True)
    seed.write_text('projects: [{name: p, quotas: {compute: {nonsense: 3}}}]\n')
    ran = run(surroundings, '--seed', str(seed), '--', 'true')
    assert ran.returncode == 125 and 'The seed cannot be planted: PUT /os-quota-sets' in ran.stderr
