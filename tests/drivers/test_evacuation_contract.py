"""Guests that come from a host that is down, and what they leave on one, with every hypervisor driver."""

import dataclasses
import os
import pathlib

import pytest

from nimbus.compute.agent.disks import ownership
from nimbus.compute.agent.disks.ownership import Owner
from nimbus.compute.agent.driver import RUNNING, SHUTDOWN, Refused

from .compute_rigs import on_qemu


def folder_of(rig, guest) -> pathlib.Path:
    return pathlib.Path(rig.settings.instances_path) / guest.id


@pytest.fixture
def coming(rig):
    """A guest that is nowhere yet, and the base of its image."""
    guest, root = rig.guest()
    yield guest, root
    rig.driver.destroy(guest.id)


def test_a_guest_is_taken_over_on_a_new_disk(rig, coming):
    guest, root = coming
    assert rig.driver.shares(guest.id, 'h9') is False
    for _ in range(2):
        rig.driver.take_over(guest, 'h9', root, True)
        assert rig.driver.state(guest.id) == RUNNING and rig.processes(guest) == 1
    assert rig.driver.shares(guest.id, 'h9') is False


def test_one_that_is_to_be_off_never_runs(rig, coming):
    guest, root = coming
    for _ in range(2):
        rig.driver.take_over(guest, 'h9', root, False)
        assert rig.driver.state(guest.id) == SHUTDOWN and rig.processes(guest) == 0
    rig.driver.start(guest)
    assert rig.driver.state(guest.id) == RUNNING


def test_a_guest_that_is_forsaken_is_gone_and_its_disks_are_kept_for_a_time(rig, spawn):
    guest = spawn()
    for _ in range(2):
        rig.driver.forsake(guest.id, None, False)
        assert guest.id not in rig.driver.guests() and rig.processes(guest) == 0
    if rig.real:
        assert (pathlib.Path(rig.settings.instances_path) / 'evacuated' / guest.id / 'disk').exists()
        assert rig.driver.bases()
    assert rig.driver.forget_forsaken(3600) == [] or not rig.real
    assert len(rig.driver.forget_forsaken(0)) == 1 or not rig.real
    assert rig.leftovers(guest) == []


@on_qemu
def test_a_guest_that_is_forsaken_twice_keeps_both_disks(rig, coming):
    guest, root = coming
    for _ in range(2):
        rig.driver.take_over(guest, 'h9', root, False)
        rig.driver.forsake(guest.id, None, False)
    assert len(rig.driver.forget_forsaken(0)) == 2


@pytest.fixture
def shared(rig, coming):
    """A guest whose disks the host h9 left on storage that this host sees."""
    guest, root = coming
    rig.driver.take_over(guest, 'h9', root, False)
    rig.driver._undefine(guest.id)
    ownership.write(str(folder_of(rig, guest)), Owner('h9'))
    yield guest
    ownership.write(str(folder_of(rig, guest)), Owner(rig.settings.host))


@on_qemu
def test_disks_on_shared_storage_are_used_as_they_are(rig, shared):
    before = os.stat(folder_of(rig, shared) / 'disk').st_ino
    assert shared.id not in rig.driver.guests() and rig.driver.on_shared_storage(shared.id)
    for _ in range(2):
        assert rig.driver.shares(shared.id, 'h9') is True
        rig.driver.take_over(shared, 'h9', None, True)
    assert rig.driver.state(shared.id) == RUNNING and os.stat(folder_of(rig, shared) / 'disk').st_ino == before
    for _ in range(2):
        rig.driver.forsake(shared.id, 'h9', False)
        assert ownership.read(str(folder_of(rig, shared))) == Owner('h9') and rig.processes(shared) == 0


@on_qemu
def test_the_host_that_was_left_touches_no_shared_disk(rig, spawn):
    guest = spawn()
    ownership.write(str(folder_of(rig, guest)), Owner('h9', rig.settings.host))
    assert guest.id in rig.driver.guests()
    rig.driver.forsake(guest.id, None, True)
    assert guest.id not in rig.driver.guests() and rig.processes(guest) == 0
    rig.driver.destroy(guest.id)
    assert (folder_of(rig, guest) / 'disk').exists()
    ownership.write(str(folder_of(rig, guest)), Owner(rig.settings.host))
    rig.driver.forsake(guest.id, None, True)
    assert (folder_of(rig, guest) / 'disk').exists()


@on_qemu
@pytest.mark.parametrize('owner', [None, Owner('h8')])
def test_disks_of_which_it_is_not_known_whose_they_are_are_not_used(rig, shared, owner):
    note = folder_of(rig, shared) / ownership.NOTE
    note.unlink() if owner is None else ownership.write(str(folder_of(rig, shared)), owner)
    with pytest.raises(Refused, match='are there already'):
        rig.driver.shares(shared.id, 'h9')
    with pytest.raises(Refused, match='are there already'):
        rig.driver.take_over(dataclasses.replace(shared), 'h9', None, True)
    assert rig.processes(shared) == 0


@on_qemu
def test_guests_of_an_agent_that_kept_no_notes_are_noted_at_the_next_start(rig, spawn):
    guest = spawn()
    (folder_of(rig, guest) / ownership.NOTE).unlink()
    rig.restart()
    assert ownership.read(str(folder_of(rig, guest))) == Owner(rig.settings.host)
