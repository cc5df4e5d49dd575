"""Guests that are held still and let go on, with every hypervisor driver."""

import pytest

from nimbus.common import errors
from nimbus.compute.agent.driver import PAUSED, RUNNING, SHUTDOWN, Missing

from .compute_rigs import wait_for


def test_a_paused_guest_stands_still_and_goes_on(rig, spawn):
    guest = spawn()
    for _ in range(2):
        rig.driver.pause(guest.id)
        assert rig.driver.state(guest.id) == PAUSED and rig.processes(guest) == int(rig.real)
    for _ in range(2):
        rig.driver.unpause(guest.id)
        assert rig.driver.state(guest.id) == RUNNING and rig.processes(guest) == 1


def test_a_guest_that_is_off_is_neither_paused_nor_let_go_on(rig, spawn):
    guest = spawn()
    rig.driver.stop(guest.id, 0)
    for verb in (rig.driver.pause, rig.driver.unpause):
        with pytest.raises(errors.NimbusError, match=f'guest {guest.id}.'):
            verb(guest.id)
    assert rig.driver.state(guest.id) == SHUTDOWN


def test_a_suspended_guest_keeps_its_memory_over_a_restart_of_its_driver(rig, spawn):
    guest = spawn(bootable=rig.real)
    rig.booted(guest)
    before = rig.driver.console(guest.id, None)
    for _ in range(2):
        rig.driver.suspend(guest.id)
        assert rig.driver.state(guest.id) == SHUTDOWN and rig.processes(guest) == 0
    rig.restart()
    rig.driver.resume(guest)
    assert rig.driver.state(guest.id) == RUNNING and rig.processes(guest) == 1
    assert len(rig.driver.console(guest.id, None)) >= len(before), 'it has booted anew'
    rig.driver.resume(guest)
    assert rig.processes(guest) == 1


def test_a_suspended_guest_that_is_paused_first_runs_when_it_comes_back(rig, spawn):
    guest = spawn()
    rig.driver.pause(guest.id)
    rig.driver.suspend(guest.id)
    rig.driver.resume(guest)
    assert rig.driver.state(guest.id) == RUNNING


@pytest.mark.long
def test_a_hard_reboot_of_a_suspended_guest_forgets_its_memory(rig, spawn):
    guest = spawn(bootable=rig.real)
    rig.booted(guest)
    rig.driver.suspend(guest.id)
    rig.driver.reboot(guest, True, 1)
    assert rig.driver.state(guest.id) == RUNNING
    wait_for(lambda: rig.driver.console(guest.id, None), 60, 'the console of the new boot')


def test_a_suspended_guest_is_destroyed_with_its_memory(rig, spawn):
    guest = spawn()
    rig.driver.suspend(guest.id)
    rig.driver.destroy(guest.id)
    assert guest.id not in rig.driver.guests() and rig.leftovers(guest) == []


def test_a_stranger_is_missing(rig):
    guest = rig.guest()[0]
    for verb in (rig.driver.pause, rig.driver.unpause, rig.driver.suspend):
        with pytest.raises(Missing):
            verb(guest.id)
    with pytest.raises(Missing):
        rig.driver.resume(guest)
