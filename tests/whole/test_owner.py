"""What root makes with `nimbus-manage` belongs to the user whom daemons run as, and doctor judges as that user."""

import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root makes files for others')
KEYS = ('token-keys', 'credential-keys', 'jws-keys')


@pytest.fixture
def daemon() -> pwd.struct_passwd:
    """A user who is not root."""
    return pwd.getpwnam('daemon')


@pytest.fixture
def state(daemon):
    """A state folder as systemd-tmpfiles makes it, where its owner gets to."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-owner-', dir='/var/tmp'))
    os.chown(folder, daemon.pw_uid, daemon.pw_gid)
    folder.chmod(0o755)
    (folder / 'nimbus.conf').write_text(
        f'[DEFAULT]\nstate_path = {folder}\n[identity]\nbcrypt_rounds = 4\njws_key_repository = {folder}/jws-keys\n'
    )
    os.chown(folder / 'nimbus.conf', 0, daemon.pw_gid)
    (folder / 'nimbus.conf').chmod(0o640)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def manage(state):
    """Runs nimbus-manage as root."""

    def run(*words, **variables):
        argv = [sys.executable, '-m', 'nimbus.cmd.manage.manage', '--config-file', str(state / 'nimbus.conf'), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, env={**os.environ, **variables})

    return run


def setups(manage):
    for words in (
        ('db', 'upgrade'),
        ('token', 'setup'),
        ('token', 'setup', '--format', 'jws'),
        ('credential', 'setup'),
    ):
        done = manage(*words)
        assert done.returncode == 0, done.stderr


def owners(state):
    found = [path for name in KEYS for path in (state / name, *(state / name).iterdir())]
    assert len(found) >= 12
    return {path.stat().st_uid for path in (*found, *state.glob('nimbus.db*'))}


def test_keys_and_database_belong_to_the_owner_of_the_state(manage, state, daemon):
    setups(manage)
    assert owners(state) == {daemon.pw_uid}
    for words in (('token', 'rotate'), ('token', 'rotate', '--format', 'jws'), ('credential', 'rotate')):
        done = manage(*words)
        assert done.returncode == 0, done.stderr
    assert owners(state) == {daemon.pw_uid}
    assert manage('db', 'backup', str(state / 'copy.gz')).returncode == 0
    assert (state / 'copy.gz').stat().st_uid == daemon.pw_uid


def test_keys_that_root_left_behind_are_told_by_the_doctor_and_given_back_by_the_setup(manage, state, daemon):
    setups(manage)
    for path in (state / 'token-keys', *(state / 'token-keys').iterdir()):
        os.chown(path, 0, 0)
    told = [line for line in manage('doctor').stdout.splitlines() if 'token keys' in line]
    assert told and all(line.startswith('FAILURE') and f'cannot be used by {daemon.pw_name}' in line for line in told)
    setups(manage)
    assert owners(state) == {daemon.pw_uid}
    assert 'cannot be used by' not in manage('doctor').stdout


def test_a_file_of_the_configuration_that_daemons_cannot_read_is_told(manage, state, daemon):
    setups(manage)
    os.chown(state / 'nimbus.conf', 0, 0)
    assert re.search(r'FAILURE +files +\S+/nimbus.conf cannot be used by ' + daemon.pw_name, manage('doctor').stdout)


def test_bootstrap_says_what_became_of_each_user_and_takes_the_password_that_agents_are_told(manage, state):
    setups(manage)
    alone = manage('bootstrap')
    assert alone.returncode == 1
    assert 'OS_BOOTSTRAP_PASSWORD' in alone.stderr and 'OS_BOOTSTRAP_SERVICE_PASSWORD' in alone.stderr
    first = manage('bootstrap', OS_BOOTSTRAP_PASSWORD='a').stdout
    assert 'User admin: made' in first and 'User nimbus: HAS NO PASSWORD' in first
    with open(state / 'nimbus.conf', 'a') as file:
        file.write('[service_user]\npassword = told\n')
    assert 'User nimbus: there already, without a password; has the one given now.' in (
        manage('bootstrap', OS_BOOTSTRAP_PASSWORD='a').stdout
    )
    other = manage('bootstrap', OS_BOOTSTRAP_PASSWORD='a', OS_BOOTSTRAP_SERVICE_PASSWORD='else')
    assert other.returncode == 1 and 'give it once' in other.stderr
