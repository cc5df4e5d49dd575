"""What daemons tell systemd: that they serve, that they still turn, and that they stop."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from devstack import cloud

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONF = """
[DEFAULT]
state_path = {path}
bus = inproc:///notify
[api]
identity_port = 0
image_port = 0
[console]
port = 0
[identity]
bcrypt_rounds = 4
[compute]
driver = fake
[service_user]
password = none
"""


@pytest.fixture(scope='module')
def conf(tmp_path_factory):
    """A configuration whose database stands, so that every daemon can start by itself."""
    path = tmp_path_factory.mktemp('notify')
    file = path / 'nimbus.conf'
    file.write_text(CONF.format(path=path))
    words = json.dumps(['--config-file', str(file), 'db', 'upgrade'])
    done = subprocess.run([sys.executable, '-c', cloud.MANAGE, words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return file


@pytest.fixture
def manager(tmp_path):
    """The socket at which a service manager would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / 'notify'))
        made.settimeout(60)
        yield made


def begin(room: str, conf: pathlib.Path, address: str, **more: str) -> subprocess.Popen:
    """The daemon has begun as systemd would begin it."""
    words = [sys.executable, '-m', f'nimbus.cmd.daemons.{room}', '--config-file', str(conf)]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'NOTIFY_SOCKET': address, **more}
    return subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize('room', ['identity', 'image', 'scheduler', 'conductor', 'console', 'compute'])
def test_a_daemon_says_that_it_serves_that_it_turns_and_that_it_stops(room, conf, manager):
    with begin(room, conf, manager.getsockname(), WATCHDOG_USEC='200000') as daemon:
        told = [manager.recv(99).decode() for _ in range(3)]
        daemon.send_signal(signal.SIGTERM)
        while told[-1] != 'STOPPING=1':
            told.append(manager.recv(99).decode())
        said, _ = daemon.communicate(timeout=60)
    assert daemon.returncode == 0, said
    assert told[0] == 'READY=1' and set(told[1:-1]) == {'WATCHDOG=1'} and told[-1] == 'STOPPING=1', told
    assert f'nimbus-{room} is at work' in said


def test_a_daemon_is_silent_where_nobody_watches_it(conf, manager):
    watched = {'WATCHDOG_USEC': '1000', 'WATCHDOG_PID': '1'}
    with begin('scheduler', conf, manager.getsockname(), **watched) as daemon:
        assert manager.recv(99) == b'READY=1'
        daemon.send_signal(signal.SIGTERM)
        assert manager.recv(99) == b'STOPPING=1'
        daemon.communicate(timeout=60)
