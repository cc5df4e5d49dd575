"""Guests that get another size and, if need be, their old one back, with every hypervisor driver."""

import dataclasses
import json
import os
import pathlib
import subprocess

import pytest

from nimbus.compute.agent.driver import RUNNING, SHUTDOWN, Missing
from nimbus.compute.guest import Blank

from .compute_rigs import on_qemu

MIB = 1024**2
MOVE, OTHER = 'move-1', 'move-2'


def grown(guest):
    """The guest with twice of everything."""
    blanks = tuple(dataclasses.replace(blank, size_mb=blank.size_mb * 2) for blank in guest.blanks)
    return dataclasses.replace(guest, vcpus=2, memory_mb=192, root_gb=2, blanks=blanks)


def disks(rig, guest):
    """The size of each disk in MiB, as qemu-img reads it; of the fake's all together."""
    if not rig.real:
        return {'all': rig.driver.host.find(guest.id).disk_gb << 10}
    folder = pathlib.Path(rig.settings.instances_path) / guest.id
    found = {}
    for path in sorted(folder.glob('disk*')):
        if path.name not in ('disk.info', 'disk.config'):
            told = subprocess.run(
                ['qemu-img', 'info', '-U', '--output=json', path], check=True, capture_output=True
            ).stdout
            found[path.name] = json.loads(told)['virtual-size'] // MIB
    return found


def wanted(rig, guest):
    """The sizes that the guest asks for."""
    if not rig.real:
        return {'all': guest.local_gb << 10}
    return {'disk': guest.root_gb << 10, **{f'disk.{blank.name}': blank.size_mb for blank in guest.blanks}}


@pytest.fixture
def made(spawn):
    return spawn(root_gb=1, blanks=(Blank('local', 32, 'ext4'), Blank('swap', 16, 'swap')))


def test_a_guest_is_resized_and_starts_with_its_new_size(rig, made):
    assert disks(rig, made) == wanted(rig, made)
    for _ in range(2):
        rig.driver.resize(grown(made), MOVE)
        assert rig.driver.state(made.id) == SHUTDOWN and rig.processes(made) == 0
    rig.driver.start(grown(made))
    assert rig.driver.state(made.id) == RUNNING
    assert disks(rig, made) == wanted(rig, grown(made))
    if rig.real:
        domain = rig.driver._find(made.id)
        assert (domain.maxVcpus(), domain.maxMemory()) == (2, 192 * 1024)


def test_what_was_kept_comes_back_as_it_was(rig, made):
    before = disks(rig, made)
    rig.driver.resize(grown(made), MOVE)
    rig.driver.start(grown(made))
    for _ in range(2):
        rig.driver.unresize(made.id, MOVE)
        assert rig.driver.state(made.id) == SHUTDOWN
        assert disks(rig, made) == before
    rig.driver.start(made)
    assert rig.driver.state(made.id) == RUNNING and rig.processes(made) == 1


def test_what_is_settled_does_not_come_back(rig, made):
    rig.driver.resize(grown(made), MOVE)
    rig.driver.start(grown(made))
    after = disks(rig, made)
    for _ in range(2):
        rig.driver.settle(made.id)
    assert rig.driver.state(made.id) == RUNNING, 'settling is not for the guest to notice'
    rig.driver.unresize(made.id, MOVE)
    assert disks(rig, made) == after


def test_what_another_move_kept_is_forgotten(rig, made):
    rig.driver.resize(grown(made), MOVE)
    after = disks(rig, made)
    rig.driver.resize(dataclasses.replace(grown(made), root_gb=3), OTHER)
    rig.driver.unresize(made.id, MOVE)
    rig.driver.unresize(made.id, OTHER)
    assert disks(rig, made) == after


def test_a_guest_that_is_gone_has_no_size_to_change(rig, made):
    rig.driver.destroy(made.id)
    with pytest.raises(Missing):
        rig.driver.resize(grown(made), MOVE)
    with pytest.raises(Missing):
        rig.driver.unresize(made.id, MOVE)
    rig.driver.settle(made.id)
    assert rig.leftovers(made) == []


def test_a_resized_guest_that_is_destroyed_leaves_nothing(rig, made):
    rig.driver.resize(grown(made), MOVE)
    rig.driver.destroy(made.id)
    assert rig.leftovers(made) == []


@on_qemu
def test_what_is_on_a_disk_stays_and_what_is_written_after_goes_with_a_way_back(rig, made):
    rig.driver.stop(made.id, 0)
    disk = pathlib.Path(rig.settings.instances_path) / made.id / 'disk.local'
    write(disk, b'before')
    rig.driver.resize(grown(made), MOVE)
    assert read(disk) == b'before'
    write(disk, b'after!')
    rig.driver.unresize(made.id, MOVE)
    assert read(disk) == b'before'
    assert sorted(os.listdir(disk.parent)).count('before') == 0


def write(path, text):
    with open(path, 'r+b') as file:
        file.seek(MIB)
        file.write(text)


def read(path):
    with open(path, 'rb') as file:
        file.seek(MIB)
        return file.read(6)
