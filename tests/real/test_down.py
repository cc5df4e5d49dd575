"""What is left on a host after devstack/down: nothing.  Tried in a network namespace of its own."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from devstack.processes import Registry

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.geteuid() != 0, reason='network namespaces and bridges need root'),
    pytest.mark.skipif(shutil.which('ovs-vsctl') is None, reason='Open vSwitch is not installed here'),
]
ROOT = pathlib.Path(__file__).resolve().parents[2]
# The last word is a mount that only the finished place has.
APART = (
    'mkdir -p /run/netns; mount -t tmpfs tmpfs /run/netns; mount -t sysfs sysfs /sys; ip link set lo up; '
    'mount -t tmpfs nimbus-ready /mnt; exec "$@"'
)
ENV = {**os.environ, 'PYTHONPATH': str(ROOT)}
PORT = '01234567-89'
# One guest's port as a hybrid plug wires it, and a DHCP server's namespace with a process in it.
WIRE = f"""
import os, pathlib, subprocess, sys
from devstack import place, processes, switch
def run(*words): subprocess.run(words, check=True)
state = pathlib.Path(sys.argv[1])
where = place.settle(state)
registry = processes.Registry(state)
remote = switch.up(where, registry)
assert remote == f'unix:{{state}}/openvswitch/db.sock', remote
vsctl = ['ovs-vsctl', '--timeout=10', f'--db={{remote}}']
run(*vsctl, 'add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=' + switch.datapath_type())
run('ip', 'link', 'add', 'qbr{PORT}', 'type', 'bridge')
run('ip', 'tuntap', 'add', 'tap{PORT}', 'mode', 'tap')
run('ip', 'link', 'add', 'qvb{PORT}', 'type', 'veth', 'peer', 'name', 'qvo{PORT}')
run('ip', 'netns', 'add', 'qdhcp-ours')
run('ip', 'netns', 'add', 'qdhcp-another')
run('ip', 'link', 'add', 'tapdhcp', 'type', 'veth', 'peer', 'name', 'ns-dhcp', 'netns', 'qdhcp-ours')
for name in ('qvo{PORT}', 'tapdhcp'):
    run(*vsctl, 'add-port', 'br-int', name)
registry.start('nimbus', ['ip', 'netns', 'exec', 'qdhcp-ours', 'sleep', '300'])
"""
STEPS = {
    'wire': WIRE,
    'down': 'import sys; from devstack import down, progress; progress.finish(down.main)',
    # The switch is stopped, and then power is cut: what was wired to it can no longer be asked of it.
    'killed': """
import os, signal
from devstack import down, processes, switch
def cut(*_):
    os.kill(registry.get('ovs-vswitchd').pid, signal.SIGKILL)
    os.kill(registry.get('ovsdb-server').pid, signal.SIGKILL)
    os._exit(0)
down.leftovers._unwire = cut
import pathlib, sys
registry = processes.Registry(pathlib.Path(sys.argv[2]))
down.main()
""",
    'look': """
import os, pathlib, sys
links = sorted(os.listdir('/sys/class/net'))
print(' '.join(name for name in links if not name.startswith(('lo', 'bonding', 'tunl', 'sit'))))
print(' '.join(sorted(os.listdir('/run/netns'))))
from devstack import processes
print(len(processes.Registry(pathlib.Path(sys.argv[1])).marked()))
""",
}


@pytest.fixture
def host():
    """A network namespace and a folder in which steps can be taken one after the other, as on a host of its own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-', dir='/var/tmp'))
    apart = ['unshare', '--net', '--mount', '--', '/bin/sh', '-ec', APART, 'sh']
    with subprocess.Popen([*apart, 'sleep', '300']) as holder:
        inside = ['nsenter', '-t', str(holder.pid), '--net', '--mount', '--', sys.executable, '-c']

        def step(name: str, *more: str) -> str:
            text = [*inside, STEPS[name], str(folder)] if not more else [*inside, STEPS[name], *more]
            done = subprocess.run(text, cwd=ROOT, capture_output=True, text=True, timeout=60, env=ENV)
            assert done.returncode == 0, done.stderr + done.stdout
            return done.stdout

        step.folder = folder
        while b'nimbus-ready' not in pathlib.Path(f'/proc/{holder.pid}/mounts').read_bytes():
            assert holder.poll() is None
        try:
            yield step
        finally:
            for process in Registry(folder).marked():
                process.tell(signal.SIGKILL)
            holder.terminate()
    shutil.rmtree(folder)


def test_down_leaves_no_device_namespace_or_process_of_the_cloud(host):
    host('wire')
    assert f'qbr{PORT}' in host('look')
    host('down', '--state', str(host.folder))
    assert host('look').splitlines() == ['', 'qdhcp-another', '0']


def test_down_finishes_what_a_killed_down_began(host):
    host('wire')
    host('killed', '--state', str(host.folder))
    host('down', '--state', str(host.folder))
    assert host('look').splitlines() == ['', 'qdhcp-another', '0']


def test_purge_removes_the_data_and_a_second_down_has_nothing_to_do(host):
    host('wire')
    host('down', '--state', str(host.folder), '--purge')
    assert [path.name for path in host.folder.iterdir()] == ['.lock']
    assert 'is down' in host('down', '--state', str(host.folder))
