"""Whether a running guest of one libvirt can come to another: each thing that may be amiss has its own sentence."""

import os
import shutil
import socket
import urllib.parse
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.libvirt import facts as libvirt_facts
from nimbus.compute.agent.libvirt.disks import VOLUME_FORMATS, volume_disk
from nimbus.compute.guest import Guest

PORTS = {'tcp': 16509, 'tls': 16514}
PATIENCE = 5.0  # seconds for the other host's libvirt to take a connection


def versions(connection: libvirt.virConnect) -> dict[str, int]:
    """Of libvirt and of QEMU, as libvirt numbers them."""
    return {'libvirt': connection.getLibVersion(), 'qemu': libvirt_facts.qemu_version()}


def _told(number: int) -> str:
    return f'{number // 1000000}.{number // 1000 % 1000}.{number % 1000}'


def not_older(here: dict[str, int], facts: dict[str, Any]) -> None:
    """Nothing, when neither libvirt nor QEMU is older here than where the guest runs.  Raises Refused."""
    for name, label in (('libvirt', 'libvirt'), ('qemu', 'QEMU')):
        if here[name] < facts[name]:
            raise Refused(
                f'The {label} there is older than that of the host where the server runs.',
                inside=f'{label} is {_told(here[name])} here, and {_told(facts[name])} where the guest runs.',
            )


def cpu_fits(connection: libvirt.virConnect, facts: dict[str, Any]) -> None:
    """Nothing, when the processor here can do what the running guest was given.  Raises Refused."""
    cpu = ET.fromstring(facts['xml']).find('cpu')
    if cpu is None or cpu.get('mode') == 'maximum':
        return  # an emulated one is the emulator's, and that is no older here
    text, machine = ET.tostring(cpu, encoding='unicode'), facts['machine']
    try:
        if cpu.get('mode') == 'host-passthrough':
            found = connection.compareCPU(facts['host_cpu'], 0)
        else:
            found = connection.compareHypervisorCPU(None, facts['arch'], machine, facts['virt_type'], text, 0)
    except libvirt.libvirtError as why:
        raise _cpu_refused(str(why)) from why
    if found == libvirt.VIR_CPU_COMPARE_INCOMPATIBLE:
        raise _cpu_refused('it is incompatible')
    if found == libvirt.VIR_CPU_COMPARE_ERROR:
        raise _cpu_refused('libvirt cannot compare them')


def _cpu_refused(why: str) -> Refused:
    return Refused(
        'The processor there cannot do what the server was started with.',
        inside=f'The processor here is not that of the guest: {" ".join(why.split())}.',
    )


def machine_known(connection: libvirt.virConnect, facts: dict[str, Any]) -> None:
    """Nothing, when the emulator here knows the guest's machine type.  Raises Refused."""
    try:
        connection.getDomainCapabilities(None, facts['arch'], facts['machine'], facts['virt_type'])
    except libvirt.libvirtError as why:
        raise Refused(
            "The emulator there does not know the server's machine type.",
            inside=f'{facts["virt_type"]} here does not run {facts["machine"]} of {facts["arch"]}: {why}.',
        ) from why


def name_free(connection: libvirt.virConnect, guest: Guest) -> None:
    """Nothing, when no other guest has the name here, and none that runs has the id.  Raises Refused."""
    for domain in connection.listAllDomains():
        if domain.name() == guest.name and domain.UUIDString() != guest.id:
            raise Refused(
                'Another guest there has the name of the server.',
                inside=f'Domain {guest.name} exists here with UUID {domain.UUIDString()}.',
            )
        if domain.UUIDString() == guest.id and domain.isActive():
            raise Refused(f'Guest {guest.id} runs there already.')


def disks_fit(instances_path: str, keep_mb: int, facts: dict[str, Any]) -> None:
    """Nothing, when disks of those formats can be here and there is room for what they hold.  Raises Refused."""
    strange = sorted({disk['format'] for disk in facts['disks']} - set(VOLUME_FORMATS))
    if strange:
        raise Refused(f'Disks of the format {", ".join(strange)} cannot be there.')
    needed = sum(disk['used'] for disk in facts['disks'])
    free = shutil.disk_usage(instances_path).free - (keep_mb << 20)
    if needed > free:
        raise Refused(
            'There is not enough disk space there.', inside=f'The disks hold {needed} bytes, and {free} are free here.'
        )


def memory_fits(guest: Guest) -> None:
    """Nothing, when the guest's memory is free here at this moment.  Raises Refused."""
    free = libvirt_facts.memory()['MemAvailable'] >> 10
    if guest.memory_mb > free:
        raise Refused(
            'There is not enough free memory there.',
            inside=f'The guest has {guest.memory_mb} MiB, and {free} MiB are free here.',
        )


def devices_known(guest: Guest) -> None:
    """Nothing, when every volume of the guest is seen here.  Raises Refused."""
    for volume in guest.volumes:
        volume_disk(volume)


def reached(uri: str) -> None:
    """Nothing, when the libvirt of the URI takes connections from here.  Raises Refused."""
    parts = urllib.parse.urlsplit(uri)
    transport = parts.scheme.partition('+')[2] or 'tls'
    if transport not in PORTS:
        return
    host, port = parts.hostname or '', parts.port or PORTS[transport]
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as why:
        raise Refused(
            'The name of the other host is not known where the server runs.',
            inside=f'{host} cannot be resolved: {why.strerror}.',
        ) from why
    try:
        socket.create_connection(addresses[0][4][:2], timeout=PATIENCE).close()
    except OSError as why:
        raise Refused(
            'The libvirt of the other host cannot be reached from where the server runs.',
            inside=f'{host} takes no connection at port {port}: {why}. Its libvirtd must listen there '
            '(libvirtd-tcp.socket or libvirtd-tls.socket).',
        ) from why


def is_shared(folder: str, mark: str) -> bool:
    """Whether the mark that another host made stands in the folder here."""
    return os.path.exists(os.path.join(folder, mark))
