"""What an agent finds out of its host where the configuration does not say."""

import pytest

from nimbus.cmd import host_defaults
from nimbus.cmd.services import hypervisor
from nimbus.common import config

HAS, LACKS = 'processor\t: 0\nflags\t\t: fpu sse vmx\n', 'processor\t: 0\nflags\t\t: fpu sse\n'


@pytest.fixture
def cpuinfo(tmp_path):
    """A file as the kernel describes processors."""

    def write(text):
        path = tmp_path / 'cpuinfo'
        path.write_text(text)
        return str(path)

    return write


def test_guests_are_emulated_where_there_is_no_kvm(tmp_path, cpuinfo):
    kind, why = host_defaults.virt_type(None, str(tmp_path / 'kvm'), cpuinfo(HAS))
    assert kind == 'qemu' and why.endswith('kvm cannot be opened: No such file or directory, so guests are emulated')


def test_a_device_that_makes_no_virtual_machine_does_not_count(cpuinfo):
    kind, why = host_defaults.virt_type(None, '/dev/null', cpuinfo(HAS))
    assert kind == 'qemu' and why.startswith('/dev/null makes no virtual machine: ')


def test_a_processor_without_virtualization_is_not_trusted_whatever_the_kernel_offers(monkeypatch, cpuinfo):
    monkeypatch.setattr(host_defaults, 'kvm_trouble', lambda device: None)
    assert host_defaults.virt_type(None, cpuinfo=cpuinfo(LACKS))[0] == 'qemu'
    assert host_defaults.virt_type(None, cpuinfo=cpuinfo(HAS)) == ('kvm', '/dev/kvm can be used')
    assert host_defaults.virt_type('kvm', cpuinfo=cpuinfo(LACKS)) == ('kvm', 'configured')


def test_kvm_that_was_asked_for_and_is_not_there_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(OSError, match=r'virt_type is kvm.*/kvm cannot be opened.*Leave virt_type unset'):
        host_defaults.virt_type('kvm', str(tmp_path / 'kvm'))
    assert host_defaults.virt_type('qemu', str(tmp_path / 'kvm')) == ('qemu', 'configured')


@pytest.mark.parametrize(
    'bus, address',
    [
        ('inproc:///nimbus', '127.0.0.1'),
        ('rabbit://u:p@127.0.0.1:5672/nimbus', '127.0.0.1'),
        ('rabbit://u:p@127.0.0.9/nimbus', '127.0.0.1'),
        ('rabbit://u:p@[::1]:5672/nimbus', '::1'),
        ('rabbit://u:p@no-such-host.invalid:5672,u:p@[::1]:5672/nimbus', '::1'),
        ('rabbit://u:p@no-such-host.invalid:5672/nimbus', '127.0.0.1'),
    ],
)
def test_a_host_is_reached_at_the_address_by_which_it_reaches_the_broker(bus, address):
    assert host_defaults.host_ip(None, bus)[0] == address
    assert host_defaults.host_ip('192.0.2.1', bus) == ('192.0.2.1', 'configured')


def test_an_agent_says_at_its_start_what_it_found(tmp_path, caplog):
    conf = config.load([], 'nimbus-compute', None)
    conf.set_override('bus', 'rabbit://u:p@127.0.0.1:5672/nimbus')
    with caplog.at_level('INFO', 'nimbus.cmd.services'):
        driver = hypervisor(conf, 'h1', str(tmp_path))
    assert driver.settings.virt_type in ('kvm', 'qemu') and driver.settings.host_ip == '127.0.0.1'
    (said,) = [record.getMessage() for record in caplog.records if 'Guests of h1' in record.getMessage()]
    assert 'other hosts reach it at 127.0.0.1 (by which the broker 127.0.0.1 is reached)' in said
