"""The operator guide's commands, as far as they can be looked at without running them."""

import re
import subprocess

import pytest

from devstack import guide, packages
from tests.nodes import named

ROOT = guide.GUIDE.parents[1]
BLOCKS = [(where, what) for where, found in guide.blocks().items() for what in found]


def test_the_guide_has_commands_for_every_kind_of_machine():
    kinds = {
        'control host',
        'control host with PostgreSQL',
        'second control host',
        'every host',
        'agent host',
        'anywhere',
    }
    assert set(guide.blocks()) == kinds


def test_every_block_says_where_it_is_run_and_what_it_does():
    assert sum(map(len, guide.blocks().values())) == guide.fences()


def test_every_block_is_run_by_a_test():
    files = [*(ROOT / 'tests' / 'nodes').glob('*.py'), ROOT / 'devstack' / 'hosts.py']
    tests = ' '.join(path.read_text() for path in files)
    assert [what for _, what in BLOCKS if f"'{what}'" not in tests and f'"{what}"' not in tests] == []


def test_it_is_known_where_every_command_in_a_sentence_is_run():
    assert guide.named() == sorted(named.NAMED)


@pytest.mark.parametrize(('where', 'what'), BLOCKS)
def test_a_block_is_shell_and_names_files_that_are_there(where, what):
    text = guide.blocks()[where][what]
    assert subprocess.run(['bash', '-n'], input=text, text=True, capture_output=True).stderr == ''
    for name in re.findall(r'(?<![\w/])etc/[\w./*-]+', text):
        assert list(ROOT.glob(name)), name


def test_a_host_of_agents_has_what_devstack_gives_one():
    needed = set(packages.wanted(['base'])) - {'iputils-ping', 'openssh-client'}  # for whoever tries the cloud
    needed -= {'libvirt-daemon', 'libvirt-daemon-driver-qemu'}  # libvirt-daemon-system brings them
    needed -= {'novnc'}  # which control hosts serve
    assert needed <= set(guide.packages('agent host'))


def test_the_samples_have_no_value_that_is_not_named_in_capitals():
    for name in ('nimbus.conf.control', 'nimbus.conf.host', 'control.conf.sample'):
        text = (ROOT / 'etc/nimbus' / name).read_text()
        for secret in re.findall(r'(?m)^(?:password|shared_secret) = (.*)$', text):
            assert secret.isupper()
