"""The examples of the guide for people who test against a fake cloud, run as they stand there."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = (ROOT / 'doc/user/testing.md').read_text()
PLUGIN = ('-p', 'nimbus.testing.plugin')


def surroundings(tmp_path):
    programs = tmp_path / 'bin'
    programs.mkdir()
    nimbus = programs / 'nimbus'
    nimbus.write_text(f'#!{sys.executable}\nimport sys\nfrom nimbus.cli import main\nsys.exit(main.main())\n')
    nimbus.chmod(0o755)
    path = os.pathsep.join((str(programs), str(pathlib.Path(sys.executable).parent), os.environ['PATH']))
    return {**os.environ, 'PYTHONPATH': str(ROOT), 'PATH': path, 'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1'}


def test_the_first_tests(tmp_path):
    (code,) = re.findall(r'```python\n(.*?)```', GUIDE, re.S)
    (tmp_path / 'test_servers.py').write_text(code)
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *PLUGIN, 'test_servers.py']
    told = surroundings(tmp_path)
    ran = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, timeout=110)
    assert (ran.returncode, '2 passed' in ran.stdout) == (0, True), ran.stdout + ran.stderr


@pytest.mark.parametrize('line', re.findall(r'^    (nimbus run .* -- openstack .*)$', GUIDE, re.M))
def test_a_line_that_uses_the_openstack_client(line, tmp_path):
    told = surroundings(tmp_path)
    ran = subprocess.run(shlex.split(line), cwd=tmp_path, env=told, capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_seed_that_is_shown_is_one(tmp_path):
    from nimbus.testing.seeds import files

    block = re.search(r'^    hosts:\n(?:    .*\n)+', GUIDE, re.M)
    assert block
    seed = files.parse('\n'.join(line[4:] for line in block[0].splitlines()))
    assert seed['servers'][0]['state'] == 'SHUTOFF'


def test_every_command_that_is_shown_is_there(tmp_path):
    from nimbus.cli import fake

    parser = fake._parser()
    shown = re.findall(r'`nimbus fake ([a-z].*?)`', GUIDE)
    assert len(shown) > 12
    for words in shown:
        parser.parse_args(shlex.split(words.replace(' N', ' 1')))
