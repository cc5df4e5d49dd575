"""The wheel: built and installed by pip alone, without a compiler, for each Python, and a cloud runs from it."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSIONS = ('3.11', '3.12', '3.13', '3.14')
OUT = ('.*', 'build', '*.egg-info', 'tests', 'doc', 'bench', 'findings')
pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp('wheel')
    shutil.copytree(ROOT, folder / 'source', ignore=shutil.ignore_patterns(*OUT))
    words = ['-m', 'pip', 'wheel', '-qq', '--no-deps', '-w', str(folder), str(folder / 'source')]
    subprocess.run([sys.executable, *words], check=True)
    (built,) = folder.glob('nimbus-*-py3-none-any.whl')
    return built


def interpreter(version):
    """A Python of that version, None where there is none."""
    kept = sorted(pathlib.Path('~/.pyenv/versions').expanduser().glob(f'{version}.*/bin/python3'))
    for found in (shutil.which(f'python{version}'), *map(str, kept)):
        asked = found and subprocess.run([found, '-c', 'import ensurepip, ssl'], capture_output=True)
        if asked and asked.returncode == 0:
            return found
    return None


@pytest.mark.parametrize(
    'version', [*(pytest.param(one, marks=pytest.mark.long) for one in VERSIONS[:-1]), VERSIONS[-1]]
)
def test_whatever_it_needs_is_there_without_a_compiler(wheel, version, tmp_path):
    words = ['--dry-run', '--target', str(tmp_path), '--python-version', version, '--only-binary=:all:', str(wheel)]
    ran = subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize('version', [VERSIONS[0], *(pytest.param(one, marks=pytest.mark.long) for one in VERSIONS[1:])])
def test_a_cloud_runs_from_it(wheel, version, tmp_path):
    if (python := interpreter(version)) is None:
        pytest.skip(f'There is no Python {version} on this machine.')
    told = {'HOME': str(tmp_path), 'PATH': f'{tmp_path}/venv/bin:/usr/bin:/bin', 'LANG': 'C.UTF-8'}
    told |= {name: value for name, value in os.environ.items() if name.startswith(('PIP_', 'SSL_', 'REQUESTS_'))}
    # A checkout on the path would count as installed.
    outside = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    subprocess.run([python, '-m', 'venv', str(tmp_path / 'venv')], env=outside, check=True)
    programs = tmp_path / 'venv' / 'bin'
    words = ['-m', 'pip', 'install', '-qq', '--only-binary=:all:', str(wheel), 'pytest']
    subprocess.run([str(programs / 'python'), *words], env=outside, check=True)
    command = [str(programs / 'nimbus'), 'run', '--seed', 'devstack', '--', 'nimbus', 'status']
    ran = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True)
    assert ran.returncode == 0 and 'parts are up' in ran.stdout, ran.stdout + ran.stderr
    (tmp_path / 'test_it.py').write_text(
        'def test_it(nimbus_cloud):\n    assert nimbus_cloud.credentials("demo")["username"] == "demo"\n'
    )
    ran = subprocess.run(
        [str(programs / 'pytest'), '-q', '-p', 'no:cacheprovider', 'test_it.py'],
        cwd=tmp_path,
        env=told,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and '1 passed' in ran.stdout, ran.stdout + ran.stderr
