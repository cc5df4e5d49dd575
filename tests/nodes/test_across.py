"""Guests of one network on several hosts, and what becomes of them when a host is lost."""

import base64
import re

import pytest

from devstack import nodes
from tests.nodes.cloud import HOSTS

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
# Pings every other guest of the network for as long as it lives, and says when the first answer came.
PING = """#!/bin/sh
(
    while :; do
        for n in $(seq 10 20); do
            ip addr | grep -q 10.31.0.$n/ && continue
            ping -c 1 -W 1 10.31.0.$n >/dev/null 2>&1 && echo "answers: 10.31.0.$n" >/dev/console
        done
        sleep 2
    done
) &
"""


@pytest.fixture(scope='module')
def wide(cloud, guests, tunnels):
    """A server on each host, all of them on one network that reaches across the hosts."""
    asked = {'name': 'wide', 'provider:network_type': 'vxlan', 'provider:segmentation_id': 7001}
    network = cloud.ask('network', 'POST', '/v2.0/networks', {'network': asked})['network']['id']
    pool = {'allocation_pools': [{'start': '10.31.0.10', 'end': '10.31.0.20'}]}
    subnet = {'network_id': network, 'ip_version': 4, 'cidr': '10.31.0.0/24', **pool}
    cloud.ask('network', 'POST', '/v2.0/subnets', {'subnet': subnet})
    like = cloud.like(guests['c1'])
    made = {}
    for host in HOSTS:
        script = base64.b64encode(PING.encode()).decode()
        asked = {**like, 'name': f'wide-{host}', 'networks': [{'uuid': network}], 'availability_zone': f'nova:{host}'}
        server = cloud.ask('compute', 'POST', '/servers', {'server': {**asked, 'user_data': script}})['server']
        made[host] = server['id']
    for server in made.values():
        nodes.until(lambda server=server: cloud.is_active(server), 120, lambda server=server: str(cloud.server(server)))
    yield made
    for one in made.values():
        cloud.ask('compute', 'DELETE', f'/servers/{one}')


def address(cloud, server: str) -> str:
    (addresses,) = cloud.server(server)['addresses'].values()
    return addresses[0]['addr']


def answered(cloud, server: str) -> set[str]:
    """The addresses that answered the guest."""
    return set(re.findall(r'answers: (\S+)', cloud.console(server)))


def test_guests_on_two_hosts_reach_each_other(cloud, wide):
    for host, other in (('c1', 'c2'), ('c2', 'c1')):
        nodes.until(
            lambda host=host, other=other: address(cloud, wide[other]) in answered(cloud, wide[host]),
            180,
            lambda host=host: cloud.console(wide[host])[-2000:],
        )


def test_a_server_of_a_lost_host_is_evacuated_and_reached_at_its_address(cloud, wide):
    server, before = wide['c2'], address(cloud, wide['c2'])
    refused = cloud.refused('compute', 'POST', f'/servers/{server}/action', {'evacuate': {}}, 'compute 2.95')
    assert 'Compute service of c2 is still in use.' in refused
    cloud['c2'].cut()
    try:
        nodes.until(lambda: cloud.down_on('c2'), 60, lambda: str(cloud.up()))
        cloud.forget_network_agents('c2')
        cloud.ask('compute', 'POST', f'/servers/{server}/action', {'evacuate': {}}, 'compute 2.94')
        nodes.until(lambda: cloud.host_of(server) == 'c1' and cloud.is_active(server), 180,
                    lambda: str(cloud.server(server)))  # fmt: skip
        assert address(cloud, server) == before
        nodes.until(lambda: 'login' in cloud.console(server), 180, lambda: cloud.console(server)[-2000:])
        nodes.until(lambda: address(cloud, wide['c1']) in answered(cloud, server), 120,
                    lambda: cloud.console(server)[-2000:])  # fmt: skip
        said = cloud.control.run('nimbus-manage', 'doctor').stdout
        assert '1 server was evacuated from c2, which is down' in said, said
    finally:
        cloud['c2'].boot()


def test_the_host_that_comes_back_runs_nothing_of_it_and_keeps_its_disk_aside(cloud, wide):
    server = wide['c2']
    nodes.until(cloud.is_whole, 90, lambda: str(cloud.up()))
    path = f'/os-migrations?migration_type=evacuation&instance_uuid={server}'
    nodes.until(
        lambda: [one['status'] for one in cloud.ask('compute', 'GET', path)['migrations']] == ['completed'],
        90,
        lambda: str(cloud.ask('compute', 'GET', path)),
    )
    node, folder = cloud['c2'], '/var/lib/nimbus/instances'
    name = cloud.server(server)['OS-EXT-SRV-ATTR:instance_name']
    assert name not in node.must('virsh', 'list', '--all', '--name') and name not in cloud.guests('c2')
    assert 'disk' in node.must('ls', f'{folder}/evacuated/{server}')
    assert node.run('test', '-e', f'{folder}/{server}').returncode == 1
    assert name in cloud.guests('c1') and cloud.is_active(server)
    assert 'were evacuated' not in cloud.control.run('nimbus-manage', 'doctor').stdout
    node.must('rm', '-r', f'{folder}/evacuated')


def test_a_server_is_taken_to_another_host_with_its_disk_and_reached_there(cloud, wide):
    server, path = wide['c2'], f'/servers/{wide["c2"]}/action'
    before = cloud.console(server).count('answers')
    cloud.ask('compute', 'POST', path, {'migrate': None})
    nodes.until(lambda: cloud.state(server) == ('VERIFY_RESIZE', None), 240, lambda: str(cloud.server(server)))
    assert cloud.host_of(server) == 'c2' and before
    cloud.ask('compute', 'POST', path, {'confirmResize': None})
    nodes.until(lambda: cloud.is_active(server), 60, lambda: str(cloud.server(server)))
    nodes.until(lambda: 'login' in cloud.console(server), 180, lambda: cloud.console(server)[-2000:])
    nodes.until(lambda: not _folder(cloud, 'c1', server) and _folder(cloud, 'c2', server), 60)


def _folder(cloud, host: str, server: str) -> bool:
    return cloud[host].run('test', '-e', f'/var/lib/nimbus/instances/{server}').returncode == 0
