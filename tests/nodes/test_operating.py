"""What the guide says of a cloud that runs: rules, reports, logs, stopping and upgrading."""

import re

import pytest
from keystoneauth1 import exceptions

from devstack import guide, nodes
from tests.nodes.cloud import HOSTS, UNITS, seconds_until
from tests.nodes.named import NAMED, Run

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.mark.parametrize('command', [name for name, how in NAMED.items() if isinstance(how, Run)])
def test_a_command_that_the_guide_names_works(cloud, guests, command):
    how = NAMED[command]
    who = guide.script('anywhere', 'who asks', ADDRESS=cloud.control.address)
    done = cloud[how.node].run('bash', '-euc', f'{who}echo ---\n{how.script or command}')
    said = done.stdout.partition('---\n')[2]
    assert done.returncode == how.code, done.stdout
    assert re.search(how.says, said, re.MULTILINE), said


def test_a_rule_of_ones_own_holds_from_the_reload_on(cloud):
    member = cloud.member()
    asked = {'network': {'name': 'of-a-member'}}
    cloud.follow(cloud.control, 'control host', "a rule of one's own")
    try:
        nodes.until(lambda: _refused(member, asked), 10)
        assert cloud.ask('network', 'GET', '/v2.0/networks?name=of-a-member')['networks'] == []
    finally:
        cloud.control.must('rm', '/etc/nimbus/policy.yaml')
        cloud.control.must('systemctl', 'reload', 'nimbus-api', 'nimbus-identity', 'nimbus-image')
    nodes.until(lambda: not _refused(member, asked), 10)


def _refused(member, asked) -> bool:
    try:
        made = member('network', 'POST', '/v2.0/networks', asked)['network']['id']
    except exceptions.Forbidden:
        return True
    member('network', 'DELETE', f'/v2.0/networks/{made}')
    return False


def test_daemons_stop_as_the_guide_says_and_the_journal_knows_what_went_wrong(cloud, guests):
    before = cloud.guests('c1')
    cloud['c1'].must('systemctl', 'stop', 'nimbus-*')
    assert _states(cloud, 'c1') == ['inactive'] * 3 and cloud.guests('c1') == before
    cloud['c1'].must('systemctl', 'start', 'nimbus.target')
    nodes.until(cloud.is_whole, 60, lambda: str(cloud.up()))
    words = ['journalctl', '-p', 'warning', '-u', 'nimbus-*', '-o', 'cat', '--no-pager']
    assert all(' INFO ' not in line for line in cloud['c1'].must(*words).splitlines())


def test_the_target_stops_the_same_without_waiting_and_starts_it_with_the_timer_of_the_copies(cloud, guests):
    parts = ('nimbus-backup.timer', *(f'nimbus-{unit}' for unit in UNITS['ctl']))
    cloud.control.must('systemctl', 'stop', 'nimbus.target')
    nodes.until(lambda: _are(cloud, parts, 'inactive'), 30)
    cloud.control.must('systemctl', 'start', 'nimbus.target')
    assert _are(cloud, parts, 'active')
    nodes.until(cloud.is_whole, 60, lambda: str(cloud.up()))


def _states(cloud, name: str) -> list[str]:
    return cloud[name].run('systemctl', 'is-active', *(f'nimbus-{unit}' for unit in UNITS[name])).stdout.split()


def _are(cloud, units: tuple[str, ...], state: str) -> bool:
    return cloud.control.run('systemctl', 'is-active', *units).stdout.split() == [state] * len(units)


def test_a_new_version_takes_the_place_of_the_one_before(cloud, guests):
    before = {host: cloud.guests(host) for host in HOSTS}
    said = cloud.follow(cloud.control, 'control host', 'a new version')
    assert 'Success' in said
    cloud.follow(cloud['c1'], 'agent host', 'a new version')
    seconds_until(cloud.is_whole, 60, lambda: str(cloud.up()))
    assert {host: cloud.guests(host) for host in HOSTS} == before


def test_syslog_has_every_daemons_lines_with_names_and_goes_on_after_a_rotation(cloud):
    log = '/var/log/nimbus/nimbus.log'
    cloud.follow(cloud.control, 'control host', 'logs by syslog')
    seconds_until(cloud.is_whole, 60, lambda: str(cloud.up()))
    head = re.compile(r'^\S+ ctl nimbus-(\w+)\[\d+\]: (?:CRITICAL|ERROR|WARNING|INFO) ')

    def written() -> list[str]:
        return cloud.control.must('cat', log).splitlines()

    def daemons() -> set[str]:
        return {at[1] for line in written() if (at := head.match(line))}

    # A daemon is up a moment before its first line is in the file.
    nodes.until(lambda: {'api', 'identity'} <= daemons(), 20, lambda: f'Lines are there of {sorted(daemons())}.')
    lines = written()
    assert all(head.match(line) for line in lines), [line for line in lines if not head.match(line)][:5]
    assert cloud.control.must('stat', '-c', '%a %U %G', log).split() == ['640', 'root', 'adm']
    cloud.control.must('logrotate', '-f', '/etc/logrotate.d/nimbus')
    nodes.until(lambda: cloud.up() and cloud.control.run('test', '-s', log).returncode == 0, 20)
    cloud.control.must('sed', '-i', r'/^\[log\]$/,$d', '/etc/nimbus/nimbus.conf')
    cloud.control.must('systemctl', 'restart', *(f'nimbus-{unit}' for unit in UNITS['ctl']))
    nodes.until(cloud.is_whole, 60, lambda: str(cloud.up()))


def test_the_daemons_are_small_and_ask_little_of_the_database(cloud):
    for name, units in UNITS.items():
        for unit in units:
            rollup = cloud[name].must('cat', f'/proc/{cloud.pid(name, unit)}/smaps_rollup')
            pss = int(re.search(r'(?m)^Pss: +(\d+) kB', rollup).group(1)) // 1024
            assert pss < 140, f'{unit} on {name} has {pss} MiB'
    count = cloud.control.must(
        'mariadb', '-Ne', "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'nimbus'"
    )
    assert int(count) <= 40
