"""Guests that get new disks, with every hypervisor driver."""

import dataclasses
import subprocess

import pytest

from nimbus.compute.agent.driver import RUNNING, Refused
from nimbus.compute.guest import Blank

from .compute_rigs import on_qemu


def rebuild(rig, guest, preserve=False):
    rig.driver.rebuild(guest, rig.guest()[1], preserve, 0)


def test_a_rebuilt_guest_runs_once_with_its_volumes(rig, spawn):
    volume = rig.volume('vdb')
    guest = spawn(volumes=(volume,))
    for _ in range(2):
        rebuild(rig, guest)
        assert rig.driver.state(guest.id) == RUNNING and rig.processes(guest) == 1
        assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}


def test_a_stopped_guest_is_rebuilt_and_runs(rig, spawn):
    guest = spawn()
    rig.driver.stop(guest.id, 0)
    rebuild(rig, guest)
    assert rig.driver.state(guest.id) == RUNNING


def test_a_guest_of_which_nothing_is_left_is_made_anew(rig, spawn):
    guest = spawn()
    rig.driver.destroy(guest.id)
    rebuild(rig, guest)
    assert rig.driver.guests()[guest.id] == RUNNING


def test_a_rebuild_that_is_refused_can_be_tried_again(rig, spawn):
    guest = spawn()
    if rig.real:
        with pytest.raises(Refused):
            rebuild(rig, rig.refused(guest))
    else:
        rig.driver.host.fail('rebuild', Refused('This host has no room left for the guest.'))
        with pytest.raises(Refused):
            rebuild(rig, guest)
    rebuild(rig, guest)
    assert rig.driver.state(guest.id) == RUNNING and rig.processes(guest) == 1


@on_qemu
@pytest.mark.parametrize('preserve', [False, True])
def test_its_disks_are_new_but_for_the_ephemeral_ones_that_are_to_be_kept(rig, spawn, preserve):
    guest = spawn(blanks=(Blank('local', 8, 'ext4'), Blank('swap', 8, 'swap')))
    rig.driver.stop(guest.id, 0)
    folder = rig.instances / guest.id
    with open(folder / 'disk.local', 'r+b') as disk:
        disk.seek(4 << 20)
        disk.write(b'what the user wrote')
    other = rig.folder / 'other.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', other, '8M'], check=True)
    made, base = rig._cached(other, {})
    rig.driver.rebuild(dataclasses.replace(guest, image=made.image), base, preserve, 0)
    rig.driver.stop(guest.id, 0)
    kept = b'what the user wrote' in (folder / 'disk.local').read_bytes()
    assert kept == preserve
    assert rig.driver.bases() == {base}
