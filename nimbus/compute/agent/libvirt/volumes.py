"""Volumes plugged into libvirt domains, running or not, and unplugged again."""

import contextlib
import logging
from collections.abc import Callable
from xml.etree import ElementTree as ET

import libvirt

from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.driver import Missing, Refused
from nimbus.compute.agent.libvirt import xml as libvirt_xml
from nimbus.compute.agent.libvirt.libvirt_errors import is_gone
from nimbus.compute.agent.libvirt.waits import Waits
from nimbus.compute.guest import Volume

LOG = logging.getLogger(__name__)

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG


def volumes(domain: libvirt.virDomain) -> dict[str, str]:
    """Volume id -> device name of what the domain has now."""
    return libvirt_xml.volumes_in(xml_at(domain, places(domain)[0]))


def plug(domain: libvirt.virDomain, disk: libvirt_xml.Disk, cache: str, waits: Waits) -> None:
    """The domain and its definition have the disk.  Raises Refused; then neither has gained it."""
    xml = ET.tostring(libvirt_xml.disk_element(disk, cache), encoding='unicode')
    with contextlib.ExitStack() as undo:
        for place in places(domain):
            if disk.serial in libvirt_xml.volumes_in(xml_at(domain, place)):
                continue
            _plug_at(domain, place, disk, xml, waits)
            undo.callback(_take_back, domain, xml, place)
        undo.pop_all()


def unplug(domain: libvirt.virDomain, serial: str, timeout: int, waits: Waits) -> None:
    """The domain and its definition have let go of the volume.  Raises Refused when the guest does not."""
    kept = libvirt_xml.disk_of_serial(xml_at(domain, CONFIG), serial)
    if kept:
        domain.detachDeviceFlags(kept, CONFIG)
    # libvirt drops a disk from the live XML only after QEMU has closed its file.
    if not waits.ask(_request_for(domain, serial, waits), lambda: _is_gone(domain, serial), timeout):
        if kept:
            domain.attachDeviceFlags(kept, CONFIG)
        raise Refused(f'Guest {domain.UUIDString()} did not let go of volume {serial} within {timeout} seconds.')


def grow(domain: libvirt.virDomain, volume: Volume, size: int, waits: Waits) -> None:
    """The domain's volume has `size` bytes at least; while it runs only QEMU may change the file.  Raises Missing."""
    name = volumes(domain).get(volume.id)
    if name is None:
        raise Missing(f'Guest {domain.UUIDString()} does not have volume {volume.id}.')
    if domain.isActive():
        if domain.blockInfo(name)[0] < size:
            flags = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
            waits.again(domain, lambda: domain.blockResize(name, size, flags))
        return
    path, format = volume.data['path'], volume.data['format']
    if qemu_img.info(path, format)['virtual-size'] < size:
        qemu_img.resize(path, format, size)


def restore(domain: libvirt.virDomain, waits: Waits) -> list[str]:
    """A running domain has every volume of its definition; returns those that it had not.

    A request to let go of a disk stays with the guest after it was given up here, and a reset of the guest grants it.
    """
    if not domain.isActive():
        return []
    there, defined = libvirt_xml.volumes_in(domain.XMLDesc()), xml_at(domain, CONFIG)
    lost = [serial for serial in libvirt_xml.volumes_in(defined) if serial not in there]
    for serial in lost:
        xml = libvirt_xml.without_place(libvirt_xml.disk_of_serial(defined, serial) or '')
        waits.again(domain, lambda xml=xml: domain.attachDeviceFlags(xml, LIVE))
    return lost


def _is_gone(domain: libvirt.virDomain, serial: str) -> bool:
    return not domain.isActive() or serial not in libvirt_xml.volumes_in(domain.XMLDesc())


def _request_for(domain: libvirt.virDomain, serial: str, waits: Waits) -> Callable[[], bool]:
    def request() -> bool:
        xml = libvirt_xml.disk_of_serial(domain.XMLDesc(), serial)
        try:
            if xml:
                waits.again(domain, lambda: domain.detachDeviceFlags(xml, LIVE))
        except libvirt.libvirtError as why:
            if is_gone(why):
                raise
            # An earlier request that the guest has not answered yet, or a disk that went in between.
            LOG.debug('Guest %s still has volume %s: %s', domain.UUIDString(), serial, why)
        return True

    return request


def _plug_at(domain: libvirt.virDomain, place: int, disk: libvirt_xml.Disk, xml: str, waits: Waits) -> None:
    guest_id = domain.UUIDString()
    if disk.device in libvirt_xml.devices_in(xml_at(domain, place)):
        raise Refused(f'Guest {guest_id} has another disk at {disk.device}.')
    try:
        waits.again(domain, lambda: domain.attachDeviceFlags(xml, place))
    except libvirt.libvirtError as why:
        if is_gone(why):
            raise
        text = f'Guest {guest_id} did not take volume {disk.serial}'
        raise Refused(f'{text}.', inside=f'{text}: {" ".join(str(why).split())}.') from why


def _take_back(domain: libvirt.virDomain, xml: str, place: int) -> None:
    try:
        domain.detachDeviceFlags(xml, place)
    except libvirt.libvirtError as why:
        LOG.warning('A half-attached disk of guest %s could not be detached: %s', domain.UUIDString(), why)


def places(domain: libvirt.virDomain) -> list[int]:
    """Where a domain has its devices: in its definition, and in what runs of it."""
    return [LIVE, CONFIG] if domain.isActive() else [CONFIG]


def xml_at(domain: libvirt.virDomain, place: int) -> str:
    """The domain's XML at one of its places."""
    return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE if place == CONFIG else 0)
