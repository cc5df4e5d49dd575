"""Folders that users beside their maker walk through, made by daemons that run with a narrow umask."""

import hashlib
import os
import pathlib
import stat
import types

import pytest

from nimbus.cmd import services
from nimbus.common import folders
from nimbus.compute.agent.disks.imagecache import ImageCache
from nimbus.compute.agent.libvirt.connection import prepare_embedded
from nimbus.compute.agent.libvirt.disks import Folder
from nimbus.compute.guest import Image
from nimbus.network.agent.host import files
from nimbus.volume.agent.file.driver import FileDriver

BYTES = b'\0' * 512


@pytest.fixture
def narrow():
    """This process makes files as the units' daemons do."""
    old = os.umask(0o027)
    yield
    os.umask(old)


def shut_to_others(top: pathlib.Path, leaf: pathlib.Path, bit: int = stat.S_IXOTH) -> list[str]:
    """The folders from `top` down to the leaf's that others cannot enter."""
    inside = [top, *(top / part for part in reversed(leaf.relative_to(top).parents))]
    return [str(one) for one in inside if not one.stat().st_mode & bit]


def state(tmp_path: pathlib.Path) -> types.SimpleNamespace:
    top = tmp_path / 'state'
    folders.make(top)
    return types.SimpleNamespace(state_path=str(top))


def test_qemus_user_walks_to_a_guests_disk_and_to_its_base(narrow, tmp_path):
    conf = state(tmp_path)
    instances = services.state_dir(conf, 'instances')
    image = Image('i', 'raw', len(BYTES), 'sha512', hashlib.sha512(BYTES).hexdigest())
    base = ImageCache(instances, lambda _: [BYTES]).get(image)
    guest = Folder(instances, '9a1b1a4c-7f0e-4f0e-8c3e-3d0b7a7b6d11')
    guest.begin()
    for file in (base, guest.file('disk')):
        assert shut_to_others(tmp_path / 'state', pathlib.Path(file)) == []


def test_qemus_user_walks_to_a_volume(narrow, tmp_path):
    driver = FileDriver(services.state_dir(state(tmp_path), 'volumes'))
    driver.create('9a1b1a4c-7f0e-4f0e-8c3e-3d0b7a7b6d11', 1)
    assert shut_to_others(tmp_path / 'state', driver.path / 'volume-9a1b1a4c-7f0e-4f0e-8c3e-3d0b7a7b6d11') == []


def test_a_folder_of_volumes_that_was_shut_before_is_opened(narrow, tmp_path):
    path = tmp_path / 'volumes'
    path.mkdir(mode=0o700)
    FileDriver(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o711


def test_dnsmasqs_user_reads_what_a_network_was_told(narrow, tmp_path):
    told = pathlib.Path(services.state_dir(state(tmp_path), 'network', 'h1'), 'dhcp', 'n1', 'host')
    files.write(str(told), 'a lease\n')
    assert shut_to_others(tmp_path / 'state', told) == [] and shut_to_others(told.parent, told, stat.S_IROTH) == []
    assert told.stat().st_mode & stat.S_IROTH


def test_the_root_of_a_libvirt_in_the_process_is_open_to_qemu(narrow, tmp_path):
    root = tmp_path / 'state' / 'libvirt'
    prepare_embedded(f'qemu:///embed?root={root}')
    assert shut_to_others(tmp_path / 'state', root / 'x') == []
    assert stat.S_IMODE((root / 'etc').stat().st_mode) == 0o700


def test_a_folder_that_is_open_already_is_left_as_it_is(tmp_path):
    path = tmp_path / 'shared'
    path.mkdir()
    path.chmod(0o2775)
    folders.make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o2775
