"""Guests on both hosts, under the libvirt that Debian has: addresses, volumes, routers."""

import pytest

from devstack import nodes
from tests.nodes.cloud import HOSTS

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def test_a_guest_on_each_host_has_an_address_and_metadata(cloud, guests):
    for server in guests.values():
        nodes.until(lambda server=server: 'datasource: metadata' in cloud.console(server), 120,
                    lambda server=server: cloud.console(server)[-2000:])  # fmt: skip
        assert 'no lease' not in cloud.console(server)


def test_a_guest_on_each_host_has_a_volume_of_its_host(cloud, guests):
    volumes: dict[str, str] = {}
    for _ in range(8):
        volume = cloud.ask('volumev3', 'POST', '/volumes', {'volume': {'size': 1}})['volume']['id']
        nodes.until(lambda volume=volume: cloud.volume(volume)['status'] == 'available', 60)
        host = cloud.volume(volume)['os-vol-host-attr:host'].split('@')[0]
        if volumes.setdefault(host, volume) != volume:
            cloud.ask('volumev3', 'DELETE', f'/volumes/{volume}')
        if len(volumes) == len(HOSTS):
            break
    for host, server in guests.items():
        attachment = {'volumeAttachment': {'volumeId': volumes[host]}}
        cloud.ask('compute', 'POST', f'/servers/{server}/os-volume_attachments', attachment)
        nodes.until(lambda host=host: cloud.volume(volumes[host])['status'] == 'in-use', 60,
                    lambda host=host: cloud[host].run('journalctl', '-u', 'nimbus-*', '-n', '30').stdout)  # fmt: skip


def test_a_volume_of_another_host_is_given_back_with_a_reason(cloud, guests):
    free: dict[str, str] = {}
    for _ in range(8):
        volume = cloud.ask('volumev3', 'POST', '/volumes', {'volume': {'size': 1}})['volume']['id']
        nodes.until(lambda volume=volume: cloud.volume(volume)['status'] == 'available', 60)
        free.setdefault(cloud.volume(volume)['os-vol-host-attr:host'].split('@')[0], volume)
        if 'c2' in free:
            break
    attachment = {'volumeAttachment': {'volumeId': free['c2']}}
    cloud.ask('compute', 'POST', f'/servers/{guests["c1"]}/os-volume_attachments', attachment)
    nodes.until(lambda: cloud.volume(free['c2'])['status'] == 'available', 60)
    said = cloud.control.must('bash', '-ec', f'{cloud.who()}nimbus why {guests["c1"]}')
    assert 'c2' in said, said
    for volume in cloud.ask('volumev3', 'GET', '/volumes')['volumes']:
        if cloud.volume(volume['id'])['status'] == 'available':
            cloud.ask('volumev3', 'DELETE', f'/volumes/{volume["id"]}')


def test_an_operator_is_told_of_guests_on_one_network_that_do_not_reach_each_other(cloud, guests):
    said = cloud.control.run('nimbus-manage', 'doctor')
    assert said.returncode == 1, said.stdout
    (line,) = (line for line in said.stdout.splitlines() if line.startswith('WARNING'))
    assert all(host in line for host in HOSTS), line


def test_a_request_is_followed_by_its_id_through_the_logs(cloud, guests):
    cloud.ask('compute', 'POST', f'/servers/{guests["c1"]}/action', {'reboot': {'type': 'HARD'}})
    actions = cloud.ask('compute', 'GET', f'/servers/{guests["c1"]}/os-instance-actions')['instanceActions']
    request_id = next(one['request_id'] for one in actions if one['action'] == 'reboot')
    for name, unit in (('ctl', 'api'), ('ctl', 'conductor'), ('c1', 'compute')):
        words = ['journalctl', '-u', f'nimbus-{unit}', '-g', request_id, '--no-pager', '-o', 'cat']
        nodes.until(lambda name=name, words=words: cloud[name].run(*words).stdout.count(request_id), 30)
    nodes.until(lambda: cloud.is_active(guests['c1']), 60)


def test_a_router_works_within_what_its_unit_allows(cloud, guests):
    subnets = cloud.ask('network', 'GET', '/v2.0/subnets')['subnets']
    (subnet,) = (one for one in subnets if one['cidr'] == '10.30.0.0/24')
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
