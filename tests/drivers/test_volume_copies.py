"""Volumes that guests have open, copied and grown by every hypervisor driver."""

import dataclasses
import json
import pathlib
import subprocess

import pytest

from nimbus.compute.agent.driver import PAUSED, RUNNING, SHUTDOWN, Missing, Refused

from .compute_rigs import on_qemu

STATES = [RUNNING, PAUSED, SHUTDOWN]


@pytest.fixture
def used(rig, spawn):
    """A guest, and the volume that it has."""
    guest, volume = spawn(), rig.volume('vdb')
    rig.driver.attach(guest.id, volume)
    return guest, volume


def freeze(rig, guest, state):
    if state == PAUSED:
        rig.driver.pause(guest.id)
    if state == SHUTDOWN:
        rig.driver.stop(guest.id, 0)


def told(path, format) -> dict:
    words = ['qemu-img', 'info', '-U', '-f', format, '--output=json', str(path)]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize('state', STATES)
def test_a_volume_is_copied_whatever_its_guest_does_and_the_guest_goes_on_so(rig, used, tmp_path, state):
    guest, volume = used
    freeze(rig, guest, state)
    for _ in range(2):
        rig.driver.copy_volume(guest.id, volume, str(tmp_path / 'copy'), 'raw', '')
    assert rig.driver.state(guest.id) == state
    assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}
    for _ in range(2):
        rig.driver.drop_volume_copy(guest.id, volume.id)


def test_what_no_guest_here_has_is_missing(rig, spawn, tmp_path):
    guest, volume = spawn(), rig.volume('vdb')
    for wanted in (guest.id, rig.guest()[0].id):
        with pytest.raises(Missing):
            rig.driver.copy_volume(wanted, volume, str(tmp_path / 'copy'), 'raw', '')
        rig.driver.drop_volume_copy(wanted, volume.id)
    assert list(tmp_path.glob('copy')) == []


@on_qemu
@pytest.mark.parametrize('state', STATES)
@pytest.mark.parametrize('format', ['raw', 'qcow2'])
def test_a_copy_holds_what_the_volume_held_and_takes_no_more_space(rig, used, shared, state, format):
    guest, volume = used
    path = pathlib.Path(volume.data['path'])
    with path.open('r+b') as file:
        file.seek(300 << 10)
        file.write(b'nimbus')
    freeze(rig, guest, state)
    copy = shared / 'copy'
    rig.driver.copy_volume(guest.id, volume, str(copy), format, 'try')
    found = told(copy, format)
    assert found['virtual-size'] == path.stat().st_size and found['actual-size'] < 4 << 20
    back = shared / 'back'
    subprocess.run(['qemu-img', 'convert', '-f', format, '-O', 'raw', str(copy), str(back)], check=True)
    assert back.read_bytes()[300 << 10 : (300 << 10) + 6] == b'nimbus'


@on_qemu
def test_a_guest_that_must_stand_still_and_has_no_agent_is_not_copied_and_goes_on(rig, used, shared):
    guest, volume = used
    with pytest.raises(Refused, match='did not freeze its file systems'):
        rig.driver.copy_volume(guest.id, volume, str(shared / 'copy'), 'raw', 'must')
    rig.driver.copy_volume(guest.id, volume, str(shared / 'copy'), 'raw', '')


@pytest.mark.parametrize('state', STATES)
def test_a_volume_grows_whatever_its_guest_does_and_the_guest_goes_on_so(rig, used, state):
    guest, volume = used
    freeze(rig, guest, state)
    for _ in range(2):
        rig.driver.grow_volume(guest.id, volume, 2)
    rig.driver.grow_volume(guest.id, volume, 1)
    assert rig.driver.state(guest.id) == state
    other = rig.volume('vdc')
    for wanted in (guest.id, rig.guest()[0].id):
        with pytest.raises(Missing):
            rig.driver.grow_volume(wanted, other, 2)


@on_qemu
@pytest.mark.parametrize('state', STATES)
@pytest.mark.parametrize('format', ['raw', 'qcow2'])
def test_a_guest_sees_that_its_volume_grew_and_it_never_becomes_smaller(rig, spawn, state, format):
    guest, volume = spawn(), rig.volume('vdb')
    path = volume.data['path']
    subprocess.run(['qemu-img', 'create', '-q', '-f', format, path, '1G'], check=True)
    volume = dataclasses.replace(volume, data={'path': path, 'format': format})
    rig.driver.attach(guest.id, volume)
    freeze(rig, guest, state)
    for size in (3, 2):
        rig.driver.grow_volume(guest.id, volume, size)
        assert told(path, format)['virtual-size'] == 3 << 30
    if state != SHUTDOWN:
        domain = rig.driver._found(guest.id)
        assert domain.blockInfo('vdb')[0] == 3 << 30


@pytest.fixture
def shared(rig):
    """A folder that the hypervisor writes in."""
    return rig.folder
