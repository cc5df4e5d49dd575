"""The demo that devstack/up leaves, tried from outside: by its address, its key and its console."""

import os
import pathlib
import subprocess

import pytest

from devstack import demo, place

STATE = pathlib.Path(os.environ.get('NIMBUS_STATE', '/var/lib/nimbus'))
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason='the secrets of the cloud are readable by root alone'),
    pytest.mark.skipif(
        os.geteuid() == 0 and not (STATE / 'choices.json').exists(),
        reason=f'there is no cloud in {STATE}; devstack/up brings one up, NIMBUS_STATE names another folder',
    ),
]


@pytest.fixture(scope='module')
def made() -> demo.Demo:
    """The demo as devstack/up finds or makes it."""
    where = place.Place(STATE, place.remembered(STATE))
    return demo.make(where, STATE / 'guest' / 'nimbus-guest.qcow2')


def inside(made: demo.Demo, *words: str) -> subprocess.CompletedProcess:
    """What a command in the demo network's namespace printed."""
    namespace = f'qdhcp-{made.network_id}'
    return subprocess.run(['ip', 'netns', 'exec', namespace, *words], capture_output=True, text=True, timeout=120)


def login(made: demo.Demo, command: str) -> subprocess.CompletedProcess:
    """What a command printed in the guest."""
    options = ('StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ConnectTimeout=60', 'BatchMode=yes')
    words = [word for option in options for word in ('-o', option)]
    return inside(made, 'ssh', *words, '-i', str(made.key), f'cirros@{made.address}', command)


def test_a_second_run_finds_the_same_server(made):
    where = place.Place(STATE, place.remembered(STATE))
    again = demo.make(where, STATE / 'guest' / 'nimbus-guest.qcow2')
    assert (again.server_id, again.network_id) == (made.server_id, made.network_id)


def test_the_guest_answers_ping_from_its_network(made):
    answer = inside(made, 'ping', '-c', '1', '-W', '20', made.address)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_injected_key_opens_the_guest(made):
    answer = login(made, 'cat /proc/sys/kernel/hostname')
    assert (answer.returncode, answer.stdout.strip()) == (0, 'demo.novalocal'), answer.stderr


def test_the_console_offers_a_login(made):
    assert 'login:' in made.console


def test_the_private_key_is_readable_by_its_owner_alone(made):
    assert made.key.stat().st_mode & 0o777 == 0o600
