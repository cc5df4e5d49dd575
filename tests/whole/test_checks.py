"""What `nimbus-manage doctor`, `nimbus-status` and `nimbus status --short` tell of a cloud that is not well."""

import contextlib
import datetime
import io
import os
import socket
import subprocess
import sys
import time

import pytest

from nimbus.cmd import schema
from nimbus.cmd.manage import checks
from nimbus.common import clock, context, jobs
from nimbus.common.agents import services
from nimbus.common.jobs import Job
from nimbus.compute.desk import ComputeDeskServer
from nimbus.compute.models import Move
from nimbus.compute.servers.moves import evacuations


def found(cloud, check):
    return [(one.level, one.sentence) for one in checks.run(cloud.conf, cloud.parts, [check])]


GOOD = [(checks.GOOD, 'Nothing is wrong.')]


def test_a_schema_that_is_not_this_versions_is_a_failure(cloud):
    ((level, sentence),) = found(cloud, checks.database_schema)
    assert level == checks.FAILURE and sentence.startswith('It is empty') and schema.newest() in sentence


def test_keys_that_others_can_read_or_that_are_old_or_missing_are_told(cloud, tmp_path):
    assert found(cloud, checks.keys) == GOOD
    key = tmp_path / 'token-keys' / '1'
    key.chmod(0o640)
    assert found(cloud, checks.keys) == [
        (checks.FAILURE, f'{key} has mode 640: others than its owner can use it.'),
    ]
    key.chmod(0o600)
    os.utime(key, (past := time.time() - 100 * 86400, past))
    ((level, sentence),) = found(cloud, checks.keys)
    assert level == checks.WARNING and '100 days old' in sentence
    for name in '01':
        (tmp_path / 'credential-keys' / name).unlink()
    assert (checks.FAILURE, f'There are none in {tmp_path / "credential-keys"}.') in found(cloud, checks.keys)


def test_what_identity_makes_is_its_owners_alone(cloud, tmp_path):
    modes = {
        path.relative_to(tmp_path): oct(path.stat().st_mode & 0o777)
        for folder in ('token-keys', 'credential-keys')
        for path in (tmp_path / folder, *(tmp_path / folder).glob('[0-9]*'))
    }
    assert len(modes) >= 6 and set(modes.values()) == {'0o700', '0o600'}


def test_a_database_that_everybody_can_read_is_told_and_ours_is_not_one(cloud, tmp_path):
    assert found(cloud, checks.files) == GOOD
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.glob('nimbus.db*')} == {'0o600'}
    (tmp_path / 'nimbus.db').chmod(0o644)
    assert found(cloud, checks.files)[0][0] == checks.WARNING


def test_a_clock_that_differs_is_named_and_its_host_stays_up(cloud):
    cloud.wait(lambda: found(cloud, checks.clocks) == GOOD and found(cloud, checks.daemons) == GOOD)
    desk = ComputeDeskServer(cloud.parts.db)
    late = (clock.Clock().now() - datetime.timedelta(seconds=120)).isoformat()
    with cloud.parts.db.read() as tx:
        (row,) = services.find(tx, 'compute', binary='nova-compute', host='h1')
    desk.alive(context.internal(), 'h1', 'nova-compute', {**row.facts, 'clock': late}, False)
    ((level, sentence),) = found(cloud, checks.clocks)
    assert (level, sentence) == (checks.WARNING, 'The clock of h1 is 120 seconds behind: set it by NTP.')
    assert found(cloud, checks.daemons) == GOOD


def test_a_daemon_that_is_silent_and_a_job_that_is_stuck_are_named(cloud):
    assert found(cloud, checks.stuck_jobs) == GOOD
    with cloud.parts.db.write() as tx:
        job = jobs.start(tx, context.internal(), 'delete_server', 'some-server')
        tx.update(Job, Job.id == job, heading=jobs.STUCK, error='The host is away.')
        (row,) = services.find(tx, 'compute', binary='nova-compute', host='h2')
        services.change(tx, row.id, forced_down=True)
    assert found(cloud, checks.stuck_jobs)[0][1] == (
        'delete_server of some-server could not be undone: The host is away.'
    )
    assert found(cloud, checks.daemons)[0][1].startswith('nova-compute on h2 was last seen at ')


def test_a_port_where_nobody_listens_is_named(cloud):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        cloud.conf.api.services = ['compute']
        for name in ('identity', 'image', 'compute'):
            setattr(cloud.conf.api, f'{name}_port', taken.getsockname()[1])
        assert found(cloud, checks.ports) == GOOD
    assert [text.split(' at ')[0] for _, text in found(cloud, checks.ports)] == [
        f'The {name} API does not answer' for name in ('identity', 'image', 'compute')
    ]


def test_a_check_that_cannot_look_is_a_failure(cloud):
    def broken(_conf, _parts):
        raise OSError('no such disk')

    assert found(cloud, broken) == [(checks.FAILURE, 'It cannot be checked: no such disk')]


@pytest.fixture
def host(tmp_path):
    """Runs a program of a host that is being set up."""
    (tmp_path / 'nimbus.conf').write_text(f'[DEFAULT]\nstate_path = {tmp_path}\n')

    def run(module, *words):
        argv = [
            sys.executable,
            '-m',
            f'nimbus.cmd.manage.{module}',
            '--config-file',
            str(tmp_path / 'nimbus.conf'),
            *words,
        ]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60)

    return run


def test_the_upgrade_check_says_by_its_exit_code_whether_daemons_may_start(host, tmp_path):
    early = host('status', 'upgrade', 'check')
    assert early.returncode == 2 and '| Result: Failure' in early.stdout, early.stderr
    for words in (('db', 'upgrade'), ('token', 'setup'), ('credential', 'setup')):
        assert host('manage', *words).returncode == 0
    ready = host('status', 'upgrade', 'check')
    assert (ready.returncode, ready.stdout.count('Result: Success')) == (0, 3), ready.stdout + ready.stderr
    assert len({len(line) for line in ready.stdout.splitlines()}) == 1
    (tmp_path / 'nimbus.conf').write_text('[log\n')
    assert host('status', 'upgrade', 'check').returncode == 255
    assert host('manage', 'doctor').returncode == 1


def test_the_doctor_has_a_line_for_each_check(host):
    told = host('manage', 'doctor')
    assert told.returncode == 2
    for what in ('database schema', 'token keys', 'ports', 'clocks', 'disk space'):
        assert what in told.stdout


@pytest.mark.parametrize(
    ('down', 'code', 'line'),
    [
        ((), 0, 'NIMBUS OK - 2 of 2 parts are up'),
        (('service',), 1, 'NIMBUS WARNING - 1 of 2 parts are up; down: nova-compute at h1'),
        (('service', 'endpoint'), 2, 'NIMBUS CRITICAL - 0 of 2 parts are up; down: compute at c:1, nova-compute at h1'),
    ],
)
def test_a_monitor_is_told_in_one_line(down, code, line):
    from nimbus.cli import status

    rows = [
        ('endpoint', 'compute', 'c:1', 'endpoint' not in down, ''),
        ('service', 'nova-compute', 'h1', 'service' not in down, ''),
    ]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert status.in_short(rows) == code
    assert said.getvalue() == line + '\n'


def test_a_monitor_is_told_when_the_cloud_is_away(monkeypatch, capsys):
    from nimbus.cli import status

    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    for name, value in {'AUTH_URL': f'http://127.0.0.1:{port}/v3', 'USERNAME': 'a', 'PASSWORD': 'b'}.items():
        monkeypatch.setenv(f'OS_{name}', value)
    monkeypatch.delenv('OS_CLOUD', raising=False)
    assert status.main(['--short']) == 2
    assert capsys.readouterr().out.startswith('NIMBUS CRITICAL - the cloud cannot be asked: ')


@pytest.mark.parametrize(
    'url', ['mysql+pymysql://nimbus:hush@127.0.0.1:{}/n', 'postgresql+psycopg://nimbus:hush@127.0.0.1:{}/n']
)
@pytest.mark.parametrize('words', [('db', 'check'), ('db', 'upgrade'), ('doctor',)])
def test_a_database_that_cannot_be_reached_is_named_with_the_servers_words_and_no_password(host, tmp_path, url, words):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    with open(tmp_path / 'nimbus.conf', 'a') as file:
        file.write(f'[database]\nurl = {url.format(port)}\n')
    told = host('manage', *words)
    said = told.stdout + told.stderr
    assert told.returncode and 'Traceback' not in said and 'hush' not in said
    assert f'nimbus:***@127.0.0.1:{port}/n says: ' in said and 'refused' in said


def test_a_host_that_may_still_run_evacuated_servers_is_named_until_it_says_that_it_does_not(cloud):
    assert found(cloud, checks.evacuations) == GOOD
    now = clock.Clock().now()
    given = {'server_id': 's', 'project_id': 'p', 'kind': 'evacuation', 'status': 'done', 'vm_state': 'active'}
    given |= {'source_host': 'h9', 'old_flavor_id': '1', 'old_flavor': {}, 'new_flavor_id': '1', 'new_flavor': {}}
    with cloud.parts.db.write() as tx:
        tx.insert(Move, id='m1', **given, created_at=now)
    ((level, sentence),) = found(cloud, checks.evacuations)
    assert level == checks.WARNING and sentence.startswith('1 server was evacuated from h9, which is down')
    with cloud.parts.db.write() as tx:
        services.report(tx, services.Kind('compute', 'nova-compute'), 'h9', {}, started=True)
        tx.insert(Move, id='m2', **given, created_at=now)
    ((level, sentence),) = found(cloud, checks.evacuations)
    assert level == checks.WARNING and sentence.startswith('2 servers were evacuated from h9, which is up')
    with cloud.parts.db.write() as tx:
        evacuations.forsaken(tx, 'h8', 'm1')
        evacuations.forsaken(tx, 'h9', 'm2')
        assert evacuations.unforsaken(tx) == {'h9': 1}
        evacuations.forget_host(tx, 'h9')
        services.forget(tx, services.find(tx, host='h9')[0].id)
    assert found(cloud, checks.evacuations) == GOOD
