"""The disks of a guest that is started from a rescue image: its own folder keeps them beside the guest's."""

import dataclasses

from nimbus.compute.agent.disks import configdrive, imagecache, qemu_img
from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.libvirt.disks import RESCUE, RESCUE_DRIVE, Folder, free_name
from nimbus.compute.agent.libvirt.xml import Disk
from nimbus.compute.guest import Guest, Rescue

BUSES = ('virtio', 'scsi', 'sata', 'ide', 'usb')


def make(folder: Folder, guest: Guest, rescue: Rescue, base: str) -> None:
    """The disk to start from and, where the guest has a config drive, one that tells of the rescue, are new."""
    folder.drop_rescue()
    base_format, size = imagecache.describe(base, rescue.image.disk_format)
    folder.make(RESCUE, lambda part: qemu_img.create(part, 'qcow2', size, base, base_format))
    if guest.config_drive is not None:
        files = configdrive.decode(guest.config_drive)
        folder.make(RESCUE_DRIVE, lambda part: configdrive.make(files, part), mode=0o640)


def layout(folder: Folder, guest: Guest, rescue: Rescue, cdrom_bus: str) -> list[Disk]:
    """The disks of the guest while it is rescued, in order.  Raises Refused."""
    if rescue.device:
        return [*_own(folder, guest, cdrom_bus), _beside(folder, guest, rescue, cdrom_bus)]
    bus = rescue.image.properties.get('hw_disk_bus', 'virtio')
    taken: set[str] = set()
    cdrom = rescue.image.disk_format == 'iso'
    first_bus = cdrom_bus if cdrom else bus
    first = Disk(
        folder.file(RESCUE), 'qcow2', free_name(first_bus, taken), first_bus, cdrom, None, folder.backing(RESCUE), 1
    )
    own = folder.layout(guest, cdrom_bus)
    root = dataclasses.replace(own[0], device=free_name(bus, taken), bus=bus, cdrom=False, boot=None)
    drive = [disk for disk in own if disk.path == folder.file('disk.config')]
    return [first, root, *_told(folder, drive)]


def _own(folder: Folder, guest: Guest, cdrom_bus: str) -> list[Disk]:
    """All the guest's disks, of which it boots from none."""
    return [dataclasses.replace(disk, boot=None) for disk in _told(folder, folder.layout(guest, cdrom_bus))]


def _beside(folder: Folder, guest: Guest, rescue: Rescue, cdrom_bus: str) -> Disk:
    cdrom = rescue.device == 'cdrom'
    bus = rescue.bus or (cdrom_bus if cdrom else 'virtio')
    if bus not in BUSES:
        raise Refused(f'This host knows no bus {bus} of a rescue disk, only {", ".join(BUSES)}.')
    taken = {disk.device for disk in folder.layout(guest, cdrom_bus)}
    name = free_name(bus, taken)
    return Disk(folder.file(RESCUE), 'qcow2', name, bus, cdrom, None, folder.backing(RESCUE), 1)


def _told(folder: Folder, disks: list[Disk]) -> list[Disk]:
    """The disks with the config drive that tells of the rescue, where there is one, in place of the guest's."""
    usual, told = folder.file('disk.config'), folder.file(RESCUE_DRIVE)
    return [dataclasses.replace(disk, path=told) if disk.path == usual and folder.has(RESCUE_DRIVE) else disk
            for disk in disks]  # fmt: skip
