"""Guests that are off, taken from one host to another, with every hypervisor driver."""

import dataclasses
import pathlib
import subprocess

import pytest

from nimbus.compute.agent.driver import RUNNING, SHUTDOWN, Missing, Refused
from nimbus.compute.guest import Blank

from .compute_rigs import FakeRig, LibvirtRig, on_qemu, qemu_pids
from .test_size_contract import MIB, disks, grown, read, wanted, write

MOVE, OTHER = 'move-1', 'move-2'


class OtherFakeRig(FakeRig):
    """A second remembered host of this process."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = dataclasses.replace(self.settings, host='h2')
        self.driver = type(self.driver)(self.settings)


@pytest.fixture
def other(rig):
    """Another host of the kind."""
    made = LibvirtRig.lent('other') if rig.real else OtherFakeRig()
    yield made
    made.close()


@pytest.fixture
def made(rig, spawn):
    guest = spawn(root_gb=1, blanks=(Blank('local', 32, 'ext4'), Blank('swap', 16, 'swap')))
    rig.driver.stop(guest.id, 0)
    yield guest
    rig.driver.withhold(guest.id)


def offering(guest):
    """The processes that offer disks of the guest."""
    found = subprocess.run(['pgrep', '-f', f'qemu-nbd.*{guest.id}'], capture_output=True, text=True).stdout
    return found.split()


def test_a_guest_goes_to_another_host_in_its_new_size_and_is_kept_where_it_was(rig, other, made):
    before = disks(rig, made)
    for _ in range(2):
        offer = rig.driver.send(made.id, MOVE)
    for _ in range(2):
        other.driver.receive(grown(made), MOVE, offer)
    for _ in range(2):
        rig.driver.withhold(made.id)
    assert offering(made) == []
    assert disks(rig, made) == before
    other.driver.start(grown(made))
    assert other.driver.state(made.id) == RUNNING
    assert disks(other, made) == wanted(other, grown(made))
    other.driver.stop(made.id, 0)
    other.driver.destroy(made.id)
    assert other.leftovers(made) == []
    rig.driver.start(made)
    assert rig.driver.state(made.id) == RUNNING


def test_what_an_earlier_move_left_is_not_taken_for_what_this_one_brings(rig, other, made):
    other.driver.receive(made, MOVE, rig.driver.send(made.id, MOVE))
    other.driver.receive(grown(made), OTHER, rig.driver.send(made.id, OTHER))
    if not rig.real:
        assert disks(other, made) == wanted(other, grown(made))
    assert other.driver.state(made.id) == SHUTDOWN


def test_a_guest_that_runs_or_is_gone_is_not_sent(rig, made):
    rig.driver.start(made)
    with pytest.raises(Refused):
        rig.driver.send(made.id, MOVE)
    rig.driver.destroy(made.id)
    with pytest.raises(Missing):
        rig.driver.send(made.id, MOVE)
    rig.driver.withhold(made.id)


def test_what_is_not_offered_any_more_does_not_come_and_leaves_nothing(rig, other, made):
    offer = rig.driver.send(made.id, MOVE)
    rig.driver.withhold(made.id)
    with pytest.raises((Refused, Missing)):
        other.driver.receive(made, MOVE, offer)
    assert other.leftovers(made) == []


@on_qemu
def test_the_bytes_of_the_disks_come_along_and_only_under_the_right_name(rig, other, made):
    disk = pathlib.Path(rig.settings.instances_path) / made.id / 'disk.local'
    write(disk, b'before')
    offer = rig.driver.send(made.id, MOVE)
    forged = {'disks': [{**one, 'export': '0' * 32} for one in offer['disks']]}
    with pytest.raises(Refused):
        other.driver.receive(made, OTHER, forged)
    outside = {'disks': [{**offer['disks'][0], 'name': '../../disk'}]}
    other.driver.receive(made, OTHER, outside)
    assert not (other.instances / 'disk').exists()
    other.driver.receive(grown(made), MOVE, offer)
    rig.driver.withhold(made.id)
    copied = other.instances / made.id / 'disk.local'
    assert read(copied) == b'before' and copied.stat().st_size == 64 * MIB
    assert qemu_pids(made.id) == [] and offering(made) == []


@on_qemu
def test_an_embedded_hypervisor_says_that_it_sends_no_guests_while_they_run(rig, other, made):
    rig.driver.start(made)
    with pytest.raises(Refused, match='without libvirtd'):
        rig.driver.live_facts(made.id)
