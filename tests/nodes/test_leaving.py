"""What is left when servers are deleted, and when a host leaves."""

import pytest

from devstack import nodes
from tests.nodes.cloud import HOSTS, UNITS

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def test_nothing_of_a_deleted_server_is_left_on_a_host(cloud, guests):
    for server in cloud.ask('compute', 'GET', '/servers')['servers']:
        cloud.ask('compute', 'DELETE', f'/servers/{server["id"]}')
    nodes.until(lambda: not cloud.ask('compute', 'GET', '/servers')['servers'], 90)
    for volume in cloud.ask('volumev3', 'GET', '/volumes')['volumes']:
        nodes.until(lambda volume=volume: cloud.volume(volume['id'])['status'] == 'available', 60)
        cloud.ask('volumev3', 'DELETE', f'/volumes/{volume["id"]}')
    nodes.until(lambda: not cloud.ask('volumev3', 'GET', '/volumes')['volumes'], 60)
    for network in cloud.ask('network', 'GET', '/v2.0/networks')['networks']:
        cloud.ask('network', 'DELETE', f'/v2.0/networks/{network["id"]}')
    script = (
        'ls /var/lib/nimbus/instances | grep -vE "^(_base|locks)$"; ls /var/lib/nimbus/volumes; '
        'ip -br link | grep -oE "^(tap[0-9a-f]{8}-|q[vb]).*"; ip netns; ipset list -n; '
        'iptables-save | grep -E "tap[0-9a-f]{8}"; ovs-vsctl list-ports br-int; virsh list --all --name | grep .'
    )
    for host in HOSTS:
        assert cloud.guests(host) == {}
        nodes.until(lambda host=host: not cloud[host].run('bash', '-c', script).stdout, 60,
                    lambda host=host: cloud[host].run('bash', '-c', script).stdout)  # fmt: skip


def test_a_host_leaves_by_the_guides_command_and_comes_again(cloud):
    cloud['c1'].must('systemctl', 'stop', 'nimbus-*')
    said = cloud.control.must('nimbus-manage', 'host', 'remove', 'c1')
    assert 'c1 has no account at the broker any more.' in said and 'nova-compute' in said
    assert not [name for name in cloud.up() if name.partition(' at ')[2].split('@')[0] == 'c1']
    shut = cloud['c1'].run('nimbus-manage', 'host', 'check')
    assert shut.returncode == 2 and 'does not take nimbus-c1' in shut.stdout
    cloud.follow(cloud.control, 'control host', 'a new host', HOST='c1')
    cloud['c1'].must('tee', '/etc/nimbus/nimbus.conf', input=cloud.control.must('cat', '/root/c1.conf'))
    cloud.follow(cloud['c1'], 'agent host', 'start')
    nodes.until(cloud.is_whole, 60, lambda: str(cloud.up()))
    assert all(cloud.serves('c1', unit) for unit in UNITS['c1'])
