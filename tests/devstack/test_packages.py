"""How packages are installed: no server of theirs starts, and a run that was cut short is gone on with."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from devstack import packages
from devstack.processes import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The programs of a Debian that installs one package, slowly; what was asked of them is written down.
PROGRAMS = {
    'apt-get': 'echo "$*" >>asked\ncase "$*" in *--assume-no*) echo "Need to get 12.5 MB of archives."\n'
    'echo "After this operation, 40.1 MB of additional disk space will be used.";;\n'
    '*" -y "*) cat policy >seen; ls units >masked; touch working; [ ! -e slow ] || sleep 60;; esac',
    'dpkg-query': 'case "$*" in *binary:*) cat states 2>/dev/null;; esac; true',
    'dpkg': 'echo "dpkg $*" >>asked; case $1 in --audit) cat audit 2>/dev/null;; esac; true',
    'systemctl': 'echo "systemctl $*" >>asked',
}
INSTALL = """
import pathlib, sys
from devstack import packages, progress
packages.POLICY, packages.UNITS, packages.LOCK = (pathlib.Path(name).absolute() for name in ('policy', 'units', 'lock'))
packages.JOURNAL = pathlib.Path('journal').absolute()
progress.finish(lambda: packages.install(['daemons']))
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='only root installs packages')


@pytest.fixture
def debian(tmp_path):
    """A folder with such programs, which is where they work."""
    programs = tmp_path / 'bin'
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f'#!/bin/sh\n{text}\n')
        (programs / name).chmod(0o755)
    for name in ('units', 'journal'):
        (tmp_path / name).mkdir()
    return tmp_path


def begin(debian: pathlib.Path) -> subprocess.Popen:
    """The installation has begun."""
    env = {**os.environ, 'PATH': f'{debian}/bin:{os.environ["PATH"]}', 'PYTHONPATH': str(ROOT)}
    return subprocess.Popen(
        [sys.executable, '-c', INSTALL],
        cwd=debian,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def install(debian: pathlib.Path) -> str:
    """What an installation that ended well printed."""
    with begin(debian) as running:
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said
    return said


@needs_root
def test_no_server_starts_now_or_with_the_machine(debian):
    said = install(debian)
    assert (debian / 'seen').read_text() == packages.REFUSE_STARTS
    assert {'rabbitmq-server.service', 'epmd.socket'} <= set((debian / 'masked').read_text().split())
    assert not (debian / 'policy').exists() and list((debian / 'units').iterdir()) == []
    assert 'systemctl disable rabbitmq-server.service epmd.service epmd.socket' in (debian / 'asked').read_text()
    assert 'servers of rabbitmq-server stay off' in said and '12.5 MB to download, 40.1 MB on disk' in said


@needs_root
def test_somebody_elses_policy_is_kept(debian):
    (debian / 'policy').write_text('#!/bin/sh\nexit 0\n')
    install(debian)
    assert (debian / 'policy').read_text() == (debian / 'seen').read_text() == '#!/bin/sh\nexit 0\n'


@needs_root
@pytest.mark.parametrize('word', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_installation_and_takes_the_policy_away(debian, word):
    (debian / 'slow').touch()
    with begin(debian) as running:
        assert wait_until((debian / 'working').exists, 30)
        running.send_signal(word)
        said, _ = running.communicate(timeout=30)
    assert running.returncode == 1 and not (debian / 'policy').exists()
    assert 'run the same command again to go on' in said and 'Traceback' not in said


@needs_root
def test_the_policy_that_a_killed_run_left_is_taken_away(debian):
    (debian / 'policy').write_text(packages.REFUSE_STARTS)
    install(debian)
    assert not (debian / 'policy').exists()


@needs_root
@pytest.mark.parametrize('trace', ['audit', 'journal/0001'])
def test_what_a_killed_run_left_half_done_is_finished_first(debian, trace):
    (debian / trace).write_text('The following packages are in a mess\n')
    assert 'finishing an interrupted installation' in install(debian)
    assert 'dpkg --configure -a' in (debian / 'asked').read_text().partition('install')[0]


@needs_root
@pytest.mark.parametrize('state', ['ok half-installed', 'reinstreq half-installed', 'reinstreq unpacked'])
def test_what_was_killed_while_it_was_unpacked_is_unpacked_anew(debian, state):
    (debian / 'audit').write_text('The following packages are in a mess\n')
    (debian / 'states').write_text(f'gcc ok unpacked\nlibubsan1:amd64 {state}\nmake ok installed\n')
    install(debian)
    asked = (debian / 'asked').read_text().splitlines()
    order = [
        next(number for number, line in enumerate(asked) if word in line)
        for word in ('--configure -a', '--force-depends libubsan1:amd64', 'update', '--fix-broken install', 'rabbitmq')
    ]
    assert order == sorted(order)
    assert [line for line in asked if '--remove' in line and 'gcc' in line] == []
