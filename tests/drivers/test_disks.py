"""A guest's folder: how its disks are made and what names they get, looked at with qemu-img and the file system."""

import dataclasses
import json
import os
import shutil
import stat
import subprocess

import pytest

from nimbus.compute.agent.driver import Missing
from nimbus.compute.agent.libvirt import disks
from nimbus.compute.agent.libvirt.disks import GIB, Folder, Making
from nimbus.compute.guest import Blank, Guest, Image, Volume

pytestmark = pytest.mark.skipif(not os.path.exists('/usr/bin/qemu-img'), reason='qemu-img is not installed')
GUEST = '8f6fb3a5-9d2c-4a8e-9a3e-0f4f6f7f7a11'
DRIVE = {'openstack/latest/meta_data.json': 'e30='}


def guest_of(disk_format='qcow2', **changes) -> Guest:
    image = Image('i1', disk_format, 1, 'sha512', '0', properties=changes.pop('properties', {}))
    return dataclasses.replace(Guest(GUEST, 'instance-1', 'web', 'p', 'u', 1, 64, 1, image=image), **changes)


def volume_of(path, device, **changes) -> Volume:
    path.write_bytes(b'\0' * 512)
    return Volume(path.name, 'a', device, 'file', {'path': str(path), 'format': 'raw'}, 1, **changes)


@pytest.fixture
def base(tmp_path):
    """A base image of 8 MiB whose second MiB says something."""
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', tmp_path / 'base', '8M'], check=True)
    write = ['qemu-io', '-f', 'qcow2', '-c', 'write -P 0x5a 1M 64k', tmp_path / 'base']
    subprocess.run(write, check=True, capture_output=True)
    return str(tmp_path / 'base')


def made(tmp_path, guest, base, **making) -> Folder:
    folder = Folder(str(tmp_path / 'instances'), guest.id, Making(**making))
    folder.begin()
    folder.make_disks(guest, base)
    return folder


def told_by_qemu(path) -> dict:
    done = subprocess.run(['qemu-img', 'info', '--output=json', path], check=True, capture_output=True)
    return json.loads(done.stdout)


def allocated(path) -> int:
    return os.stat(path).st_blocks * 512


def test_a_root_disk_is_an_overlay_that_takes_no_space_of_its_own(tmp_path, base):
    folder = made(tmp_path, guest_of(), base)
    found = told_by_qemu(folder.file('disk'))
    assert (found['format'], found['virtual-size'], found['backing-filename']) == ('qcow2', GIB, base)
    assert allocated(folder.file('disk')) < 1 << 20
    assert folder.backing() == (base, 'qcow2')


def test_without_cow_a_root_disk_is_a_whole_copy_that_stands_alone(tmp_path, base):
    folder = made(tmp_path, guest_of(), base, cow=False)
    os.unlink(base)
    with open(folder.file('disk'), 'rb') as disk:
        disk.seek(1 << 20)
        assert disk.read(4) == b'ZZZZ'
    assert os.path.getsize(folder.file('disk')) == GIB
    assert allocated(folder.file('disk')) < 16 << 20
    root = folder.layout(guest_of(), 'ide')[0]
    assert (root.format, root.device, root.backing) == ('raw', 'vda', None)


def test_a_disk_keeps_the_format_it_was_made_in_when_the_host_is_told_otherwise(tmp_path, base):
    made(tmp_path, guest_of(), base, cow=False)
    later = Folder(str(tmp_path / 'instances'), GUEST, Making(cow=True))
    later.make_disks(guest_of(), None)
    assert later.layout(guest_of(), 'ide')[0].format == 'raw'
    # What the guest writes into a raw disk is never taken for a header.
    with open(later.file('disk'), 'r+b') as disk, open(base, 'rb') as hostile:
        disk.write(hostile.read(4096))
    assert later.layout(guest_of(), 'ide')[0].format == 'raw' and later.backing() is None


def test_a_half_made_copy_is_made_anew_in_the_format_that_is_wanted_now(tmp_path, base):
    folder = made(tmp_path, guest_of(), base, cow=False)
    os.unlink(folder.file('disk'))
    again = made(tmp_path, guest_of(), base)
    assert (again.root_format(), told_by_qemu(again.file('disk'))['format']) == ('qcow2', 'qcow2')


@pytest.mark.parametrize('cow', [True, False])
def test_preallocated_disks_have_all_their_space(tmp_path, base, cow):
    guest = guest_of(blanks=(Blank('swap', 16, 'swap'),))
    folder = made(tmp_path, guest, base, cow=cow, preallocate=True)
    assert allocated(folder.file('disk')) >= GIB
    assert allocated(folder.file('disk.swap')) >= 16 << 20
    assert told_by_qemu(folder.file('disk'))['virtual-size'] == GIB
    folder.remove()


def test_where_space_cannot_be_kept_the_guest_boots_all_the_same(tmp_path, base, monkeypatch, caplog):
    # /proc is a file system that knows no fallocate; the command is given a file there.
    real = subprocess.run
    monkeypatch.setattr(
        disks.subprocess,
        'run',
        lambda argv, **more: real([*argv[:-1], '/proc/self/comm'] if 'fallocate' in argv[0] else argv, **more),
    )
    folder = made(tmp_path, guest_of(), base, preallocate=True)
    assert told_by_qemu(folder.file('disk'))['virtual-size'] == GIB
    assert f'{folder.file("disk")} begins without its space' in caplog.text


def test_a_disk_that_is_lost_is_not_made_from_nothing(tmp_path):
    folder = Folder(str(tmp_path), GUEST)
    folder.begin()
    with pytest.raises(Missing):
        folder.make_disks(guest_of(), None)


NAMES = [  # what the guest is made of, and the devices it then has
    ({}, {'disk': 'vda'}),
    ({'blanks': (Blank('local', 1, 'ext4'),)}, {'disk': 'vda', 'disk.local': 'vdb'}),
    (
        {'blanks': (Blank('eph0', 1, 'ext4'), Blank('eph1', 1, 'ext4'), Blank('swap', 1, 'swap'))},
        {'disk': 'vda', 'disk.eph0': 'vdb', 'disk.eph1': 'vdc', 'disk.swap': 'vdd'},
    ),
    (
        {'blanks': (Blank('swap', 1, 'swap', 'vdf'),), 'volumes': ('vdb',)},
        {'disk': 'vda', 'disk.swap': 'vdf', 'vdb': 'vdb'},
    ),
    ({'config_drive': DRIVE}, {'disk': 'vda', 'disk.config': 'hdd'}),
    ({'config_drive': DRIVE, 'properties': {'hw_cdrom_bus': 'sata'}}, {'disk': 'vda', 'disk.config': 'sdf'}),
    ({'properties': {'hw_disk_bus': 'scsi'}}, {'disk': 'sda'}),
    ({'properties': {'hw_disk_bus': 'ide'}, 'config_drive': DRIVE}, {'disk': 'hda', 'disk.config': 'hdd'}),
    ({'disk_format': 'iso'}, {'disk': 'hda'}),
    ({'image': None, 'volumes': ('vda', 'vdb')}, {'vda': 'vda', 'vdb': 'vdb'}),
]


@pytest.mark.parametrize(('parts', 'names'), NAMES)
def test_every_disk_has_the_name_the_field_gives_it(tmp_path, base, parts, names):
    parts = dict(parts)
    volumes = tuple(
        volume_of(tmp_path / name, name, boot='image' in parts and name == 'vda') for name in parts.pop('volumes', ())
    )
    guest = guest_of(**parts, volumes=volumes)
    folder = made(tmp_path, guest, base)
    laid = folder.layout(guest, 'ide')
    assert {os.path.basename(disk.path): disk.device for disk in laid} == names
    assert all(disk.cdrom == (disk.bus != 'virtio') for disk in laid if not guest.image or not guest.image.properties)


def test_no_other_user_of_the_host_reads_a_guests_disks(tmp_path, base):
    guest = guest_of(config_drive=DRIVE, blanks=(Blank('swap', 1, 'swap'),))
    folder = made(tmp_path, guest, base)
    folder.fresh_console()
    folder.write('libvirt.xml', '<domain/>')
    modes = {name: oct(stat.S_IMODE(os.stat(folder.file(name)).st_mode)) for name in os.listdir(folder.path)}
    assert modes.pop('disk.config') == '0o640'
    assert set(modes) >= {'disk', 'disk.swap', 'console.log', 'libvirt.xml'} and set(modes.values()) == {'0o600'}
    assert stat.S_IMODE(os.stat(folder.path).st_mode) == 0o711
    shutil.rmtree(folder.path)
