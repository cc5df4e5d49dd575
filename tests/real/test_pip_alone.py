"""A cloud for somebody's own tests: installed with pip alone, run without root."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from devstack import place

ROOT = pathlib.Path(__file__).resolve().parents[2]
OFFSET = place.TEST_OFFSETS['alone']
pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture
def home():
    """A folder that belongs to a user without rights, and the words to run something as that user."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-', dir='/var/tmp'))
    as_nobody: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, 'nobody', 'nogroup')
        as_nobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--']
    folder.chmod(0o755)
    yield folder, as_nobody
    shutil.rmtree(folder)


@pytest.mark.long
def test_a_fake_cloud_runs_without_root_and_without_system_packages(home):
    folder, as_nobody = home
    source = folder / 'source'
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns('.*', 'build', '*.egg-info', 'tests', 'doc'))
    subprocess.run([sys.executable, '-m', 'venv', str(folder / 'venv')], check=True)
    programs = folder / 'venv' / 'bin'
    subprocess.run([str(programs / 'python'), '-m', 'pip', 'install', '-qq', str(source)], check=True)
    clouds = folder / 'state' / 'clouds.yaml'
    told = {'HOME': str(folder), 'PATH': f'{programs}:/usr/bin:/bin', 'OS_CLIENT_CONFIG_FILE': str(clouds)}
    words = ['nimbus', 'up', '--fake', '--state', str(folder / 'state'), '--port-offset', str(OFFSET)]
    with subprocess.Popen(
        [*as_nobody, *words], cwd=folder, env=told, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as cloud:
        try:
            first = cloud.stdout.readline()
            assert 'nimbus is ready' in first, first + cloud.stdout.read()
            asked = subprocess.run([*as_nobody, 'nimbus', 'status'], env=told, capture_output=True, text=True)
            assert asked.returncode == 0, asked.stdout + asked.stderr
        finally:
            cloud.terminate()
        assert cloud.wait(30) == 0
