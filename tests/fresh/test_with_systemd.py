"""The README's commands on a machine whose first process is systemd; the tests are steps, in order."""

import pytest

from tests.fresh.newcomer import closing, told

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
# The first command, interrupted as by Ctrl-C while packages are unpacked.
INTERRUPTED = """
env --default-signal=INT setsid ./devstack/up >up.log 2>&1 & up=$!
until grep -q "^Status: install ok unpacked" /var/lib/dpkg/status; do kill -0 $up || break; sleep 0.05; done
kill -INT -$up; wait $up; cat up.log
"""


def test_an_interrupted_installation_is_gone_on_with(usual):
    printed = usual.tries(INTERRUPTED).stdout
    assert 'interrupted while packages were being installed; run the same command again' in printed, printed
    assert 'Traceback' not in printed and not usual.has('/usr/sbin/policy-rc.d')


def test_the_first_command_brings_a_cloud_up(usual):
    usual.lines = closing(usual.types(told('A cloud in one command')[0]))
    assert 'demo' in usual.types(f'echo hostname | {usual.lines["Log in"]}')
    assert '15 of 15 parts are up' in usual.types(usual.lines['Status'])


def test_down_and_purge_leave_nothing_of_the_cloud(usual):
    usual.types('./devstack/down --purge')
    assert not usual.has('/var/lib/nimbus') and usual.asks('ip', 'netns') == ''
    assert '0 loaded units' in usual.asks('systemctl', '--failed')


def test_the_cloud_of_daemons_comes_up(usual):
    assert told('A cloud in one command')[1] == './devstack/up --daemons'
    usual.lines = closing(usual.types('./devstack/up --daemons'))
    assert 'demo' in usual.types(f'echo hostname | {usual.lines["Log in"]}')


def test_after_a_power_cut_nothing_listens_for_everybody(usual):
    usual.box.cut()
    usual.box.boot()
    assert usual.box.state() == 'running', usual.asks('systemctl', '--failed')
    assert usual.listeners() == []


def test_the_command_again_brings_the_same_cloud_back(usual):
    assert 'creating' not in usual.types('./devstack/up')
    assert '| ACTIVE ' in usual.types(usual.lines['As the demo user'])
    assert 'demo' in usual.types(f'echo hostname | {usual.lines["Log in"]}')
    usual.types('./devstack/down --purge')
    assert '0 loaded units' in usual.asks('systemctl', '--failed')
