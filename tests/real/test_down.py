"""What is left on a host after devstack/down: nothing.  Tried on a host of its own."""

import os
import shutil
import signal

import pytest

from devstack.processes import Registry, wait_until
from tests.cases import one_first
from tests.real import apart

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.geteuid() != 0, reason='network namespaces and bridges need root'),
    pytest.mark.skipif(shutil.which('ovs-vsctl') is None, reason='Open vSwitch is not installed here'),
]
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
# The switch dies and then the command, so that what was wired to it can no longer be asked of it.
KILLED = """
import os, pathlib, signal, sys
from devstack import down, processes
def cut(*_):
    for name in ('ovs-vswitchd', 'ovsdb-server'):
        os.kill(registry.get(name).pid, signal.SIGKILL)
    os._exit(0)
down.leftovers._unwire = cut
registry = processes.Registry(pathlib.Path(sys.argv[2]))
down.main()
"""


@pytest.fixture
def host():
    with apart.host() as made:
        yield made


def test_down_leaves_no_device_namespace_or_process_of_the_cloud(host):
    host.take('-c', WIRE, str(host.folder))
    assert f'qbr{PORT}' in host.left()[0]
    host.down()
    assert host.left() == ['', 'qdhcp-another', '0']


def test_down_finishes_what_a_killed_down_began(host):
    host.take('-c', WIRE, str(host.folder))
    host.take('-c', KILLED, '--state', str(host.folder))
    host.down()
    assert host.left() == ['', 'qdhcp-another', '0']


def test_purge_removes_the_data_and_a_second_down_has_nothing_to_do(host):
    host.take('-c', WIRE, str(host.folder))
    host.down('--purge')
    assert not host.folder.exists()
    assert 'there is no cloud' in host.down()


def test_a_folder_that_devstack_did_not_make_is_left_alone(host):
    (host.folder / 'thesis.txt').write_text('years of work')
    with pytest.raises(AssertionError, match='was not made by devstack/up, so it is left alone'):
        host.down('--purge')
    assert (host.folder / 'thesis.txt').read_text() == 'years of work'


def test_an_interrupted_up_ends_at_once_and_says_how_to_go_on(host):
    with host.begin('-m', 'devstack.up', '--state', str(host.folder), '--daemons', '--no-demo') as up:
        assert wait_until(lambda: Registry(host.folder).get('rabbitmq'), 60)
        up.send_signal(signal.SIGINT)
        said, _ = up.communicate(timeout=30)
    assert up.returncode == 130
    assert 'run the same command again to go on' in said


@pytest.mark.timeout(300)
@pytest.mark.parametrize('name', one_first('libvirtd', 'choices', 'ovs-vswitchd', 'mariadb', 'rabbitmq'))
def test_an_up_that_is_killed_half_way_leaves_nothing_after_down(host, name):
    words = ['--state', str(host.folder), '--daemons', '--database', 'mariadb', '--no-demo']
    with host.begin('-m', 'devstack.up', *words) as up:
        reached = (
            (host.folder / 'choices.json').exists if name == 'choices' else lambda: Registry(host.folder).get(name)
        )
        assert wait_until(reached, 60), up.poll()
        up.send_signal(signal.SIGKILL)
    host.down('--purge')
    assert host.left() == ['', '', '0']
