"""The systemd units, as systemd itself reads them."""

import pathlib
import shutil
import subprocess

import pytest

UNITS = pathlib.Path(__file__).resolve().parents[2] / 'etc' / 'systemd'
SERVICES = sorted(path.name for path in UNITS.glob('*.service'))


@pytest.fixture
def verified(tmp_path: pathlib.Path):
    """What systemd-analyze says to a unit, with the programs of the unit standing somewhere."""
    if shutil.which('systemd-analyze') is None:
        pytest.skip('systemd-analyze is not installed here (apt-get install systemd)')
    programs = tmp_path / 'bin'
    programs.mkdir()
    for unit in UNITS.iterdir():
        text = unit.read_text().replace('/opt/nimbus/bin/', f'{programs}/')
        (tmp_path / unit.name).write_text(text)
        for program in {
            line.split()[0] for line in text.partition('ExecStart')[2].replace('=', '\n').splitlines() if line
        }:
            if program.startswith(str(programs)):
                pathlib.Path(program).write_text('#!/bin/sh\n')
                pathlib.Path(program).chmod(0o755)

    def verify(name: str) -> str:
        words = ['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', str(tmp_path / name)]
        asked = subprocess.run(words, capture_output=True, text=True, env={'SYSTEMD_UNIT_PATH': f'{tmp_path}:'})
        return asked.stderr + ('' if asked.returncode == 0 else f'exit code {asked.returncode}')

    return verify


@pytest.mark.parametrize('name', [*SERVICES, 'nimbus.target', 'nimbus-backup.timer'])
def test_systemd_finds_nothing_wrong_with_a_unit(verified, name):
    assert verified(name) == ''


def test_systemd_would_find_something_wrong(verified, tmp_path):
    broken = tmp_path / SERVICES[0]
    broken.write_text(broken.read_text().replace('Restart=on-failure', 'Restart=perhaps'))
    assert 'perhaps' in verified(SERVICES[0])


def test_every_daemon_has_a_unit():
    daemons = ('identity', 'api', 'scheduler', 'conductor', 'compute', 'image', 'network', 'volume', 'console')
    assert SERVICES == sorted(f'nimbus-{name}.service' for name in (*daemons, 'backup'))


@pytest.mark.parametrize('name', ['compute', 'network', 'volume'])
def test_an_agent_is_not_told_the_databases_password(name):
    assert 'control.conf' not in (UNITS / f'nimbus-{name}.service').read_text()


def lines(name: str, key: str) -> list[str]:
    return [line.partition('=')[2] for line in (UNITS / name).read_text().splitlines() if line.startswith(f'{key}=')]


def test_a_host_that_goes_down_stops_its_agent_before_its_guests():
    assert 'libvirt-guests.service' in ' '.join(lines('nimbus-compute.service', 'After')).split()


@pytest.mark.parametrize('name', SERVICES)
def test_a_unit_asks_for_no_more_of_the_kernel_than_services_need(name):
    (allowed,) = lines(name, 'SystemCallFilter')
    assert set(allowed.split()) <= {'@system-service', '@mount'}
    assert ('@mount' in allowed) == (name == 'nimbus-network.service')
    assert lines(name, 'SystemCallErrorNumber') == ['EPERM'] and lines(name, 'NoNewPrivileges') == ['yes']


def test_the_timer_of_the_copies_stops_and_starts_with_everything_else():
    assert lines('nimbus-backup.timer', 'PartOf') == lines('nimbus-backup.timer', 'WantedBy') == ['nimbus.target']
