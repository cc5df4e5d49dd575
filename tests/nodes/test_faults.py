"""What is left of the cloud when daemons die, cables are pulled and the power goes."""

import concurrent.futures
import itertools

import pytest

from devstack import nodes
from tests.nodes.cloud import HOSTS, UNITS, seconds_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
SEEN_DOWN = 45  # seconds; service_down_time is 30, and agents report every 10
# In each round a daemon of every node.
ROUNDS = [
    [(name, unit) for name, unit in zip(UNITS, units, strict=True) if unit]
    for units in itertools.zip_longest(*UNITS.values())
]


@pytest.mark.parametrize('victims', ROUNDS, ids=lambda victims: victims[0][1])
def test_a_daemon_that_is_killed_is_back_and_guests_run_on(cloud, guests, victims):
    before = {host: cloud.guests(host) for host in HOSTS}
    was = {(name, unit): cloud.pid(name, unit) for name, unit in victims}
    for (name, _), pid in was.items():
        cloud[name].must('kill', '-9', pid)
    for name, unit in victims:
        nodes.until(lambda name=name, unit=unit: _is_another(cloud, name, unit, was[name, unit]), 60)
    seconds_until(cloud.is_whole, 60, lambda: str(cloud.up()))
    assert {host: cloud.guests(host) for host in HOSTS} == before


def _is_another(cloud, name: str, unit: str, pid: str) -> bool:
    """Whether the daemon serves in another process than before."""
    return cloud.pid(name, unit) not in (pid, '0') and cloud.serves(name, unit)


def test_daemons_that_stand_still_are_ended_by_their_watchdog_and_back(cloud, guests):
    before = {host: cloud.guests(host) for host in HOSTS}
    since = {name: cloud[name].must('date', '+%F %T').strip() for name in ('ctl', 'c1')}
    still = {('ctl', 'conductor'): '', ('c1', 'compute'): '', ('c1', 'network'): ''}
    for name, unit in still:
        still[name, unit] = cloud.pid(name, unit)
        cloud[name].must('kill', '-STOP', still[name, unit])
    for (name, unit), pid in still.items():
        nodes.until(lambda name=name, unit=unit, pid=pid: _is_another(cloud, name, unit, pid), 120)
        said = ''.join(line['MESSAGE'] for line in cloud.journal(name, unit, since[name]))
        assert 'Watchdog timeout' in said, said
    seconds_until(cloud.is_whole, 60, lambda: str(cloud.up()))
    assert {host: cloud.guests(host) for host in HOSTS} == before


def test_a_host_whose_cable_is_pulled_is_seen_down_and_its_guest_runs_on(cloud, guests):
    before = cloud.guests('c2')
    since = cloud['c2'].must('date', '+%F %T').strip()
    cloud['c2'].disconnect()
    try:
        down = seconds_until(lambda: cloud.down_on('c2'), SEEN_DOWN, lambda: str(cloud.up()))
        _what_was_asked_of_a_host_that_is_away(cloud, guests)
    finally:
        cloud['c2'].connect()
    up = seconds_until(cloud.is_whole, 45, lambda: str(cloud.up()))
    assert cloud.guests('c2') == before
    for unit in UNITS['c2']:
        lines = cloud.journal('c2', unit, since)
        assert len(lines) < 60, lines
        away = [line for line in lines if 'oslo' in line['MESSAGE']]
        assert all(int(line['PRIORITY']) <= 4 for line in away)
    print(f'cable: down after {down:.0f} s, up after {up:.0f} s')


def _what_was_asked_of_a_host_that_is_away(cloud, guests) -> None:
    """An order to its guest is given back with a reason, and no new server goes there."""
    said = cloud.control.run('bash', '-c', f'{cloud.who()}nimbus status --short')
    assert said.returncode == 1 and 'down: ' in said.stdout and 'nova-compute at c2' in said.stdout, said.stdout
    seen = cloud.ask('compute', 'GET', f'/servers/{guests["c2"]}', version='compute 2.16')['server']
    assert (seen['status'], seen['host_status']) == ('ACTIVE', 'DOWN')
    cloud.ask('compute', 'POST', f'/servers/{guests["c2"]}/action', {'os-stop': None})
    asked = {**cloud.like(guests['c2']), 'name': 'nowhere', 'availability_zone': 'nova:c2'}
    nowhere = cloud.ask('compute', 'POST', '/servers', {'server': asked})['server']['id']
    nodes.until(lambda: cloud.server(nowhere)['status'] == 'ERROR', 60, lambda: str(cloud.server(nowhere)))
    assert 'c2' in cloud.server(nowhere)['fault']['message'] or 'host' in cloud.server(nowhere)['fault']['message']
    cloud.ask('compute', 'DELETE', f'/servers/{nowhere}')
    nodes.until(lambda: cloud.state(guests['c2']) == ('ACTIVE', None), 60, lambda: str(cloud.server(guests['c2'])))


def test_a_power_cut_is_seen_and_the_guest_is_back_with_its_host(cloud, guests):
    cloud['c1'].cut()
    down = seconds_until(lambda: cloud.down_on('c1'), SEEN_DOWN, lambda: str(cloud.up()))
    assert cloud.server(guests['c1'])['status'] == 'ACTIVE'
    cloud['c1'].boot()
    up = seconds_until(cloud.is_whole, 60, lambda: str(cloud.up()))
    runs = seconds_until(lambda: cloud.guests('c1'), 60)
    assert cloud.is_active(guests['c1'])
    print(f'power cut: down after {down:.0f} s, up {up:.0f} s and its guest {runs:.0f} s after that')


def test_a_host_that_is_rebooted_in_order_starts_its_guest_again(cloud, guests):
    cloud['c2'].power_off()
    assert cloud.server(guests['c2'])['status'] == 'ACTIVE'
    cloud['c2'].boot()
    seconds_until(cloud.is_whole, 60, lambda: str(cloud.up()))
    nodes.until(lambda: cloud.guests('c2'), 60, lambda: str(cloud.server(guests['c2'])))
    assert cloud.is_active(guests['c2'])


def test_the_control_host_is_rebooted_and_everything_finds_it_again(cloud, guests):
    before = {host: cloud.guests(host) for host in HOSTS}
    cloud.control.power_off()
    cloud.control.boot()
    up = seconds_until(cloud.is_whole, 90, lambda: str(cloud.up()))
    assert {host: cloud.guests(host) for host in HOSTS} == before
    assert all(cloud.is_active(server) for server in guests.values())
    print(f'control host: all up {up:.0f} s after its boot')


def test_all_nodes_lose_their_power_and_guests_are_back_where_the_option_says_so(cloud, guests):
    cloud['c2'].must(
        'sed', '-i', 's/^resume_guests.*/resume_guests_state_on_host_boot = false/', '/etc/nimbus/nimbus.conf'
    )
    cloud['c2'].must('systemctl', 'restart', 'nimbus-compute')
    nodes.until(cloud.is_whole, 60, lambda: str(cloud.up()))
    machines = [cloud[name] for name in UNITS]
    for machine in machines:
        machine.cut()
    with concurrent.futures.ThreadPoolExecutor() as threads:
        list(threads.map(nodes.Node.boot, machines))
    up = seconds_until(cloud.is_whole, 120, lambda: str(cloud.up()))
    nodes.until(lambda: cloud.guests('c1') and cloud.is_active(guests['c1']), 60)
    nodes.until(lambda: cloud.state(guests['c2']) == ('SHUTOFF', None), 60, lambda: str(cloud.server(guests['c2'])))
    assert cloud.guests('c2') == {}
    cloud.ask('compute', 'POST', f'/servers/{guests["c2"]}/action', {'os-start': None})
    nodes.until(lambda: cloud.is_active(guests['c2']), 60, lambda: str(cloud.server(guests['c2'])))
    print(f'all nodes: all up {up:.0f} s after the last one had booted')


def test_guests_have_their_addresses_again(cloud, guests):
    for server in guests.values():
        nodes.until(lambda server=server: 'datasource: metadata' in cloud.console(server), 120,
                    lambda server=server: cloud.console(server)[-2000:])  # fmt: skip
