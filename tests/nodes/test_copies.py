"""Copies of the database, taken back on the same server and on another kind, and a second control host."""

import pathlib
import re
import shutil

import pytest

from devstack import nodes
from tests.nodes.cloud import CHECKOUT, HOSTS, UNITS, seconds_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def test_the_nightly_copy_is_made_of_a_cloud_that_people_have_used(cloud):
    cloud.control.must('systemctl', 'start', 'nimbus-backup')
    copies = cloud.control.must('bash', '-c', 'ls /var/lib/nimbus/backup').split()
    assert copies and all(re.fullmatch(r'nimbus-ctl-\d{8}T\d{6}Z\.json\.gz', name) for name in copies)


def test_a_copy_is_taken_back_and_guests_run_on(cloud, guests):
    before = {host: cloud.guests(host) for host in HOSTS}
    cloud.control.must('nimbus-manage', 'db', 'backup', '/root/taken.json.gz')
    later = cloud.ask('network', 'POST', '/v2.0/networks', {'network': {'name': 'later'}})['network']['id']
    _reboot(cloud, guests['c1'])
    before['c1'] = cloud.guests('c1')
    cloud.follow(cloud.control, 'control host', 'a copy is taken back', COPY='/root/taken.json.gz')
    seconds_until(cloud.is_whole, 90, lambda: str(cloud.up()))
    assert later not in [one['id'] for one in cloud.ask('network', 'GET', '/v2.0/networks')['networks']]
    assert {host: cloud.guests(host) for host in HOSTS} == before
    assert all(cloud.is_active(server) for server in guests.values())
    # The agent has seen an order of which the copy does not know.
    _reboot(cloud, guests['c1'])
    assert cloud.guests('c1') != before['c1']


def test_a_copy_goes_from_mariadb_to_postgresql_on_a_host_made_by_the_guide(cloud, guests):
    second = cloud.second
    cloud.follow_all(second, ADDRESS=second.address, kind='control host with PostgreSQL')
    _give(cloud, second, 'root/taken.json.gz', *_keys(cloud))
    second.must('nimbus-manage', 'db', 'restore', '/root/taken.json.gz')
    second.must('chown', '-R', 'nimbus:nimbus', '/var/lib/nimbus')
    second.must('systemctl', 'enable', '--now', 'nimbus-identity', 'nimbus-api')
    names = [server['name'] for server in cloud.asked_at(second, 8774, '/v2.1/servers')['servers']]
    assert sorted(names) == ['guest-c1', 'guest-c2']


def test_a_second_control_host_serves_the_same_cloud(cloud, guests):
    second = cloud.second
    second.must('systemctl', 'stop', 'nimbus-*')
    second.must('systemctl', 'disable', '--now', 'postgresql', 'rabbitmq-server')
    second.must('bash', '-ec', f'cd {CHECKOUT}; /opt/nimbus/bin/pip install ".[mariadb]"')
    cloud.follow(cloud.control, 'control host', 'a second one may come', SECOND=second.address)
    _give(cloud, second, 'etc/nimbus/nimbus.conf', 'etc/nimbus/control.conf', *_keys(cloud))
    cloud.follow(second, 'second control host', 'where the servers are', ADDRESS=cloud.control.address)
    made = cloud.asked_at(second, 9696, '/v2.0/networks', {'network': {'name': 'by-the-second'}})['network']['id']
    assert cloud.ask('network', 'GET', f'/v2.0/networks/{made}')['network']['name'] == 'by-the-second'
    # Jobs go on while the first's conductor and scheduler are away.
    cloud.control.must('systemctl', 'stop', 'nimbus-conductor', 'nimbus-scheduler')
    _reboot(cloud, guests['c1'])
    second.must('systemctl', 'disable', '--now', *(f'nimbus-{unit}' for unit in UNITS['ctl']))
    cloud.control.must('systemctl', 'start', 'nimbus.target')
    cloud.control.must('nimbus-manage', 'host', 'remove', 'ctl2')
    nodes.until(cloud.is_whole, 60, lambda: str(cloud.up()))


def _reboot(cloud, server: str) -> None:
    cloud.ask('compute', 'POST', f'/servers/{server}/action', {'reboot': {'type': 'HARD'}})
    nodes.until(lambda: cloud.state(server) == ('ACTIVE', None), 60, lambda: str(cloud.server(server)))


def _keys(cloud) -> list[str]:
    """The files of the keys, as paths from the root."""
    folders = ('/var/lib/nimbus/token-keys', '/var/lib/nimbus/credential-keys')
    return [path.lstrip('/') for path in cloud.control.must('find', *folders, '-type', 'f').split()]


def _give(cloud, second, *paths: str) -> None:
    """What is on the control host is on the second one too, with its owner and mode."""
    folders = sorted({str(pathlib.PurePath(path).parent) for path in paths})
    second.must('mkdir', '-p', *(f'/{folder}' for folder in folders))
    for path in paths:
        shutil.copy(cloud.control.root / path, second.root / path)
