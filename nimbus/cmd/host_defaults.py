"""Detects a host's virtualization type and address where the configuration does not set them."""

import fcntl
import logging
import os
import socket

import oslo_messaging
from oslo_config import cfg

LOG = logging.getLogger(__name__)
KVM, CPUINFO = '/dev/kvm', '/proc/cpuinfo'
KVM_CREATE_VM = 0xAE01  # refused in containers and without nested virtualization, although the device exists
LOOPBACK = '127.0.0.1'


def kvm_trouble(device: str = KVM) -> str | None:
    """Why guests cannot use the processor's virtualization here; None where they can."""
    try:
        opened = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as why:
        return f'{device} cannot be opened: {why.strerror}'
    try:
        os.close(fcntl.ioctl(opened, KVM_CREATE_VM, 0))
    except OSError as why:
        return f'{device} makes no virtual machine: {why.strerror}'
    finally:
        os.close(opened)
    return None


def processor_trouble(cpuinfo: str = CPUINFO) -> str | None:
    """Why this processor is not trusted to run guests, though the kernel may claim so; None where it is."""
    with open(cpuinfo) as lines:
        flags = next((line.split() for line in lines if line.startswith('flags')), None)
    # A kernel with a KVM that needs neither offers the device, and usual guests have been seen to hang on it.
    return None if flags is None or {'vmx', 'svm'} & set(flags) else 'the processor shows neither VMX nor SVM'


def virt_type(configured: str | None, device: str = KVM, cpuinfo: str = CPUINFO) -> tuple[str, str]:
    """The type of virtualization here, kvm or qemu, and why.  Raises OSError when the configured one cannot run."""
    trouble = kvm_trouble(device) if configured != 'qemu' else None
    if configured == 'kvm' and trouble:
        raise OSError(
            f'[libvirt] virt_type is kvm, and this host cannot run such guests: {trouble}. Leave virt_type unset to '
            'take what the host has, or set it to qemu, which emulates a processor.'
        )
    if configured:
        return configured, 'configured'
    trouble = trouble or processor_trouble(cpuinfo)
    return ('qemu', f'{trouble}, so guests are emulated') if trouble else ('kvm', f'{device} can be used')


def host_ip(configured: str | None, bus: str) -> tuple[str, str]:
    """The address under which other hosts reach this one, and how it was found."""
    if configured:
        return configured, 'configured'
    there = brokers(bus)
    if not there:
        return LOOPBACK, 'there is no broker on another host'
    for name, port in there:
        try:
            return _way_to(name, port), f'by which the broker {name} is reached'
        except OSError as why:
            LOG.warning('The address by which broker %s is reached is not known: %s', name, why)
    return LOOPBACK, 'no way to a broker is known; set [libvirt] host_ip'


def brokers(bus: str) -> list[tuple[str, int]]:
    """The name and port of each broker; none where the bus is within the process."""
    if bus.startswith('inproc:'):
        return []
    hosts = oslo_messaging.TransportURL.parse(cfg.ConfigOpts(), bus).hosts
    return [(broker.hostname, broker.port or 5672) for broker in hosts]


def _way_to(name: str, port: int) -> str:
    """The local address of packets to a host.  Nothing is sent."""
    family, kind, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as way:
        way.connect(address)
        return str(way.getsockname()[0])
