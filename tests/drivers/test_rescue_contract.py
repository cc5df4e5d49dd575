"""Guests that are started from a rescue image and back, with every hypervisor driver."""

import dataclasses
from xml.etree import ElementTree as ET

import pytest

from nimbus.compute.agent.driver import RUNNING, SHUTDOWN, Missing
from nimbus.compute.guest import Rescue

from .compute_rigs import LibvirtRig


def rescue(rig, guest, device='', bus='', **properties):
    made, base = rig.guest()
    image = dataclasses.replace(made.image, properties=properties)
    rig.driver.rescue(guest, Rescue(image, device, bus), base, 0)
    return base


def disks(rig, guest):
    """(file, name, bus, boot) of the disks that QEMU was started with."""
    xml = ET.fromstring(rig.driver._find(guest.id).XMLDesc())
    found = []
    for disk in xml.iterfind('./devices/disk'):
        target, boot = disk.find('target'), disk.find('boot')
        file = disk.find('source').get('file').rsplit('/', 1)[-1]
        order = boot.get('order') if boot is not None else None
        found.append((file, target.get('dev'), target.get('bus'), order))
    return found


def test_a_rescued_guest_runs_and_comes_back(rig, spawn):
    guest = spawn()
    for _ in range(2):
        base = rescue(rig, guest)
        assert rig.driver.state(guest.id) == RUNNING and rig.processes(guest) == 1
    assert base in rig.driver.bases()
    for _ in range(2):
        rig.driver.unrescue(guest, True)
        assert rig.driver.state(guest.id) == RUNNING and rig.processes(guest) == 1


def test_a_guest_that_was_off_is_off_again(rig, spawn):
    guest = spawn()
    rig.driver.stop(guest.id, 0)
    rescue(rig, guest)
    assert rig.driver.state(guest.id) == RUNNING
    rig.driver.unrescue(guest, False)
    assert rig.driver.state(guest.id) == SHUTDOWN


def test_its_volumes_are_away_meanwhile_unless_its_disk_is_added_to_them(rig, spawn):
    volume = rig.volume('vdb')
    guest = spawn(volumes=(volume,))
    rescue(rig, guest)
    assert rig.driver.attached(guest.id) == {}
    rig.driver.unrescue(guest, True)
    assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}
    rescue(rig, guest, 'disk', 'virtio')
    assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}


def test_destroying_leaves_nothing(rig, spawn):
    guest = spawn()
    rescue(rig, guest)
    rig.driver.destroy(guest.id)
    assert rig.leftovers(guest) == [] and guest.id not in rig.driver.guests()


def test_a_stranger_is_missing(rig):
    guest = rig.guest()[0]
    with pytest.raises(Missing):
        rescue(rig, guest)
    with pytest.raises(Missing):
        rig.driver.unrescue(guest, True)


@pytest.mark.real
@pytest.mark.parametrize(
    ('device', 'bus', 'own', 'expected'),
    [
        ('', '', {}, [('disk.rescue', 'vda', 'virtio', '1'), ('disk', 'vdb', 'virtio', None)]),
        ('', '', {'hw_disk_bus': 'scsi'}, [('disk.rescue', 'sda', 'scsi', '1'), ('disk', 'sdb', 'scsi', None)]),
        ('disk', 'virtio', {}, [('disk', 'vda', 'virtio', None), ('disk.rescue', 'vdb', 'virtio', '1')]),
        ('disk', 'usb', {}, [('disk', 'vda', 'virtio', None), ('disk.rescue', 'sda', 'usb', '1')]),
        ('cdrom', 'sata', {}, [('disk', 'vda', 'virtio', None), ('disk.rescue', 'sda', 'sata', '1')]),
    ],
)
def test_the_disks_stand_where_the_image_wants_them(device, bus, own, expected):
    rig = LibvirtRig.lent('alone')
    try:
        guest, base = rig.guest()
        rig.driver.spawn(guest, base, lambda percent: None)
        before = disks(rig, guest)
        rescue(rig, guest, device, bus, **own)
        assert disks(rig, guest) == expected
        rig.driver.unrescue(guest, True)
        assert disks(rig, guest) == before
        assert not (rig.instances / guest.id / 'disk.rescue').exists()
    finally:
        rig.close()
