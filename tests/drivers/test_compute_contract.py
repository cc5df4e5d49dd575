"""What every hypervisor driver must do, tried on the fake and on QEMU, and looked at from outside."""

import dataclasses
import uuid

import pytest

from nimbus.compute.agent.driver import CRASHED, RUNNING, SHUTDOWN, Missing, Refused

from .compute_rigs import wait_for


def test_a_spawned_guest_runs_and_is_listed(rig, spawn):
    guest = spawn()
    assert rig.driver.state(guest.id) == RUNNING
    assert rig.driver.guests()[guest.id] == RUNNING
    assert rig.processes(guest) == 1


def test_spawning_tells_its_progress_up_to_the_end(rig):
    guest, base = rig.guest()
    seen = []
    rig.driver.spawn(guest, base, seen.append)
    rig.driver.destroy(guest.id)
    assert seen[0] == 0 and seen[-1] == 100 and seen == sorted(seen)


def test_spawning_twice_gives_one_guest(rig, spawn):
    guest = spawn()
    rig.driver.spawn(guest, rig.guest()[1], lambda percent: None)
    assert rig.processes(guest) == 1


def test_a_destroyed_guest_leaves_nothing(rig, spawn):
    guest = spawn(volumes=(rig.volume('vdb'),))
    assert rig.leftovers(guest)
    rig.driver.destroy(guest.id)
    assert guest.id not in rig.driver.guests()
    assert rig.processes(guest) == 0
    assert rig.leftovers(guest) == []


def test_destroying_again_or_a_stranger_is_fine(rig, spawn):
    guest = spawn()
    rig.driver.destroy(guest.id)
    rig.driver.destroy(guest.id)
    rig.driver.destroy(str(uuid.uuid4()))


def test_verbs_on_a_stranger_say_that_it_is_missing(rig):
    guest, volume = rig.guest()[0], rig.volume('vdb')
    for call in (
        lambda: rig.driver.state(guest.id),
        lambda: rig.driver.stop(guest.id, 1),
        lambda: rig.driver.console(guest.id, None),
        lambda: rig.driver.attached(guest.id),
        lambda: rig.driver.attach(guest.id, volume),
        lambda: rig.driver.start(guest),
        lambda: rig.driver.reboot(guest, True, 1),
    ):
        with pytest.raises(Missing, match=f'Guest {guest.id} is not on this host.'):
            call()
    rig.driver.detach(guest.id, volume)


def test_a_guest_that_ignores_acpi_is_switched_off(rig, spawn):
    guest = spawn()
    rig.driver.stop(guest.id, 1)
    assert rig.driver.state(guest.id) == SHUTDOWN
    assert rig.processes(guest) == 0
    rig.driver.stop(guest.id, 1)


def test_a_stopped_guest_starts_again_and_starting_twice_is_fine(rig, spawn):
    guest = spawn()
    rig.driver.stop(guest.id, 0)
    rig.driver.start(guest)
    rig.driver.start(guest)
    assert rig.driver.state(guest.id) == RUNNING
    assert rig.processes(guest) == 1


def test_a_hard_reboot_ends_running(rig, spawn):
    guest = spawn()
    rig.driver.reboot(guest, True, 1)
    assert rig.driver.state(guest.id) == RUNNING
    assert rig.processes(guest) == 1


def test_a_soft_reboot_that_is_ignored_becomes_a_hard_one(rig, spawn):
    guest = spawn()
    rig.driver.reboot(guest, False, 1)
    assert rig.driver.state(guest.id) == RUNNING
    assert rig.processes(guest) == 1


def test_guests_outlive_their_driver(rig, spawn):
    running, stopped = spawn(), spawn()
    rig.driver.stop(stopped.id, 0)
    rig.restart()
    assert rig.driver.guests()[running.id] == RUNNING
    assert rig.driver.guests()[stopped.id] == SHUTDOWN
    rig.driver.stop(running.id, 0)
    assert rig.driver.state(running.id) == SHUTDOWN


def test_a_watcher_hears_of_running_stopping_and_crashing(rig, spawn):
    heard = []
    rig.driver.watch(lambda guest_id, state: heard.append((guest_id, state)))
    guest = spawn()
    wait_for(lambda: (guest.id, RUNNING) in heard, 5)
    rig.driver.stop(guest.id, 0)
    wait_for(lambda: heard[-1] == (guest.id, SHUTDOWN), 5)
    rig.driver.start(guest)
    rig.crash(guest)
    wait_for(lambda: heard[-1] == (guest.id, CRASHED), 5)
    assert [state for guest_id, state in heard if guest_id == guest.id] == [
        RUNNING,
        SHUTDOWN,
        RUNNING,
        CRASHED,
    ]


def test_a_crashed_guest_is_told_from_a_stopped_one_and_starts_again(rig, spawn):
    guest = spawn()
    rig.crash(guest)
    wait_for(lambda: rig.driver.state(guest.id) == CRASHED, 5)
    rig.driver.start(guest)
    assert rig.driver.state(guest.id) == RUNNING


def test_a_refused_guest_leaves_nothing_and_the_sentence_is_whole(rig):
    guest, base = rig.guest()
    with pytest.raises(Refused) as why:
        rig.driver.spawn(rig.refused(guest), base, lambda percent: None)
    assert str(why.value).endswith('.') and ' ' in str(why.value)
    assert guest.id not in rig.driver.guests()
    assert rig.leftovers(guest) == []


def test_a_refusal_never_takes_an_older_guest_with_it(rig, spawn):
    guest = spawn()
    rig.driver.stop(guest.id, 0)
    before = rig.leftovers(guest)
    with pytest.raises(Refused):
        rig.driver.spawn(rig.refused(guest), rig.guest()[1], lambda percent: None)
    assert rig.leftovers(guest) == before
    rig.driver.start(guest)
    assert rig.driver.state(guest.id) == RUNNING


def test_a_guest_boots_from_a_volume_alone(rig, spawn):
    volume = rig.volume('vda', boot=True)
    guest, _ = rig.guest(image=None, volumes=(volume,))
    rig.driver.spawn(guest, None, lambda percent: None)
    assert rig.driver.attached(guest.id) == {volume.id: 'vda'}
    rig.driver.destroy(guest.id)
    assert not rig.is_open_anywhere(volume)


def test_volumes_of_a_new_guest_have_the_devices_they_were_given(rig, spawn):
    volumes = (rig.volume('vdc'), rig.volume('vdb'))
    guest = spawn(volumes=volumes)
    assert rig.driver.attached(guest.id) == {volumes[0].id: 'vdc', volumes[1].id: 'vdb'}


def test_attaching_to_a_running_guest_twice_is_one_attachment(rig, spawn):
    guest, volume = spawn(), rig.volume('vdb')
    rig.driver.attach(guest.id, volume)
    rig.driver.attach(guest.id, volume)
    assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}
    assert rig.is_open_anywhere(volume)


def test_two_disks_cannot_have_one_name(rig, spawn):
    guest, first, second = spawn(), rig.volume('vdb'), rig.volume('vdb')
    rig.driver.attach(guest.id, first)
    for volume in (second, dataclasses.replace(second, device='vda')):
        with pytest.raises(Refused, match=f'Guest {guest.id} has another disk at {volume.device}.'):
            rig.driver.attach(guest.id, volume)
    assert rig.driver.attached(guest.id) == {first.id: 'vdb'}


def test_a_stopped_guest_takes_a_volume_and_gives_it_back(rig, spawn):
    guest, volume = spawn(), rig.volume('vdb')
    rig.driver.stop(guest.id, 0)
    rig.driver.attach(guest.id, volume)
    assert rig.driver.attached(guest.id) == {volume.id: 'vdb'}
    rig.driver.detach(guest.id, volume)
    rig.driver.detach(guest.id, volume)
    assert rig.driver.attached(guest.id) == {}


def test_a_running_guest_lets_go_of_a_volume(rig, spawn):
    guest, volume = spawn(bootable=True), rig.volume('vdb')
    rig.booted(guest)
    rig.driver.attach(guest.id, volume)
    assert rig.is_open_anywhere(volume)
    rig.driver.detach(guest.id, volume)
    assert rig.driver.attached(guest.id) == {}
    assert not rig.is_open_anywhere(volume)
    rig.driver.detach(guest.id, volume)
    rig.driver.stop(guest.id, 0)
    assert rig.driver.attached(guest.id) == {}


@pytest.mark.long
def test_the_console_is_cut_to_its_last_lines(rig, spawn):
    guest = spawn(bootable=True)
    rig.booted(guest)
    whole = rig.driver.console(guest.id, None)
    assert len(whole.split('\n')) > 10
    assert len(rig.driver.console(guest.id, 10).split('\n')) == 10
    assert whole.rstrip().endswith(rig.driver.console(guest.id, 4).strip()) or rig.real
    assert rig.driver.console(guest.id, 0) == ''


def test_bases_of_guests_are_named_until_the_guests_are_gone(rig, spawn):
    guest = spawn()
    base = rig.guest()[1]
    assert base in rig.driver.bases()
    rig.driver.destroy(guest.id)
    assert base not in rig.driver.bases()


def test_facts_add_up(rig):
    facts = rig.driver.facts()
    assert facts.hypervisor_hostname
    assert facts.hypervisor_type in ('QEMU', 'KVM', 'fake')
    assert facts.vcpus > 0 and facts.memory_mb > 0
    assert 0 <= facts.disk_free_gb <= facts.disk_gb
    assert 0 <= facts.memory_used_mb <= facts.memory_mb
    assert set(facts.cpu_info) >= {'arch', 'model', 'vendor', 'topology', 'features'}
    assert ' up ' in facts.uptime
