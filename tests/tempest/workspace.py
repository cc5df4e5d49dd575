"""Keeps a tempest workspace, and the environment that tempest runs in, ready for a cloud."""

import json
import os
import pathlib
import re
import subprocess
import sys

from devstack.place import Place
from devstack.progress import Unable, say
from tests.tempest import config

ROOT = pathlib.Path(__file__).resolve().parents[2]
VENV = ROOT / '.venv-tempest'
WANTED = (
    'tempest==47.0.0',
    'keystone-tempest-plugin==0.22.0',
    'neutron-tempest-plugin==3.3.0',
    'python-openstackclient==10.5.0',
    'openstacksdk==4.22.0',
)


def environment() -> pathlib.Path:
    """The folder of programs of an environment that has tempest and the client in the versions wanted."""
    named = os.environ.get('TEMPEST_VENV')
    if named:
        return pathlib.Path(named) / 'bin'
    stamp = VENV / '.wanted'
    if not stamp.exists() or stamp.read_text() != '\n'.join(WANTED):
        say(f'installing {", ".join(WANTED)} into {VENV.name}')
        subprocess.run([sys.executable, '-m', 'venv', '--clear', str(VENV)], check=True)
        subprocess.run([str(VENV / 'bin' / 'python'), '-m', 'pip', 'install', '-qq', *WANTED], check=True)
        stamp.write_text('\n'.join(WANTED))
    return VENV / 'bin'


class Workspace:
    """A folder from which tempest can be run against one cloud."""

    def __init__(self, place: Place, name: str = 'tempest') -> None:
        self._place = place
        self.folder = place.state / name
        self._bin = environment()

    def configure(self, newest: bool = False, **more: str) -> None:
        """tempest.conf, with the values of `more` by section.option, and .stestr.conf stand in the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config.write(self._place, self.folder, newest, **more)
        where = 'import os, tempest.test_discover as t; print(os.path.dirname(os.path.abspath(t.__file__)))'
        asked = subprocess.run([str(self._bin / 'python'), '-c', where], capture_output=True, text=True, check=True)
        tests = pathlib.Path(asked.stdout.strip())
        text = f'[DEFAULT]\ntest_path={tests}\ntop_dir={tests.parent}\ngroup_regex=([^\\.]*\\.)*\n'
        (self.folder / '.stestr.conf').write_text(text)

    def run(self, wanted: list[str], concurrency: int) -> list[dict[str, str]]:
        """The outcomes of the tests whose ids, or regular expressions for them, are `wanted`."""
        chosen = self.folder / 'chosen.txt'
        chosen.write_text(''.join(f'^{re.escape(test)}(\\[|$)\n' for test in wanted))
        words = ['run', '--concurrency', str(concurrency), '--include-list', str(chosen)]
        ran = subprocess.run([str(self._bin / 'tempest'), *words], cwd=self.folder, env=self._environment())
        if ran.returncode not in (0, 1):
            raise Unable(f'tempest ended with the code {ran.returncode}; its own words are above.')
        return self._outcomes()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            'TEMPEST_CONFIG_DIR': str(self.folder / 'etc'),
            'TEMPEST_CONFIG': 'tempest.conf',
            'OS_TEST_TIMEOUT': '600',
            'PYTHONPATH': '',
        }

    def _outcomes(self) -> list[dict[str, str]]:
        last = subprocess.run(
            [str(self._bin / 'stestr'), 'last', '--subunit'],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
        )
        script = pathlib.Path(__file__).with_name('outcomes.py')
        told = subprocess.run([str(self._bin / 'python'), str(script)], input=last.stdout, capture_output=True)
        if told.returncode:
            raise Unable(f"tempest's results cannot be read: {told.stderr.decode()[-2000:]}")
        return [json.loads(line) for line in told.stdout.splitlines()]
