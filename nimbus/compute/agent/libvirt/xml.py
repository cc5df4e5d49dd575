"""The libvirt XML of a guest and of its devices."""

import dataclasses
from xml.etree import ElementTree as ET

from nimbus.compute.agent.libvirt.wishes import firmware, limits, parts
from nimbus.compute.guest import VNC, Guest, Nic

NOVA = 'http://openstack.org/xmlns/libvirt/nova/1.1'


@dataclasses.dataclass(frozen=True)
class Disk:
    """One disk of a guest as its XML describes it."""

    path: str
    format: str  # 'raw' or 'qcow2', never probed
    device: str  # 'vda'
    bus: str  # 'virtio', 'scsi', 'sata', 'ide'
    cdrom: bool = False
    serial: str | None = None  # a volume's id; disks without one are the host's own
    backing: tuple[str, str] | None = None  # path and format of the one base below
    boot: int | None = None


@dataclasses.dataclass(frozen=True)
class Machine:
    """How every guest of a host is made."""

    virt_type: str
    machine_type: str
    cpu_mode: str
    tb_cache_mb: int
    num_pcie_ports: int
    cache: str  # 'none', or 'writeback' where the disks' file system has no O_DIRECT
    vnc_listen: str
    firmwares: tuple[firmware.Firmware, ...] = ()


@dataclasses.dataclass(frozen=True)
class Files:
    """The files of a guest beside its disks; those that there are not yet are made."""

    console: str  # the log of its serial console
    variables: str = ''  # of its firmware
    boot: dict[str, str] = dataclasses.field(default_factory=dict)  # its 'kernel' and 'ramdisk', where it has its own


def domain(guest: Guest, machine: Machine, disks: list[Disk], files: Files, serial_port: int | None = None) -> str:
    """The definition of `guest` with `disks`; its serial console listens on the port, where there is one.

    Raises Refused for one that this host cannot start.
    """
    machine_type = guest.properties.get('hw_machine_type') or machine.machine_type
    root = ET.Element('domain', type=machine.virt_type)
    _texts(root, name=guest.name, uuid=guest.id)
    _metadata(root, guest)
    ET.SubElement(root, 'memory', unit='MiB').text = str(guest.memory_mb)
    ET.SubElement(root, 'vcpu', placement='static').text = str(guest.vcpus)
    limits.limit_processors(root, guest.extra_specs)
    uefi = firmware.wanted(guest, machine_type, machine.firmwares)
    start = _firmware(root, guest, machine_type)
    if uefi:
        firmware.add_firmware(start, uefi, files.variables)
    firmware.add_kernel(start, guest, files.boot, disks[0].device if disks else '')
    _features(root, guest, machine, bool(uefi and uefi.secure))
    devices = ET.SubElement(root, 'devices')
    if 'q35' in machine_type:
        # Ports for hot plug must exist before the guest starts, after an explicit root.
        ET.SubElement(devices, 'controller', type='pci', index='0', model='pcie-root')
        for _ in range(machine.num_pcie_ports):
            ET.SubElement(devices, 'controller', type='pci', model='pcie-root-port')
    parts.add_controllers(devices, guest, {disk.bus for disk in disks})
    for disk in disks:
        devices.append(element := disk_element(disk, machine.cache))
        if not disk.serial:  # volumes are another service's
            limits.limit_disk(element, guest.extra_specs)
    devices.extend(nic_element(nic, machine.virt_type) for nic in guest.nics)
    _consoles(devices, machine, files.console, serial_port, guest)
    _aids(devices, guest)
    return ET.tostring(root, encoding='unicode')


def disk_element(disk: Disk, cache: str) -> ET.Element:
    """The `<disk>` of `disk`; its chain ends where it is said to, nothing is probed."""
    element = ET.Element('disk', type='file', device='cdrom' if disk.cdrom else 'disk')
    driver = ET.SubElement(element, 'driver', name='qemu', type=disk.format, cache=cache)
    if not disk.cdrom:
        driver.set('discard', 'unmap')
    ET.SubElement(element, 'source', file=disk.path)
    if disk.backing:
        path, backing_format = disk.backing
        backing = ET.SubElement(element, 'backingStore', type='file')
        ET.SubElement(backing, 'format', type=backing_format)
        ET.SubElement(backing, 'source', file=path)
        ET.SubElement(backing, 'backingStore')
    else:
        ET.SubElement(element, 'backingStore')
    ET.SubElement(element, 'target', dev=disk.device, bus=disk.bus)
    if disk.cdrom:
        ET.SubElement(element, 'readonly')
    if disk.serial:
        ET.SubElement(element, 'serial').text = disk.serial
    if disk.boot:
        ET.SubElement(element, 'boot', order=str(disk.boot))
    return element


def nic_element(nic: Nic, virt_type: str) -> ET.Element:
    """The `<interface>` of `nic`: a tap on the bridge that the network agent made."""
    element = ET.Element('interface', type='bridge')
    ET.SubElement(element, 'mac', address=nic.mac)
    ET.SubElement(element, 'source', bridge=nic.bridge)
    if nic.bridge == 'br-int':
        port = ET.SubElement(element, 'virtualport', type='openvswitch')
        ET.SubElement(port, 'parameters', interfaceid=nic.port_id)
    ET.SubElement(element, 'target', dev=nic.tap)
    ET.SubElement(element, 'model', type=nic.model)
    rings = {'queues': str(nic.queues)} if nic.queues > 1 else {}
    if rings := rings | ({'packed': 'on'} if nic.packed else {}):
        ET.SubElement(element, 'driver', rings)
    limits.limit_card(element, nic)
    ET.SubElement(element, 'mtu', size=str(nic.mtu))
    if virt_type == 'qemu':
        # Running the network boot ROM costs an emulated guest part of a second at each start.
        ET.SubElement(element, 'rom', enabled='no')
    return element


def volumes_in(xml: str) -> dict[str, str]:
    """Serial -> device name of every disk that has a serial, that is of every volume."""
    found = {}
    for disk in ET.fromstring(xml).iterfind('./devices/disk'):
        serial, target = disk.findtext('serial'), disk.find('target')
        if serial and target is not None:
            found[serial] = target.get('dev', '')
    return found


def cards_in(xml: str) -> dict[str, str]:
    """MAC address -> whole `<interface>` of every network card."""
    found = {}
    for card in ET.fromstring(xml).iterfind('./devices/interface'):
        mac = card.find('mac')
        if mac is not None:
            found[mac.get('address', '')] = ET.tostring(card, encoding='unicode')
    return found


def devices_in(xml: str) -> set[str]:
    """The device names that the disks of a domain take."""
    return {target.get('dev', '') for target in ET.fromstring(xml).iterfind('./devices/disk/target')}


def disk_of_serial(xml: str, serial: str) -> str | None:
    """The whole `<disk>` of a volume as the domain has it, None when it has none."""
    for disk in ET.fromstring(xml).iterfind('./devices/disk'):
        if disk.findtext('serial') == serial:
            return ET.tostring(disk, encoding='unicode')
    return None


def without_place(device: str) -> str:
    """The device without where in the machine it stood, which may be taken."""
    element = ET.fromstring(device)
    for name in ('address', 'alias'):
        for found in element.findall(name):
            element.remove(found)
    return ET.tostring(element, encoding='unicode')


def console_port(xml: str, kind: str) -> int | None:
    """Where a running domain's screen or serial port listens; None where it does not."""
    devices = ET.fromstring(xml).find('./devices')
    if devices is None:
        return None
    if kind == VNC:
        screen = devices.find("graphics[@type='vnc']")
        port = screen.get('port', '') if screen is not None else ''
    else:
        source = devices.find("serial[@type='tcp']/source[@mode='bind']")
        port = source.get('service', '') if source is not None else ''
    return int(port) if port.isdecimal() else None


def with_serial_port(xml: str, port: int) -> str:
    """The definition with its serial console, where that listens on a port, on this one."""
    root = ET.fromstring(xml)
    for device in ('serial', 'console'):
        for source in root.iterfind(f"devices/{device}[@type='tcp']/source[@mode='bind']"):
            source.set('service', str(port))
    return ET.tostring(root, encoding='unicode')


def _metadata(root: ET.Element, guest: Guest) -> None:
    ET.register_namespace('nova', NOVA)
    instance = ET.SubElement(ET.SubElement(root, 'metadata'), f'{{{NOVA}}}instance')
    ET.SubElement(instance, f'{{{NOVA}}}name').text = _printable(guest.display_name)
    owner = ET.SubElement(instance, f'{{{NOVA}}}owner')
    ET.SubElement(owner, f'{{{NOVA}}}user', uuid=guest.user_id)
    ET.SubElement(owner, f'{{{NOVA}}}project', uuid=guest.project_id)
    if guest.image:
        ET.SubElement(instance, f'{{{NOVA}}}root', type='image', uuid=guest.image.id)


def _firmware(root: ET.Element, guest: Guest, machine_type: str) -> ET.Element:
    system = ET.SubElement(ET.SubElement(root, 'sysinfo', type='smbios'), 'system')
    # cloud-init looks for its OpenStack data only where the product has this name.
    entries = {
        'manufacturer': 'nimbus',
        'product': 'OpenStack Nova',
        'serial': guest.id,
        'uuid': guest.id,
        'family': 'Virtual Machine',
    }
    for name, value in entries.items():
        ET.SubElement(system, 'entry', name=name).text = value
    os = ET.SubElement(root, 'os')
    ET.SubElement(os, 'type', arch='x86_64', machine=machine_type).text = 'hvm'
    ET.SubElement(os, 'smbios', mode='sysinfo')
    if guest.wishes('hw:boot_menu') or guest.wishes('hw_boot_menu'):
        ET.SubElement(os, 'bootmenu', enable='yes')
    return os


def _features(root: ET.Element, guest: Guest, machine: Machine, secure: bool) -> None:
    features = ET.SubElement(root, 'features')
    ET.SubElement(features, 'acpi')
    ET.SubElement(features, 'apic')
    parts.add_features(features, guest)
    if secure:
        ET.SubElement(features, 'smm', state='on')
    if machine.virt_type == 'qemu':
        ET.SubElement(ET.SubElement(features, 'tcg'), 'tb-cache', unit='MiB').text = str(machine.tb_cache_mb)
    cpu = ET.SubElement(root, 'cpu', mode=machine.cpu_mode)
    sockets, cores, threads = map(str, guest.topology)
    ET.SubElement(cpu, 'topology', sockets=sockets, cores=cores, threads=threads)
    clock = ET.SubElement(root, 'clock', offset='utc')
    ET.SubElement(clock, 'timer', name='rtc', tickpolicy='catchup')
    ET.SubElement(clock, 'timer', name='pit', tickpolicy='delay')
    ET.SubElement(clock, 'timer', name='hpet', present='yes' if guest.wishes('hw_time_hpet') else 'no')
    _texts(root, on_poweroff='destroy', on_reboot='restart', on_crash='destroy')


def _consoles(devices: ET.Element, machine: Machine, console: str, serial_port: int | None, guest: Guest) -> None:
    serial = ET.SubElement(devices, 'serial', type='pty' if serial_port is None else 'tcp')
    if serial_port is not None:
        ET.SubElement(serial, 'source', mode='bind', host=machine.vnc_listen, service=str(serial_port))
        ET.SubElement(serial, 'protocol', type='raw')
    # Appending lets the host cut the log's old part away while QEMU holds it open.
    ET.SubElement(serial, 'log', file=console, append='on')
    ET.SubElement(serial, 'target', type='isa-serial', port='0')
    parts.add_serial_ports(devices, guest)
    ET.SubElement(devices, 'graphics', type='vnc', port='-1', autoport='yes', listen=machine.vnc_listen)
    parts.add_screen(devices, guest)
    parts.add_inputs(devices, guest)
    parts.add_sound(devices, guest)


def _aids(devices: ET.Element, guest: Guest) -> None:
    """What guest and host help each other with: the agent's channel, random numbers, memory."""
    if guest.wishes('hw_qemu_guest_agent', default=True):
        agent = ET.SubElement(devices, 'channel', type='unix')
        ET.SubElement(agent, 'target', type='virtio', name='org.qemu.guest_agent.0')
    parts.add_randomness(devices, guest)
    parts.add_watchdog(devices, guest)
    balloon = ET.SubElement(devices, 'memballoon', model='virtio')
    ET.SubElement(balloon, 'stats', period='10')


def _printable(text: str) -> str:
    """`text` without the characters that XML cannot carry."""
    return ''.join(
        c for c in text if c in '\t\n' or (c >= ' ' and not '\ud800' <= c <= '\udfff' and c not in '\ufffe\uffff')
    )


def _texts(parent: ET.Element, **values: str) -> None:
    for tag, value in values.items():
        ET.SubElement(parent, tag).text = value
