"""Copies of root disks, with every hypervisor driver."""

import json
import os
import pathlib
import subprocess
import uuid

import pytest

from nimbus.compute.agent.driver import PAUSED, RUNNING, SHUTDOWN, Missing, Refused

from .compute_rigs import on_qemu

IMAGE = str(uuid.uuid4())


def told(path: str) -> dict:
    """What qemu-img says of a copy; the fake's is as real as the others'."""
    out = subprocess.run(
        ['qemu-img', 'info', '-f', 'qcow2', '--output=json', path], check=True, capture_output=True, text=True
    )
    return json.loads(out.stdout)


def checked(path: str) -> None:
    """The copy is a whole disk that needs no other file."""
    assert not [name for name in told(path) if name.startswith(('backing', 'full-backing'))]
    subprocess.run(['qemu-img', 'check', '-q', '-f', 'qcow2', path], check=True)


def freeze(rig, guest, state):
    if state == PAUSED:
        rig.driver.pause(guest.id)
    if state == SHUTDOWN:
        rig.driver.stop(guest.id, 0)


@pytest.mark.parametrize('state', [RUNNING, PAUSED, SHUTDOWN])
def test_a_guest_is_copied_whatever_it_does_and_goes_on_so(rig, spawn, state):
    guest = spawn()
    freeze(rig, guest, state)
    path = rig.driver.snapshot(guest.id, IMAGE, '')
    assert rig.driver.state(guest.id) == state
    checked(path)
    before = os.stat(path)
    assert rig.driver.snapshot(guest.id, IMAGE, '') == path
    assert os.stat(path).st_mtime_ns == before.st_mtime_ns, 'it was copied again'
    for _ in range(2):
        rig.driver.drop_snapshot(guest.id)
        assert not os.path.exists(path)
    assert rig.driver.state(guest.id) == state


def test_a_suspended_guest_is_copied_and_keeps_its_memory(rig, spawn):
    guest = spawn()
    rig.driver.suspend(guest.id)
    checked(rig.driver.snapshot(guest.id, IMAGE, ''))
    rig.driver.drop_snapshot(guest.id)
    rig.driver.resume(guest)
    assert rig.driver.state(guest.id) == RUNNING


def test_a_copy_for_another_image_takes_the_place_of_the_one_before(rig, spawn):
    guest = spawn()
    rig.driver.snapshot(guest.id, IMAGE, '')
    path = rig.driver.snapshot(guest.id, str(uuid.uuid4()), '')
    checked(path)
    rig.driver.destroy(guest.id)
    assert not os.path.exists(path) and rig.leftovers(guest) == []


def test_a_copy_outlives_its_driver_and_is_found_again(rig, spawn):
    guest = spawn()
    path = rig.driver.snapshot(guest.id, IMAGE, '')
    rig.restart()
    assert rig.driver.snapshot(guest.id, IMAGE, '') == path
    rig.driver.drop_snapshot(guest.id)
    assert not os.path.exists(path)


@on_qemu
def test_a_guest_without_an_agent_is_refused_where_it_must_stand_still_and_copied_where_it_should(rig, spawn):
    guest = spawn()
    with pytest.raises(Refused, match='did not freeze its file systems'):
        rig.driver.snapshot(guest.id, IMAGE, 'must')
    checked(rig.driver.snapshot(guest.id, IMAGE, 'try'))
    rig.driver.drop_snapshot(guest.id)


def test_what_is_not_here_is_missing_and_has_no_copy(rig):
    guest = rig.guest()[0]
    with pytest.raises(Missing):
        rig.driver.snapshot(guest.id, IMAGE, '')
    rig.driver.drop_snapshot(guest.id)


@pytest.mark.long
@on_qemu
def test_a_guest_boots_from_the_copy_of_another_that_runs(rig, spawn):
    guest = spawn(bootable=True)
    rig.booted(guest)
    copy = pathlib.Path(rig.driver.snapshot(guest.id, IMAGE, ''))
    other, base = rig.made_of(copy)
    rig.driver.destroy(guest.id)
    rig.driver.spawn(other, base, lambda _: None)
    rig.booted(other)
    rig.driver.destroy(other.id)
