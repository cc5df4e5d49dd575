"""Hosts that join, are looked at and leave, by `nimbus-manage host`."""

import re

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


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


@pytest.mark.parametrize(
    ('folder', 'user'), [('volumes', 'libvirt-qemu'), ('instances', 'libvirt-qemu'), ('network', 'nobody')]
)
def test_the_check_tells_a_folder_that_is_shut_to_who_must_get_in(cloud, guests, folder, user):
    node, path = cloud['c1'], f'/var/lib/nimbus/{folder}'
    mode = node.must('stat', '-c', '%a', path).strip()
    node.must('chmod', '700', path)
    shut = node.run('nimbus-manage', 'host', 'check')
    node.must('chmod', mode, path)
    assert shut.returncode == 2 and f'{user} cannot get into {path}' in shut.stdout, shut.stdout


def test_the_check_tells_servers_that_do_not_run(cloud):
    node = cloud['c1']
    node.must('systemctl', 'stop', 'openvswitch-switch')
    try:
        shut = node.run('nimbus-manage', 'host', 'check')
    finally:
        node.must('systemctl', 'start', 'openvswitch-switch')
    assert shut.returncode == 2 and 'Open vSwitch does not answer at' in shut.stdout, shut.stdout
