"""What is done within guests and counted of them, with every hypervisor driver."""

import pytest

from nimbus.common import errors
from nimbus.compute.agent.driver import Missing


def test_a_running_guest_is_counted(rig, spawn):
    volume = rig.volume('vdb')
    guest = spawn(volumes=(volume,))
    told = rig.driver.diagnostics(guest.id)
    assert (told.state, [cpu.id for cpu in told.processors]) == ('running', [0])
    assert [disk.device for disk in told.disks] == ['vda', 'vdb']
    assert told.memory_kb == guest.memory_mb << 10 and 0 < told.used_kb <= told.memory_kb


def test_a_guest_that_is_off_counts_nothing(rig, spawn):
    guest = spawn()
    rig.driver.stop(guest.id, 0)
    told = rig.driver.diagnostics(guest.id)
    assert (told.state, told.processors, told.disks, told.nics) == ('shutdown', (), (), ())


def test_an_interrupt_reaches_a_running_guest_only(rig, spawn):
    guest = spawn()
    rig.driver.inject_nmi(guest.id)
    rig.driver.stop(guest.id, 0)
    with pytest.raises(errors.Conflict, match=f'Guest {guest.id}'):
        rig.driver.inject_nmi(guest.id)


def test_a_guest_without_an_agent_at_work_changes_no_password(rig, spawn):
    guest = spawn()
    if not rig.real:
        rig.driver.set_password(guest.id, 'root', 'secret')
        assert 'secret' not in rig.driver.console(guest.id, None)
        rig.driver.stop(guest.id, 0)
    with pytest.raises(errors.Conflict) as why:
        rig.driver.set_password(guest.id, 'root', 'secret')
    assert 'secret' not in why.value.inside


def test_a_stranger_is_missing(rig):
    guest = rig.guest()[0]
    for ask in (
        lambda: rig.driver.diagnostics(guest.id),
        lambda: rig.driver.inject_nmi(guest.id),
        lambda: rig.driver.set_password(guest.id, 'root', 'secret'),
    ):
        with pytest.raises(Missing):
            ask()
