"""The README's commands on a machine that has nothing yet and no service manager; the tests are steps, in order."""

import time

import pytest

from tests.fresh.newcomer import CLOUDS, closing, told

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
FILL = 'mkdir -p {state} && mount -t tmpfs -o size={size} tmpfs {state}'
# Somebody else's server at a port of the network API.
# Listens, tells its process and stays, without the output that whoever called waits for the end of.
SQUAT = """
import os, socket, time
taken = socket.create_server(('127.0.0.1', 9696))
if process := os.fork():
    print(process)
else:
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    time.sleep(600)
"""


@pytest.mark.parametrize('door', ['up', 'down', 'test', 'tempest', 'venv', 'guest/build'])
def test_no_front_door_installs_anything_to_say_what_it_can_do(bare, door):
    before = bare.packages()
    assert 'usage' in bare.types(f'./devstack/{door} --help').lower() or door in ('venv', 'guest/build')
    assert not bare.has('/root/nimbus/.venv') and bare.packages() == before


@pytest.mark.parametrize(
    'line, code, sentence',
    [
        ('./devstack/up --port-offset 70000', 2, '70000 is no number from 0 to'),
        ('./devstack/up --state /var/lib/' + 'x' * 40, 1, 'is too long for unix sockets below it'),
        ('./devstack/up --state /etc', 1, '/etc is not the folder of a cloud'),
        ('./devstack/test nonsense', 2, 'nonsense is no part'),
        ('./devstack/tempest --concurrency many', 2, "invalid int value: 'many'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_installed(bare, line, code, sentence):
    before = bare.packages()
    assert sentence in bare.fails(line, code)
    assert not bare.has('/root/nimbus/.venv') and bare.packages() == before


def test_a_disk_without_room_is_refused_before_anything_is_installed(bare):
    bare.asks('sh', '-c', FILL.format(state='/srv/full', size='60m'))
    assert 'need about 200 MiB in /srv/full, where 60 MiB are free' in bare.fails('./devstack/up --state /srv/full')
    bare.asks('umount', '/srv/full')


def test_there_is_nothing_to_stop_yet(bare):
    assert 'there is no cloud in /var/lib/nimbus' in bare.types('./devstack/down')


def test_the_first_command_brings_a_cloud_up(bare):
    assert told('A cloud in one command')[0] == './devstack/up'
    printed = bare.types('./devstack/up')
    assert 'to download' in printed and 'server demo is ACTIVE' in printed
    assert 'rabbitmq-server installed' not in bare.packages()
    bare.lines = closing(printed)


def test_the_printed_login_works_at_once(bare):
    assert 'demo' in bare.types(f'echo hostname | {bare.lines["Log in"]}')
    assert not bare.has('/root/.ssh/known_hosts')


def test_the_other_printed_lines_work_too(bare):
    assert '| demo ' in bare.types(bare.lines['As the demo user'])
    assert 'QEMU' in bare.types(bare.lines['As administrator'])
    assert '15 of 15 parts are up' in bare.types(bare.lines['Status'])


def test_the_log_is_quiet_though_nobody_knows_the_machines_name(bare):
    assert 'getaddrinfo' not in bare.asks('cat', '/var/lib/nimbus/log/nimbus.log')


def test_a_second_cloud_at_the_same_ports_is_refused_and_takes_nothing(bare):
    before = bare.asks('cat', CLOUDS)
    assert 'is taken by process' in bare.fails('./devstack/up --state /var/lib/second')
    bare.types('./devstack/down --purge --state /var/lib/second')
    assert bare.asks('cat', CLOUDS) == before
    bare.types(bare.lines['Status'])


def test_the_command_again_keeps_what_is_there(bare):
    began = time.monotonic()
    assert 'creating' not in bare.types('./devstack/up')
    assert time.monotonic() - began < 60


def test_down_leaves_nothing_running_or_wired(bare):
    began = time.monotonic()
    bare.types(bare.lines['Stop it all'])
    assert time.monotonic() - began < 60
    assert bare.processes() == []
    links = bare.asks('sh', '-c', 'ls /sys/class/net').split()
    assert [name for name in links if not name.startswith(('lo', 'tap0', 'tunl', 'sit', 'bonding'))] == []
    assert bare.asks('ip', 'netns') == ''
    assert not bare.has('/usr/sbin/policy-rc.d')


def test_purge_after_down_has_nothing_to_complain_about(bare):
    lines = bare.types('./devstack/down --purge').splitlines()
    assert len(lines) == 1 and 'its data is gone' in lines[0], lines
    assert not bare.has('/var/lib/nimbus') and not bare.has(CLOUDS)


def test_a_port_that_is_taken_is_told_at_once(bare):
    squatter = bare.asks('python3', '-c', SQUAT).strip()
    assert 'port 9696 of 127.0.0.1, which network needs, is taken' in bare.fails('./devstack/up', seconds=30)
    bare.asks('kill', squatter)
    bare.types('./devstack/down --purge')


def test_a_cloud_without_a_demo_has_no_entry_for_its_user(bare):
    bare.types('./devstack/up --no-demo')
    assert 'nimbus-demo' not in bare.asks('cat', CLOUDS)


def test_a_start_that_fails_is_told_in_seconds_with_its_cause_last(bare):
    bare.types('./devstack/down')
    # The hypervisor cannot be opened, which is found out when most of the cloud runs already.
    bare.asks('sh', '-c', 'rm -r /var/lib/nimbus/libvirt/etc; touch /var/lib/nimbus/libvirt/etc')
    began = time.monotonic()
    last = bare.fails('./devstack/up --no-demo', seconds=90)
    assert 'nimbus cannot start: ' in last and time.monotonic() - began < 60
    bare.types('./devstack/down --purge', seconds=60)


def test_a_full_disk_can_be_purged(bare):
    bare.asks('sh', '-c', FILL.format(state='/srv/full', size='400m'))
    bare.types('./devstack/up --state /srv/full --no-demo')
    bare.tries('dd if=/dev/zero of=/srv/full/log/filler bs=1M 2>/dev/null')
    bare.types('./devstack/down --purge --state /srv/full')
    assert bare.asks('ls', '-A', '/srv/full') == '' and bare.processes() == []
