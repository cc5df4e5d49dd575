"""What an operator has who followed the guide on three machines."""

import re

import pytest

from tests.nodes.cloud import HOSTS, REPO

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
# What systemd-analyze may say of a unit at most: 0 is shut, 10 is open.
EXPOSURE = {'ctl': {'identity': 1.5, 'api': 1.5, 'image': 1.5, 'scheduler': 1.5, 'conductor': 1.5,
                    'console': 1.5},
            'c1': {'compute': 3.1, 'network': 5.9, 'volume': 2.5}}  # fmt: skip


def test_every_part_is_up_and_no_check_finds_a_failure(cloud):
    cloud.follow(cloud.control, 'anywhere', 'who asks', ADDRESS=cloud.control.address)
    assert '21 of 21 parts are up.' in cloud.said['ctl: who asks']
    assert 'FAILURE' not in ''.join(cloud.said.values())
    for name in ('ctl', *HOSTS):
        assert cloud[name].run('systemctl', '--failed', '--no-legend', '--plain', 'list-units', 'nimbus-*').stdout == ''


def test_the_guides_first_server_runs(cloud):
    assert re.search(r'^\| status +\| ACTIVE +\|$', cloud.first_server(), re.MULTILINE)


def test_an_agent_says_at_its_start_what_it_found(cloud):
    for host in HOSTS:
        assert re.search(
            'so guests are emulated|can be used', cloud[host].must('journalctl', '-u', 'nimbus-compute', '-o', 'cat')
        )
        assert re.search('datapath', cloud[host].must('journalctl', '-u', 'nimbus-network', '-o', 'cat'))
    hypervisors = cloud.ask('compute', 'GET', '/os-hypervisors/detail')['hypervisors']
    assert {one['host_ip'] for one in hypervisors} == {cloud[host].address for host in HOSTS}


def test_libvirt_is_as_debian_has_it(cloud):
    """But for the control groups, of which a node may make none."""
    for host in HOSTS:
        told = cloud[host].must('grep', '-vE', '^ *(#|$)', '/etc/libvirt/qemu.conf').split('\n')
        assert [line for line in told if line] == ['cgroup_controllers = [ ]']


def test_the_sample_for_a_host_has_what_is_printed_for_one(cloud):
    def options(text):
        return re.findall(r'(?m)^(\[?\w+)', re.sub(r'(?m)^#.*', '', text))

    printed = cloud.control.must('cat', '/root/c1.conf')
    assert options(printed) == options((REPO / 'etc/nimbus/nimbus.conf.host').read_text())
    assert all(secret not in printed for secret in ('DATABASE', 'SERVICE', 'METADATA', 'mysql'))


@pytest.mark.parametrize('name', EXPOSURE)
def test_a_unit_is_no_more_exposed_than_it_must_be(cloud, name):
    said = cloud[name].must('systemd-analyze', 'security', '--no-pager')
    found = {unit: float(level) for unit, level in re.findall(r'nimbus-(\w+)\.service +([\d.]+)', said)}
    assert set(found) >= set(EXPOSURE[name])
    assert {unit: found[unit] for unit, most in EXPOSURE[name].items() if found[unit] > most} == {}
