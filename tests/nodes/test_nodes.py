"""What an operator has who followed the guide on three machines, and what is left of it when they fail.

The tests build on each other: guests that the first ones make are there for the faults of the later ones.
"""

import json
import re
import subprocess

import pytest

from devstack import nodes
from tests.nodes.cloud import HOSTS, REPO, Cloud, seconds_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
SEEN_DOWN = 45  # seconds; service_down_time is 30, and agents report every 10
UNITS = {
    'ctl': ('identity', 'api', 'image', 'scheduler', 'conductor'),
    'c1': ('compute', 'network', 'volume'),
    'c2': ('compute', 'network', 'volume'),
}


@pytest.fixture(scope='module')
def guests(cloud: Cloud) -> dict[str, str]:
    """The id of a server on each host, on the network whose DHCP server is there."""
    (image,) = cloud.ask('image', 'GET', '/v2/images')['images']
    (flavor,) = cloud.ask('compute', 'GET', '/flavors')['flavors']
    made: dict[str, str] = {}
    for n in range(8):
        network = _network(cloud, n)
        (host,) = nodes.until(lambda network=network: _dhcp_hosts(cloud, network), 30)
        if host in made:
            cloud.ask('network', 'DELETE', f'/v2.0/networks/{network}')
            continue
        asked = {
            'name': f'guest-{host}',
            'imageRef': image['id'],
            'flavorRef': flavor['id'],
            'networks': [{'uuid': network}],
            'availability_zone': f'nova:{host}',
        }
        made[host] = cloud.ask('compute', 'POST', '/servers', {'server': asked})['server']['id']
        if len(made) == len(HOSTS):
            break
    for host, server in made.items():
        nodes.until(lambda server=server: cloud.is_active(server), 120, lambda server=server: str(cloud.server(server)))
        assert cloud.server(server)['OS-EXT-SRV-ATTR:host'] == host
    assert set(made) == set(HOSTS)
    return made


def _network(cloud: Cloud, number: int) -> str:
    network = cloud.ask('network', 'POST', '/v2.0/networks', {'network': {'name': f'lan-{number}'}})['network']['id']
    subnet = {'network_id': network, 'ip_version': 4, 'cidr': f'10.30.{number}.0/24'}
    cloud.ask('network', 'POST', '/v2.0/subnets', {'subnet': subnet})
    return network


def _dhcp_hosts(cloud: Cloud, network: str) -> list[str]:
    found = cloud.ask('network', 'GET', f'/v2.0/networks/{network}/dhcp-agents')['agents']
    return [agent['host'] for agent in found]


def test_every_part_is_up_and_no_check_finds_a_failure(cloud):
    cloud.follow(cloud.control, 'anywhere', 'who asks', ADDRESS=cloud.control.address)
    assert '21 of 21 parts are up.' in cloud.said['ctl: who asks']
    assert 'FAILURE' not in ''.join(cloud.said.values())
    for name in ('ctl', *HOSTS):
        assert cloud[name].run('systemctl', '--failed', '--no-legend', '--plain', 'list-units', 'nimbus-*').stdout == ''


def test_the_guides_first_server_runs(cloud):
    values = {'ADDRESS': cloud.control.address, 'IMAGE': 'nimbus-guest.qcow2'}
    said = cloud.follow(cloud.control, 'anywhere', 'who asks', 'the first server', **values)
    assert re.search(r'^\| status +\| ACTIVE +\|$', said, re.MULTILINE)
    (server,) = cloud.ask('compute', 'GET', '/servers')['servers']
    cloud.ask('compute', 'DELETE', f'/servers/{server["id"]}')


def test_a_guest_on_each_host_has_an_address_and_metadata(cloud, guests):
    for server in guests.values():
        nodes.until(lambda server=server: 'datasource: metadata' in cloud.console(server), 120,
                    lambda server=server: cloud.console(server)[-2000:])  # fmt: skip
        assert 'no lease' not in cloud.console(server)


def test_a_guest_on_each_host_has_a_volume_of_its_host(cloud, guests):
    volumes: dict[str, str] = {}
    for _ in range(8):
        asked = {'volume': {'size': 1}}
        volume = cloud.ask('volumev3', 'POST', '/volumes', asked)['volume']['id']
        nodes.until(lambda volume=volume: _volume(cloud, volume)['status'] == 'available', 60)
        host = _volume(cloud, volume)['os-vol-host-attr:host'].split('@')[0]
        if volumes.setdefault(host, volume) != volume:
            cloud.ask('volumev3', 'DELETE', f'/volumes/{volume}')
        if len(volumes) == len(HOSTS):
            break
    for host, server in guests.items():
        attachment = {'volumeAttachment': {'volumeId': volumes[host]}}
        cloud.ask('compute', 'POST', f'/servers/{server}/os-volume_attachments', attachment)
        nodes.until(lambda host=host: _volume(cloud, volumes[host])['status'] == 'in-use', 60,
                    lambda host=host: cloud[host].run('journalctl', '-u', 'nimbus-*', '-n', '30').stdout)  # fmt: skip


def _volume(cloud: Cloud, volume: str) -> dict:
    return cloud.ask('volumev3', 'GET', f'/volumes/{volume}')['volume']


def test_the_nightly_copy_is_made_of_a_cloud_that_people_have_used(cloud):
    cloud.control.must('systemctl', 'start', 'nimbus-backup')
    (copy,) = cloud.control.must('bash', '-c', 'ls /var/lib/nimbus/backup').split()
    assert re.fullmatch(r'nimbus-ctl-\d{8}T\d{6}Z\.json\.gz', copy)


def test_the_sample_for_a_host_has_what_is_printed_for_one(cloud):
    def options(text):
        return re.findall(r'(?m)^(\[?\w+)', re.sub(r'(?m)^#.*', '', text))

    printed = cloud.control.must('cat', '/root/c1.conf')
    assert options(printed) == options((REPO / 'etc/nimbus/nimbus.conf.host').read_text())
    assert all(secret not in printed for secret in ('DATABASE', 'SERVICE', 'METADATA', 'mysql'))


def test_a_request_is_followed_by_its_id_through_the_logs(cloud, guests):
    cloud.ask('compute', 'POST', f'/servers/{guests["c1"]}/action', {'reboot': {'type': 'HARD'}})
    actions = cloud.ask('compute', 'GET', f'/servers/{guests["c1"]}/os-instance-actions')['instanceActions']
    request_id = next(one['request_id'] for one in actions if one['action'] == 'reboot')
    for name, unit in (('ctl', 'api'), ('ctl', 'conductor'), ('c1', 'compute')):
        words = ['journalctl', '-u', f'nimbus-{unit}', '-g', request_id, '--no-pager', '-o', 'cat']
        nodes.until(lambda name=name, words=words: cloud[name].run(*words).stdout.count(request_id), 30)
    nodes.until(lambda: cloud.is_active(guests['c1']), 60)


def test_a_router_works_within_what_its_unit_allows(cloud, guests):
    (subnet,) = (
        one for one in cloud.ask('network', 'GET', '/v2.0/subnets')['subnets'] if one['cidr'] == '10.30.0.0/24'
    )
    router = cloud.ask('network', 'POST', '/v2.0/routers', {'router': {'name': 'way'}})['router']['id']
    interface = {'subnet_id': subnet['id']}
    cloud.ask('network', 'PUT', f'/v2.0/routers/{router}/add_router_interface', interface)
    path = f'/v2.0/ports?device_id={router}'
    nodes.until(lambda: [one['status'] for one in cloud.ask('network', 'GET', path)['ports']] == ['ACTIVE'], 30)
    cloud.ask('network', 'PUT', f'/v2.0/routers/{router}/remove_router_interface', interface)
    cloud.ask('network', 'DELETE', f'/v2.0/routers/{router}')
    for host in HOSTS:
        said = cloud[host].must('journalctl', '-u', 'nimbus-network', '--no-pager', '-o', 'cat')
        assert 'not permitted' not in said and 'Traceback' not in said, said[-3000:]


def test_a_host_with_servers_stays_and_one_without_comes_and_goes(cloud, guests):
    refused = cloud.control.run('nimbus-manage', 'host', 'remove', 'c1')
    assert refused.returncode == 1 and 'delete or move them first' in refused.stdout
    again = cloud.control.run('nimbus-manage', 'host', 'add', 'c1')
    assert again.returncode == 1 and 'has an account nimbus-c1 already' in again.stdout
    printed = cloud.control.must('nimbus-manage', 'host', 'add', 'c3.rack')
    assert 'bus = rabbit://nimbus-c3.rack:' in printed
    rows = cloud.control.must('rabbitmqctl', '-q', 'list_permissions', '-p', 'nimbus').splitlines()
    (row,) = (row for row in rows if row.startswith('nimbus-c3.rack'))
    assert r'\.c3\.rack' in row and 'c1' not in row
    cloud.control.must('nimbus-manage', 'host', 'remove', 'c3.rack')
    assert 'c3.rack' not in cloud.control.must('rabbitmqctl', '-q', 'list_users')
    gone = cloud.control.run('nimbus-manage', 'host', 'remove', 'c3.rack')
    assert gone.returncode == 1 and 'knows a host c3.rack' in gone.stdout


def test_the_check_tells_an_account_that_is_of_another_host(cloud):
    node = cloud['c1']
    mine = node.must('cat', '/etc/nimbus/nimbus.conf')
    for told, change in {
        'may not use the queues of compute, network, volume on c9': lambda text: text.replace('host = c1', 'host = c9'),
        'does not take nimbus-c1': lambda text: re.sub(r'(nimbus-c1:)[^@]+', r'\1wrong', text),
        'cannot log in': lambda text: re.sub(r'(?m)^password = .*', 'password = wrong', text),
        'shared_secret is not the one of the control hosts': lambda text: re.sub(
            r'(?m)^shared_secret = .*', 'shared_secret = wrong', text
        ),
        'virt_type is kvm': lambda text: text + '[libvirt]\nvirt_type = kvm\n',
    }.items():
        node.must('tee', '/root/try.conf', input=change(mine))
        found = node.run('nimbus-manage', '--config-file', '/root/try.conf', 'host', 'check')
        assert told in found.stdout, found.stdout
        assert found.returncode == (2 if told != 'virt_type is kvm' or 'FAILURE' in found.stdout else 0)
    node.must('chmod', '700', '/var/lib/nimbus/volumes')
    shut = node.run('nimbus-manage', 'host', 'check')
    node.must('chmod', '711', '/var/lib/nimbus/volumes')
    assert shut.returncode == 2 and 'libvirt-qemu cannot get into /var/lib/nimbus/volumes' in shut.stdout


def test_every_daemon_that_is_killed_is_back_and_guests_run_on(cloud, guests):
    before = {host: cloud.guests(host) for host in HOSTS}
    for name, units in UNITS.items():
        for unit in units:
            was = _main(cloud, name, unit)
            cloud[name].must('kill', '-9', was)
            nodes.until(lambda name=name, unit=unit, was=was: _main(cloud, name, unit) not in (was, '0'), 60)
            nodes.until(lambda name=name, unit=unit: _is_serving(cloud, name, unit), 60)
    seconds_until(cloud.is_whole, 60, lambda: str(cloud.up()))
    assert {host: cloud.guests(host) for host in HOSTS} == before


def _main(cloud: Cloud, name: str, unit: str) -> str:
    return cloud[name].run('systemctl', 'show', '-p', 'MainPID', '--value', f'nimbus-{unit}').stdout.strip()


def _is_serving(cloud: Cloud, name: str, unit: str) -> bool:
    return cloud[name].run('systemctl', 'is-active', f'nimbus-{unit}').stdout.strip() == 'active'


def test_a_host_whose_cable_is_pulled_is_seen_down_and_its_guest_runs_on(cloud, guests):
    before = cloud.guests('c2')
    since = cloud['c2'].must('date', '+%F %T').strip()
    cloud['c2'].disconnect()
    try:
        down = seconds_until(lambda: cloud.down_on('c2'), SEEN_DOWN, lambda: str(cloud.up()))
    finally:
        cloud['c2'].connect()
    up = seconds_until(cloud.is_whole, 45, lambda: str(cloud.up()))
    assert cloud.guests('c2') == before
    for unit in UNITS['c2']:
        lines = _journal(cloud, 'c2', unit, since)
        assert len(lines) < 60, lines
        away = [line for line in lines if 'oslo' in line['MESSAGE']]
        assert all(int(line['PRIORITY']) <= 4 for line in away)
    print(f'cable: down after {down:.0f} s, up after {up:.0f} s')


def _journal(cloud: Cloud, name: str, unit: str, since: str) -> list[dict]:
    words = ['journalctl', '-u', f'nimbus-{unit}', '--since', since, '-o', 'json', '--no-pager']
    return [json.loads(line) for line in cloud[name].must(*words).splitlines() if line.startswith('{')]


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


def test_daemons_stop_as_the_guide_says_and_the_journal_knows_what_went_wrong(cloud, guests):
    before = cloud.guests('c1')
    cloud['c1'].must('systemctl', 'stop', 'nimbus-*')
    states = cloud['c1'].run('systemctl', 'is-active', *(f'nimbus-{unit}' for unit in UNITS['c1'])).stdout.split()
    assert states == ['inactive'] * 3 and cloud.guests('c1') == before
    cloud['c1'].must('systemctl', 'start', 'nimbus.target')
    nodes.until(cloud.is_whole, 60, lambda: str(cloud.up()))
    words = ['journalctl', '-p', 'warning', '-u', 'nimbus-*', '-o', 'cat', '--no-pager']
    assert all(' INFO ' not in line for line in cloud['c1'].must(*words).splitlines())


def test_nothing_of_a_deleted_server_is_left_on_a_host(cloud, guests):
    for server in guests.values():
        cloud.ask('compute', 'DELETE', f'/servers/{server}')
    nodes.until(lambda: not cloud.ask('compute', 'GET', '/servers')['servers'], 90)
    for volume in cloud.ask('volumev3', 'GET', '/volumes')['volumes']:
        nodes.until(lambda volume=volume: _volume(cloud, volume['id'])['status'] == 'available', 60)
        cloud.ask('volumev3', 'DELETE', f'/volumes/{volume["id"]}')
    for network in cloud.ask('network', 'GET', '/v2.0/networks')['networks']:
        cloud.ask('network', 'DELETE', f'/v2.0/networks/{network["id"]}')
    for host in HOSTS:
        assert cloud.guests(host) == {}
        left = 'ls /var/lib/nimbus/instances | grep -vE "^(_base|locks)$"'
        script = left + '; ip -br link | grep -oE "^(tap[0-9a-f]{8}-|q[vb]).*"; ip netns'
        nodes.until(lambda host=host, script=script: not cloud[host].run('bash', '-c', script).stdout, 60,
                    lambda host=host, script=script: cloud[host].run('bash', '-c', script).stdout)  # fmt: skip
    assert subprocess.run(['ip', 'link', 'show', nodes.BRIDGE], capture_output=True).returncode == 0
