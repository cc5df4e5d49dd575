"""The facts of a libvirt host: processors, memory, disk, hypervisor version."""

import os
import re
import shutil
import subprocess
import threading
import time
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from nimbus.compute.agent.uptime import uptime
from nimbus.compute.guest import HostFacts, traits_of

EMULATOR = '/usr/bin/qemu-system-x86_64'
KNOWN = 0.2  # seconds that libvirt takes at most to report what it need not probe
CALM = 30.0  # seconds after which the guests that were waiting for the emulator are made


def read(
    connection: libvirt.virConnect,
    instances_path: str,
    hostname: str,
    host_ip: str,
    cpu_info: dict[str, Any],
) -> HostFacts:
    """The facts of the host that `connection` leads to and this process runs on."""
    known = memory()
    disk = shutil.disk_usage(instances_path)
    return HostFacts(
        hypervisor_hostname=hostname,
        hypervisor_type=connection.getType(),
        hypervisor_version=qemu_version(),
        vcpus=os.cpu_count() or 1,
        memory_mb=known['MemTotal'] // 1024,
        memory_used_mb=(known['MemTotal'] - known['MemAvailable']) // 1024,
        disk_gb=disk.total // 1024**3,
        disk_free_gb=disk.free // 1024**3,
        host_ip=host_ip,
        arch=os.uname().machine,
        cpu_info=cpu_info,
        uptime=uptime(),
        traits=traits_of(os.uname().machine),
    )


def memory() -> dict[str, int]:
    """What the kernel says of the memory, in KiB."""
    # libvirt's getInfo() has been seen to report a third of the memory of a container.
    with open('/proc/meminfo') as lines:
        return {name: int(rest.split()[0]) for name, rest in (line.split(':', 1) for line in lines)}


def cpu(capabilities: str) -> dict[str, Any]:
    """The host's processor as libvirt's capabilities describe it."""
    cpu = ET.fromstring(capabilities).find('./host/cpu')
    if cpu is None:
        return {}
    topology = cpu.find('topology')
    return {
        'arch': cpu.findtext('arch', ''),
        'model': cpu.findtext('model', ''),
        'vendor': cpu.findtext('vendor', ''),
        'topology': {}
        if topology is None
        else {key: int(topology.get(key, '1')) for key in ('sockets', 'cores', 'threads')},
        'features': sorted(feature.get('name', '') for feature in cpu.iterfind('feature')),
    }


def learn(connection: libvirt.virConnect, virt_type: str, closing: threading.Event) -> dict[str, Any]:
    """The host's processor as libvirt describes it, {} when closing comes first; it knows the guests' emulator by then.

    On a host's first start libvirt probes each emulator for seconds, and no guest is made meanwhile.  The capabilities
    of the host want them all, so what guests run in is probed first, and the rest when the first guests are made.
    Raises libvirtError.
    """
    began = time.monotonic()
    connection.getDomainCapabilities(EMULATOR, os.uname().machine, None, virt_type)
    if time.monotonic() - began > KNOWN and closing.wait(CALM):
        return {}
    return cpu(connection.getCapabilities())


def qemu_version() -> int:
    """As libvirt would number it; asking libvirt would wait for its long first look at QEMU."""
    done = subprocess.run([EMULATOR, '--version'], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    found = re.search(r'version (\d+)\.(\d+)\.(\d+)', done.stdout)
    if not found:
        raise OSError(f'{EMULATOR} does not report its version.')
    major, minor, micro = map(int, found.groups())
    return major * 1000000 + minor * 1000 + micro


def plain_cpu() -> dict[str, Any]:
    """The host's processor as the kernel describes it: what is known before libvirt has looked."""
    with open('/proc/cpuinfo') as lines:
        first = dict(line.split(':', 1) for line in lines.read().split('\n\n')[0].splitlines() if ':' in line)
    known = {name.strip(): value.strip() for name, value in first.items()}
    return {
        'arch': os.uname().machine,
        'model': '',
        'vendor': known.get('vendor_id', ''),
        'topology': {'sockets': 1, 'cores': os.cpu_count() or 1, 'threads': 1},
        'features': sorted(known.get('flags', '').split()),
    }
