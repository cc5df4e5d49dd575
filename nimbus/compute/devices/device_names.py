"""Name a server's disks (/dev/vda ...) by the bus of each: root first, then ephemeral disks, swap and volumes."""

import string
from typing import Any

from nimbus.common import errors

PREFIXES = {'scsi': 'sd', 'sata': 'sd', 'usb': 'sd', 'ide': 'hd', 'fdc': 'fd', 'xen': 'xvd'}
USUAL = 'virtio'
LETTERS = [*string.ascii_lowercase, *(one + two for one in string.ascii_lowercase for two in string.ascii_lowercase)]
Device = dict[str, Any]


def prefix(bus: str | None) -> str:
    """What names of disks on the bus begin with: `/dev/vd`."""
    return f'/dev/{PREFIXES.get(bus or USUAL, "vd")}'


def usual_bus(image: dict[str, Any] | None) -> str:
    """The bus of the server's disks for which none is asked."""
    return str((image or {}).get('properties', {}).get('hw_disk_bus') or USUAL)


def root(image: dict[str, Any] | None, devices: list[Device]) -> str:
    """The name of the disk that the server boots from."""
    booted = next((device for device in devices if device['boot_index'] == 0), None)
    if booted is not None:
        return prefix(booted['disk_bus'] or usual_bus(image)) + 'a'
    properties = (image or {}).get('properties', {})
    if image and image.get('disk_format') == 'iso':
        machine = str(properties.get('hw_machine_type') or '')
        return prefix(properties.get('hw_cdrom_bus') or ('sata' if 'q35' in machine else 'ide')) + 'a'
    return prefix(usual_bus(image)) + 'a'


def free(taken: set[str], bus: str | None = None) -> str:
    """The first name on the bus that is not taken.  Raises Conflict when all are."""
    for letters in LETTERS:
        if prefix(bus) + letters not in taken:
            return prefix(bus) + letters
    raise errors.Conflict('The server has as many disks as it can have.')


def fits(name: str, bus: str | None) -> bool:
    """Whether a disk of the bus can have the name."""
    return name.startswith(prefix(bus))


def named(devices: list[Device], root_name: str, from_image: bool, usual: str = USUAL) -> list[Device]:
    """The devices, in their order, with a name each.  Raises Invalid when another disk is to have the root's name."""
    taken = {device['device'] for device in devices if device['device']} | {root_name}
    names: dict[int, str] = {}
    for number, device in sorted(enumerate(devices), key=lambda one: _rank(one[1])):
        bus, name = device['disk_bus'] or usual, device['device']
        if device['boot_index'] == 0 and not from_image:
            name = root_name
        elif name == root_name:
            bare = root_name.removeprefix('/dev/')
            raise errors.Invalid(f'The volume cannot be assigned the same device name as the root device {bare}')
        elif not name or not fits(name, bus):
            name = free(taken, bus)
        taken.add(name)
        names[number] = name
    return [{**device, 'device': names[number]} for number, device in enumerate(devices)]


def _rank(device: Device) -> int:
    if device['destination'] == 'local':
        return 1 if device['guest_format'] == 'swap' else 0
    return 2
